import Foundation

/// Opens files that options name.
public enum RegularFile {
  /// Opens a file for reading. A named pipe, a device or a folder is refused, without waiting for one who writes.
  ///
  /// - Returns: the descriptor, which the caller closes, and the size in bytes
  /// - Throws: `FileError` for a file that is not there, is no regular file, or may not be read
  public static func open(_ path: String) throws(FileError) -> (descriptor: Int32, byteCount: Int) {
    let descriptor = Foundation.open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw errno == ENOENT || errno == ENOTDIR
        ? FileError(path, missing: .file) : .system(path, "cannot be read")
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      defer { close(descriptor) }
      throw .system(path, "cannot be read")
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw FileError(
        path, status.st_mode & S_IFMT == S_IFDIR ? "is a folder, not a file" : "is not a regular file")
    }
    return (descriptor, Int(status.st_size))
  }

  /// The bytes of a file, or its first ones.
  ///
  /// - Parameter limit: the most bytes that are read; nil for all
  /// - Throws: the errors of `open(_:)`
  public static func contents(_ path: String, limit: Int? = nil) throws(FileError) -> [UInt8] {
    let (descriptor, byteCount) = try open(path)
    defer { close(descriptor) }
    var failure: FileError?
    let bytes = [UInt8](unsafeUninitializedCapacity: min(byteCount, limit ?? byteCount)) { buffer, filled in
      while filled < buffer.count {
        let count = read(descriptor, buffer.baseAddress! + filled, buffer.count - filled)
        if count < 0 && errno == EINTR { continue }
        if count < 0 { failure = .system(path, "cannot be read") }
        if count <= 0 { break }
        filled += count
      }
    }
    if let failure { throw failure }
    return bytes
  }
}
