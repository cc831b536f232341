import Files
import Foundation
import Images

/// The safetensors format: eight bytes with the length of a JSON header, the header (name -> dtype, shape,
/// offsets; `__metadata__` -> strings), and the values, little-endian and row-major.
///
/// Own code, since the format is fifty lines and has no Swift library.
public struct Safetensors: Sendable, Equatable {
  public struct Entry: Sendable, Equatable {
    public let shape: [Int]
    public let values: Values
  }

  /// The two kinds this program reads and writes.
  public enum Values: Sendable, Equatable {
    case float32([Float])
    case int64([Int64])
  }

  public var entries: [String: Entry] = [:]
  public var metadata: [String: String] = [:]

  public init() {}

  public subscript(floats name: String) -> [Float]? {
    if case .float32(let values)? = entries[name]?.values { values } else { nil }
  }

  public mutating func set(_ name: String, _ shape: [Int], _ values: [Float]) {
    precondition(values.count == shape.reduce(1, *), "\(name) has \(values.count) values for \(shape)")
    entries[name] = Entry(shape: shape, values: .float32(values))
  }

  public mutating func set(_ name: String, scalar: Int64) {
    entries[name] = Entry(shape: [], values: .int64([scalar]))
  }

  /// Reads a file whole.
  ///
  /// - Throws: `ModelError.file` when it cannot be read or breaks any rule of the format.
  public init(path: String) throws(ModelError) {
    let file = try SafetensorsFile(path: path)
    metadata = file.metadata
    for (name, entry) in file.entries {
      entries[name] = Entry(shape: entry.shape, values: try file.values(name))
    }
  }

  // MARK: Writing

  /// A tensor to be written; its values are asked for when their turn comes.
  struct Source {
    enum Kind { case float32, int64 }
    let kind: Kind
    let shape: [Int]
    let values: () throws -> Values

    init(_ shape: [Int], float32 values: @escaping () throws -> [Float]) {
      (kind, self.shape) = (.float32, shape)
      self.values = { .float32(try values()) }
    }

    init(scalar: Int64) {
      (kind, shape) = (.int64, [])
      values = { .int64([scalar]) }
    }

    fileprivate init(_ entry: Entry) {
      shape = entry.shape
      values = { entry.values }
      kind = if case .int64 = entry.values { .int64 } else { .float32 }
    }

    fileprivate var byteCount: Int { shape.reduce(1, *) * (kind == .float32 ? 4 : 8) }
  }

  /// The header, in the order of the names, so that equal contents are equal files.
  private static func header(_ sources: [String: Source], _ metadata: [String: String]) -> Data {
    var header: [String: Any] = [:]
    if !metadata.isEmpty { header["__metadata__"] = metadata }
    var offset = 0
    for (name, source) in sources.sorted(by: { $0.key < $1.key }) {
      let end = offset + source.byteCount
      header[name] =
        [
          "dtype": source.kind == .float32 ? "F32" : "I64", "shape": source.shape,
          "data_offsets": [offset, end],
        ] as [String: Any]
      offset = end
    }
    var json =
      (try? JSONSerialization.data(withJSONObject: header, options: [.sortedKeys, .withoutEscapingSlashes]))
      ?? Data()
    // The values start at a multiple of eight.
    json.append(Data(repeating: UInt8(ascii: " "), count: (8 - json.count % 8) % 8))
    return withUnsafeBytes(of: UInt64(json.count).littleEndian) { Data($0) } + json
  }

  /// Writes a file tensor by tensor, so that never more than one is held.
  ///
  /// - Throws: `FileError` when the disk is full, the folder cannot be written, or another program's file is there, and a
  ///   source's errors; the old file remains.
  static func write(
    _ sources: [String: Source], metadata: [String: String], to path: String,
    replacing: OutputFile.Replacing = .own
  ) throws {
    try OutputFile.write(to: path, replacing: replacing) { file in
      try header(sources, metadata).withUnsafeBytes { try file.write($0) }
      for (name, source) in sources.sorted(by: { $0.key < $1.key }) {
        let values = try source.values()
        switch values {
        case .float32(let values): try values.withUnsafeBytes { try check($0) }
        case .int64(let values): try values.withUnsafeBytes { try check($0) }
        }
        func check(_ bytes: UnsafeRawBufferPointer) throws {
          precondition(
            bytes.count == source.byteCount, "\(name) has \(bytes.count) bytes for \(source.shape)")
          try file.write(bytes)
        }
      }
    }
  }

  /// Writes the file; see `OutputFile` for what is there already.
  public func write(to path: String, replacing: OutputFile.Replacing = .own) throws {
    try Self.write(entries.mapValues { Source($0) }, metadata: metadata, to: path, replacing: replacing)
  }

  /// The file's bytes.
  public func data() -> Data {
    let sources = entries.mapValues { Source($0) }
    var result = Self.header(sources, metadata)
    for (_, entry) in entries.sorted(by: { $0.key < $1.key }) {
      switch entry.values {
      case .float32(let values): values.withUnsafeBytes { result.append(contentsOf: $0) }
      case .int64(let values): values.withUnsafeBytes { result.append(contentsOf: $0) }
      }
    }
    return result
  }
}

/// A safetensors file read tensor by tensor, so that no more than one need be held. It stays the opened file, even if
/// another takes its name.
public struct SafetensorsFile: Sendable {
  public struct Entry: Sendable, Equatable {
    public let shape: [Int]
    /// True for values of type F32, false for I64.
    public let isFloat32: Bool
    /// The values' bytes, from the file's start.
    fileprivate let bytes: Range<Int>
  }

  public let entries: [String: Entry]
  public let metadata: [String: String]
  private let file: OpenedFile

  /// The longest header that is read, in bytes: 20,000 tensors. The format allows 100 MB, for which no file that this
  /// program reads has a use.
  private static let headerLimit = 2 << 20

  /// Reads the header.
  ///
  /// - Throws: `ModelError.file` when the file cannot be read or breaks any rule of the format.
  public init(path: String) throws(ModelError) {
    let file: OpenedFile
    do throws(FileError) { file = try OpenedFile(path) } catch { throw ModelError(error) }
    func bad(_ reason: String) -> ModelError { .file(path, "not a whole safetensors file: \(reason)") }
    guard file.byteCount >= 8 else { throw bad("\(file.byteCount) bytes are too few") }
    let length = try Self.read(file, 0..<8, as: UInt64.self)[0].littleEndian
    guard length <= file.byteCount - 8 else {
      throw bad("its header claims \(length) bytes, the file has \(file.byteCount)")
    }
    guard length <= Self.headerLimit else {
      throw bad("its header claims \(length) bytes; no more than \(Self.headerLimit) are read")
    }
    let body = 8 + Int(length)
    let bytes = try Self.read(file, 8..<body, as: UInt8.self)
    let header: SafetensorsHeader
    do throws(HeaderFault) { header = try SafetensorsHeader(bytes) } catch { throw bad(error.reason) }

    var entries: [String: Entry] = [:]
    // Values lie one behind the other and fill the file: no byte belongs to two tensors, or to none.
    var end = 0
    for (name, entry) in header.entriesByPlace {
      let (shown, offsets) = (name.inErrors, entry.offsets)
      let isFloat32 = entry.dtype == "F32"
      guard isFloat32 || entry.dtype == "I64" else {
        throw .file(path, "\(shown) is of type \(entry.dtype.inErrors); only F32 and I64 are read")
      }
      guard let count = entry.count else { throw bad("the shape of \(shown) is absurd") }
      let (whole, rest) = offsets.count.quotientAndRemainder(dividingBy: isFloat32 ? 4 : 8)
      guard whole == count, rest == 0 else { throw bad("\(shown) has the wrong length") }
      guard offsets.lowerBound >= end else {
        throw bad("\(shown) begins at byte \(offsets.lowerBound), inside another tensor")
      }
      guard offsets.lowerBound == end else {
        throw bad("no tensor holds its bytes from \(end) to \(offsets.lowerBound)")
      }
      guard offsets.upperBound <= file.byteCount - body else {
        throw bad(
          "\(shown) ends at byte \(offsets.upperBound) of \(file.byteCount - body); the file is cut short")
      }
      end = offsets.upperBound
      entries[name] = Entry(
        shape: entry.shape, isFloat32: isFloat32, bytes: body + offsets.lowerBound..<body + end)
    }
    guard end == file.byteCount - body else {
      throw bad("\(file.byteCount - body - end) bytes behind its last tensor belong to none")
    }
    self.entries = entries
    self.file = file
    metadata = header.metadata
  }

  /// The values of a tensor, read now.
  ///
  /// - Parameter name: an entry's
  /// - Throws: `ModelError.file` when the file cannot be read, is shorter than it was, or holds more than this machine's
  ///   memory under that name.
  public func values(_ name: String) throws(ModelError) -> Safetensors.Values {
    guard let entry = entries[name] else { preconditionFailure("the file has no \(name)") }
    // A file of holes may claim any size.
    guard entry.bytes.count <= ProcessInfo.processInfo.physicalMemory else {
      throw .file(
        file.path, "\(name.inErrors) has \(entry.bytes.count) bytes, more than this machine's memory")
    }
    return entry.isFloat32
      ? .float32(try Self.read(file, entry.bytes, as: Float.self))
      : .int64(try Self.read(file, entry.bytes, as: Int64.self))
  }

  private static func read<T: BitwiseCopyable>(
    _ file: OpenedFile, _ range: Range<Int>, as type: T.Type
  ) throws(ModelError) -> [T] {
    do throws(FileError) { return try file.read(range, as: type) } catch { throw ModelError(error) }
  }

  /// The values of a tensor of type F32; nil if there is none of that name.
  public func floats(_ name: String) throws(ModelError) -> [Float]? {
    guard entries[name]?.isFloat32 == true, case .float32(let values) = try values(name) else { return nil }
    return values
  }
}
