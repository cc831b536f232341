import Foundation

/// A process' right to write a folder: the system's lock on a file in it, which ends with the process, however it ends.
public final class FolderLock: Sendable {
  private let descriptor: Int32

  /// Hidden: it stays when the lock has gone.
  public static let name = ".pix2pix.lock"

  /// Locks a folder, by whatever path it is named.
  ///
  /// - Parameter folder: exists
  /// - Throws: `FileError` when another process has the lock, with its number, or the folder cannot be written
  public init(_ folder: String) throws(FileError) {
    let path = "\(folder)/\(Self.name)"
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
    guard descriptor >= 0 else {
      if errno == ELOOP { throw FileError(path, "is a link, where this program keeps its lock; move it") }
      throw .system(folder, "cannot be written")
    }
    // Other failures mean that the file system has no locks; then there is nothing to hold on to.
    if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
      let owner = (try? RegularFile.contents(path, limit: 20)).flatMap {
        Int(String(decoding: $0, as: UTF8.self))
      }
      close(descriptor)
      throw FileError(
        folder,
        "another process\(owner.map { " (\($0))" } ?? "") is at work in this folder; wait for its end, or name another"
      )
    }
    let text = Array("\(ProcessInfo.processInfo.processIdentifier)".utf8)
    // The number is for people only. What is no number is another program's.
    let held = (try? RegularFile.contents(path, limit: 64)) ?? []
    if held.allSatisfy({ (48...57).contains($0) }), ftruncate(descriptor, 0) == 0 {
      _ = pwrite(descriptor, text, text.count, 0)
    }
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// Whether a process of this machine holds the lock of a folder. It is only looked at: to try it could keep the folder's
  /// owner from it.
  public static func isHeld(_ folder: String) -> Bool {
    var status = stat()
    guard stat("\(folder)/\(name)", &status) == 0,
      let locks = try? String(contentsOfFile: "/proc/locks", encoding: .utf8)
    else { return false }
    // proc(5): number, FLOCK, ADVISORY, WRITE, process, MAJOR:MINOR:INODE; the device's numbers are hexadecimal.
    let inode = ":\(status.st_ino)"
    return locks.split(separator: "\n").contains { line in
      let words = line.split(separator: " ")
      return words.count > 5 && words.contains("FLOCK") && words.contains { $0.hasSuffix(inode) }
    }
  }
}
