import Files
import Foundation
import PyTorchFiles
import Testing

/// Files that PyTorch wrote, by Fixtures/make_fixtures.py, in both of its formats.
@Suite struct TensorFileTests {
  /// 0, 0.5, 1, …, less 2: exact in every type of floats.
  private static func numbers(_ count: Int) -> [Float] { (0..<count).map { Float($0) * 0.5 - 2 } }

  private static let expected: [String: ([Int], [Float])] = [
    "float32": ([2, 3, 4], numbers(24)), "float64": ([5], numbers(5)), "float16": ([3, 3], numbers(9)),
    "bfloat16": ([7], numbers(7)), "int64": ([5], [-2, -1, 0, 1, 2]), "int32": ([5], [-2, -1, 0, 1, 2]),
    "int16": ([5], [-2, -1, 0, 1, 2]), "int8": ([5], [-2, -1, 0, 1, 2]),
    "uint8": ([6], [250, 251, 252, 253, 254, 255]), "bool": ([3], [1, 0, 1]), "count": ([], [41]),
    "empty": ([0, 3], []), "parameter": ([2, 2], numbers(4)), "first_rows": ([2, 3], numbers(6)),
    "last_row": ([3], Array(numbers(12)[9...])),
    "transposed": ([5, 2], (0..<5).flatMap { [numbers(10)[$0], numbers(10)[$0 + 5]] }),
    "every_second": ([3, 2], (0..<3).flatMap { [numbers(12)[4 * $0], numbers(12)[4 * $0 + 2]] }),
    "inner.weight": ([1, 2], numbers(2)),
  ]

  @Test(arguments: ["state_dict", "older"]) func everyTensorIsRead(_ name: String) throws {
    let file = try TensorFile(fixture(name))
    #expect(Set(file.entries.keys) == Set(Self.expected.keys))
    for (tensor, (shape, values)) in Self.expected {
      #expect(file.entries[tensor]?.shape == shape, "\(tensor)")
      #expect(try file.floats(tensor) == values, "\(tensor)")
    }
  }

  @Test func whatIsWrittenIsReadBack() throws {
    let folder = try TestFolder()
    let path = "\(folder.path)/model.pth"
    let values = Self.numbers(24)
    try TensorFile.write(
      [
        .init("a.weight", [2, 3, 4], float32: { values }), .init("b", [], float32: { [7] }),
        .init("c.num_batches_tracked", scalar: 1 << 40),
      ], to: path)
    let file = try TensorFile(path)
    #expect(
      file.entries.mapValues(\.shape) == ["a.weight": [2, 3, 4], "b": [], "c.num_batches_tracked": []])
    #expect(try file.floats("a.weight") == values)
    #expect(try file.floats("b") == [7])
    #expect(try file.floats("c.num_batches_tracked") == [Float(1 << 40)])
    // Its own file may be replaced, and only that.
    try TensorFile.write([], to: path)
    try Data("mine".utf8).write(to: URL(fileURLWithPath: path))
    #expect(throws: FileError.self) { try TensorFile.write([], to: path) }
  }

  /// A file that is cut short anywhere is refused, or lacks values when they are asked for.
  @Test(arguments: ["state_dict", "older"]) func filesCutShortAreRefused(_ name: String) throws {
    let whole = try RegularFile.contents(fixture(name))
    let folder = try TestFolder()
    let path = "\(folder.path)/cut.pth"
    for length in stride(from: 0, to: whole.count, by: 7) {
      try Data(whole[..<length]).write(to: URL(fileURLWithPath: path))
      #expect(throws: FileError.self, "\(length) of \(whole.count) bytes") {
        let file = try TensorFile(path)
        for tensor in file.entries.keys { _ = try file.floats(tensor) }
      }
    }
  }

  /// A changed byte is an error or another value, and no crash; in an archive's values the checksum finds it.
  @Test(arguments: ["state_dict", "older"]) func changedBytesDoNoHarm(_ name: String) throws {
    let whole = try RegularFile.contents(fixture(name))
    let folder = try TestFolder()
    let path = "\(folder.path)/changed.pth"
    for place in stride(from: 0, to: whole.count, by: 11) {
      var changed = whole
      changed[place] ^= 0xff
      try Data(changed).write(to: URL(fileURLWithPath: path))
      // Which one does not matter: that the process is still there does.
      _ = Result {
        let file = try TensorFile(path)
        for tensor in file.entries.keys { _ = try file.floats(tensor) }
      }
    }
    guard name == "state_dict" else { return }
    let place = try #require(whole.firstRange(of: Self.numbers(24).withUnsafeBytes { Array($0) })?.lowerBound)
    var changed = whole
    changed[place] ^= 1
    try Data(changed).write(to: URL(fileURLWithPath: path))
    let file = try TensorFile(path)
    let error = #expect(throws: FileError.self) { try file.floats("float32") }
    #expect(error?.reason.contains("is damaged") == true)
  }
}

/// The path of a file of Fixtures.
private func fixture(_ name: String) throws -> String {
  try #require(Bundle.module.path(forResource: "Fixtures/\(name)", ofType: "pth"))
}
