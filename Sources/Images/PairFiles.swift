/// The input's side of a pair.
public enum Direction: String, Sendable, Codable, CaseIterable {
  /// From A (left half, folder A) to B.
  case aToB = "AtoB"
  /// From B (right half, folder B) to A.
  case bToA = "BtoA"

  /// A side of pairs, or a domain of pictures without pairs.
  public enum Side: Sendable, CaseIterable {
    case a, b
  }

  /// The input's side.
  public var source: Side { self == .aToB ? .a : .b }
  public var reversed: Direction { self == .aToB ? .bToA : .aToB }
}

/// One pair on disk, not yet decoded.
public struct PairFiles: Sendable, Equatable {
  public enum Location: Sendable, Equatable {
    /// One picture, A in its left half and B in its right half.
    case sideBySide(path: String, direction: Direction)
    case twoFiles(input: String, target: String)
    /// One picture, the target; the input is made from it.
    case photograph(path: String)
  }

  /// The file's name without extension; unique in its source.
  public let name: String
  public let location: Location
  /// Files of further inputs, in order behind the location's own.
  public let moreInputs: [String]
  /// A picture of the pixels' weights: white is 1, black 0.
  public let weights: String?

  public init(name: String, location: Location, moreInputs: [String] = [], weights: String? = nil) {
    self.name = name
    self.location = location
    self.moreInputs = moreInputs
    self.weights = weights
  }

  /// Half of a pair needs at least this many pixels on each side.
  public static let minimumSide = 8

  /// A picture and its file, for errors.
  public struct FilePicture: Sendable {
    public let picture: Picture
    public let path: String
  }

  /// All pictures of the pair, decoded at their size on disk.
  /// - Throws: the errors of `Picture(contentsOf:)`, `.oddWidth`, `.tooSmall` for pictures below `minimumSide` pixels on a
  ///   side, and `.wrongChannels` for weights that are no gray or colours.
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
    let map = try Self.read(weights)
    guard map.picture.isColour else {
      throw .wrongChannels(path: weights, channels: map.picture.channels, expected: 1)
    }
    return (inputs, target, map)
  }

  /// The first input and the target at their size on disk, to be compared: RGB, or all channels of arrays. A photograph is its
  /// own input.
  /// - Throws: the errors of `pictures()`; `.noMemory` where figures over all pixels could not be computed.
  public func load() throws(ImageError) -> (input: Picture, target: Picture) {
    let (inputs, target, _) = try pictures()
    try Self.checkMemory(toCompare: inputs[0], target)
    return (inputs[0].picture.opaque(), target.picture.opaque())
  }

  /// Figures hold the samples of both pictures as numbers of 8 bytes, products of them, and smaller copies. Measured: five such
  /// numbers for each sample of the larger picture.
  private static func checkMemory(toCompare pictures: FilePicture...) throws(ImageError) {
    guard let largest = pictures.max(by: { $0.picture.size.area < $1.picture.size.area }) else { return }
    let (picture, path) = (largest.picture, largest.path)
    let bytes = 5 * 8 * max(3, picture.channels) * picture.size.area
    guard hasMemory(bytes) else {
      throw .noMemory(path: path, width: picture.width, height: picture.height, bytes: bytes)
    }
  }

  /// One picture, from which the input is made.
  var isPhotograph: Bool {
    if case .photograph = location { true } else { false }
  }

  /// The file of the first input.
  package var inputFile: String {
    switch location {
    case .sideBySide(let path, _), .photograph(let path): path
    case .twoFiles(let input, _): input
    }
  }

  /// The file of the target.
  package var targetFile: String {
    switch location {
    case .sideBySide(let path, _), .photograph(let path): path
    case .twoFiles(_, let target): target
    }
  }

  private static func read(_ path: String) throws(ImageError) -> FilePicture {
    let picture = try Picture(contentsOf: path)
    try checkSize(width: picture.width, height: picture.height, path: path)
    return FilePicture(picture: picture, path: path)
  }

  static func checkSize(width: Int, height: Int, path: String) throws(ImageError) {
    let minimum = Self.minimumSide
    guard width >= minimum, height >= minimum else {
      throw .tooSmall(path: path, width: width, height: height, minimum: minimum)
    }
  }
}
