import Foundation

/// Writes files so that nothing of the user's is lost: beside their name, flushed to the disk and renamed, so that the name
/// always holds a whole file, the old or the new; and never in the place of a file that this program did not write.
public struct OutputFile {
  /// The files that an output may take the place of.
  public enum Replacing: Sendable {
    /// Those that this program wrote; see `OwnMark`.
    case own
    /// Any regular file: the user said so.
    case any
  }

  public let path: String
  private let descriptor: Int32

  /// Appends bytes.
  ///
  /// - Throws: `FileError` with the system's word
  public func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    var offset = 0
    while offset < bytes.count {
      let count = Foundation.write(descriptor, bytes.baseAddress! + offset, bytes.count - offset)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw .system(path, "cannot be written") }
      offset += count
    }
  }

  /// Writes a file.
  ///
  /// - Parameters:
  ///   - syncsFolder: its folder is flushed, too, so that not even a power cut takes the new file's name
  ///   - body: writes the content; when it throws, the old file remains
  /// - Throws: `FileError` for a file that cannot be written or may not be replaced, and the errors of `body`
  public static func write(
    to path: String, replacing: Replacing = .own, syncsFolder: Bool = true,
    _ body: (OutputFile) throws -> Void
  ) throws {
    let replaces = try existing(path, replacing)
    let temporary = try TemporaryFile(beside: path)
    try body(OutputFile(path: path, descriptor: temporary.descriptor))
    try temporary.take(path, replacing: replaces)
    if syncsFolder { try Self.syncFolder(of: path) }
  }

  /// Writes a file of known content.
  ///
  /// - Throws: `FileError`
  public static func write(
    _ bytes: some Sequence<UInt8>, to path: String, replacing: Replacing = .own, syncsFolder: Bool = true
  ) throws(FileError) {
    let bytes = ContiguousArray(bytes)
    do {
      try write(to: path, replacing: replacing, syncsFolder: syncsFolder) { file in
        var failure: FileError?
        bytes.withUnsafeBytes { bytes in
          do throws(FileError) { try file.write(bytes) } catch { failure = error }
        }
        if let failure { throw failure }
      }
    } catch let error as FileError {
      throw error
    } catch {
      preconditionFailure("the content throws nothing else: \(error)")
    }
  }

  /// Removes a file of this program's that is no longer needed, if it is still there. Another program's of that name stays.
  ///
  /// - Throws: `FileError` for one that cannot be removed
  public static func remove(_ path: String) throws(FileError) {
    guard (try? existing(path, .own)) == true else { return }
    guard unlink(path) == 0 || errno == ENOENT else { throw .system(path, "cannot be removed") }
  }

  // MARK: - What is there

  /// Why a file may not be written, before anything has taken time: see `write`.
  ///
  /// - Parameters:
  ///   - inputs: files that the command reads, which are not replaced unless any file may be
  ///   - option: the option that names them
  ///   - output: the option that names the output
  /// - Throws: `FileError`
  public static func check(
    _ path: String, replacing: Replacing = .own, inputs: Set<FileIdentity> = [],
    of option: String = "--input",
    output: String = "--out"
  ) throws(FileError) {
    if replacing == .own, let identity = FileIdentity(path), inputs.contains(identity) {
      throw FileError(
        path,
        "is read by \(option), and \(output) would replace it; name another \(output), or add --overwrite")
    }
    _ = try existing(path, replacing)
  }

  /// Whether there is a file that may be replaced.
  ///
  /// - Throws: `FileError` for one that may not
  private static func existing(_ path: String, _ replacing: Replacing) throws(FileError) -> Bool {
    var status = stat()
    guard lstat(path, &status) == 0 else {
      if errno == ENOENT { return false }
      if errno == ENOTDIR {
        throw FileError(folder(of: path), "is no folder; name another, or move what is there")
      }
      throw .system(path, "cannot be written")
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    // The link would be replaced, not the file behind it.
    case S_IFLNK where replacing == .any: return true
    case S_IFLNK:
      throw FileError(path, "is a link that this program did not make; move it, or add --overwrite")
    case S_IFDIR: throw FileError(path, "is a folder, where a file is to be written; move it")
    default: throw FileError(path, "is not a regular file, and would be replaced by one; name another")
    }
    // In an empty file there is nothing to lose; a crash or a full disk may leave one.
    if replacing == .any || status.st_size == 0 { return true }
    let beginning = try RegularFile.contents(path, limit: OwnMark.length)
    guard OwnMark.isIn(beginning, of: path) else {
      throw FileError(
        path,
        "was not written by this program and would be replaced; move it, name another --out, or add --overwrite"
      )
    }
    return true
  }

  /// Flushes a folder's entries. File systems that cannot are left alone.
  static func syncFolder(of path: String) throws(FileError) {
    let descriptor = open(folder(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else {
      // A folder may be written and not read.
      if errno == EACCES { return }
      throw .system(path, "cannot be flushed to the disk")
    }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP else {
      throw .system(path, "cannot be flushed to the disk")
    }
  }

  /// The folder of a file, "." where the path names none.
  public static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}
