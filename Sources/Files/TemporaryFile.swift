import Foundation

/// A file that is being written under a name of its own, which is short, so that every name that the file system takes can
/// be written, and hidden, so that readers of the folder do not take it for a picture. The system's lock on it says that a
/// process is at work on it; a killed process' lock is gone.
final class TemporaryFile {
  let descriptor: Int32
  private let path: String
  private let output: String
  private var isThere = true

  private static let prefix = ".pix2pix-"
  private static let suffix = ".tmp"

  /// - Throws: `FileError` that names `output`
  init(beside output: String) throws(FileError) {
    let folder = OutputFile.folder(of: output)
    while true {
      let number = String(UInt64.random(in: 0 ... .max), radix: 16)
      let path = "\(folder)/\(Self.prefix)\(number)\(Self.suffix)"
      let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      guard descriptor >= 0 else {
        if errno == EEXIST { continue }
        throw .system(output, "cannot be written")
      }
      // Where the file system has no locks, nobody can take the file for a dead one's either.
      var status = stat()
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0, fstat(descriptor, &status) == 0, status.st_nlink == 0 {
        // One who cleaned up came between its making and its lock.
        close(descriptor)
        continue
      }
      (self.descriptor, self.path, self.output) = (descriptor, path, output)
      return
    }
  }

  deinit {
    close(descriptor)
    if isThere { unlink(path) }
  }

  /// Flushes the file and gives it its name.
  ///
  /// - Parameter replaces: there is a file of that name
  /// - Throws: `FileError`; a file that was there remains
  func take(_ name: String, replacing replaces: Bool) throws(FileError) {
    guard fsync(descriptor) == 0 else { throw .system(output, "cannot be written") }
    // A link never replaces a file that came to be in the meantime, as renaming would.
    if !replaces {
      if link(path, name) == 0 { return }
      switch errno {
      // File systems without links.
      case EPERM, ENOTSUP, EMLINK, ENOSYS: break
      case EEXIST: throw FileError(output, "was made by another program in the meantime; it is left as it is")
      default: throw .system(output, "cannot be written")
      }
    }
    guard rename(path, name) == 0 else { throw .system(output, "cannot be written") }
    isThere = false
  }

  /// Removes what killed processes of this program left half-written in a folder.
  static func removeLeftovers(in folder: String) {
    for name in (try? FolderEntries(folder).names) ?? [] where isOwn(name) {
      let path = "\(folder)/\(name)"
      let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
      guard descriptor >= 0 else { continue }
      defer { close(descriptor) }
      var status = stat()
      guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { unlink(path) }
    }
  }

  private static func isOwn(_ name: String) -> Bool {
    guard name.hasPrefix(prefix), name.hasSuffix(suffix) else { return false }
    let number = name.dropFirst(prefix.count).dropLast(suffix.count)
    return (1...16).contains(number.count) && number.allSatisfy { $0.isHexDigit && !$0.isUppercase }
  }
}

extension OutputFile {
  /// Removes what killed processes of this program left half-written in a folder; a file that another process is at work on
  /// stays.
  public static func removeLeftovers(in folder: String) { TemporaryFile.removeLeftovers(in: folder) }
}
