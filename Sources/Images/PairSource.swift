import Foundation

/// Pairs of pictures in folders, in the order of their names.
///
/// Understood are one folder of side-by-side pictures (A left, B right), or two folders whose pictures are
/// matched by name whatever their extensions: `A` and `B` in the data folder, or two folders given by name. Each
/// with `train`, `val` or `test` above or below, or without.
public struct PairSource: Sendable {
  /// Which part of a data set.
  public enum Split: Sendable {
    case train
    /// The folder `val`, or `test` where there is no `val`.
    case validation

    fileprivate var folders: [String] { self == .train ? ["train"] : ["val", "test"] }
  }

  /// Where one pair lies.
  public enum Pair: Sendable, Equatable {
    case sideBySide(String)
    case separate(a: String, b: String)
  }

  /// Empty for a validation split that is not there.
  public let pairs: [Pair]
  /// B is the input and A the target.
  public let reversed: Bool

  /// Looks through the folders; no picture is opened.
  ///
  /// - Parameters:
  ///   - directory: the data folder, or the folder of A where `targets` is given
  ///   - targets: the folder of B
  ///   - reversed: from B to A
  /// - Throws: `ImageError` when a folder is missing or holds no pictures, or pictures have no partner.
  public init(_ directory: String, targets: String? = nil, split: Split, reversed: Bool = false)
    throws(ImageError)
  {
    self.reversed = reversed
    for folder in [directory, targets].compactMap({ $0 }) where !Self.isFolder(folder) {
      throw ImageError(folder, "no such folder")
    }
    if let targets {
      let folders = split.folders.first { Self.isFolder("\(directory)/\($0)") }
      guard folders != nil || split == .train else {
        pairs = []
        return
      }
      func part(_ folder: String) -> String { folders.map { "\(folder)/\($0)" } ?? folder }
      pairs = try Self.match(part(directory), part(targets))
    } else if let (a, b) = Self.separateFolders(directory, split) {
      pairs = try Self.match(a, b)
    } else if let folder = Self.sideBySideFolder(directory, split) {
      pairs = try Self.pictures(folder).map { .sideBySide("\(folder)/\($0)") }
    } else if split == .validation {
      pairs = []
    } else {
      throw ImageError(
        directory,
        "holds no pairs; looked for side-by-side pictures (png, jpg) in it or in train/, and for folders A and B in it, in train/, or with train/ in each"
      )
    }
  }

  private static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
  }

  /// DIR/A/train and DIR/B/train, DIR/train/A and DIR/train/B, or DIR/A and DIR/B.
  private static func separateFolders(_ directory: String, _ split: Split) -> (String, String)? {
    for name in split.folders {
      for (a, b) in [
        ("\(directory)/A/\(name)", "\(directory)/B/\(name)"),
        ("\(directory)/\(name)/A", "\(directory)/\(name)/B"),
      ] where isFolder(a) && isFolder(b) {
        return (a, b)
      }
    }
    let (a, b) = ("\(directory)/A", "\(directory)/B")
    return split == .train && isFolder(a) && isFolder(b) ? (a, b) : nil
  }

  private static func sideBySideFolder(_ directory: String, _ split: Split) -> String? {
    for name in split.folders where isFolder("\(directory)/\(name)") { return "\(directory)/\(name)" }
    let hasPictures = (try? pictures(directory)).map { !$0.isEmpty } ?? false
    return split == .train && hasPictures ? directory : nil
  }

  /// File names of the pictures in a folder, sorted; hidden files and other extensions are passed over.
  public static func pictures(_ folder: String) throws(ImageError) -> [String] {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: folder)
    } catch {
      throw ImageError(folder, "cannot be read")
    }
    let pictures = names.filter {
      !$0.hasPrefix(".") && Picture.extensions.contains(($0 as NSString).pathExtension.lowercased())
    }
    guard !pictures.isEmpty else { throw ImageError(folder, "holds no pictures (png, jpg, jpeg)") }
    // By bytes, so that the order is the same on every machine.
    return pictures.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  private static func match(_ a: String, _ b: String) throws(ImageError) -> [Pair] {
    for folder in [a, b] where !isFolder(folder) { throw ImageError(folder, "no such folder") }
    func byStem(_ folder: String) throws(ImageError) -> [String: String] {
      var result: [String: String] = [:]
      for name in try pictures(folder) {
        let stem = (name as NSString).deletingPathExtension
        if let other = result[stem] { throw ImageError(folder, "\(other) and \(name) have the same name") }
        result[stem] = name
      }
      return result
    }
    let (left, right) = (try byStem(a), try byStem(b))
    let alone =
      left.filter { right[$0.key] == nil }.map { "\(a)/\($0.value)" }
      + right.filter { left[$0.key] == nil }.map { "\(b)/\($0.value)" }
    guard alone.isEmpty else {
      let shown = alone.sorted().prefix(10).joined(separator: ", ")
      let rest = alone.count > 10 ? " and \(alone.count - 10) more" : ""
      throw ImageError(a, "\(alone.count) pictures have no partner of the same name: \(shown)\(rest)")
    }
    return left.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map {
      .separate(a: "\(a)/\(left[$0] ?? "")", b: "\(b)/\(right[$0] ?? "")")
    }
  }

  /// What a pair is called.
  public func name(_ index: Int) -> String {
    let path =
      switch pairs[index] {
      case .sideBySide(let path): path
      case .separate(let a, _): a
      }
    return ((path as NSString).lastPathComponent as NSString).deletingPathExtension
  }

  /// The fewest pixels on a side of either half.
  public static let leastSide = 8

  /// Reads one pair.
  ///
  /// - Throws: `ImageError` naming the file.
  public func load(_ index: Int) throws(ImageError) -> (input: Picture, target: Picture) {
    let a: Picture
    let b: Picture
    switch pairs[index] {
    case .sideBySide(let path):
      let picture = try Picture(path: path)
      guard picture.width.isMultiple(of: 2) else {
        throw ImageError(
          path, "is \(picture.width) pixels wide, an odd number: it cannot be A and B side by side")
      }
      let half = picture.width / 2
      try Self.requireSize(half, picture.height, path)
      a = picture.cropped(columns: 0..<half)
      b = picture.cropped(columns: half..<picture.width)
    case .separate(let pathA, let pathB):
      a = try Picture(path: pathA)
      b = try Picture(path: pathB)
      try Self.requireSize(a.width, a.height, pathA)
      try Self.requireSize(b.width, b.height, pathB)
    }
    return reversed ? (b, a) : (a, b)
  }

  private static func requireSize(_ width: Int, _ height: Int, _ path: String) throws(ImageError) {
    guard min(width, height) >= leastSide else {
      throw ImageError(
        path, "\(width) x \(height) pixels are too few to learn from; \(leastSide) on a side at least")
    }
  }

  /// One pair at the size of the networks, without jitter: planes [3, size, size] in [-1, 1].
  public func planes(_ index: Int, size: Int) throws(ImageError) -> (input: [Float], target: [Float]) {
    let (input, target) = try load(index)
    return (input.fitted(size).planes(), target.fitted(size).planes())
  }
}

extension Picture {
  /// The picture at size x size: bicubic, or nearest when its colours are a palette's.
  public func fitted(_ size: Int) -> Picture {
    resized(width: size, height: size, isPalette ? .nearest : .bicubic)
  }
}
