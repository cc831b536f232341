import Files
import Foundation
import PyTorchFiles
import Testing

/// Files that no honest program writes, with their bytes built here. In the older format pickles lie bare.
@Suite struct HostilePickleTests {
  /// The reason that a file of the older format is refused for, whose object is a pickle of these opcodes.
  private func refusal(ofPickle opcodes: [UInt8], storages: [UInt8] = Array("].".utf8)) throws -> String {
    let magic: [UInt8] = [0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]
    let head: [UInt8] =
      [0x80, 2] + magic + Array(".".utf8) + [0x80, 2, 0x4d, 0xe9, 3, 0x2e, 0x80, 2, 0x7d, 0x2e]
    return try refusal(of: head + [0x80, 2] + opcodes + [0x2e, 0x80, 2] + storages)
  }

  private func refusal(of bytes: [UInt8]) throws -> String {
    let folder = try TestFolder()
    let path = "\(folder.path)/hostile.pth"
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let error = #expect(throws: FileError.self) {
      let file = try TensorFile(path)
      for name in file.entries.keys { _ = try file.floats(name) }
    }
    return error?.reason ?? ""
  }

  /// What runs in Python is refused by its name.
  @Test(arguments: [
    ("cposix\nsystem\n(X\u{4}\u{0}\u{0}\u{0}echotR", "posix.system"),
    ("c__builtin__\neval\n(X\u{1}\u{0}\u{0}\u{0}1tR", "__builtin__.eval"),
    ("X\u{2}\u{0}\u{0}\u{0}osX\u{6}\u{0}\u{0}\u{0}system\u{93}", "os.system"),
    ("ctorch\nload\n", "torch.load"), ("ctorch._utils\n_rebuild_qtensor\n", "torch._utils._rebuild_qtensor"),
  ]) func codeIsRefusedByName(_ opcodes: String, _ name: String) throws {
    let reason = try refusal(ofPickle: opcodes.unicodeScalars.map { UInt8($0.value) })
    #expect(reason.contains("asks for \(name)"), "\(reason)")
  }

  @Test(arguments: [
    "ctorch\nFloatStorage\n)R", "K\u{1})R", "K\u{1}}b", "K\u{1}K\u{2}s", "K\u{1}K\u{2}a", "0", "t", "h\u{7}",
    "(((", "o", "i", "}(K\u{1}u", "ccollections\nOrderedDict\n(K\u{1}tR", "K\u{1}Q", "]Q", "\u{8a}\u{ff}",
    "X\u{ff}\u{ff}\u{ff}\u{ff}", "\u{8d}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}\u{ff}", "\u{80}\u{9}", "",
    "]", "K\u{1}", "}", "X\u{1}\u{0}\u{0}\u{0}\u{ff}",
  ]) func nonsenseIsRefused(_ opcodes: String) throws {
    #expect(try !refusal(ofPickle: opcodes.unicodeScalars.map { UInt8($0.value) }).isEmpty)
  }

  /// A million lists, each in the one before: neither reading nor freeing them goes down level by level.
  @Test func depthDoesNotMatter() throws {
    let count = 500_000
    let nested =
      [UInt8](repeating: UInt8(ascii: "]"), count: count)
      + [UInt8](repeating: UInt8(ascii: "a"), count: count - 1)
    #expect(try refusal(ofPickle: nested).contains("holds a list"))
    // A list in itself.
    #expect(try refusal(ofPickle: Array("]q\u{0}h\u{0}a".utf8)).contains("holds a list"))
  }

  @Test func longPicklesAreRefused() throws {
    let long = [UInt8](repeating: UInt8(ascii: ")"), count: (1 << 20) + 1)
    #expect(try refusal(ofPickle: long).contains("more than 1048576 bytes"))
  }

  // MARK: - Tensors that do not lie in their storage

  /// A dictionary of one tensor: a view of a storage of four floats.
  private func tensor(
    offset: Int32 = 0, shape: [Int32], strides: [Int32], storage: Int32 = 4, type: String = "FloatStorage"
  ) -> [UInt8] {
    func number(_ value: Int32) -> [UInt8] { [0x4a] + withUnsafeBytes(of: value.littleEndian) { Array($0) } }
    func text(_ text: String) -> [UInt8] {
      [0x58] + withUnsafeBytes(of: UInt32(text.utf8.count).littleEndian) { Array($0) } + text.utf8
    }
    func tuple(_ numbers: [Int32]) -> [UInt8] { [0x28] + numbers.flatMap(number) + [0x74] }
    let name = [0x28] + text("storage") + Array("ctorch\n\(type)\n".utf8) + text("0") + text("cpu")
    return [0x7d] + text("w") + Array("ctorch._utils\n_rebuild_tensor_v2\n(".utf8) + name + number(storage)
      + [0x4e, 0x74, 0x51] + number(offset) + tuple(shape) + tuple(strides) + [0x89, 0x7d, 0x74, 0x52, 0x73]
  }

  /// The list of the storages, and the storage.
  private func storages(count: UInt64 = 4, bytes: Int = 16) -> [UInt8] {
    Array("]X\u{1}\u{0}\u{0}\u{0}0a.".utf8) + withUnsafeBytes(of: count.littleEndian) { Array($0) }
      + [UInt8](repeating: 0, count: bytes)
  }

  @Test func viewsThatReachOutAreRefused() throws {
    for (offset, shape, strides) in [
      (1, [4], [1]), (-1, [2], [1]), (0, [5], [1]), (0, [2, 2], [1, 1]), (0, [2, 2], [0, 1]), (0, [2], [-1]),
      (0, [Int32.max, Int32.max], [1, 1]), (0, [2, 2], [Int32.max, Int32.max]), (4, [1], [1]), (5, [0], [1]),
      (0, [-1], [1]), (0, [2, 2], [2]), (0, [1, 1, 1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1, 1, 1, 1]),
    ] as [(Int32, [Int32], [Int32])] {
      let reason = try refusal(
        ofPickle: tensor(offset: offset, shape: shape, strides: strides), storages: storages())
      #expect(reason.contains("does not lie in its storage"), "\(offset) \(shape) \(strides): \(reason)")
    }
  }

  @Test func storagesOfOtherSizesAreRefused() throws {
    let four = tensor(shape: [4], strides: [1])
    #expect(try refusal(ofPickle: four, storages: storages(bytes: 15)).contains("cut short"))
    #expect(try refusal(ofPickle: four, storages: storages(count: 5)).contains("has 5 values"))
    #expect(try refusal(ofPickle: four).contains("is missing"))
    #expect(
      try refusal(ofPickle: four, storages: Array("]X\u{1}\u{0}\u{0}\u{0}1a.".utf8)).contains(
        "no tensor is in"))
    let large = tensor(shape: [.max], strides: [1], storage: .max)
    #expect(try refusal(ofPickle: large, storages: storages(count: UInt64(Int32.max))).contains("cut short"))
    #expect(try refusal(ofPickle: tensor(shape: [4], strides: [1], storage: -1)).contains("a way of its own"))
    #expect(
      try refusal(ofPickle: tensor(shape: [4], strides: [1], type: "QInt8Storage")).contains(
        "torch.QInt8Storage"))
  }
}
