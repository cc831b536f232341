import Foundation

/// A file as the system knows it, whatever its path: two paths with equal identities are one file.
public struct FileIdentity: Sendable, Hashable {
  private let device: UInt64
  private let inode: UInt64

  /// The file behind a path, links followed; nil where there is none.
  public init?(_ path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    self.init(status)
  }

  init(_ status: stat) {
    (device, inode) = (UInt64(status.st_dev), UInt64(status.st_ino))
  }
}

/// A state of a file: another one when its content was replaced or written.
public struct FileStamp: Sendable, Hashable {
  private let identity: FileIdentity
  private let size: Int
  private let seconds: Int
  private let nanoseconds: Int

  /// Nil where there is no such file.
  public init?(_ path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    identity = FileIdentity(status)
    (size, seconds, nanoseconds) = (
      Int(status.st_size), Int(status.st_mtim.tv_sec), Int(status.st_mtim.tv_nsec)
    )
  }
}
