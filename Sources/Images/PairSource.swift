import Files
import Foundation

/// A part of a data set. A data set without folders of these names is all `train`.
public enum Split: String, Sendable, CaseIterable {
  case train, val, test
}

/// The pairs of one split of a data set, in the order of their names: the same on every machine.
///
/// Pictures are what `PictureFolder` takes for one. Only names are looked at here, so this is quick and says at once when they do not
/// match; files are opened by `PairFiles.load()`.
public struct PairSource: Sendable {
  /// One line for error messages and help.
  public static let layouts =
    "side-by-side pictures A|B in DIR or DIR/{train,val,test}; or pictures with equal names in DIR/A and "
    + "DIR/B, in DIR/{train,val,test}/{A,B}, or in DIR/{A,B}/{train,val,test}"

  public let pairs: [PairFiles]
  /// The errors of pictures that belong to no pair, since no path can name them.
  public private(set) var unreadable: [ImageError]
  /// Lines about files and folders that are left out.
  public private(set) var remarks: [String]

  public var count: Int { pairs.count }

  /// The same pairs with input and target exchanged.
  public func reversed() -> PairSource {
    PairSource(
      pairs: pairs.map { pair in
        let location: PairFiles.Location =
          switch pair.location {
          case .sideBySide(let path, let direction):
            .sideBySide(path: path, direction: direction.reversed)
          case .twoFiles(let input, let target): .twoFiles(input: target, target: input)
          case .photograph: pair.location
          }
        return PairFiles(
          name: pair.name, location: location, moreInputs: pair.moreInputs, weights: pair.weights)
      }, unreadable: unreadable, remarks: remarks)
  }

  /// Pairs at known places, for layouts that `Place` lacks.
  public init(pairs: [PairFiles], unreadable: [ImageError] = [], remarks: [String] = []) {
    (self.pairs, self.unreadable, self.remarks) = (pairs, unreadable, remarks)
  }

  /// A data set's pictures.
  public enum Place: Sendable, Equatable {
    /// A folder in one of `layouts`.
    case folder(String, Direction)
    /// A folder of inputs and one of targets, with equal names; both or neither have split folders.
    case twoFolders(inputs: String, targets: String)
    /// A folder of photographs, from which inputs are made.
    case photographs(String)

    var folders: [String] {
      switch self {
      case .folder(let folder, _), .photographs(let folder): [folder]
      case .twoFolders(let inputs, let targets): [inputs, targets]
      }
    }

    /// The folders, for errors.
    var name: String {
      switch self {
      case .folder(let folder, _), .photographs(let folder): folder
      case .twoFolders(let inputs, let targets): "\(inputs) and \(targets)"
      }
    }
  }

  /// The pairs of a split.
  /// - Throws: `.noPairs`, `.unmatched`, `.ambiguous`, `.unreadable`.
  public init(_ place: Place, split: Split = .train) throws(ImageError) {
    guard let source = try Self.pairs(of: split, in: place) else {
      throw .noPairs(folder: place.name, reason: "no pictures for the split \"\(split.rawValue)\"")
    }
    self = source
  }

  /// The pairs of a split; nil where the data set has no such split.
  /// - Throws: `.noPairs`, `.unmatched`, `.ambiguous`, `.unreadable`.
  public static func pairs(of split: Split, in place: Place) throws(ImageError) -> PairSource? {
    try find(place, split)?.matched()
  }

  /// The same pairs with one more input each: the pictures of equal name in a folder, or in its folder for the split. Other
  /// pictures there are ignored: a folder may serve all splits.
  /// - Throws: `.unmatched` for pairs without such a picture, `.noPairs`, `.ambiguous`, `.unreadable`.
  public func adding(inputs folder: String, split: Split) throws(ImageError) -> PairSource {
    let (paths, leftOut) = try partners(in: folder, split: split)
    return PairSource(
      pairs: zip(pairs, paths).map { pair, path in
        PairFiles(
          name: pair.name, location: pair.location, moreInputs: pair.moreInputs + [path],
          weights: pair.weights)
      }, unreadable: unreadable, remarks: remarks + leftOut)
  }

  /// The same pairs with a picture of weights each, found like the inputs of `adding(inputs:split:)`.
  /// - Throws: the errors of `adding(inputs:split:)`.
  public func adding(weights folder: String, split: Split) throws(ImageError) -> PairSource {
    let (paths, leftOut) = try partners(in: folder, split: split)
    return PairSource(
      pairs: zip(pairs, paths).map { pair, path in
        PairFiles(name: pair.name, location: pair.location, moreInputs: pair.moreInputs, weights: path)
      }, unreadable: unreadable, remarks: remarks + leftOut)
  }

  /// The path of the picture with each pair's name in a folder, or in its folder for the split.
  /// - Throws: `.unmatched` for pairs without one, `.noPairs`, `.ambiguous`, `.unreadable`.
  public func paths(in folder: String, split: Split) throws(ImageError) -> [String] {
    try partners(in: folder, split: split).paths
  }

  private func partners(
    in folder: String, split: Split
  ) throws(ImageError) -> (paths: [String], leftOut: [String]) {
    let place = try PictureFolder.subfolder(split.rawValue, of: folder) ?? folder
    let found = try PictureFolder(place, subfolders: Self.splitNames)
    let files = try found.byName()
    let missing = pairs.map(\.name).filter { files[ofStem: $0] == nil }
    guard missing.isEmpty else {
      throw .unmatched(
        inputs: "the pairs of \"\(split.rawValue)\"", targets: place, onlyInInputs: missing, onlyInTargets: []
      )
    }
    let leftOut = [found.leftOut].compactMap(\.self) + found.unnameableErrors.map(\.description)
    return (pairs.compactMap { files[ofStem: $0.name] }, leftOut)
  }

  // MARK: - Layouts

  /// The pictures in the folders of a split.
  struct Found {
    /// Pictures with a partner.
    var source: PairSource
    /// An error that names pictures without a partner.
    var unmatched: ImageError?

    func matched() throws(ImageError) -> PairSource {
      if let unmatched { throw unmatched }
      return source
    }
  }

  /// Nil when the data set has no such split.
  static func find(_ place: Place, _ split: Split) throws(ImageError) -> Found? {
    guard var found = try findPairs(place, split) else { return nil }
    // What lies beside split folders, or beside A and B, is none of the pairs.
    let read = Set(
      found.source.pairs.flatMap { [$0.inputFile, $0.targetFile].map(OutputFile.folder) })
    found.source.remarks += place.folders.filter { !read.contains($0) }.flatMap(strays)
    return found
  }

  private static func findPairs(_ place: Place, _ split: Split) throws(ImageError) -> Found? {
    switch place {
    case .folder(let folder, let direction):
      return try find(folder: folder, split: split, direction: direction)
    case .twoFolders(let inputs, let targets):
      return try find(inputs: inputs, targets: targets, split: split)
    case .photographs(let folder):
      guard PictureFolder.exists(folder) else {
        throw .noPairs(folder: folder, reason: PictureFolder.missing(folder))
      }
      guard let place = try ownFolder(of: split, in: folder) else { return nil }
      return Found(source: try single(place) { .photograph(path: $0) })
    }
  }

  /// The folder of a split: its own, or the whole where there are no split folders and `train` is asked for.
  private static func ownFolder(of split: Split, in folder: String) throws(ImageError) -> String? {
    if let own = try PictureFolder.subfolder(split.rawValue, of: folder) { return own }
    guard split == .train, try !hasSplits(folder) else { return nil }
    return folder
  }

  private static func find(
    folder: String, split: Split, direction: Direction
  ) throws(ImageError) -> Found? {
    guard PictureFolder.exists(folder) else {
      throw .noPairs(folder: folder, reason: PictureFolder.missing(folder))
    }

    // Split folders may lie above A and B or in them, or hold side-by-side pictures.
    let splitFolder = try PictureFolder.subfolder(split.rawValue, of: folder)
    if let (a, b) = try sides(of: splitFolder ?? folder) {
      let (inputs, targets) = direction == .aToB ? (a, b) : (b, a)
      return try splitFolder != nil
        ? matched(inputs, targets) : find(inputs: inputs, targets: targets, split: split)
    }
    guard let place = try ownFolder(of: split, in: folder) else { return nil }
    return Found(source: try single(place) { .sideBySide(path: $0, direction: direction) })
  }

  private static func find(inputs: String, targets: String, split: Split) throws(ImageError) -> Found? {
    for folder in [inputs, targets] where !PictureFolder.exists(folder) {
      throw .noPairs(folder: folder, reason: PictureFolder.missing(folder))
    }
    let name = split.rawValue
    switch (try PictureFolder.subfolder(name, of: inputs), try PictureFolder.subfolder(name, of: targets)) {
    case (let inputs?, let targets?): return try matched(inputs, targets)
    case (let inputs?, nil): throw .noOtherFolder(folder: "\(targets)/\(name)", other: inputs)
    case (nil, let targets?): throw .noOtherFolder(folder: "\(inputs)/\(name)", other: targets)
    case (nil, nil):
      if split == .train, try !hasSplits(inputs), try !hasSplits(targets) {
        return try matched(inputs, targets)
      }
      return nil
    }
  }

  /// The folders A and B of a folder, nil when it has neither.
  private static func sides(of folder: String) throws(ImageError) -> (a: String, b: String)? {
    switch (try PictureFolder.subfolder("A", of: folder), try PictureFolder.subfolder("B", of: folder)) {
    case (let a?, let b?): return (a, b)
    case (nil, nil): return nil
    case (let a?, nil): throw .noOtherFolder(folder: "\(folder)/B", other: a)
    case (nil, let b?): throw .noOtherFolder(folder: "\(folder)/A", other: b)
    }
  }

  /// A pair from every picture of a folder.
  static func single(
    _ path: String, _ location: (String) -> PairFiles.Location
  ) throws(ImageError) -> PairSource {
    let folder = try PictureFolder(path, subfolders: splitNames)
    let files = try folder.byName().paths.values
    guard !files.isEmpty || !folder.unnameable.isEmpty else { throw .noPictures(folder: path) }
    return PairSource(
      pairs: files.map { PairFiles(name: PictureFolder.stem($0), location: location($0)) },
      unreadable: folder.unnameableErrors, remarks: folder.leftOut.map { [$0] } ?? []
    )
    .sorted()
  }

  private static func matched(_ inputs: String, _ targets: String) throws(ImageError) -> Found {
    let folders = [
      try PictureFolder(inputs, subfolders: splitNames), try PictureFolder(targets, subfolders: splitNames),
    ]
    let (inputFiles, targetFiles) = (try folders[0].byName().paths, try folders[1].byName().paths)
    let unreadable = folders.flatMap(\.unnameableErrors)
    if inputFiles.isEmpty && targetFiles.isEmpty && unreadable.isEmpty {
      throw .noPictures(folder: "\(inputs) and \(targets)")
    }
    func fileName(_ path: String) -> String { (path as NSString).lastPathComponent }
    let onlyInputs = inputFiles.filter { targetFiles[$0.key] == nil }.values.map(fileName).sorted()
    let onlyTargets = targetFiles.filter { inputFiles[$0.key] == nil }.values.map(fileName).sorted()
    let pairs = inputFiles.compactMap { key, input in
      targetFiles[key].map {
        PairFiles(name: PictureFolder.stem(input), location: .twoFiles(input: input, target: $0))
      }
    }
    let unmatched = ImageError.unmatched(
      inputs: inputs, targets: targets, onlyInInputs: onlyInputs, onlyInTargets: onlyTargets)
    return Found(
      source: PairSource(pairs: pairs, unreadable: unreadable, remarks: folders.compactMap(\.leftOut))
        .sorted(),
      unmatched: onlyInputs.isEmpty && onlyTargets.isEmpty ? nil : unmatched)
  }

  private func sorted() -> PairSource {
    PairSource(pairs: pairs.sorted { $0.name < $1.name }, unreadable: unreadable, remarks: remarks)
  }

  // MARK: - Folders

  /// Names of split folders.
  public static let splitNames = Set(Split.allCases.map(\.rawValue))

  static func hasSplits(_ folder: String) throws(ImageError) -> Bool {
    for name in splitNames where try PictureFolder.subfolder(name, of: folder) != nil { return true }
    return false
  }

  /// Lines about all that lies beside the folders that are read.
  private static func strays(_ path: String) -> [String] {
    guard let folder = try? PictureFolder(path, subfolders: splitNames.union(["a", "b"])) else { return [] }
    let count = folder.pictures.count + folder.unnameable.count
    let pictures =
      "\(path): \(count) \(count == 1 ? "picture is" : "pictures are") left out beside the folders that are read"
    return (count > 0 ? [pictures] : []) + [folder.leftOut].compactMap(\.self)
  }
}
