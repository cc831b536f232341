import Files

/// The pictures of two domains, A and B, of which none belongs to one of the other: the training set of a CycleGAN.
///
/// Only names are looked at here. Names need not match, and counts may differ.
public struct UnpairedSource: Sendable {
  /// One line for error messages and help.
  public static let layouts =
    "DIR/trainA and DIR/trainB, DIR/A/train and DIR/B/train, DIR/train/A and DIR/train/B, the same with val or test, "
    + "or DIR/A and DIR/B; or a folder of A in --data and one of B in --targets"

  /// The pictures of each side, in the order of their names, as photographs without an input.
  public let a: PairSource
  public let b: PairSource

  public init(a: PairSource, b: PairSource) { (self.a, self.b) = (a, b) }

  public subscript(side: Direction.Side) -> PairSource { side == .a ? a : b }

  /// Pictures of the larger side: as many make an epoch.
  public var count: Int { max(a.count, b.count) }
  /// The files of both sides.
  public var files: [String] { (a.pairs + b.pairs).map(\.targetFile) }
  /// Lines about files and folders that are left out.
  public var remarks: [String] { a.remarks + b.remarks }

  /// The pictures of a split; nil where the data set has no such split.
  ///
  /// - Parameter place: a folder of both sides, or two folders; the direction does not matter
  /// - Throws: `.noSides` where only one side is there, `.noPictures`, `.ambiguous`, `.file`
  public static func pictures(of split: Split, in place: PairSource.Place) throws(ImageError)
    -> UnpairedSource?
  {
    guard let (a, b) = try folders(of: split, in: place) else { return nil }
    return UnpairedSource(a: try side(a), b: try side(b))
  }

  private static func side(_ folder: String) throws(ImageError) -> PairSource {
    do {
      return try PairSource.single(folder) { .photograph(path: $0) }
    } catch .noPictures(let folder) {
      throw .noSides(folder: folder, reason: "no pictures (\(PictureFolder.extensionList))")
    }
  }

  /// The folders of A and B; nil where there is neither.
  private static func folders(
    of split: Split, in place: PairSource.Place
  ) throws(ImageError) -> (a: String, b: String)? {
    let name = split.rawValue
    switch place {
    case .folder(let folder, _), .photographs(let folder):
      try mustExist(folder)
      if let both = try both((folder, "\(name)A"), (folder, "\(name)B")) { return both }
      if let inner = try PictureFolder.subfolder(name, of: folder),
        let both = try both((inner, "A"), (inner, "B"))
      {
        return both
      }
      guard let (a, b) = try both((folder, "A"), (folder, "B")) else { return nil }
      return try folders(of: split, a: a, b: b)
    case .twoFolders(let a, let b):
      for folder in [a, b] { try mustExist(folder) }
      return try folders(of: split, a: a, b: b)
    }
  }

  /// The folders of a split in a folder for each side, or those themselves where they have no splits.
  private static func folders(
    of split: Split, a: String, b: String
  ) throws(ImageError) -> (a: String, b: String)? {
    if let both = try both((a, split.rawValue), (b, split.rawValue)) { return both }
    guard split == .train, try !PairSource.hasSplits(a), try !PairSource.hasSplits(b) else { return nil }
    return (a, b)
  }

  /// Two folders by their names in others; nil where there is neither.
  private static func both(
    _ a: (folder: String, name: String), _ b: (folder: String, name: String)
  ) throws(ImageError) -> (a: String, b: String)? {
    func missing(_ place: (folder: String, name: String), _ other: String) -> ImageError {
      .noSides(folder: "\(place.folder)/\(place.name)", reason: "no such folder, but \(other) exists")
    }
    switch (
      try PictureFolder.subfolder(a.name, of: a.folder), try PictureFolder.subfolder(b.name, of: b.folder)
    ) {
    case (let a?, let b?): return (a, b)
    case (nil, nil): return nil
    case (let there?, nil): throw missing(b, there)
    case (nil, let there?): throw missing(a, there)
    }
  }

  private static func mustExist(_ folder: String) throws(ImageError) {
    guard PictureFolder.exists(folder) else {
      throw .noSides(folder: folder, reason: PictureFolder.missing(folder))
    }
  }
}
