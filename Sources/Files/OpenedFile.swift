import Foundation

/// A file being read, a range of bytes at a time. It stays the opened file, even if another takes its name.
public final class OpenedFile: Sendable {
  public let byteCount: Int
  public let path: String
  private let descriptor: Int32

  /// - Throws: the errors of `RegularFile.open`
  public init(_ path: String) throws(FileError) {
    (descriptor, byteCount) = try RegularFile.open(path)
    self.path = path
  }

  deinit { close(descriptor) }

  /// The values in a range of bytes of any alignment, as they lie in memory.
  ///
  /// - Throws: `FileError` when the file is shorter than the range, or the disk fails
  public func read<T: BitwiseCopyable>(_ range: Range<Int>, as type: T.Type) throws(FileError) -> [T] {
    var offset = 0
    let values = [T](unsafeUninitializedCapacity: range.count / MemoryLayout<T>.size) { buffer, initialized in
      let memory = UnsafeMutableRawBufferPointer(buffer)
      while offset < memory.count, let base = memory.baseAddress {
        let count = pread(
          descriptor, base + offset, memory.count - offset, off_t(range.lowerBound + offset))
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { break }
        offset += count
      }
      initialized = offset / MemoryLayout<T>.size
    }
    guard offset == values.count * MemoryLayout<T>.size, values.count == range.count / MemoryLayout<T>.size
    else { throw FileError(path, "cannot be read: it was cut short or the disk fails") }
    return values
  }
}
