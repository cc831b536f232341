import ImageMetrics
import Images

/// A scorer's readings of an output and of its target, against the labels that the output was made from.
public struct ScorerScore: Sendable {
  public let output: ConfusionMatrix
  public let target: ConfusionMatrix
  public let outputFeatures: [Double]
  public let targetFeatures: [Double]

  /// - Parameters:
  ///   - labels: a class per pixel; `classes` for a pixel that nobody labelled
  ///   - classes: the scorer's
  public init(output: Scorer.Reading, target: Scorer.Reading, labels: [UInt8], classes: Int) {
    self.output = ConfusionMatrix(
      outputs: output.classes, targets: labels, classes: classes, ignoring: classes)
    self.target = ConfusionMatrix(
      outputs: target.classes, targets: labels, classes: classes, ignoring: classes)
    (outputFeatures, targetFeatures) = (output.features, target.features)
  }

  public static let outputKinds = FigureKind.segmentation(
    key: "scorer_", name: "FCN-score, ", family: "FCN-score")
  private static let targetKinds = FigureKind.segmentation(
    key: "scorer_targets_", name: "scorer on targets, ", family: "FCN-score of targets")
  static let distance = FigureKind(
    "scorer_frechet_distance", "Fréchet distance of scorer's features", better: .lower)

  /// The FCN-score of outputs and of targets.
  static func figures(_ scores: [ScorerScore], _ bootstrap: Bootstrap) -> [Figure] {
    segmentationFigures(scores.map(\.output), outputKinds, bootstrap)
      + segmentationFigures(scores.map(\.target), targetKinds, bootstrap)
  }

  /// The scorer's features of outputs and targets; nil for fewer than two pictures, which have no covariance.
  static func features(_ scores: [ScorerScore]) -> FeatureComparison? {
    guard scores.count > 1 else { return nil }
    return FeatureComparison(
      outputs: scores.map(\.outputFeatures), targets: scores.map(\.targetFeatures), source: "--scorer")
  }
}

/// The FCN-score during training: the generator's outputs read by a scorer, against their inputs' labels.
public final class ScorerFigureSource: FigureSource {
  public let kinds = ScorerScore.outputKinds
  private let scorer: Scorer
  private var confusions: [ConfusionMatrix] = []

  public init(_ scorer: Scorer) {
    self.scorer = scorer
  }

  public func measure(_ pairs: [TranslatedPair]) throws {
    for pair in pairs {
      confusions.append(
        ConfusionMatrix(
          outputs: try scorer.read(pair.output, path: pair.files.name).classes,
          targets: try scorer.labels(ofInputOf: pair.files), classes: scorer.palette.count,
          ignoring: scorer.palette.count))
    }
  }

  public func takeValues() -> [Double] {
    defer { confusions = [] }
    return segmentationFigures(confusions, kinds).map(\.value)
  }
}

extension Scorer {
  /// The classes that a pair's first input, a label map, gives the pixels of `size`.
  func labels(ofInputOf pair: PairFiles) throws -> [UInt8] {
    let input = try pair.pictures().inputs[0]
    return try labels(of: input.picture, path: input.path)
  }
}

extension FigureKind {
  /// All that a run may measure.
  static let ofRuns =
    ofPictures + ScorerScore.outputKinds + ofCycles + [frechetDistance, kernelDistance] + ofDomains
}
