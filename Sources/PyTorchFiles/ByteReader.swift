/// Little-endian numbers of a byte array, in their order.
struct ByteReader {
  let bytes: [UInt8]
  private(set) var offset: Int

  init(_ bytes: [UInt8], from offset: Int = 0) { (self.bytes, self.offset) = (bytes, offset) }

  /// The next `count` bytes; nil where there are fewer.
  mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
    guard count >= 0, count <= bytes.count - offset else { return nil }
    defer { offset += count }
    return bytes[offset..<offset + count]
  }

  /// The next number; nil where there are fewer bytes.
  mutating func number<T: FixedWidthInteger>(_ type: T.Type) -> T? {
    guard let taken = take(MemoryLayout<T>.size) else { return nil }
    return T(littleEndian: taken.withUnsafeBytes { $0.loadUnaligned(as: T.self) })
  }

  /// The bytes up to the next line feed, which is passed.
  mutating func line() -> ArraySlice<UInt8>? {
    guard let end = bytes[offset...].firstIndex(of: UInt8(ascii: "\n")) else { return nil }
    defer { offset = end + 1 }
    return bytes[offset..<end]
  }
}
