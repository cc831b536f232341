import Foundation

/// In bytes: a hundred times the longest file of variants or of tuning.
private let shortFileLimit = 16 << 20

/// A file of variants or of tuning; nil if it cannot be read, or is longer than any.
func shortFile(_ path: String) -> Data? {
  let attributes = try? FileManager.default.attributesOfItem(atPath: path)
  guard let size = attributes?[.size] as? NSNumber, size.intValue <= shortFileLimit else { return nil }
  return FileManager.default.contents(atPath: path)
}

/// A file of kernel variants: all passes of a run, or variants pinned by `pix2pix tune`.
public struct KernelChoicesFile: Sendable, Codable {
  /// The fingerprint of the device they were chosen on.
  public let device: String
  public let deviceClass: DeviceClass
  private let variants: KernelChoices

  public init(_ choices: KernelChoices, _ device: DeviceDescription, _ deviceClass: DeviceClass) {
    self.device = device.fingerprint
    self.deviceClass = deviceClass
    variants = choices
  }

  /// - Throws: `OpenCLError` naming the file and its fault.
  public init(path: String) throws(OpenCLError) {
    guard let data = shortFile(path) else {
      throw OpenCLError("\(path): no such file, or it cannot be read")
    }
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

  /// - Throws: `OpenCLError` naming the file when it cannot be written.
  public func write(to path: String) throws(OpenCLError) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do {
      try encoder.encode(self).write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw OpenCLError(
        "\(path): cannot be written: is there such a folder, or is the disk full or read-only?")
    }
  }
}
