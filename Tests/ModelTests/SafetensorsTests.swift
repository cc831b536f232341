import Files
import Foundation
import Model
import Testing

@Suite struct SafetensorsTests {
  private let folder: TemporaryFolder
  private var path: String { "\(folder.path)/x.safetensors" }

  init() throws { folder = try TemporaryFolder() }

  private func sample() -> Safetensors {
    var file = Safetensors()
    file.set("b.weight", [2, 3], [1, -2, 3.5, .leastNonzeroMagnitude, .infinity, -0.0])
    file.set("a", [], [4])
    file.set("empty", [0, 5], [])
    file.set("count", scalar: .min)
    file.metadata = ["format": "pt", "quoted": "\"\\/\u{e9}\n"]
    return file
  }

  @Test func roundTrip() throws {
    try sample().write(to: path)
    #expect(try Safetensors(path: path) == sample())
  }

  /// Checked by hand, since a writer and a reader may agree on a mistake.
  @Test func layout() throws {
    var file = Safetensors()
    file.set("b", [1], [1])
    file.set("a", [2], [2, 3])
    let data = [UInt8](file.data())
    let length = data[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    let body = 8 + length
    #expect(body.isMultiple(of: 8) && data.count == body + 12)
    let header = try #require(
      try JSONSerialization.jsonObject(with: Data(data[8..<body])) as? [String: [String: Any]])
    #expect(header["a"]?["data_offsets"] as? [Int] == [0, 8] && header["a"]?["dtype"] as? String == "F32")
    #expect(header["b"]?["data_offsets"] as? [Int] == [8, 12] && header["b"]?["shape"] as? [Int] == [1])
    // 2, 3 and 1 as little-endian IEEE 754.
    #expect(Array(data[body...]) == [0, 0, 0, 0x40, 0, 0, 0x40, 0x40, 0, 0, 0x80, 0x3f])
  }

  @Test func equalContentsAreEqualFiles() {
    var other = Safetensors()
    other.metadata = sample().metadata
    for (name, entry) in sample().entries.sorted(by: { $0.key > $1.key }) { other.entries[name] = entry }
    #expect(other.data() == sample().data())
  }

  private func error(_ bytes: Data) throws -> String {
    try bytes.write(to: URL(fileURLWithPath: path))
    let error = try modelError { _ = try Safetensors(path: path) }
    guard case .file(let file, let reason) = error else {
      Issue.record("\(error) names no file")
      return ""
    }
    #expect(file == path && !error.description.contains("\n"))
    return reason
  }

  @Test func everyTruncation() throws {
    let whole = sample().data()
    for count in stride(from: 0, to: whole.count, by: 3) { _ = try error(whole.prefix(count)) }
    #expect(try error(whole.dropLast()).contains("cut short"))
  }

  private func file(_ header: String, values: Int = 16) -> Data {
    withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) } + Data(header.utf8)
      + Data(repeating: 0, count: values)
  }

  @Test(arguments: [UInt64.max, 1 << 63, 1 << 40, 100_000_001, 17])
  func absurdHeaderLength(_ length: UInt64) throws {
    let bytes = withUnsafeBytes(of: length.littleEndian) { Data($0) } + Data("{}              ".utf8)
    #expect(try error(bytes).contains("its header claims \(length) bytes"))
  }

  @Test(arguments: [
    ("[]", "not a JSON object"), ("{", "not a JSON object"), ("", "not a JSON object"),
    (#"{"x": 3}"#, "entry of x is malformed"),
    (#"{"x": {"dtype": "F32", "shape": [1]}}"#, "entry of x is malformed"),
    (#"{"x": {"dtype": "F32", "shape": "1", "data_offsets": [0, 4]}}"#, "entry of x is malformed"),
    (#"{"x": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}"#, "entry of x is malformed"),
    (#"{"x": {"dtype": "F32", "shape": [1.5], "data_offsets": [0, 4]}}"#, "entry of x is malformed"),
    (#"{"x": {"dtype": "F32", "shape": [1], "data_offsets": [8, 4]}}"#, "entry of x is malformed"),
    (#"{"x": {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]}}"#, "entry of x is malformed"),
    (#"{"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4, 8]}}"#, "entry of x is malformed"),
    (#"{"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 1e300]}}"#, "entry of x is malformed"),
    (#"{"x": {"dtype": "F32", "shape": [5], "data_offsets": [0, 20]}}"#, "cut short"),
    (#"{"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}"#, "wrong length"),
    (#"{"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 5]}}"#, "wrong length"),
    (#"{"x": {"dtype": "I64", "shape": [1], "data_offsets": [0, 4]}}"#, "wrong length"),
    (#"{"x": {"dtype": "F32", "shape": [4611686018427387904, 4], "data_offsets": [0, 0]}}"#, "absurd"),
    (#"{"x": {"dtype": "F32", "shape": [9223372036854775807], "data_offsets": [0, 16]}}"#, "wrong length"),
    (#"{"x": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}"#, "of type BF16"),
    (#"{"x": {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]}}"#, "of type F64"),
  ])
  func malformedHeader(_ header: String, _ expected: String) throws {
    let reason = try error(file(header))
    #expect(reason.contains(expected), "\(header): \(reason)")
  }

  @Test func missingAndFolder() throws {
    let missing = "\(folder.path)/none"
    #expect(try modelError { _ = try Safetensors(path: missing) } == .file(missing, "no such file"))
    #expect(
      try modelError { _ = try Safetensors(path: folder.path) } == .file(folder.path, "cannot be read"))
  }

  /// Folders nobody can write to, root included: one that does not exist, and one that is a file.
  @Test func unwritable() throws {
    try sample().write(to: path)
    for target in ["\(folder.path)/none/x.safetensors", "\(path)/x.safetensors"] {
      let error = try #require(throws: FileError.self) { try sample().write(to: target, replacing: .any) }
      #expect(error.path == target && error.reason.hasPrefix("cannot be written: "))
    }
  }

  /// A folder is in the way: nothing half-written is left beside it.
  @Test func failedRenameLeavesNothing() throws {
    let target = "\(folder.path)/taken"
    try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
    #expect(throws: FileError.self) { try sample().write(to: target) }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["taken"])
  }
}
