import Images
import Metrics
import Tape

/// What is to be known of all targets before anything takes time: that pictures can be read and, where it is asked for,
/// have equal sizes, and which colours they have.
public struct TargetSurvey: Sendable {
  /// More distinct colours than this in all targets are no label maps, unless they are palette PNGs.
  public static let mostLabelColours = 64

  /// All targets are palette PNGs.
  private let isPalette: Bool
  /// Distinct colours over all targets; nil when they are too many for classes.
  private let colours: Set<SIMD3<UInt8>>?

  /// - Throws: `ImageError` for a picture that cannot be read, `ModelError.file` for one whose size is not its target's.
  public init(_ source: PairSource, needsEqualSizes: Bool = false) throws {
    let found = try mapInParallel(over: source.pairs.indices) { index in
      let pair = source.pairs[index]
      let (output, target) = try pair.load()
      guard !needsEqualSizes || (output.width, output.height) == (target.width, target.height) else {
        throw ModelError.file(
          pair.inputFile,
          "is \(output.width)x\(output.height) pixels, but \(pair.targetFile) is \(target.width)x\(target.height); give outputs at the targets' size"
        )
      }
      return (
        isPalette: target.isPalette, colours: target.distinctColours(limit: LabelColours.maximumCount)
      )
    }
    isPalette = found.allSatisfy(\.isPalette)
    var all: Set<SIMD3<UInt8>>? = []
    for picture in found {
      guard let colours = picture.colours, let others = all?.union(colours) else {
        all = nil
        break
      }
      all = others.count <= LabelColours.maximumCount ? others : nil
    }
    colours = all
  }

  /// The classes, where targets are label maps; nil where they are not.
  public var labelClasses: LabelClasses? {
    guard let colours, isPalette || colours.count <= Self.mostLabelColours else { return nil }
    return LabelColours(sorted: colours).map { LabelClasses(colours: $0) }
  }
}

/// The classes of targets that are label maps.
public struct LabelClasses: Sendable {
  public let colours: LabelColours
  /// The class whose pixels are not looked at, such as "unlabelled".
  public var ignored: Int?

  public init(colours: LabelColours, ignored: Int? = nil) {
    (self.colours, self.ignored) = (colours, ignored)
  }

  /// The colour of pixels that are not looked at.
  public var ignoredColour: SIMD3<UInt8>? { ignored.map { colours.colours[$0] } }

  /// The label map that a pair's target is, its colours not mixed.
  ///
  /// - Parameters:
  ///   - target: at the size of the output
  ///   - format: how a model's target became what it is: unless as planes of classes, it was resized as a photograph; nil
  ///     where it was not resized
  public func labels(
    of pair: PairFiles, target: Picture, format: PairFormat?
  ) throws(ImageError) -> PictureFigures.Labels {
    var map = target
    if let format, format.labelClasses == nil {
      map = try pair.load().target.resized(width: target.width, height: target.height, method: .nearest)
    }
    return PictureFigures.Labels(colours: colours, target: map, ignored: ignored)
  }
}

extension PairFormat {
  /// The classes of targets that are planes of classes; nil for others, which may be label maps too: `TargetSurvey` knows.
  public var labelClasses: LabelClasses? {
    guard case .labels(let palette) = target else { return nil }
    let colours = palette.colours + (palette.unlabelled.map { [$0] } ?? [])
    return LabelColours(colours.map { SIMD3($0.red, $0.green, $0.blue) }).map {
      LabelClasses(colours: $0, ignored: palette.unlabelled == nil ? nil : palette.count)
    }
  }
}

extension PairFiles {
  /// The file that the input is in, or the output that stands for it.
  package var inputFile: String {
    switch location {
    case .sideBySide(let path, _): path
    case .twoFiles(let input, _): input
    case .photograph(let path): path
    }
  }

  /// The file that the target is in.
  package var targetFile: String {
    switch location {
    case .sideBySide(let path, _): path
    case .twoFiles(_, let target): target
    case .photograph(let path): path
    }
  }
}
