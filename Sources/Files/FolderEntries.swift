import Foundation

/// The entries of a folder.
public struct FolderEntries: Sendable {
  /// Names, sorted, without "." and "..".
  public let names: [String]
  /// Names that are no UTF-8, which no path of this program can hold, with their other bytes written as \xNN.
  public let unnameable: [String]

  /// - Throws: `FileError` for a folder that is not there or may not be read
  public init(_ folder: String) throws(FileError) {
    guard let directory = opendir(folder) else { throw .system(folder, "cannot be read") }
    defer { closedir(directory) }
    guard let offset = MemoryLayout<dirent>.offset(of: \.d_name) else {
      preconditionFailure("an entry has a name")
    }
    var (names, unnameable): ([String], [String]) = ([], [])
    while true {
      errno = 0
      guard let entry = readdir(directory) else {
        if errno != 0 { throw .system(folder, "cannot be read") }
        break
      }
      let start = UnsafeRawPointer(entry) + offset
      let bytes = UnsafeRawBufferPointer(
        start: start, count: strlen(start.assumingMemoryBound(to: CChar.self)))
      if bytes.elementsEqual(".".utf8) || bytes.elementsEqual("..".utf8) { continue }
      if let name = String(validating: bytes, as: UTF8.self) {
        names.append(name)
      } else {
        unnameable.append(Self.escaped(bytes))
      }
    }
    self.names = names.sorted()
    self.unnameable = unnameable.sorted()
  }

  /// The text of bytes that are no UTF-8.
  public static func escaped(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { byte in
      (0x20..<0x7f).contains(byte)
        ? String(UnicodeScalar(byte)) : "\\x" + String(Int(byte) + 0x100, radix: 16).dropFirst()
    }.joined()
  }
}
