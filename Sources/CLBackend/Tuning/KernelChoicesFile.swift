import Files
import Foundation

/// The bytes of a file of variants or of tuning. A longer file than any of these, by a hundred times, is read in part, and
/// is none.
///
/// - Throws: `FileError` when it cannot be read
func shortFile(_ path: String) throws(FileError) -> Data {
  Data(try RegularFile.contents(path, limit: 16 << 20))
}

/// A file of kernel variants: all passes of a run, or variants pinned by `pix2pix tune`.
public struct KernelChoicesFile: Sendable, Codable {
  /// The fingerprint of the device they were chosen on.
  public let device: String
  public let deviceClass: DeviceClass
  private let variants: KernelChoices
  /// The mark of this program's files; see `OwnMark`.
  private let generator: String?

  public init(_ choices: KernelChoices, _ device: DeviceDescription, _ deviceClass: DeviceClass) {
    self.device = device.fingerprint
    self.deviceClass = deviceClass
    variants = choices
    generator = OwnMark.name
  }

  /// - Throws: `OpenCLError` naming the file and its fault.
  public init(path: String) throws(OpenCLError) {
    let data: Data
    do { data = try shortFile(path) } catch { throw OpenCLError("\(error)") }
    do {
      self = try JSONDecoder().decode(Self.self, from: data)
    } catch DecodingError.dataCorrupted(let context) {
      throw OpenCLError("\(path): holds no kernel choices: \(wordsOfFile(context.debugDescription))")
    } catch {
      throw OpenCLError("\(path): holds no kernel choices; pix2pix tune --pin FILE writes such a file")
    }
  }

  /// - Parameter source: the choices' origin, for reports and errors
  public func choices(source: String) -> KernelChoices {
    var result = variants
    result.source = source
    return result
  }

  /// - Throws: `FileError` when the file cannot be written, or another program's is there.
  public func write(to path: String, replacing: OutputFile.Replacing = .own) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try OutputFile.write(encoder.encode(self), to: path, replacing: replacing)
  }
}
