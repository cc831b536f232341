import Files
import ImageMetrics
import Images
import Tape

/// A comparison of pictures with their targets: a model's translations of the pairs' inputs or, without a model, pictures
/// in the inputs' place.
public struct PictureEvaluation {
  private let source: PairSource
  /// Seed of the bootstrap.
  private let seed: UInt64
  public var translator: Translator?
  /// The classes of targets that are label maps.
  public var labels: LabelClasses?
  /// Reduced training targets, to find outputs that repeat them.
  public var training: [Memorization.TrainingTarget] = []
  public var scorer: Scorer?
  /// The label maps that a scorer should find, a file a pair; the pairs' inputs when nil.
  public var labelMaps: [String]?
  public var features: FeatureCollector?
  /// The teacher whose pictures the model's are compared with, too.
  public var teacher: TeacherComparison?
  /// The folder for a model's pictures.
  public var pictureFolder: String?
  /// What these may take the place of.
  public var replacing = OutputFile.Replacing.own
  /// Is told how many pairs are done: of a model, after each picture, otherwise after each batch.
  public var onProgress: (_ done: Int) -> Void = { _ in }

  /// Pictures held at a time, and measured on all cores.
  private static let batchSize = 32

  private typealias Compared = (output: Picture, target: Picture)

  public init(source: PairSource, seed: UInt64) {
    (self.source, self.seed) = (source, seed)
  }

  public func report() throws -> EvaluationReport {
    var report = EvaluationReport()
    var features = features
    if let pictureFolder { try makeFolder(pictureFolder) }
    for first in stride(from: 0, to: source.count, by: Self.batchSize) {
      let range = first..<min(first + Self.batchSize, source.count)
      let translated = try translations(range)
      func compared(_ index: Int) throws -> Compared {
        if let translated { return translated[index - first] }
        // Without a model a pair's input is the output.
        let (output, target) = try source.pairs[index].load()
        return (output, target)
      }
      report.pictures += try mapInParallel(over: range) { index in
        try figures(source.pairs[index], compared(index))
      }
      if let teacher {
        report.agreements += try range.map { try teacher.agreement(source.pairs[$0], index: $0) }
      }
      if translated == nil { onProgress(range.upperBound) }
      for index in range where features != nil || scorer != nil {
        let (output, target) = try compared(index)
        try features?.add(output: output, target: target, name: source.pairs[index].name)
        if let scorer { report.scores.append(try score(index, (output, target), scorer)) }
      }
    }
    report.palette = labels?.palette
    report.scorerPalette = scorer?.palette
    try addFigures(to: &report, features)
    return report
  }

  private func addFigures(to report: inout EvaluationReport, _ features: FeatureCollector?) throws {
    let bootstrap = Bootstrap(seed: seed)
    report.figures =
      ImageMetrics.figures(report.pictures, bootstrap) + ScorerScore.figures(report.scores, bootstrap)
    if let comparison = ScorerScore.features(report.scores) {
      try report.add(comparison, ScorerScore.distance)
    }
    if let features { try report.add(features.comparison, features.kind) }
    report.figures += ImageMetrics.figures(report.agreements, bootstrap)
  }

  /// A model's pictures of some pairs, written where a folder is given; nil without a model.
  private func translations(_ range: Range<Int>) throws -> [Compared]? {
    guard let translator else { return nil }
    return try range.map { index in
      let pair = source.pairs[index]
      let (_, picture, target) = try translator.translate(pair, index: index)
      let output = picture.opaque()
      if let pictureFolder {
        try output.write(
          to: Self.file(of: pair, in: pictureFolder, translator.options.format), replacing: replacing)
      }
      onProgress(index + 1)
      return (output, target)
    }
  }

  private static func file(of pair: PairFiles, in folder: String, _ format: PairFormat) -> String {
    "\(folder)/\(pair.name).\(format.target.fileExtension)"
  }

  /// The files of a model's pictures that `report()` writes into a folder.
  public static func files(of source: PairSource, in folder: String, _ format: PairFormat) -> [String] {
    source.pairs.map { file(of: $0, in: folder, format) }
  }

  private func figures(_ pair: PairFiles, _ compared: Compared) throws -> PictureFigures {
    let (output, target) = compared
    let labels = try labels.map {
      try $0.labels(of: pair, target: target, format: translator?.options.format)
    }
    return try PictureFigures(
      name: pair.name, output: output, target: target, labels: labels, training: training)
  }

  private func score(_ index: Int, _ compared: Compared, _ scorer: Scorer) throws -> ScorerScore {
    let pair = source.pairs[index]
    let labels =
      if let path = labelMaps?[index] {
        try scorer.labels(of: try Picture(contentsOf: path), path: path)
      } else {
        try scorer.labels(ofInputOf: pair)
      }
    return ScorerScore(
      output: try scorer.read(compared.output, path: pair.inputFile),
      target: try scorer.read(compared.target, path: pair.targetFile), labels: labels,
      classes: scorer.palette.count)
  }
}
