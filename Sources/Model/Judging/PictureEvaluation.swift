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
  public var lpips: LPIPS?
  /// Outputs of each input that are compared, K; 1 for plain figures alone. Other figures are the first one's.
  public var samples = 1
  /// Without a model, files of each pair's samples behind the first, K - 1 of them, by the pairs' names.
  public var sampleFiles: [String: [String]] = [:]
  /// Files of several right outputs of each pair's input, at least two, by the pairs' names; empty where only targets are known.
  public var targetSamples: [String: [String]] = [:]
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

  /// An input's outputs, the first of which is its plain one, its target, and several right outputs where they are known.
  private typealias Compared = (outputs: [Picture], target: Picture, targets: [Picture])

  public init(source: PairSource, seed: UInt64) {
    (self.source, self.seed) = (source, seed)
  }

  public func report() throws -> EvaluationReport {
    var report = EvaluationReport()
    var features = features
    if samples > 1 { try translator?.requireSamples() }
    if let pictureFolder { try makeFolder(pictureFolder) }
    let batchSize = max(1, Self.batchSize / samples)
    for first in stride(from: 0, to: source.count, by: batchSize) {
      let range = first..<min(first + batchSize, source.count)
      let translated = try translations(range)
      func compared(_ index: Int) throws -> Compared {
        if let translated { return translated[index - first] }
        return try readSamples(index)
      }
      var pictures = try mapInParallel(over: range) { index in
        try figures(source.pairs[index], compared(index))
      }
      if let teacher {
        report.agreements += try range.map { try teacher.agreement(source.pairs[$0], index: $0) }
      }
      if translated == nil { onProgress(range.upperBound) }
      if let translator, translator.options.hasCodes {
        for index in range {
          pictures[index - first].codes = try translator.codeDistances(of: source.pairs[index], index: index)
        }
      }
      for index in range where features != nil || scorer != nil || lpips != nil {
        let all = try compared(index)
        let (output, target, name) = (all.outputs[0], all.target, source.pairs[index].name)
        if lpips != nil, let remark = features?.refusal(of: output.size) {
          // AlexNet's features need larger pictures than LPIPS.
          features = nil
          report.add(remark: remark)
        }
        try features?.add(output: output, target: target, name: name)
        if let scorer { report.scores.append(try score(index, (output, target), scorer)) }
        if let lpips { try add(lpips, all, name, to: &pictures[index - first]) }
      }
      report.pictures += pictures
    }
    report.palette = labels?.palette
    report.scorerPalette = scorer?.palette
    try addFigures(to: &report, features)
    return report
  }

  /// Without a model a pair's input is the output, the first of its samples.
  private func readSamples(_ index: Int) throws -> Compared {
    let pair = source.pairs[index]
    func read(_ files: [String: [String]]) throws -> [Picture] {
      try (files[pair.name] ?? []).map { try Picture(contentsOf: $0).opaque() }
    }
    let (output, target) = try pair.load()
    return ([output] + (try read(sampleFiles)), target, try read(targetSamples))
  }

  private func add(
    _ lpips: LPIPS, _ compared: Compared, _ name: String, to figures: inout PictureFigures
  ) throws {
    guard compared.outputs.count > 1 else {
      figures.perceptual = try lpips.figure(
        output: compared.outputs[0], target: compared.target, name: name)
      return
    }
    let (first, all) = try lpips.figures(
      samples: compared.outputs, target: compared.target, targets: compared.targets, name: name)
    figures.perceptual = first
    figures.samples.append(all)
  }

  private func addFigures(to report: inout EvaluationReport, _ features: FeatureCollector?) throws {
    let bootstrap = Bootstrap(seed: seed)
    let truths = report.pictures.compactMap { $0.samples.first?.targetDiversity }
    guard truths.isEmpty || truths.contains(where: { $0 > 0 }) else {
      throw ModelError.option(
        "--target-samples", "the targets of each input are all equal, so that no output could collapse")
    }
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
      let (pictures, target, targets) = try translator.samples(
        samples, of: pair, index: index, targets: targetSamples[pair.name] ?? [])
      let outputs = pictures.map { $0.opaque() }
      if let pictureFolder {
        let files = Self.files(of: pair, samples: samples, in: pictureFolder, translator.options.format)
        for (output, file) in zip(outputs, files) { try output.write(to: file, replacing: replacing) }
      }
      onProgress(index + 1)
      return (outputs, target, targets)
    }
  }

  /// Named as `translate` does it: NAME.png, or NAME-1.png to NAME-K.png.
  private static func files(
    of pair: PairFiles, samples: Int, in folder: String, _ format: PairFormat
  ) -> [String] {
    SampleNames.names(of: pair.name, samples).map { "\(folder)/\($0).\(format.target.fileExtension)" }
  }

  /// The files of a model's pictures that `report()` writes into a folder.
  ///
  /// - Parameter samples: of each input
  public static func files(
    of source: PairSource, samples: Int = 1, in folder: String, _ format: PairFormat
  ) -> [String] {
    source.pairs.flatMap { files(of: $0, samples: samples, in: folder, format) }
  }

  private func figures(_ pair: PairFiles, _ compared: Compared) throws -> PictureFigures {
    let (outputs, target, targets) = compared
    let labels = try labels.map {
      try $0.labels(of: pair, target: target, format: translator?.options.format)
    }
    var figures = try PictureFigures(
      name: pair.name, output: outputs[0], target: target, labels: labels, training: training)
    if outputs.count > 1 {
      figures.samples = [SampleDistances(samples: outputs, target: target, targets: targets)]
    }
    return figures
  }

  private func score(
    _ index: Int, _ compared: (output: Picture, target: Picture), _ scorer: Scorer
  ) throws -> ScorerScore {
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
