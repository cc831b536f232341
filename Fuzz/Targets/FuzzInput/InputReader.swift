/// Takes values off an input, from its beginning; zeros behind its end.
public struct InputReader {
  private var rest: UnsafeRawBufferPointer.SubSequence

  public init(_ bytes: UnsafeRawBufferPointer) { rest = bytes[...] }

  public mutating func byte() -> Int { Int(rest.popFirst() ?? 0) }

  /// 1 to `most`.
  public mutating func size(_ most: Int) -> Int { 1 + (byte() << 8 | byte()) % most }

  public mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(byte()) } }

  /// All that is left.
  public mutating func remaining() -> [UInt8] {
    defer { rest = rest.suffix(0) }
    return Array(rest)
  }
}
