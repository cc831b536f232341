import Files
import Foundation

/// The pictures directly in a folder: files ending in png, jpg, jpeg, jfif, jpe or npy (any case) that are not hidden. The
/// rest is left out, and said.
public struct PictureFolder: Sendable {
  /// The extensions of pictures, in lower case.
  public static let extensions = ["png", "jpg", "jpeg", "jfif", "jpe", "npy"]
  /// The same for error messages.
  public static let extensionList = extensions.joined(separator: ", ")

  public let path: String
  /// Paths, in the order of names.
  public let pictures: [String]
  /// Pictures that no path can name, their names escaped; see `FolderEntries.unnameable`.
  public let unnameable: [String]
  /// A line about the files and folders that are left out; nil where there are none.
  public let leftOut: String?

  /// - Parameter subfolders: folders in it that are read for themselves, in lower case
  /// - Throws: `.noPairs` when the folder is missing or not a folder, `.file` when it cannot be read
  public init(_ path: String, subfolders: Set<String> = []) throws(ImageError) {
    guard Self.exists(path) else { throw .noPairs(folder: path, reason: Self.missing(path)) }
    let entries: FolderEntries
    do { entries = try FolderEntries(path) } catch { throw .file(error) }
    var (pictures, others, folders): ([String], [String], [String]) = ([], [], [])
    for name in entries.names where !name.hasPrefix(".") && !Self.systemNames.contains(name.lowercased()) {
      let isPicture = Self.isPicture(name)
      // Only a file's name says that it is a picture: a folder is rare, and asking for each file takes time.
      if !isPicture, Self.exists("\(path)/\(name)") {
        if !subfolders.contains(name.lowercased()) { folders.append(name) }
      } else if isPicture {
        pictures.append("\(path)/\(name)")
      } else {
        others.append(name)
      }
    }
    self.path = path
    self.pictures = pictures
    unnameable = entries.unnameable.filter(Self.isPicture)
    leftOut = Self.leftOut(path, others, folders)
  }

  /// What other programs and systems leave in folders of pictures.
  private static let systemNames: Set = ["thumbs.db", "desktop.ini", "@eadir", "__macosx", "lost+found"]

  private static func leftOut(_ path: String, _ files: [String], _ folders: [String]) -> String? {
    var parts: [String] = []
    if !files.isEmpty {
      let endings = Dictionary(grouping: files) { ($0 as NSString).pathExtension.lowercased() }
        .map { ending, names in
          (count: names.count, text: ending.isEmpty ? "without an ending" : ".\(ending)")
        }
        .sorted { ($1.count, $0.text) < ($0.count, $1.text) }
      let list = endings.prefix(6).map { "\($0.count) \($0.text)" } + (endings.count > 6 ? ["..."] : [])
      parts.append(
        "\(files.count) \(files.count == 1 ? "file is" : "files are") left out (\(list.joined(separator: ", ")))"
      )
    }
    if !folders.isEmpty {
      let list = folders.prefix(6).joined(separator: ", ") + (folders.count > 6 ? ", ..." : "")
      parts.append(
        folders.count == 1
          ? "the subfolder \(list) is not looked into"
          : "\(folders.count) subfolders are not looked into (\(list))")
    }
    return parts.isEmpty ? nil : "\(path): \(parts.joined(separator: "; ")); pictures are \(extensionList)"
  }

  /// The rule for names of all commands: files belong together whose names are equal but for case and extension.
  public static func stem(_ path: String) -> String {
    ((path as NSString).lastPathComponent as NSString).deletingPathExtension
  }

  /// What files that belong together have in common.
  package static func key(_ path: String) -> String { stem(path).lowercased() }

  /// Whether two files are one pair's, by the rule for names.
  public static func belong(together a: String, _ b: String) -> Bool { key(a) == key(b) }

  /// The errors of `unnameable`, one each.
  public var unnameableErrors: [ImageError] { unnameable.map { .unnameable(folder: path, names: [$0]) } }

  /// Pictures by the names that belong together.
  ///
  /// - Throws: `.ambiguous` for two of one name
  public func byName() throws(ImageError) -> PicturesByName {
    let groups = Dictionary(grouping: pictures, by: Self.key)
    let shared = groups.values.filter { $0.count > 1 }.flatMap {
      $0.map { ($0 as NSString).lastPathComponent }
    }
    guard shared.isEmpty else { throw .ambiguous(folder: path, names: shared.sorted()) }
    return PicturesByName(groups.mapValues { $0[0] })
  }

  // MARK: - Folders

  private static func isPicture(_ name: String) -> Bool {
    extensions.contains((name as NSString).pathExtension.lowercased())
  }

  /// Whether there is a folder.
  public static func exists(_ path: String) -> Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
  }

  /// The folder in a folder whose name is equal but for case; nil where there is none.
  ///
  /// - Throws: `.ambiguous` for two of them, of which none has the very name; `.file` when the folder cannot be read
  package static func subfolder(_ name: String, of folder: String) throws(ImageError) -> String? {
    let path = "\(folder)/\(name)"
    if exists(path) { return path }
    guard exists(folder) else { return nil }
    let entries: FolderEntries
    do { entries = try FolderEntries(folder) } catch { throw .file(error) }
    let found = entries.names.filter { $0.lowercased() == name.lowercased() && exists("\(folder)/\($0)") }
    guard found.count <= 1 else { throw .ambiguous(folder: folder, names: found) }
    return found.first.map { "\(folder)/\($0)" }
  }

  static func missing(_ path: String) -> String {
    FileManager.default.fileExists(atPath: path) ? "is not a folder" : MissingPath.reason(path, .folder)
  }
}

/// The pictures of a folder, to be found by the name of another file.
public struct PicturesByName: Sendable {
  let paths: [String: String]

  init(_ paths: [String: String]) { self.paths = paths }

  /// The picture whose name is equal but for case and extension.
  public subscript(of path: String) -> String? { paths[PictureFolder.key(path)] }

  subscript(ofStem stem: String) -> String? { paths[stem.lowercased()] }
}
