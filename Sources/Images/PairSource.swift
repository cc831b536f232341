import Foundation

/// A part of a data set. A data set without folders of these names is all `train`.
public enum Split: String, Sendable, CaseIterable {
  case train, val, test
}

/// The pairs of one split of a data set, in the order of their names: the same on every machine.
///
/// Pictures are files ending in png, jpg, jpeg or npy (any case) that are not hidden; everything else in a
/// folder is ignored. Only names are looked at here, so this is quick and says at once when they do not
/// match; files are opened by `PairFiles.load()`.
public struct PairSource: Sendable {
  /// One line for error messages and help.
  public static let layouts =
    "side-by-side pictures A|B in DIR or DIR/{train,val,test}; or pictures with equal names in DIR/A and "
    + "DIR/B, in DIR/{train,val,test}/{A,B}, or in DIR/{A,B}/{train,val,test}"

  /// The extensions of pictures, in lower case.
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

  /// Pairs at known places, for layouts that `Place` lacks.
  public init(pairs: [PairFiles]) {
    self.pairs = pairs
  }

  /// A data set's pictures.
  public enum Place: Sendable, Equatable {
    /// A folder in one of `layouts`.
    case folder(String, Direction)
    /// A folder of inputs and one of targets, with equal names; both or neither have split folders.
    case twoFolders(inputs: String, targets: String)
    /// A folder of photographs, from which inputs are made.
    case photographs(String)

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
    let paths = try paths(in: folder, split: split)
    return PairSource(
      pairs: zip(pairs, paths).map { pair, path in
        PairFiles(
          name: pair.name, location: pair.location, moreInputs: pair.moreInputs + [path],
          weights: pair.weights)
      })
  }

  /// The same pairs with a picture of weights each, found like the inputs of `adding(inputs:split:)`.
  /// - Throws: the errors of `adding(inputs:split:)`.
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

  /// The pictures directly in a folder, as sorted paths.
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
    switch place {
    case .folder(let folder, let direction):
      return try find(folder: folder, split: split, direction: direction)
    case .twoFolders(let inputs, let targets):
      return try find(inputs: inputs, targets: targets, split: split)
    case .photographs(let folder):
      guard isFolder(folder) else { throw .noPairs(folder: folder, reason: missing(folder)) }
      guard let place = ownFolder(of: split, in: folder) else { return nil }
      return Found(source: try single(place) { .photograph(path: $0) })
    }
  }

  /// The folder of a split: its own, or the whole where there are no split folders and `train` is asked for.
  private static func ownFolder(of split: Split, in folder: String) -> String? {
    let splitFolder = "\(folder)/\(split.rawValue)"
    if isFolder(splitFolder) { return splitFolder }
    return split == .train && !hasSplits(folder) ? folder : nil
  }

  private static func find(
    folder: String, split: Split, direction: Direction
  ) throws(ImageError) -> Found? {
    guard isFolder(folder) else { throw .noPairs(folder: folder, reason: missing(folder)) }

    // Split folders may lie above A and B or in them, or hold side-by-side pictures.
    let splitFolder = "\(folder)/\(split.rawValue)"
    let hasSplit = isFolder(splitFolder)
    if let (a, b) = try sides(of: hasSplit ? splitFolder : folder) {
      let (inputs, targets) = direction == .aToB ? (a, b) : (b, a)
      return try hasSplit
        ? matched(inputs, targets) : find(inputs: inputs, targets: targets, split: split)
    }
    guard let place = ownFolder(of: split, in: folder) else { return nil }
    return Found(source: try single(place) { .sideBySide(path: $0, direction: direction) })
  }

  private static func find(inputs: String, targets: String, split: Split) throws(ImageError) -> Found? {
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
