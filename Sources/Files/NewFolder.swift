import Foundation

/// Makes folders that a power cut does not take.
public enum NewFolder {
  /// Makes a folder and those above it, where they are not there, and flushes the entry of each that it made: files that
  /// are flushed in a folder whose own entry is lost are lost, too.
  ///
  /// - Throws: `FileError` with the system's word
  public static func make(_ path: String) throws(FileError) {
    guard !isFolder(path) else { return }
    let path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    let above = OutputFile.folder(of: path)
    if above != path { try make(above) }
    guard mkdir(path, 0o777) == 0 else {
      // Another process may have made it in the meantime.
      if errno == EEXIST, isFolder(path) { return }
      throw .system(path, "cannot be made")
    }
    try OutputFile.syncFolder(of: path)
  }

  private static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }
}
