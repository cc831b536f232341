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
      var places: [(folder: String, a: String, b: String)] = [(folder, "\(name)A", "\(name)B")]
      if let inner = try PictureFolder.subfolder(name, of: folder) { places.append((inner, "A", "B")) }
      let a = try PictureFolder.subfolder("A", of: folder)
      let b = try PictureFolder.subfolder("B", of: folder)
      for place in places {
        let found = (
          try PictureFolder.subfolder(place.a, of: place.folder),
          try PictureFolder.subfolder(place.b, of: place.folder)
        )
        if let both = try both(found, named: ("\(place.folder)/\(place.a)", "\(place.folder)/\(place.b)")) {
          return both
        }
      }
      guard let (a, b) = try both((a, b), named: ("\(folder)/A", "\(folder)/B")) else { return nil }
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
    let name = split.rawValue
    let found = (try PictureFolder.subfolder(name, of: a), try PictureFolder.subfolder(name, of: b))
    if let both = try both(found, named: ("\(a)/\(name)", "\(b)/\(name)")) { return both }
    guard split == .train, try !PairSource.hasSplits(a), try !PairSource.hasSplits(b) else { return nil }
    return (a, b)
  }

  private static func both(
    _ found: (a: String?, b: String?), named names: (a: String, b: String)
  ) throws(ImageError) -> (a: String, b: String)? {
    switch found {
    case (let a?, let b?): return (a, b)
    case (nil, nil): return nil
    case (let there?, nil): throw .noSides(folder: names.b, reason: "no such folder, but \(there) exists")
    case (nil, let there?): throw .noSides(folder: names.a, reason: "no such folder, but \(there) exists")
    }
  }

  private static func mustExist(_ folder: String) throws(ImageError) {
    guard PictureFolder.exists(folder) else {
      throw .noSides(folder: folder, reason: PictureFolder.missing(folder))
    }
  }
}
