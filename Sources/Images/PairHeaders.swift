import Dispatch
import Files

/// The headers of a data set's pictures, read before anything takes time: what can be known of a picture without its pixels
/// is known of all pictures.
public struct PairHeaders: Sendable {
  /// A picture's header and its file.
  public struct File: Sendable {
    public let header: PictureHeader
    public let path: String
  }

  /// A pair's pictures. Both sides of a side-by-side picture, and both of a photograph, are the whole file.
  public struct Pair: Sendable {
    public let inputs: [File]
    public let target: File
    public let weights: File?
  }

  public let pairs: [Pair]

  /// Reads headers on all cores.
  ///
  /// - Throws: the errors of `PictureHeader`, `.oddWidth`, `.tooSmall` and `.unnameable`; `.first` where there are several
  public init(_ source: PairSource) throws(ImageError) {
    let results = ConditionLock([Result<Pair, ImageError>?](repeating: nil, count: source.count))
    DispatchQueue.concurrentPerform(iterations: source.count) { index in
      let result = Result { () throws(ImageError) in try Pair(source.pairs[index]) }
      results.withLock { $0[index] = result }
    }
    var (pairs, errors): ([Pair], [ImageError]) = ([], source.unreadable)
    for result in results.withLock({ $0 }) {
      switch result! {
      case .success(let pair): pairs.append(pair)
      case .failure(let error): errors.append(error)
      }
    }
    if let first = errors.first { throw errors.count == 1 ? first : .first(first, of: errors.count) }
    self.pairs = pairs
  }

  /// Refuses pictures that formats cannot take.
  ///
  /// - Throws: `.wrongChannels`, `.noLabelMap`; `.first` where there are several
  public func check(_ format: PairFormat) throws(ImageError) {
    var errors: [ImageError] = []
    for pair in pairs {
      do throws(ImageError) {
        if let weights = pair.weights { try PlaneFormat.gray.check(weights.header, path: weights.path) }
        switch format {
        case .pictures(let inputs, let target):
          for (file, format) in zip(pair.inputs, inputs) { try format.check(file.header, path: file.path) }
          try target.check(pair.target.header, path: pair.target.path)
        case .photographs:
          try PlaneFormat.rgb.check(pair.target.header, path: pair.target.path)
        }
      } catch {
        errors.append(error)
      }
    }
    if let first = errors.first { throw errors.count == 1 ? first : .first(first, of: errors.count) }
  }
}

extension PairHeaders.Pair {
  fileprivate init(_ files: PairFiles) throws(ImageError) {
    var paths = [files.inputFile]
    paths += files.moreInputs
    var inputs: [PairHeaders.File] = []
    for path in paths { inputs.append(try Self.read(path, files)) }
    let first = inputs[0]
    let target = files.targetFile == first.path ? first : try Self.read(files.targetFile, files)
    let weights = try files.weights.map { path throws(ImageError) in try Self.read(path, files) }
    self.init(inputs: inputs, target: target, weights: weights)
  }

  private static func read(_ path: String, _ files: PairFiles) throws(ImageError) -> PairHeaders.File {
    let header = try PictureHeader(contentsOf: path)
    var width = header.size.width
    if case .sideBySide(path, _) = files.location {
      guard width.isMultiple(of: 2) else { throw .oddWidth(path: path, width: width) }
      width /= 2
    }
    try PairFiles.checkSize(width: width, height: header.size.height, path: path)
    return PairHeaders.File(header: header, path: path)
  }
}

extension PlaneFormat {
  /// Refuses a picture that cannot become such planes, as far as its header says.
  ///
  /// - Throws: `.wrongChannels`, `.noLabelMap`
  public func check(_ header: PictureHeader, path: String) throws(ImageError) {
    switch self {
    case .gray, .rgb, .rgba, .lightness, .chroma:
      guard header.isColour else {
        throw .wrongChannels(path: path, channels: header.channels, expected: channels)
      }
    case .labels:
      guard header.isColour else { throw .wrongChannels(path: path, channels: header.channels, expected: 3) }
      guard header.bitDepth == 8 else {
        throw .noLabelMap(path: path, reason: "has 16 bits a sample; save label maps with 8")
      }
    case .channels(let count):
      guard header.channels == count else {
        throw .wrongChannels(path: path, channels: header.channels, expected: count)
      }
    }
  }
}

extension PairReader {
  /// Refuses a pair that cannot become planes, by its pixels, which are not resized.
  ///
  /// - Throws: the errors of `planes(of:epoch:index:)`
  public static func check(_ files: PairFiles, _ format: PairFormat) throws(ImageError) {
    let pictures = try files.pictures()
    guard case .pictures(let inputs, let target) = format else { return }
    for (file, format) in zip(pictures.inputs, inputs) {
      _ = try format.reduced(file.picture, path: file.path)
    }
    _ = try target.reduced(pictures.target.picture, path: pictures.target.path)
  }
}
