import Files
import Foundation

/// A program as it is compiled.
package struct ProgramBuild: Sendable {
  let source: ProgramSource
  let options: String
  /// A digest of everything the compiled program depends on.
  let key: [UInt8]

  package init(_ source: ProgramSource, options: String, for device: DeviceDescription) {
    self.source = source
    self.options = options
    key = SHA256.digest(source.digest + SHA256.digest(parts: [options, device.fingerprint]))
  }

  package var name: String { SHA256.hex(key) }
}

/// Compiled programs on disk, which are only ever a shortcut. A file that is missing, damaged, of another driver or
/// unwanted by the driver leads to a build from source; a directory that cannot be written is no error.
package struct ProgramFiles: Sendable {
  /// The part of a program that is kept.
  package enum Kind: String, CaseIterable, Sendable {
    /// All of it.
    case program
    /// The compiled object, not linked: for drivers that keep the kernels of linked programs, so that the compiler's
    /// first half is all that is left to keep.
    case object
  }

  /// The folder of compiled programs; nil for none.
  let directory: String?
  let kind: Kind

  package init(directory: String?, kind: Kind) {
    self.directory = directory
    self.kind = kind
  }

  /// A program, and how it was come by.
  struct Made: Sendable {
    enum Origin {
      case compiled, disk, process
    }

    let program: Program
    var origin = Origin.compiled
    /// There was a file that could not be used.
    var isFileRejected = false
    /// An object that could not be kept.
    var isUnwritten = false
  }

  /// Takes a program from disk, or compiles it. Throws if it does not compile.
  func make(_ build: ProgramBuild, in context: DriverContext) throws(OpenCLError) -> Made {
    var isFileRejected = false
    if let path = path(build), let file = (try? RegularFile.contents(path)).map({ Data($0) }) {
      if let program = load([UInt8](file), build, context) { return Made(program: program, origin: .disk) }
      isFileRejected = true
    }
    switch kind {
    case .program:
      let program = try Program(context, build.source, options: build.options)
      return Made(program: program, isFileRejected: isFileRejected)
    case .object:
      let object = try Program(context, object: build.source, options: build.options)
      return Made(
        program: try Program(context, linking: object), isFileRejected: isFileRejected,
        isUnwritten: !write(object, build))
    }
  }

  /// Puts a program on disk, if programs are kept as a whole: to ask a driver for one takes a while. False if that was
  /// not possible.
  func store(_ program: Program, _ build: ProgramBuild) -> Bool { kind == .object || write(program, build) }

  /// Writes under another name and renames, so that a reader never sees half a file.
  private func write(_ program: Program, _ build: ProgramBuild) -> Bool {
    guard let path = path(build) else { return true }
    do {
      let binary = try program.binary()
      guard !binary.isEmpty else { return true }
      let folder = (path as NSString).deletingLastPathComponent
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try Data(Self.header(build.key, binary) + binary).write(
        to: URL(fileURLWithPath: path), options: .atomic)
      return true
    } catch {
      return false
    }
  }

  private func path(_ build: ProgramBuild) -> String? {
    directory.map { "\($0)/programs/\(build.name).\(kind)" }
  }

  /// nil on any doubt.
  private func load(_ file: [UInt8], _ build: ProgramBuild, _ context: DriverContext) -> Program? {
    guard let binary = Self.binary(in: file, key: build.key) else { return nil }
    switch kind {
    case .program: return try? Program(context, name: build.source.name, binary: binary)
    case .object:
      return try? Program(context, linking: Program(context, name: build.source.name, object: binary))
    }
  }

  // MARK: Magic, key (32), length of the binary (8), its SHA-256 (32), the binary

  private static let magic = Array("pix2pixCLbinary1".utf8)

  /// The binary in a file that is whole and of this key; nil for any other.
  static func binary(in file: [UInt8], key: [UInt8]) -> [UInt8]? {
    let binary = Array(file.dropFirst(magic.count + 32 + 8 + 32))
    return !binary.isEmpty && file.starts(with: header(key, binary)) ? binary : nil
  }

  static func header(_ key: [UInt8], _ binary: [UInt8]) -> [UInt8] {
    magic + key + littleEndian(binary.count) + SHA256.digest(binary)
  }
}
