import Foundation

/// A path that an option names and that leads nowhere.
public enum MissingPath {
  /// What should have been there.
  public enum Kind: Sendable {
    case file, folder, either

    fileprivate var name: String {
      switch self {
      case .file: "file"
      case .folder: "folder"
      case .either: "file or folder"
      }
    }
  }

  /// The reason of an error, with what is there and may have been meant.
  public static func reason(_ path: String, _ kind: Kind) -> String {
    "no such \(kind.name)\(nearest(to: path, kind).map { "; did you mean \($0)?" } ?? "")"
  }

  /// What is there under the nearest name, in the nearest folder above the path that exists; nil where no name is near.
  public static func nearest(to path: String, _ kind: Kind) -> String? {
    var (missing, kind) = (path, kind)
    while missing.count > 1, missing.hasSuffix("/") { missing.removeLast() }
    while !isFolder(OutputFile.folder(of: missing)) {
      let above = OutputFile.folder(of: missing)
      guard above != ".", above != "/" else { return nil }
      // Only a folder has anything in it.
      (missing, kind) = (above, .folder)
    }
    let name = missing.lastIndex(of: "/").map { String(missing[missing.index(after: $0)...]) } ?? missing
    let before = missing.dropLast(name.count)
    let entries = (try? FolderEntries(OutputFile.folder(of: missing)).names) ?? []
    return NearestName.near(name, among: entries.filter { !$0.hasPrefix(".") || name.hasPrefix(".") })
      .map { before + $0 }.first { fits($0, kind) }
  }

  private static func fits(_ path: String, _ kind: Kind) -> Bool {
    switch kind {
    case .file: FileManager.default.fileExists(atPath: path) && !isFolder(path)
    case .folder: isFolder(path)
    case .either: FileManager.default.fileExists(atPath: path)
    }
  }

  private static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
  }
}
