import Foundation

/// A file in memory, for readers that open a path.
public final class MemoryFile: Sendable {
  public let path: String
  private let descriptor: Int32

  public init() {
    var name = Array("/dev/shm/pix2pix-fuzz-XXXXXX".utf8CString)
    descriptor = mkstemp(&name)
    precondition(descriptor >= 0, "no file in /dev/shm")
    unlink(name)
    path = "/proc/self/fd/\(descriptor)"
  }

  deinit { close(descriptor) }

  /// Gives the file this content, and no other.
  public func fill(_ bytes: some ContiguousBytes) {
    bytes.withUnsafeBytes { bytes in
      let isWritten =
        ftruncate(descriptor, off_t(bytes.count)) == 0
        && (bytes.isEmpty || pwrite(descriptor, bytes.baseAddress, bytes.count, 0) == bytes.count)
      precondition(isWritten, "/dev/shm is full")
    }
  }
}
