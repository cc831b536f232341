import Files
import Foundation
import Kernels
import Tape

/// The tuning of a device in a file.
public struct TuningRecord: Sendable, Codable {
  /// `DeviceDescription.fingerprint`: device, driver and their versions.
  public let device: String
  public let deviceClass: DeviceClass
  /// Others list other variants.
  public let precision: Precision
  /// SHA-256 of all kernel sources: other kernels have other times.
  public let kernels: String
  /// By the pass' description.
  private var passes: [String: TunedPass] = [:]

  public init(_ device: DeviceDescription, _ deviceClass: DeviceClass, _ precision: Precision) {
    self.device = device.fingerprint
    self.deviceClass = deviceClass
    self.precision = precision
    kernels = Self.kernelHash
  }

  public subscript(key: PassKey) -> TunedPass? {
    get { passes[key.description] }
    set { passes[key.description] = newValue }
  }

  /// Sorted by their descriptions.
  public var all: [(key: PassKey, tuned: TunedPass)] {
    passes.sorted { $0.key < $1.key }.compactMap { text, tuned in PassKey(text).map { ($0, tuned) } }
  }

  public func choices(source: String) -> KernelChoices {
    var choices = KernelChoices(
      Dictionary(uniqueKeysWithValues: all.map { ($0.key, $0.tuned.variant) }), source: source)
    choices.isShortcut = true
    return choices
  }

  static let kernelHash = SHA256.hexDigest(
    KernelFiles.names.flatMap { Array("\($0)\n\(KernelFiles.text($0))\n".utf8) })

  fileprivate func isFor(_ device: DeviceDescription, _ deviceClass: DeviceClass) -> Bool {
    self.device == device.fingerprint && self.deviceClass == deviceClass
  }
}

/// The tuning records of this machine: a file for each device, driver, precision and state of the kernels, beside the compiled
/// programs. Like them only a shortcut: a file that is missing or damaged means that nothing was tuned.
public struct TuningStore: Sendable {
  private let directory: String?

  /// - Parameter cache: see `ProgramCache.defaultDirectory`
  public init(cache: String? = ProgramCache.defaultDirectory()) {
    directory = cache.map { $0 + "/tuning" }
  }

  /// The file of a device's record; nil without a folder.
  public func path(_ device: DeviceDescription, _ deviceClass: DeviceClass, _ precision: Precision) -> String?
  {
    let key = [device.fingerprint, deviceClass.rawValue, precision.rawValue, TuningRecord.kernelHash].joined(
      separator: "\n")
    return directory.map { "\($0)/\(SHA256.hexDigest(Array(key.utf8)).prefix(32)).json" }
  }

  /// The record of a device with these kernels; nil when there is none.
  public func record(_ device: DeviceDescription, _ deviceClass: DeviceClass, _ precision: Precision)
    -> TuningRecord?
  {
    guard let path = path(device, deviceClass, precision), let record = Self.read(path),
      record.isFor(device, deviceClass), record.precision == precision,
      record.kernels == TuningRecord.kernelHash
    else { return nil }
    return record
  }

  /// - Throws: `OpenCLError` naming the file when it cannot be written.
  public func save(_ record: TuningRecord, of device: DeviceDescription) throws(OpenCLError) {
    guard let path = path(device, record.deviceClass, record.precision), let directory else {
      throw OpenCLError("there is no cache folder to keep tuning in; set PIX2PIX_CACHE or HOME")
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do {
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
      try encoder.encode(record).write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw OpenCLError("\(path) cannot be written: is the disk full or read-only?")
    }
  }

  /// Removes the device's records, of every precision and of earlier kernels, and says how many there were.
  public func delete(_ device: DeviceDescription, _ deviceClass: DeviceClass) -> Int {
    guard let directory else { return 0 }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    return names.map { "\(directory)/\($0)" }.count { path in
      guard let record = Self.read(path), record.isFor(device, deviceClass) else { return false }
      return (try? FileManager.default.removeItem(atPath: path)) != nil
    }
  }

  private static func read(_ path: String) -> TuningRecord? {
    (try? shortFile(path)).flatMap { try? JSONDecoder().decode(TuningRecord.self, from: $0) }
  }
}
