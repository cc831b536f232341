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
    let found = try inParallel(over: source.pairs.indices) { index in
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
  public var labelColours: LabelColours? {
    colours.flatMap { colours in
      isPalette || colours.count <= Self.mostLabelColours ? LabelColours(sorted: colours) : nil
    }
  }
}

extension PairFormat {
  /// The classes of targets that are planes of classes; nil for others, which may be label maps too: `TargetSurvey` knows.
  public var labelColours: LabelColours? {
    guard case .labels(let palette) = target else { return nil }
    return LabelColours(palette.colours.map { SIMD3($0.red, $0.green, $0.blue) })
  }

  /// The label map that a pair's target is, its colours not mixed.
  ///
  /// - Parameter target: as the networks see it, where other label maps than planes of classes were resized as photographs
  public func labelMap(of pair: PairFiles, target: Picture) throws(ImageError) -> Picture {
    if case .labels = self.target { return target }
    return try pair.load().target.resized(width: target.width, height: target.height, method: .nearest)
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
