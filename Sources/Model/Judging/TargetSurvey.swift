import ImageMetrics
import Images
import Tape

/// A reading of all targets before anything takes time: it finds unreadable pictures, pairs of unequal sizes, and the
/// targets' colours.
public struct TargetSurvey: Sendable {
  /// More distinct colours than this in all targets are no label maps, unless they are palette PNGs.
  public static let mostLabelColours = 64

  /// All targets are palette PNGs.
  private let isPalette: Bool
  /// Distinct colours over all targets; nil when they are too many for classes.
  private let colours: Set<Colour>?
  /// The pairs that can be read.
  public let readable: PairSource
  /// The errors of the others.
  public let unreadable: [ImageError]

  /// - Throws: the first pair's `ImageError` when none can be read, `ModelError.file` for a picture whose size is not its
  ///   target's.
  public init(_ source: PairSource, needsEqualSizes: Bool = false) throws {
    typealias Found = (isPalette: Bool, colours: Set<Colour>?)
    let looks = try mapInParallel(over: source.pairs.indices) { index -> Result<Found, ImageError> in
      let pair = source.pairs[index]
      let output: Picture
      let target: Picture
      do throws(ImageError) {
        (output, target) = try pair.load()
        for path in pair.moreInputs { _ = try PictureHeader(contentsOf: path) }
      } catch {
        return .failure(error)
      }
      guard !needsEqualSizes || (output.width, output.height) == (target.width, target.height) else {
        throw ModelError.file(
          pair.inputFile,
          "is \(output.width)x\(output.height) pixels, but \(pair.targetFile) is \(target.width)x\(target.height); give outputs at the targets' size"
        )
      }
      guard !needsEqualSizes || output.channels == target.channels else {
        throw ModelError.file(
          pair.inputFile,
          "has \(output.channels) channels, but \(pair.targetFile) has \(target.channels); give outputs of the targets' kind"
        )
      }
      // Label maps are colours of 8 bits.
      let isColour = target.bitDepth == 8 && target.isColour
      let colours = isColour ? target.distinctColours(limit: Palette.maximumCount) : nil
      return .success((isPalette: target.isPalette, colours: colours))
    }
    var (found, pairs, errors): ([Found], [PairFiles], [ImageError]) = ([], [], source.unreadable)
    for (look, pair) in zip(looks, source.pairs) {
      switch look {
      case .success(let one):
        found.append(one)
        pairs.append(pair)
      case .failure(let error): errors.append(error)
      }
    }
    if pairs.isEmpty, let first = errors.first { throw first }
    (readable, unreadable) = (PairSource(pairs: pairs, remarks: source.remarks), errors)
    isPalette = found.allSatisfy(\.isPalette)
    var all: Set<Colour>? = []
    for picture in found {
      guard let colours = picture.colours, let others = all?.union(colours) else {
        all = nil
        break
      }
      all = others.count <= Palette.maximumCount ? others : nil
    }
    colours = all
  }

  /// The classes of label maps; nil for other targets.
  public var labelClasses: LabelClasses? {
    guard let colours, isPalette || colours.count <= Self.mostLabelColours else { return nil }
    return Palette(sorted: colours).map { LabelClasses(palette: $0) }
  }
}

/// The classes of targets that are label maps.
public struct LabelClasses: Sendable {
  public let palette: Palette
  /// The class whose pixels are left out, such as "unlabelled".
  public var ignored: Int?

  public init(palette: Palette, ignored: Int? = nil) {
    (self.palette, self.ignored) = (palette, ignored)
  }

  /// - Parameter colour: the colour of pixels to leave out; ignored unless it is the palette's
  public init(_ palette: Palette, ignoring colour: Colour?) {
    self.init(palette: palette, ignored: colour.flatMap(palette.colours.firstIndex(of:)))
  }

  /// The colour of pixels that are left out.
  public var ignoredColour: Colour? { ignored.map { palette.colours[$0] } }

  /// A pair's target as a label map, its colours not mixed.
  ///
  /// - Parameters:
  ///   - target: at the size of the output
  ///   - format: a model's format, which resized `target` as a photograph unless it has planes of classes; nil where
  ///     `target` was not resized
  public func labels(
    of pair: PairFiles, target: Picture, format: PairFormat?
  ) throws(ImageError) -> PictureFigures.Labels {
    let wasBlended = format != nil && format?.labelClasses == nil
    return PictureFigures.Labels(
      palette: palette, target: wasBlended ? try pair.load().target : target, path: pair.targetFile,
      ignored: ignored)
  }
}

extension PairFormat {
  /// The classes of targets in planes of classes; nil for other targets, which `TargetSurvey` judges by their colours.
  public var labelClasses: LabelClasses? {
    guard case .labels(let palette) = target else { return nil }
    guard let unlabelled = palette.unlabelled else { return LabelClasses(palette: palette) }
    return LabelClasses(palette: Palette(palette.colours + [unlabelled]), ignored: palette.count)
  }
}
