import ImageMetrics
import Images
import Tape

/// A generator's output for a pair and the pair's target, as pictures of the networks' size.
public struct TranslatedPair: Sendable {
  /// The pair's place in its source.
  public let index: Int
  public let files: PairFiles
  public let output: Picture
  public let target: Picture
}

/// Measures a generator's outputs. A validation hands over all pairs in their order, a few at a time, and then asks for the
/// values.
public protocol FigureSource: AnyObject {
  /// The kinds of its figures: the same at every validation, with keys of its own.
  var kinds: [FigureKind] { get }
  /// Measures the next pairs.
  func measure(_ pairs: [TranslatedPair]) throws
  /// The values over all pairs measured since the last call, one for each of `kinds`; NaN for an undefined one.
  func takeValues() throws -> [Double]
}

/// The distances of a feature network's view of outputs from that of their targets.
final class FeatureFigureSource: FigureSource {
  let kinds = [FigureKind.frechetDistance, .kernelDistance]
  private let network: FeatureNetwork
  private var outputs: [[Double]] = []
  private var targets: [[Double]] = []
  /// By the pairs' places: targets stay the same.
  private var known: [Int: [Double]] = [:]

  init(_ network: FeatureNetwork) { self.network = network }

  func measure(_ pairs: [TranslatedPair]) throws {
    for pair in pairs {
      outputs.append(try network.features(of: pair.output, name: pair.files.name))
      let target = try known[pair.index] ?? network.features(of: pair.target, name: pair.files.name)
      known[pair.index] = target
      targets.append(target)
    }
  }

  func takeValues() throws -> [Double] {
    defer { (outputs, targets) = ([], []) }
    return try network.distances(outputs, targets)
  }
}

extension FeatureNetwork {
  /// The Fréchet distance and the kernel distance, a thousandfold; NaN where there are fewer than two pictures.
  func distances(_ outputs: [[Double]], _ targets: [[Double]]) throws -> [Double] {
    guard outputs.count > 1, targets.count > 1 else { return [.nan, .nan] }
    let comparison = FeatureComparison(outputs: outputs, targets: targets, source: "--feature-network")
    return [try comparison.figure().value, comparison.kernelFigure().value]
  }
}

/// The figures of outputs beside their targets, equal to `pix2pix evaluate`'s.
final class PictureFigureSource: FigureSource {
  let kinds: [FigureKind]
  private let format: PairFormat
  private let labels: LabelClasses?
  private var measured: [PictureFigures] = []

  /// - Parameter pairs: all pairs that will be measured
  /// - Throws: `ImageError` for a pair that cannot be read.
  init(_ options: TrainingOptions, _ pairs: PairSource) throws {
    format = options.format
    if let labels = options.format.labelClasses {
      self.labels = labels
    } else {
      let survey = try TargetSurvey(pairs)
      // A training measures the same pairs from beginning to end.
      if let error = survey.unreadable.first { throw error }
      labels = survey.labelClasses
    }
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
