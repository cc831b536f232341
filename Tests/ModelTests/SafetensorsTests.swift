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

  private func file(_ header: some Sequence<UInt8>, values: Int = 16) -> Data {
    let header = Data(header)
    return withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) } + header
      + Data(repeating: 0, count: values)
  }

  @Test(arguments: [UInt64.max, 1 << 63, 1 << 40, 100_000_001, 17])
  func absurdHeaderLength(_ length: UInt64) throws {
    let bytes = withUnsafeBytes(of: length.littleEndian) { Data($0) } + Data("{}              ".utf8)
    #expect(try error(bytes).contains("its header claims \(length) bytes"))
  }

  /// A file of holes, so that it has the bytes that it claims.
  @Test func longHeader() throws {
    try withUnsafeBytes(of: UInt64(100_000_000).littleEndian) { Data($0) }
      .write(to: URL(fileURLWithPath: path))
    #expect(truncate(path, 1 << 40) == 0)
    let reason = try modelError { _ = try SafetensorsFile(path: path) }.description
    #expect(reason.contains("its header claims 100000000 bytes; no more than 2097152 are read"))
  }

  /// The header may be read, the tensor not: there is no memory for it.
  @Test func moreThanMemory() throws {
    let header = #"{"x": {"dtype": "F32", "shape": [1099511627776], "data_offsets": [0, 4398046511104]}}"#
    try file(header.utf8, values: 0).write(to: URL(fileURLWithPath: path))
    #expect(truncate(path, 8 + off_t(header.utf8.count) + 1 << 42) == 0)
    let opened = try SafetensorsFile(path: path)
    let reason = try modelError { _ = try opened.floats("x") }.description
    #expect(reason.contains("x has 4398046511104 bytes, more than this machine's memory"))
  }

  @Test(arguments: [
    ("[]", "not a JSON object"), ("{", "not a JSON object"), ("", "not a JSON object"),
    (#" {}"#, "not a JSON object"), (#"{}{}"#, "byte 2 should be the header's end"),
    (#"{"x"}"#, #"byte 4 should be ":""#), (#"{"x": {}"#, "it needs dtype"), ("{'x': {}}", "byte 1"),
    (#"{"x": 3}"#, "entry of x is malformed"), (#"{"x": null}"#, "entry of x is malformed"),
    (#"{"x": {"dtype": "F32", "shape": [1]}}"#, "entry of x is malformed"),
    (#"{"x": {"dtype": "F32", "shape": "1", "data_offsets": [0, 4]}}"#, "entry of x is malformed"),
    (#"{"x": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}"#, "entry of x is malformed"),
    (#"{"x": {"dtype": "F32", "shape": [-0], "data_offsets": [0, 0]}}"#, "entry of x is malformed"),
    (#"{"x": {"dtype": "F32", "shape": [1.5], "data_offsets": [0, 4]}}"#, "entry of x is malformed"),
    (#"{"x": {"dtype": "F32", "shape": [1.0], "data_offsets": [0, 4]}}"#, "entry of x is malformed"),
    (#"{"x": {"dtype": "F32", "shape": [1e400], "data_offsets": [0, 4]}}"#, "entry of x is malformed"),
    (#"{"x": {"dtype": "F32", "shape": [NaN], "data_offsets": [0, 4]}}"#, "entry of x is malformed"),
    (#"{"x": {"dtype": "F32", "shape": [01], "data_offsets": [0, 4]}}"#, "begins with 0"),
    (#"{"x": {"dtype": "F32", "shape": [1,], "data_offsets": [0, 4]}}"#, "entry of x is malformed"),
    (#"{"x": {"dtype": "F32", "shape": [[1]], "data_offsets": [0, 4]}}"#, "entry of x is malformed"),
    (#"{"x": {"dtype": "F32", "shape": [9223372036854775808], "data_offsets": [0, 4]}}"#, "is absurd"),
    (#"{"x": {"dtype": "F32", "shape": [1], "data_offsets": [8, 4]}}"#, "entry of x is malformed"),
    (#"{"x": {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]}}"#, "entry of x is malformed"),
    (#"{"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4, 8]}}"#, "entry of x is malformed"),
    (#"{"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 1e300]}}"#, "entry of x is malformed"),
    (#"{"x": {"dtype": "F32", "dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}"#, "two dtype"),
    (#"{"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4], "more": 1}}"#, "has a field more"),
    (#"{"x": {"dtype": "F32", "shape": [5], "data_offsets": [0, 20]}}"#, "cut short"),
    (#"{"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}"#, "wrong length"),
    (#"{"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 5]}}"#, "wrong length"),
    (#"{"x": {"dtype": "I64", "shape": [1], "data_offsets": [0, 4]}}"#, "wrong length"),
    (#"{"x": {"dtype": "F32", "shape": [4611686018427387904, 4], "data_offsets": [0, 0]}}"#, "absurd"),
    (#"{"x": {"dtype": "F32", "shape": [9223372036854775807], "data_offsets": [0, 16]}}"#, "wrong length"),
    (#"{"x": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}"#, "x is of type BF16"),
    (#"{"x": {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]}}"#, "x is of type F64"),
    (#"{"x": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]}}"#, "4 bytes behind its last tensor"),
    (#"{"x": {"dtype": "F32", "shape": [3], "data_offsets": [4, 16]}}"#, "its bytes from 0 to 4"),
    ("{}", "16 bytes behind its last tensor"),
    (#"{"__metadata__": {"a": 1}}"#, "its metadata are no texts"),
    (#"{"__metadata__": ["a"]}"#, "its metadata are no texts"),
    (#"{"__metadata__": {"a": {"b": "c"}}}"#, "its metadata are no texts"),
    (#"{"__metadata__": {"a": "b", "a": "b"}}"#, "its metadata have a twice"),
    (#"{"__metadata__": {}, "__metadata__": {}}"#, "two __metadata__"),
    (#"{"\q": {}}"#, "an escape sequence"), (#"{"\ud800": {}}"#, "half a character"),
    (#"{"\ud800\u0041": {}}"#, "half a character"), (#"{"\udc00": {}}"#, "half a character"),
    (#"{"\u12g4": {}}"#, "a hexadecimal digit"), ("{\"a\nb\": {}}", "no control character"),
    (#"{"a"#, "it ends where"), (#"{"a\"#, "it ends where"), (#"{"a\u00"#, "it ends where"),
  ])
  func malformedHeader(_ header: String, _ expected: String) throws {
    let reason = try error(file(header.utf8))
    #expect(reason.contains(expected), "\(header): \(reason)")
  }

  private func entry(_ name: String, _ offsets: ClosedRange<Int>) -> String {
    let (begin, end) = (offsets.lowerBound, offsets.upperBound)
    return
      #""\#(name)": {"dtype": "F32", "shape": [\#((end - begin) / 4)], "data_offsets": [\#(begin), \#(end)]}"#
  }

  @Test func duplicatesOverlapsAndHoles() throws {
    func error(_ entries: String...) throws -> String {
      try self.error(file("{\(entries.joined(separator: ","))}".utf8))
    }
    #expect(try error(entry("a", 0...8), entry("a", 8...16)).contains("two tensors are named a"))
    // Escaped or not, composed or not, it is one name.
    #expect(try error(entry("a", 0...8), entry("\\u0061", 8...16)).contains("two tensors are named a"))
    #expect(try error(entry("\u{e9}", 0...8), entry("e\u{301}", 8...16)).contains("two tensors are named"))
    #expect(try error(entry("a", 0...16), entry("b", 8...16)).contains("b begins at byte 8, inside another"))
    #expect(try error(entry("a", 0...16), entry("b", 0...16)).contains("b begins at byte 0, inside another"))
    #expect(
      try error(entry("a", 0...4), entry("b", 8...16)).contains("no tensor holds its bytes from 4 to 8"))
    #expect(try error(entry("a", 0...16), entry("b", 20...20)).contains("no tensor holds its bytes"))
  }

  /// All that the format allows besides what is written here.
  @Test func unusualHeaders() throws {
    func read(_ header: String) throws -> Safetensors {
      try file(header.utf8).write(to: URL(fileURLWithPath: path))
      return try Safetensors(path: path)
    }
    let two = [entry("b", 8...16), entry("empty", 8...8), entry("a", 0...8)].joined(separator: ",\r\n\t")
    let unordered = try read("{\(two)}  \n ")
    #expect(unordered.entries.mapValues(\.shape) == ["a": [2], "b": [2], "empty": [0]])
    let escaped = try read(
      #"{"__metadata__":{"\u00e9\/":"\ud83d\uDE00\u0000\b\f\n\r\t\"\\"},\#(entry("", 0...16))}"#)
    #expect(escaped.metadata == ["\u{e9}/": "\u{1F600}\0\u{8}\u{c}\n\r\t\"\\"])
    #expect(escaped[floats: ""]?.count == 4)
    let ones = Array(repeating: "1", count: 63).joined(separator: ",")
    let deep = try read(#"{"x":{"data_offsets":[0,16],"shape":[4,\#(ones)],"dtype":"F32"}}"#)
    #expect(deep.entries["x"]?.shape.count == 64)
    #expect(
      try error(file(#"{"x":{"shape":[4,1,\#(ones)]}}"#.utf8)).contains("it lists more than 64 numbers"))
  }

  @Test func badText() throws {
    for bytes: [UInt8] in [
      [0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82],
    ] {
      let reason = try error(file(Array("{\"".utf8) + bytes + Array("\": {}}".utf8)))
      #expect(reason.contains("the string at byte 2 is not UTF-8"))
    }
    // No nesting is followed, however deep.
    for nested in ["[", "{\"\":"] {
      let deep = String(repeating: nested, count: 100_000)
      #expect(try error(file(#"{"x": \#(deep)"#.utf8)).contains("entry of x is malformed"))
      #expect(try error(file(#"{"__metadata__": {"a": \#(deep)"#.utf8)).contains("no texts"))
    }
    // `error` looks for line breaks.
    let name = #"\n\u001b[31m\u2028"# + String(repeating: "x", count: 100_000)
    let reason = try error(file("{\(entry(name, 0...4).replacingOccurrences(of: "F32", with: name))}".utf8))
    #expect(reason.contains("is of type") && reason.utf8.count < 1000 && !reason.contains("\u{1b}"))
  }

  @Test func missingAndFolder() throws {
    let missing = "\(folder.path)/none"
    #expect(try modelError { _ = try Safetensors(path: missing) } == .file(missing, "no such file"))
    #expect(
      try modelError { _ = try Safetensors(path: folder.path) }
        == .file(folder.path, "is a folder, not a file"))
  }

  /// To open a pipe must not wait for a writer.
  @Test func pipe() throws {
    #expect(mkfifo(path, 0o600) == 0)
    #expect(try modelError { _ = try SafetensorsFile(path: path) } == .file(path, "is not a regular file"))
  }

  /// Folders nobody can write to, root included: one that does not exist, and one that is a file.
  @Test func unwritable() throws {
    try sample().write(to: path)
    for (folder, named, reason) in [
      ("\(folder.path)/none", "\(folder.path)/none/x.safetensors", "cannot be written: "),
      (path, path, "is no folder"),
    ] {
      let error = try #require(throws: FileError.self) {
        try sample().write(to: "\(folder)/x.safetensors", replacing: .any)
      }
      #expect(error.path == named && error.reason.hasPrefix(reason))
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
