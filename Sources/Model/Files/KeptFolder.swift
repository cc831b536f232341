import Files
import Foundation

/// A folder of files that a command makes for itself, and finds again when it goes on. What is there is never replaced: it is
/// either the same or of another command.
struct KeptFolder {
  private let path: String
  private let names: [String]

  /// - Parameter names: of all files
  init(_ path: String, names: [String]) { (self.path, self.names) = (path, names) }

  /// Makes the folder, and the files that are not there.
  ///
  /// - Parameter bytes: a file's content, the same at every call
  /// - Throws: `ModelError.file` for a file of another content, or another file
  func write(_ bytes: (Int) throws -> [UInt8]) throws {
    try makeFolder(path)
    OutputFile.removeLeftovers(in: path)
    let there = Set(try FolderEntries(path).names.filter { !$0.hasPrefix(".") })
    if let other = there.subtracting(names).min() { throw foreign(other) }
    for (index, name) in names.enumerated() {
      let bytes = try bytes(index)
      let file = "\(path)/\(name)"
      if there.contains(name) {
        guard try RegularFile.contents(file) == bytes else { throw foreign(name) }
      } else {
        try OutputFile.write(bytes, to: file)
      }
    }
  }

  private func foreign(_ name: String) -> ModelError {
    .file(
      "\(path)/\(name)",
      "is not of these pictures in these halves (--seed); name another --out, or remove the folder")
  }
}
