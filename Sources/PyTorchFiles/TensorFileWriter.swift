import CZlib
import Files
import Foundation

extension TensorFile {
  /// A tensor to be written; its values are asked for when their turn comes.
  public struct Source {
    public enum Values {
      case float32([Float])
      case int64([Int64])
    }

    let name: String
    let shape: [Int]
    let type: ElementType
    let values: () throws -> Values

    /// - Parameter values: row-major, as many as the shape says
    public init(_ name: String, _ shape: [Int], float32 values: @escaping () throws -> [Float]) {
      (self.name, self.shape, type) = (name, shape, .float32)
      self.values = { .float32(try values()) }
    }

    public init(_ name: String, scalar: Int64) {
      (self.name, shape, type) = (name, [], .int64)
      values = { .int64([scalar]) }
    }

    var count: Int { shape.reduce(1, *) }
  }

  /// Writes a state_dict as `torch.save` does, an OrderedDict in a zip archive, which
  /// `torch.load(weights_only=True)` reads.
  ///
  /// - Parameter tensors: in the order of the dictionary
  /// - Throws: `FileError` when the file cannot be written or another program's is there, and a source's errors; the old file
  ///   remains
  public static func write(
    _ tensors: [Source], to path: String, replacing: OutputFile.Replacing = .own
  ) throws {
    try OutputFile.write(to: path, replacing: replacing) { file in
      var archive = ZipWriter(file)
      // PyTorch leaves entries alone that it does not know.
      try archive.add("generator", Array(OwnMark.checkpoint.utf8))
      try archive.add("data.pkl", Pickler.stateDictionary(tensors))
      try archive.add("byteorder", Array("little".utf8))
      for (index, tensor) in tensors.enumerated() {
        let bytes: [UInt8]
        switch try tensor.values() {
        case .float32(let values): bytes = values.withUnsafeBytes { Array($0) }
        case .int64(let values): bytes = values.withUnsafeBytes { Array($0) }
        }
        precondition(bytes.count == tensor.count * tensor.type.byteCount, "\(tensor.name) has other values")
        try archive.add("data/\(index)", bytes)
      }
      try archive.add("version", Array("3\n".utf8))
      try archive.end()
    }
  }
}

/// Writes a pickle of protocol 2.
private struct Pickler {
  private var bytes: [UInt8] = [0x80, 2]

  /// An OrderedDict of tensors, each with a storage of its own, whose key is its number.
  static func stateDictionary(_ tensors: [TensorFile.Source]) -> [UInt8] {
    var pickler = Pickler()
    pickler.emptyDictionary()
    pickler.add("(")
    for (index, tensor) in tensors.enumerated() {
      pickler.text(tensor.name)
      pickler.tensor(tensor, key: "\(index)")
    }
    pickler.add("u.")
    return pickler.bytes
  }

  /// Opcodes and lines.
  private mutating func add(_ text: String) { bytes += text.utf8 }

  private mutating func emptyDictionary() { add("ccollections\nOrderedDict\n)R") }

  private mutating func text(_ text: String) {
    add("X")
    append(UInt32(text.utf8.count))
    add(text)
  }

  private mutating func integer(_ value: Int) {
    if let value = Int32(exactly: value) {
      add("J")
      append(value)
    } else {
      bytes += [0x8a, 8]
      append(value)
    }
  }

  private mutating func append(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
  }

  /// `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks)`
  private mutating func tensor(_ tensor: TensorFile.Source, key: String) {
    add("ctorch._utils\n_rebuild_tensor_v2\n((")
    text("storage")
    add("ctorch\n\(tensor.type.rawValue)\n")
    text(key)
    text("cpu")
    integer(tensor.count)
    add("tQ")
    integer(0)
    var stride = tensor.count
    let strides = tensor.shape.map { size in
      stride = size == 0 ? 0 : stride / size
      return stride
    }
    for numbers in [tensor.shape, strides] {
      add("(")
      for number in numbers { integer(number) }
      add("t")
    }
    bytes.append(0x89)
    emptyDictionary()
    add("tR")
  }
}

/// Writes a zip archive of stored entries in one folder, whose bytes begin at multiples of 64 as in PyTorch's.
private struct ZipWriter {
  private let file: OutputFile
  private var offset = 0
  private var list: [UInt8] = []
  private var count = 0
  private static let alignment = 64

  init(_ file: OutputFile) { self.file = file }

  mutating func add(_ name: String, _ content: [UInt8]) throws {
    let name = Array("archive/\(name)".utf8)
    guard offset + content.count < Int(UInt32.max) - 4096, count < Int(UInt16.max) else {
      throw FileError(file.path, "would have more than 4 GiB, which its format does not hold")
    }
    // An extra field of a number that no program knows fills up to the next multiple; its head takes four bytes.
    let start = offset + 30 + name.count + 4
    let filling = (Self.alignment - start % Self.alignment) % Self.alignment
    let sum = content.withUnsafeBufferPointer {
      UInt32(truncatingIfNeeded: crc32_z(0, $0.baseAddress, $0.count))
    }
    var common: [UInt8] = []
    // Version, flags (names are UTF-8), method 0, no time, and the first day of the format, so that equal models are equal files.
    common.append(numbers: [20, 0x800, 0, 0, 0x21] as [UInt16])
    common.append(numbers: [sum, UInt32(content.count), UInt32(content.count)])
    common.append(numbers: [UInt16(name.count)])
    var header = Array("PK\u{3}\u{4}".utf8) + common
    header.append(numbers: [UInt16(4 + filling)])
    header += name
    header.append(numbers: [0x4246, UInt16(filling)] as [UInt16])
    header += [UInt8](repeating: 0, count: filling)

    list += Array("PK\u{1}\u{2}".utf8)
    list.append(numbers: [20] as [UInt16])
    list += common
    // No extra field and comment, disk 0, no attributes.
    list.append(numbers: [0, 0, 0, 0, 0, 0] as [UInt16])
    list.append(numbers: [UInt32(offset)])
    list += name
    try header.withUnsafeBytes { try file.write($0) }
    try content.withUnsafeBytes { try file.write($0) }
    offset += header.count + content.count
    count += 1
  }

  /// Writes the list of the entries.
  mutating func end() throws {
    var end = list + Array("PK\u{5}\u{6}".utf8)
    end.append(numbers: [0, 0, UInt16(count), UInt16(count)])
    end.append(numbers: [UInt32(list.count), UInt32(offset)])
    end.append(numbers: [0] as [UInt16])
    try end.withUnsafeBytes { try file.write($0) }
  }
}

extension [UInt8] {
  /// Appends numbers in little-endian order.
  fileprivate mutating func append(numbers: [some FixedWidthInteger]) {
    for number in numbers { Swift.withUnsafeBytes(of: number.littleEndian) { self += $0 } }
  }
}
