import Foundation
import Images
import Metrics
import Model
import Tape

/// Compares pictures with their targets: those that a model makes of the pairs' inputs or, without a model, those that are
/// in the inputs' place.
struct PictureEvaluation {
  let source: PairSource
  /// Of the bootstrap.
  let seed: UInt64
  var translator: Translator?
  /// Of the model, where there is one.
  var format: PairFormat?
  /// The classes, where targets are label maps.
  var labels: LabelClasses?
  /// Reduced training targets, to find outputs that repeat them.
  var training: [(name: String, thumbnail: Memorization.Thumbnail)] = []
  var scorer: Scorer?
  /// The label maps that a scorer should find, a file a pair; the pairs' inputs when nil.
  var labelMaps: [String]?
  var features: FeatureComparison?
  /// The folder that a model's pictures are written to.
  var pictures: String?

  /// So many pictures are held at a time, and measured on all cores.
  private static let atOnce = 32

  private typealias Compared = (output: Picture, target: Picture)

  func report() throws -> EvaluationReport {
    var report = EvaluationReport()
    var features = features
    if let pictures { try makeFolder(pictures) }
    let fileExtension = format?.target.fileExtension ?? "png"
    for first in stride(from: 0, to: source.count, by: Self.atOnce) {
      let range = first..<min(first + Self.atOnce, source.count)
      let translated = try translator.map { translator in
        try range.map { index in
          let (_, output, target) = try translator.translate(source.pairs[index], index: index)
          return Compared(output: output.opaque(), target: target)
        }
      }
      if let pictures, let translated {
        for (index, pair) in zip(range, translated) {
          try pair.output.write(to: "\(pictures)/\(source.pairs[index].name).\(fileExtension)")
        }
      }
      func compared(_ index: Int) throws -> Compared {
        if let translated { return translated[index - first] }
        // Here a pair's input is the output to compare.
        let (output, target) = try source.pairs[index].load()
        return (output, target)
      }
      report.pictures += try mapInParallel(over: range) { index in
        try figures(source.pairs[index], compared(index))
      }
      for index in range where features != nil {
        let (output, target) = try compared(index)
        try features?.add(output: output, target: target, name: source.pairs[index].name)
      }
      if let scorer {
        for index in range { report.scores.append(try score(index, compared(index), scorer)) }
      }
    }
    report.palette = labels?.palette
    report.scorerPalette = scorer?.palette
    let bootstrap = Bootstrap(seed: seed)
    report.figures = Metrics.figures(report.pictures, bootstrap)
    report.figures += ScorerScore.figures(report.scores, bootstrap)
    if let (a, b) = ScorerScore.features(report.scores) {
      report.figures.append(try .frechetDistance(a, b, ScorerScore.distance, source: "--scorer"))
      report.featureRemarks += [a.remark(beside: b)].compactMap(\.self)
    }
    if let features {
      report.figures.append(try features.figure())
      let (a, b) = features.features
      report.featureRemarks += [a.remark(beside: b)].compactMap(\.self)
    }
    return report
  }

  private func figures(_ pair: PairFiles, _ compared: Compared) throws -> PictureFigures {
    let (output, target) = compared
    let labels = try labels.map { try $0.labels(of: pair, target: target, format: format) }
    return try PictureFigures(
      name: pair.name, output: output, target: target, labels: labels, training: training)
  }

  private func score(
    _ index: Int, _ compared: Compared, _ scorer: Scorer
  ) throws -> ScorerScore {
    let pair = source.pairs[index]
    let labels: [UInt8]
    if let path = labelMaps?[index] {
      labels = try scorer.labels(of: try Picture(contentsOf: path), path: path)
    } else {
      let input = try pair.pictures().inputs[0]
      labels = try scorer.labels(of: input.picture, path: input.path)
    }
    return ScorerScore(
      output: try scorer.read(compared.output, path: pair.inputFile),
      target: try scorer.read(compared.target, path: pair.targetFile), labels: labels,
      classes: scorer.palette.count)
  }
}

/// Makes a folder and those above it.
func makeFolder(_ path: String) throws {
  do {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  } catch {
    throw ModelError.file(path, "cannot be made: is a file in the way, or is the disk full or read-only?")
  }
}
