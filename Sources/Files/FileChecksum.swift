import CZlib
import Foundation

/// What tells one file's content from another's, though not from one made to deceive.
public enum FileChecksum {
  /// The size in bytes and the CRC-32, as text.
  ///
  /// - Throws: `FileError` for a file that cannot be read
  public static func text(_ path: String) throws(FileError) -> String {
    let (descriptor, byteCount) = try RegularFile.open(path)
    defer { close(descriptor) }
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    var sum: UInt = 0
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw .system(path, "cannot be read") }
      if count == 0 { break }
      sum = crc32_z(sum, buffer, count)
    }
    return "\(byteCount) bytes, CRC-32 \(String(sum, radix: 16))"
  }
}
