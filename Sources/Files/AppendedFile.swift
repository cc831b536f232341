import Foundation

/// A file that grows by lines, or by records of bytes. Those that could not be written, or not be flushed, are kept and written
/// again with the next.
public final class AppendedFile {
  private let path: String
  private var descriptor: Int32 = -1
  /// Bytes from the file's start that have been flushed.
  private var flushedCount: Int
  /// What follows them, whether it has come into the file or not.
  private var unflushed: [UInt8] = []
  /// Whether all of it has come into the file.
  private var isWritten = true

  /// Unflushed bytes are held in memory: with so many, the file is flushed unasked.
  private static let mostUnflushed = 1 << 14

  /// Writes a file with a first content, in the place of one that this program wrote.
  ///
  /// - Throws: `FileError`
  public init(_ path: String, beginning: [UInt8], replacing: OutputFile.Replacing = .own) throws(FileError) {
    self.path = path
    flushedCount = beginning.count
    try OutputFile.write(beginning, to: path, replacing: replacing)
    descriptor = open(path, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system(path, "cannot be written") }
  }

  /// The same of whole lines.
  public convenience init(
    _ path: String, beginning: String, replacing: OutputFile.Replacing = .own
  ) throws(FileError) {
    try self.init(path, beginning: Array(beginning.utf8), replacing: replacing)
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Appends a line.
  ///
  /// - Throws: `FileError` when the line is not in the file yet
  public func append(_ line: String) throws(FileError) { try append(Array("\(line)\n".utf8)) }

  /// Appends a record.
  ///
  /// - Throws: `FileError` when the record is not in the file yet
  public func append(_ record: [UInt8]) throws(FileError) {
    let start = unflushed.count
    unflushed += record
    if isWritten { try write(from: start) } else { try writeAgain() }
    if unflushed.count >= Self.mostUnflushed { try flush() }
  }

  /// Makes what was appended outlive a power cut.
  ///
  /// - Throws: `FileError` when they may not
  public func flush() throws(FileError) {
    guard !unflushed.isEmpty else { return }
    if !isWritten { try writeAgain() }
    guard fsync(descriptor) == 0 else {
      // What the system has dropped is not known.
      isWritten = false
      throw .system(path, "cannot be written")
    }
    flushedCount += unflushed.count
    unflushed.removeAll(keepingCapacity: true)
  }

  /// Half a line or record may be there.
  private func writeAgain() throws(FileError) {
    guard ftruncate(descriptor, off_t(flushedCount)) == 0 else { throw .system(path, "cannot be written") }
    try write(from: 0)
  }

  /// Writes the unflushed bytes from one on.
  private func write(from start: Int) throws(FileError) {
    isWritten = false
    var offset = start
    while offset < unflushed.count {
      let count = unflushed.withUnsafeBytes { bytes in
        pwrite(descriptor, bytes.baseAddress! + offset, bytes.count - offset, off_t(flushedCount + offset))
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw .system(path, "cannot be written") }
      offset += count
    }
    isWritten = true
  }
}
