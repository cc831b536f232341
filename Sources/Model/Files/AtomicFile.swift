import Foundation

/// A file being written.
struct FileWriter {
  fileprivate let descriptor: Int32
  fileprivate let path: String

  func write(_ data: Data) throws(ModelError) {
    var failure: ModelError?
    data.withUnsafeBytes { bytes in
      do throws(ModelError) { try write(bytes) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(ModelError) {
    var offset = 0
    while offset < bytes.count {
      let written = Foundation.write(descriptor, bytes.baseAddress! + offset, bytes.count - offset)
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else { throw .unwritable(path) }
      offset += written
    }
  }
}

extension ModelError {
  fileprivate static func unwritable(_ path: String) -> ModelError {
    .file(path, "cannot be written: \(String(cString: strerror(errno)))")
  }
}

/// Writes a file beside its name, flushes it to the disk, and renames it.
func writeAtomically(to path: String, _ body: (FileWriter) throws -> Void) throws {
  let temporary = "\(path).\(ProcessInfo.processInfo.processIdentifier).tmp"
  let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
  guard descriptor >= 0 else { throw ModelError.unwritable(path) }
  var isOpen = true
  do {
    try body(FileWriter(descriptor: descriptor, path: path))
    guard fsync(descriptor) == 0 else { throw ModelError.unwritable(path) }
    isOpen = false
    guard close(descriptor) == 0, rename(temporary, path) == 0 else { throw ModelError.unwritable(path) }
  } catch {
    if isOpen { close(descriptor) }
    unlink(temporary)
    throw error
  }
}

/// Writes bytes to a file beside its name, flushes it to the disk, and renames it.
package func writeAtomically(_ data: Data, to path: String) throws(ModelError) {
  do {
    try writeAtomically(to: path) { try $0.write(data) }
  } catch let error as ModelError {
    throw error
  } catch {
    throw .file(path, "cannot be written: \(error)")
  }
}

/// Makes a folder and those above it.
package func makeFolder(_ path: String) throws(ModelError) {
  do {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  } catch {
    throw .file(path, "cannot be made: is a file in the way, or is the disk full or read-only?")
  }
}
