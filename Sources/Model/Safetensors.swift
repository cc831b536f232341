import Foundation

/// The safetensors format: eight bytes with the length of a JSON header, the header (name -> dtype, shape,
/// offsets; `__metadata__` -> strings), and the values, little-endian and row-major.
///
/// Own code since the format is fifty lines, and no Swift library of it can be had.
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

  // MARK: Reading

  /// The longest header accepted; the format's own limit.
  private static let headerLimit = 100_000_000

  /// Reads a file whole.
  ///
  /// - Throws: `ModelError.file` when it cannot be read or is not a safetensors file in every particular.
  public init(path: String) throws(ModelError) {
    let data: Data
    do {
      data = try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
    } catch {
      throw .file(path, FileManager.default.fileExists(atPath: path) ? "cannot be read" : "no such file")
    }
    func bad(_ reason: String) -> ModelError { .file(path, "not a whole safetensors file: \(reason)") }
    guard data.count >= 8 else { throw bad("\(data.count) bytes are too few") }
    let length = data.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= Self.headerLimit, Int(length) <= data.count - 8 else {
      throw bad("its header claims \(length) bytes, the file has \(data.count)")
    }
    let body = 8 + Int(length)
    guard let json = try? JSONSerialization.jsonObject(with: data[8..<body]),
      let header = json as? [String: Any]
    else { throw bad("its header is not a JSON object") }
    for (name, value) in header where name != "__metadata__" {
      guard let fields = value as? [String: Any], let dtype = fields["dtype"] as? String,
        let shape = fields["shape"] as? [Int], let offsets = fields["data_offsets"] as? [Int],
        offsets.count == 2, shape.allSatisfy({ $0 >= 0 }), offsets[0] >= 0, offsets[0] <= offsets[1]
      else { throw bad("the entry of \(name) is malformed") }
      guard offsets[1] <= data.count - body else {
        throw bad("\(name) ends at byte \(offsets[1]) of \(data.count - body); the file is cut short")
      }
      var count = 1
      for dimension in shape {
        let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
        guard !overflow else { throw bad("the shape of \(name) is absurd") }
        count = product
      }
      let bytes = data[body + offsets[0]..<body + offsets[1]]
      switch dtype {
      case "F32":
        guard bytes.count / 4 == count, bytes.count % 4 == 0 else {
          throw bad("\(name) has the wrong length")
        }
        entries[name] = Entry(shape: shape, values: .float32(Self.load(bytes, count, 0)))
      case "I64":
        guard bytes.count / 8 == count, bytes.count % 8 == 0 else {
          throw bad("\(name) has the wrong length")
        }
        entries[name] = Entry(shape: shape, values: .int64(Self.load(bytes, count, 0)))
      default: throw .file(path, "\(name) is of type \(dtype); only F32 and I64 are read")
      }
    }
    metadata = header["__metadata__"] as? [String: String] ?? [:]
  }

  private static func load<T: BitwiseCopyable>(_ bytes: Data, _ count: Int, _ zero: T) -> [T] {
    [T](unsafeUninitializedCapacity: count) { buffer, initialized in
      bytes.copyBytes(to: UnsafeMutableRawBufferPointer(buffer))
      initialized = count
    }
  }

  // MARK: Writing

  /// The file's bytes: entries in the order of their names, so that equal contents are equal files.
  public func data() -> Data {
    var header: [String: Any] = [:]
    if !metadata.isEmpty { header["__metadata__"] = metadata }
    let names = entries.keys.sorted()
    var offset = 0
    for name in names {
      guard let entry = entries[name] else { continue }
      let (dtype, size) =
        switch entry.values {
        case .float32(let values): ("F32", values.count * 4)
        case .int64(let values): ("I64", values.count * 8)
        }
      header[name] =
        ["dtype": dtype, "shape": entry.shape, "data_offsets": [offset, offset + size]] as [String: Any]
      offset += size
    }
    var json =
      (try? JSONSerialization.data(withJSONObject: header, options: [.sortedKeys, .withoutEscapingSlashes]))
      ?? Data()
    // The values start at a multiple of eight.
    json.append(Data(repeating: UInt8(ascii: " "), count: (8 - json.count % 8) % 8))
    var result = Data(capacity: 8 + json.count + offset)
    withUnsafeBytes(of: UInt64(json.count).littleEndian) { result.append(contentsOf: $0) }
    result.append(json)
    for name in names {
      switch entries[name]?.values {
      case .float32(let values): values.withUnsafeBytes { result.append(contentsOf: $0) }
      case .int64(let values): values.withUnsafeBytes { result.append(contentsOf: $0) }
      case nil: break
      }
    }
    return result
  }

  /// Writes the file beside its name and renames it: the name always holds a whole file, the old or the new.
  ///
  /// - Throws: `ModelError.file` when the disk is full or the folder cannot be written; the old file remains.
  public func write(to path: String) throws(ModelError) {
    try writeAtomically(data(), to: path)
  }
}

/// Writes a file beside its name, flushes it to the disk, and renames it.
func writeAtomically(_ data: Data, to path: String) throws(ModelError) {
  let temporary = "\(path).\(ProcessInfo.processInfo.processIdentifier).tmp"
  let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
  guard descriptor >= 0 else { throw .file(path, "cannot be written: \(String(cString: strerror(errno)))") }
  var failure: Int32 = 0
  data.withUnsafeBytes { bytes in
    var offset = 0
    while offset < bytes.count {
      let written = Foundation.write(descriptor, bytes.baseAddress! + offset, bytes.count - offset)
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else {
        failure = errno
        return
      }
      offset += written
    }
  }
  if failure == 0, fsync(descriptor) != 0 { failure = errno }
  if close(descriptor) != 0, failure == 0 { failure = errno }
  if failure == 0, rename(temporary, path) != 0 { failure = errno }
  guard failure == 0 else {
    unlink(temporary)
    throw .file(path, "cannot be written: \(String(cString: strerror(failure)))")
  }
}
