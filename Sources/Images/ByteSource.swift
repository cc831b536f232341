import Foundation

/// The bytes of a file, in memory or on the disk, of which a header's reader takes parts.
final class ByteSource {
  /// For errors.
  let path: String
  /// The file's size in bytes.
  let count: Int
  /// What is in memory: all, or the part that was read last; and its place in the file.
  private var window: [UInt8]
  private var windowStart = 0
  /// The open file; nil where all is in memory.
  private let file: Int32?

  init(_ bytes: [UInt8], path: String) {
    (self.path, count, window, file) = (path, bytes.count, bytes, nil)
  }

  /// - Throws: `.unreadable`.
  init(contentsOf path: String) throws(ImageError) {
    let file = try openPicture(path)
    (self.path, count, window, self.file) = (path, file.size, [], file.descriptor)
  }

  deinit {
    if let file { close(file) }
  }

  /// The bytes of a range, nil where the file ends before its end.
  /// - Throws: `.unreadable`.
  func bytes(_ range: Range<Int>) throws(ImageError) -> ArraySlice<UInt8>? {
    guard range.lowerBound >= 0, range.upperBound <= count else { return nil }
    if range.lowerBound < windowStart || range.upperBound > windowStart + window.count { try load(range) }
    // A file may have become shorter since it was opened.
    guard range.upperBound <= windowStart + window.count else { return nil }
    return window[range.lowerBound - windowStart..<range.upperBound - windowStart]
  }

  /// The number in `size` bytes, at most eight, nil where the file ends before their end.
  /// - Throws: `.unreadable`.
  func number(at offset: Int, size: Int, isLittleEndian: Bool = false) throws(ImageError) -> UInt64? {
    guard let bytes = try bytes(offset..<offset + size) else { return nil }
    return isLittleEndian
      ? bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) } : bytes.reduce(0) { $0 << 8 | UInt64($1) }
  }

  private func load(_ range: Range<Int>) throws(ImageError) {
    guard let file else { return }
    // A header mostly lies in the first 4 KB. What is farther away is the few bytes between parts that are passed over.
    let size = min(max(range.count, range.lowerBound == 0 ? 4096 : 128), count - range.lowerBound)
    var failure: String?
    window = [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
      while filled < size {
        let got = pread(file, buffer.baseAddress! + filled, size - filled, off_t(range.lowerBound + filled))
        if got < 0 && errno == EINTR { continue }
        if got < 0 { failure = String(cString: strerror(errno)) }
        if got <= 0 { break }
        filled += got
      }
    }
    windowStart = range.lowerBound
    if let failure { throw .unreadable(path: path, reason: failure) }
  }
}

/// Opens a file that may be a picture: a regular file of at most 2 GiB. The caller closes it.
/// - Throws: `.unreadable`.
func openPicture(_ path: String) throws(ImageError) -> (descriptor: Int32, size: Int) {
  func failure() -> ImageError { .unreadable(path: path, reason: String(cString: strerror(errno))) }
  // Checked before opening: opening a pipe would wait for ever.
  var status = stat()
  guard stat(path, &status) == 0 else { throw failure() }
  guard status.st_mode & S_IFMT == S_IFREG else {
    throw .unreadable(path: path, reason: "not a regular file")
  }
  let file = open(path, O_RDONLY | O_CLOEXEC)
  guard file >= 0 else { throw failure() }
  guard status.st_size <= Int(Int32.max) else {
    close(file)
    throw .unreadable(path: path, reason: "\(status.st_size) bytes are too many for a picture")
  }
  return (file, Int(status.st_size))
}
