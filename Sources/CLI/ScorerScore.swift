import Images
import Metrics
import Model

/// What a scorer read from an output and from its target, beside the labels that are to be read.
struct ScorerScore {
  let output: ConfusionMatrix
  let target: ConfusionMatrix
  let outputFeatures: [Double]
  let targetFeatures: [Double]

  init(output: Scorer.Reading, target: Scorer.Reading, labels: [UInt8], classes: Int) {
    // Pixels that nobody labelled have the number behind the last class's.
    self.output = ConfusionMatrix(
      outputs: output.classes, targets: labels, classes: classes, ignoring: classes)
    self.target = ConfusionMatrix(
      outputs: target.classes, targets: labels, classes: classes, ignoring: classes)
    (outputFeatures, targetFeatures) = (output.features, target.features)
  }

  static let outputKinds = FigureKind.segmentation(key: "scorer_", name: "FCN-score, ", family: "FCN-score")
  private static let targetKinds = FigureKind.segmentation(
    key: "scorer_targets_", name: "scorer on targets, ", family: "FCN-score of targets")

  static let distance = FigureKind(
    "scorer_frechet_distance", "Fréchet distance of scorer's features", better: .lower)

  /// The FCN-score of outputs and of targets.
  static func figures(_ scores: [ScorerScore], _ bootstrap: Bootstrap) -> [Figure] {
    segmentationFigures(scores.map(\.output), outputKinds, bootstrap)
      + segmentationFigures(scores.map(\.target), targetKinds, bootstrap)
  }

  /// Those of outputs and of targets; nil for fewer than two pictures, which have no covariance.
  static func features(_ scores: [ScorerScore]) -> (Features, Features)? {
    guard scores.count > 1 else { return nil }
    func features(_ vectors: [[Double]]) -> Features {
      Features(count: vectors.count, dimension: vectors[0].count, values: vectors.flatMap(\.self))
    }
    return (features(scores.map(\.outputFeatures)), features(scores.map(\.targetFeatures)))
  }
}

/// The FCN-score while training: of the generator's outputs, by the labels that are their inputs.
final class ScorerFigureSource: FigureSource {
  let kinds = ScorerScore.outputKinds
  private let scorer: Scorer
  private var confusions: [ConfusionMatrix] = []

  init(_ scorer: Scorer) {
    self.scorer = scorer
  }

  func measure(_ pairs: [TranslatedPair]) throws {
    for pair in pairs {
      let input = try pair.files.pictures().inputs[0]
      confusions.append(
        ConfusionMatrix(
          outputs: try scorer.read(pair.output, path: pair.files.name).classes,
          targets: try scorer.labels(of: input.picture, path: input.path), classes: scorer.palette.count,
          ignoring: scorer.palette.count))
    }
  }

  func takeValues() -> [Double] {
    defer { confusions = [] }
    return segmentationFigures(confusions, kinds).map(\.value)
  }
}
