import Images
import Metrics
import Tape

/// What the generator made of a pair and what it should have made, as pictures of the networks' size.
public struct TranslatedPair: Sendable {
  /// The pair's place in its source.
  public let index: Int
  public let files: PairFiles
  public let output: Picture
  public let target: Picture
}

/// Figures of the generator's outputs. A validation hands over all pairs in their order, a few at a time, and then asks for
/// the values.
public protocol FigureSource: AnyObject {
  /// What it measures: the same at every validation, and with keys that no other source has.
  var kinds: [FigureKind] { get }
  /// Takes in the next pairs.
  func measure(_ pairs: [TranslatedPair]) throws
  /// The values over all pairs taken in since it was last asked, one for each of `kinds`; NaN for what is not defined.
  func takeValues() throws -> [Double]
}

/// The figures that `pix2pix evaluate` says of outputs beside their targets.
final class PictureFigureSource: FigureSource {
  let kinds: [FigureKind]
  private let format: PairFormat
  private let labels: LabelClasses?
  private var measured: [PictureFigures] = []

  /// - Parameter pairs: all that will be measured
  /// - Throws: `ImageError` for a pair that cannot be read.
  init(_ options: TrainingOptions, _ pairs: PairSource) throws {
    format = options.format
    labels = try options.format.labelClasses ?? TargetSurvey(pairs).labelClasses
    let size = options.network.size
    kinds = FigureKind.ofPictures(
      width: size.width, height: size.height, areLabelMaps: labels != nil,
      areColours: format.target.showsColour)
  }

  func measure(_ pairs: [TranslatedPair]) throws {
    measured += try mapInParallel(over: pairs.indices) { place in
      let pair = pairs[place]
      let labels = try labels.map { try $0.labels(of: pair.files, target: pair.target, format: format) }
      return try PictureFigures(
        name: pair.files.name, output: pair.output, target: pair.target, labels: labels)
    }
  }

  func takeValues() -> [Double] {
    defer { measured = [] }
    let values = Dictionary(uniqueKeysWithValues: figures(measured).map { ($0.kind, $0.value) })
    return kinds.map { values[$0] ?? .nan }
  }
}
