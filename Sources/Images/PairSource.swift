import Foundation

/// Which side of a pair the generator is given.
public enum Direction: String, Sendable, Codable, CaseIterable {
  /// From A (left half, folder A) to B.
  case aToB = "AtoB"
  /// From B (right half, folder B) to A.
  case bToA = "BtoA"
}

/// Which part of a data set. A data set without folders of these names is all `train`.
public enum Split: String, Sendable, CaseIterable {
  case train, val, test
}

/// One pair on disk, not yet decoded.
public struct PairFiles: Sendable, Equatable {
  public enum Location: Sendable, Equatable {
    /// One picture, A in its left half and B in its right half.
    case sideBySide(path: String, direction: Direction)
    case twoFiles(input: String, target: String)
    /// One picture, from which the input is made.
    case photograph(path: String)
  }

  /// The file's name without extension; unique in its source.
  public let name: String
  public let location: Location
  /// Files of further inputs, which are given to the network after the location's own.
  public let moreInputs: [String]
  /// A picture that says how much each pixel counts: white is 1, black 0.
  public let weights: String?

  public init(name: String, location: Location, moreInputs: [String] = [], weights: String? = nil) {
    self.name = name
    self.location = location
    self.moreInputs = moreInputs
    self.weights = weights
  }

  /// A picture and the file it came from, for errors.
  public struct FilePicture: Sendable {
    public let picture: Picture
    public let path: String
  }

  /// Everything that belongs to a pair, decoded at the size it has on disk.
  /// - Throws: what `Picture(contentsOf:)` throws, `.oddWidth`, and `.tooSmall` for pictures of less than
  ///   `PairSource.minimumSide` pixels on a side.
  public func pictures() throws(ImageError) -> (
    inputs: [FilePicture], target: FilePicture, weights: FilePicture?
  ) {
    var inputs: [FilePicture]
    let target: FilePicture
    switch location {
    case .sideBySide(let path, let direction):
      let picture = try Picture(contentsOf: path)
      guard picture.width % 2 == 0 else { throw .oddWidth(path: path, width: picture.width) }
      let half = picture.width / 2
      try Self.checkSize(width: half, height: picture.height, path: path)
      let left = picture.cropped(x: 0, y: 0, width: half, height: picture.height)
      let right = picture.cropped(x: half, y: 0, width: half, height: picture.height)
      inputs = [FilePicture(picture: direction == .aToB ? left : right, path: path)]
      target = FilePicture(picture: direction == .aToB ? right : left, path: path)
    case .twoFiles(let inputPath, let targetPath):
      inputs = [try Self.read(inputPath)]
      target = try Self.read(targetPath)
    case .photograph(let path):
      target = try Self.read(path)
      inputs = [target]
    }
    for path in moreInputs { inputs.append(try Self.read(path)) }
    guard let weights else { return (inputs, target, nil) }
    return (inputs, target, try Self.read(weights))
  }

  /// Decodes both halves at the size they have on disk, as RGB, or all channels of what is no colours; of several inputs
  /// the first. A photograph is its own input.
  /// - Throws: as `pictures()`.
  public func load() throws(ImageError) -> (input: Picture, target: Picture) {
    let (inputs, target, _) = try pictures()
    return (inputs[0].picture.opaque(), target.picture.opaque())
  }

  private static func read(_ path: String) throws(ImageError) -> FilePicture {
    let picture = try Picture(contentsOf: path)
    try checkSize(width: picture.width, height: picture.height, path: path)
    return FilePicture(picture: picture, path: path)
  }

  private static func checkSize(width: Int, height: Int, path: String) throws(ImageError) {
    let minimum = PairSource.minimumSide
    guard width >= minimum, height >= minimum else {
      throw .tooSmall(path: path, width: width, height: height, minimum: minimum)
    }
  }
}

/// The pairs of one split of a data set, in the order of their names: the same on every machine.
///
/// Pictures are files ending in png, jpg, jpeg or npy (any case) that are not hidden; everything else in a
/// folder is ignored. Only names are looked at here, so this is quick and says at once when they do not
/// match; files are opened by `PairFiles.load()`.
public struct PairSource: Sendable {
  /// Half of a pair needs at least this many pixels on each side.
  public static let minimumSide = 8

  /// One line for error messages and help.
  public static let layouts =
    "side-by-side pictures A|B in DIR or DIR/{train,val,test}; or pictures with equal names in DIR/A and "
    + "DIR/B, in DIR/{train,val,test}/{A,B}, or in DIR/{A,B}/{train,val,test}"

  /// How the names of pictures end, in lower case.
  public static let extensions = ["png", "jpg", "jpeg", "npy"]
  /// The same for error messages.
  public static let extensionList = extensions.joined(separator: ", ")

  public let pairs: [PairFiles]

  public var count: Int { pairs.count }

  /// The same pairs with input and target exchanged.
  public func reversed() -> PairSource {
    PairSource(
      pairs: pairs.map { pair in
        let location: PairFiles.Location =
          switch pair.location {
          case .sideBySide(let path, let direction):
            .sideBySide(path: path, direction: direction == .aToB ? .bToA : .aToB)
          case .twoFiles(let input, let target): .twoFiles(input: target, target: input)
          case .photograph: pair.location
          }
        return PairFiles(
          name: pair.name, location: location, moreInputs: pair.moreInputs, weights: pair.weights)
      })
  }

  /// Pairs at known places, for layouts that the other initialisers do not know.
  public init(pairs: [PairFiles]) {
    self.pairs = pairs
  }

  /// Finds the pairs of a split in any of `layouts`. A folder without split folders is all `train`.
  /// - Throws: `.noPairs`, `.unmatched`, `.ambiguous`, `.unreadable`.
  public init(
    folder: String, split: Split = .train, direction: Direction = .aToB
  ) throws(ImageError) {
    guard let found = try Self.find(folder: folder, split: split, direction: direction) else {
      throw .noPairs(folder: folder, reason: "no pictures for the split \"\(split.rawValue)\"")
    }
    self = try found.matched()
  }

  /// Pairs the pictures of two folders by name; each folder may have split folders (both or neither).
  /// - Throws: `.noPairs`, `.unmatched`, `.ambiguous`, `.unreadable`.
  public init(inputs: String, targets: String, split: Split = .train) throws(ImageError) {
    guard let found = try Self.find(inputs: inputs, targets: targets, split: split) else {
      throw .noPairs(
        folder: "\(inputs) and \(targets)", reason: "no pictures for the split \"\(split.rawValue)\"")
    }
    self = try found.matched()
  }

  /// The pictures of a split of a folder of photographs, which has folders for splits or is all `train`.
  /// - Throws: `.noPairs`, `.ambiguous`, `.unreadable`.
  public init(photographs folder: String, split: Split = .train) throws(ImageError) {
    guard let source = try Self.find(photographs: folder, split: split) else {
      throw .noPairs(folder: folder, reason: "no pictures for the split \"\(split.rawValue)\"")
    }
    self = source
  }

  /// What to validate on: the split `val`, else `test`, else nil.
  /// - Throws: as `init(photographs:split:)`.
  public static func validation(photographs folder: String) throws(ImageError) -> PairSource? {
    for split in [Split.val, .test] {
      if let source = try find(photographs: folder, split: split) { return source }
    }
    return nil
  }

  /// What to validate on: the split `val`, else `test`, else nil.
  /// - Throws: as `init(folder:split:direction:)`.
  public static func validation(folder: String, direction: Direction = .aToB) throws(ImageError)
    -> PairSource?
  {
    for split in [Split.val, .test] {
      if let found = try find(folder: folder, split: split, direction: direction) {
        return try found.matched()
      }
    }
    return nil
  }

  /// What to validate on: the split `val`, else `test`, else nil.
  /// - Throws: as `init(inputs:targets:split:)`.
  public static func validation(inputs: String, targets: String) throws(ImageError) -> PairSource? {
    for split in [Split.val, .test] {
      if let found = try find(inputs: inputs, targets: targets, split: split) { return try found.matched() }
    }
    return nil
  }

  /// The same pairs with one more input each, of equal name in a folder; in its folder for the split, if it has
  /// one. Pictures that belong to no pair are left alone: a folder may hold those of all splits.
  /// - Throws: `.unmatched` for pairs without such a picture, `.noPairs`, `.ambiguous`, `.unreadable`.
  public func adding(inputs folder: String, split: Split) throws(ImageError) -> PairSource {
    let paths = try paths(in: folder, split: split)
    return PairSource(
      pairs: zip(pairs, paths).map { pair, path in
        PairFiles(
          name: pair.name, location: pair.location, moreInputs: pair.moreInputs + [path],
          weights: pair.weights)
      })
  }

  /// The same pairs with a picture each that says how much its pixels count, found as `adding(inputs:split:)`
  /// finds its own.
  /// - Throws: as `adding(inputs:split:)`.
  public func adding(weights folder: String, split: Split) throws(ImageError) -> PairSource {
    let paths = try paths(in: folder, split: split)
    return PairSource(
      pairs: zip(pairs, paths).map { pair, path in
        PairFiles(name: pair.name, location: pair.location, moreInputs: pair.moreInputs, weights: path)
      })
  }

  /// The path of the picture with each pair's name in a folder, or in its folder for the split.
  /// - Throws: `.unmatched` for pairs without one, `.noPairs`, `.ambiguous`, `.unreadable`.
  public func paths(in folder: String, split: Split) throws(ImageError) -> [String] {
    let splitFolder = "\(folder)/\(split.rawValue)"
    let place = Self.isFolder(splitFolder) ? splitFolder : folder
    let files = try Self.byStem(place)
    let missing = pairs.map(\.name).filter { files[$0.lowercased()] == nil }
    guard missing.isEmpty else {
      throw .unmatched(
        inputs: "the pairs of \"\(split.rawValue)\"", targets: place, onlyInInputs: missing, onlyInTargets: []
      )
    }
    return pairs.map { files[$0.name.lowercased()]! }
  }

  /// The pictures directly in a folder, as sorted paths: for use of a model on pictures without targets.
  /// - Throws: `.noPairs` when the folder is missing or not a folder, `.unreadable`.
  public static func pictures(in folder: String) throws(ImageError) -> [String] {
    guard isFolder(folder) else { throw .noPairs(folder: folder, reason: missing(folder)) }
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: folder)
    } catch {
      throw .unreadable(path: folder, reason: error.localizedDescription)
    }
    return names.filter { name in
      !name.hasPrefix(".") && extensions.contains((name as NSString).pathExtension.lowercased())
    }
    .sorted().map { folder + "/" + $0 }
  }

  // MARK: - Splits that may be missing

  /// The pairs of a split; nil where the folder has none of it.
  package static func pairs(
    of split: Split, folder: String, direction: Direction
  ) throws(ImageError) -> PairSource? {
    try find(folder: folder, split: split, direction: direction)?.matched()
  }

  /// The pairs of a split; nil where the folders have none of it.
  package static func pairs(
    of split: Split, inputs: String, targets: String
  ) throws(ImageError) -> PairSource? { try find(inputs: inputs, targets: targets, split: split)?.matched() }

  /// The photographs of a split; nil where the folder has none of it.
  package static func pairs(of split: Split, photographs folder: String) throws(ImageError) -> PairSource? {
    try find(photographs: folder, split: split)
  }

  // MARK: - Layouts

  /// What lies in the folders of a split.
  struct Found {
    /// The pictures that have a partner.
    var source: PairSource
    /// The pictures that have none, as an error.
    var unmatched: ImageError?

    func matched() throws(ImageError) -> PairSource {
      if let unmatched { throw unmatched }
      return source
    }
  }

  /// Nil when the data set has no such split.
  static func find(
    folder: String, split: Split, direction: Direction
  ) throws(ImageError) -> Found? {
    guard isFolder(folder) else { throw .noPairs(folder: folder, reason: missing(folder)) }

    // Split folders above A and B, or holding side-by-side pictures.
    let splitFolder = "\(folder)/\(split.rawValue)"
    if isFolder(splitFolder) {
      if let pair = try sides(of: splitFolder) { return try matched(pair, direction: direction) }
      return Found(source: try sideBySide(splitFolder, direction: direction))
    }
    // A and B above split folders, or holding the pictures.
    if let pair = try sides(of: folder) {
      let (inputs, targets) = direction == .aToB ? pair : (pair.b, pair.a)
      return try find(inputs: inputs, targets: targets, split: split)
    }
    // Side-by-side pictures without splits.
    if split == .train, !hasSplits(folder) {
      return Found(source: try sideBySide(folder, direction: direction))
    }
    return nil
  }

  /// Nil when the folders have no such split.
  static func find(
    inputs: String, targets: String, split: Split
  ) throws(ImageError) -> Found? {
    for folder in [inputs, targets] where !isFolder(folder) {
      throw .noPairs(folder: folder, reason: missing(folder))
    }
    let (inputSplit, targetSplit) = ("\(inputs)/\(split.rawValue)", "\(targets)/\(split.rawValue)")
    switch (isFolder(inputSplit), isFolder(targetSplit)) {
    case (true, true): return try matched(inputSplit, targetSplit)
    case (true, false):
      throw .noPairs(folder: targetSplit, reason: "no such folder, but \(inputSplit) exists")
    case (false, true):
      throw .noPairs(folder: inputSplit, reason: "no such folder, but \(targetSplit) exists")
    case (false, false):
      if split == .train, !hasSplits(inputs), !hasSplits(targets) { return try matched(inputs, targets) }
      return nil
    }
  }

  /// The pairs of a split; nil where there are none of it.
  static func find(photographs folder: String, split: Split) throws(ImageError) -> PairSource? {
    guard isFolder(folder) else { throw .noPairs(folder: folder, reason: missing(folder)) }
    let splitFolder = "\(folder)/\(split.rawValue)"
    if isFolder(splitFolder) { return try single(splitFolder) { .photograph(path: $0) } }
    if split == .train, !hasSplits(folder) { return try single(folder) { .photograph(path: $0) } }
    return nil
  }

  /// The folders A and B of a folder, nil when it has neither.
  private static func sides(of folder: String) throws(ImageError) -> (a: String, b: String)? {
    let (a, b) = ("\(folder)/A", "\(folder)/B")
    switch (isFolder(a), isFolder(b)) {
    case (true, true): return (a, b)
    case (false, false): return nil
    case (true, false): throw .noPairs(folder: b, reason: "no such folder, but \(a) exists")
    case (false, true): throw .noPairs(folder: a, reason: "no such folder, but \(b) exists")
    }
  }

  private static func sideBySide(_ folder: String, direction: Direction) throws(ImageError) -> PairSource {
    try single(folder) { .sideBySide(path: $0, direction: direction) }
  }

  /// A pair from every picture of a folder.
  private static func single(
    _ folder: String, _ location: (String) -> PairFiles.Location
  ) throws(ImageError) -> PairSource {
    let files = try byStem(folder)
    guard !files.isEmpty else {
      throw .noPairs(folder: folder, reason: "no pictures (\(Self.extensionList))")
    }
    return PairSource(
      pairs: files.values.map { PairFiles(name: stem($0), location: location($0)) }
    )
    .sorted()
  }

  private static func matched(
    _ sides: (a: String, b: String), direction: Direction
  ) throws(ImageError) -> Found {
    try direction == .aToB ? matched(sides.a, sides.b) : matched(sides.b, sides.a)
  }

  private static func matched(_ inputs: String, _ targets: String) throws(ImageError) -> Found {
    let inputFiles = try byStem(inputs)
    let targetFiles = try byStem(targets)
    if inputFiles.isEmpty && targetFiles.isEmpty {
      throw .noPairs(folder: "\(inputs) and \(targets)", reason: "no pictures (\(Self.extensionList))")
    }
    let onlyInputs = inputFiles.filter { targetFiles[$0.key] == nil }.values.map(fileName).sorted()
    let onlyTargets = targetFiles.filter { inputFiles[$0.key] == nil }.values.map(fileName).sorted()
    let pairs = inputFiles.compactMap { key, input in
      targetFiles[key].map { PairFiles(name: stem(input), location: .twoFiles(input: input, target: $0)) }
    }
    let unmatched = ImageError.unmatched(
      inputs: inputs, targets: targets, onlyInInputs: onlyInputs, onlyInTargets: onlyTargets)
    return Found(
      source: PairSource(pairs: pairs).sorted(),
      unmatched: onlyInputs.isEmpty && onlyTargets.isEmpty ? nil : unmatched)
  }

  private func sorted() -> PairSource {
    PairSource(pairs: pairs.sorted { $0.name < $1.name })
  }

  // MARK: - Files

  /// A folder's pictures by lower-case name without extension.
  private static func byStem(_ folder: String) throws(ImageError) -> [String: String] {
    let groups = Dictionary(grouping: try pictures(in: folder)) { stem($0).lowercased() }
    let shared = groups.values.filter { $0.count > 1 }.flatMap { $0.map(fileName) }
    guard shared.isEmpty else { throw .ambiguous(folder: folder, names: shared.sorted()) }
    return groups.mapValues { $0[0] }
  }

  private static func stem(_ path: String) -> String { (fileName(path) as NSString).deletingPathExtension }

  private static func fileName(_ path: String) -> String { (path as NSString).lastPathComponent }

  private static func isFolder(_ path: String) -> Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
  }

  private static func hasSplits(_ folder: String) -> Bool {
    Split.allCases.contains { isFolder("\(folder)/\($0.rawValue)") }
  }

  private static func missing(_ path: String) -> String {
    FileManager.default.fileExists(atPath: path) ? "is not a folder" : "no such folder"
  }
}
