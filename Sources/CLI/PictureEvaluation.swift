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
  /// The classes, where targets are label maps.
  var labels: LabelColours?
  var ignored: Int?
  /// Where the classes were named, for errors.
  var palette: String?
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
    for first in stride(from: 0, to: source.count, by: Self.atOnce) {
      let range = first..<min(first + Self.atOnce, source.count)
      let translated = try translator.map { translator in
        try range.map { index in
          let (_, output, target) = try translator.translate(source.pairs[index], index: index)
          return Compared(output: output.rgb(), target: target)
        }
      }
      if let pictures, let translated {
        for (index, pair) in zip(range, translated) {
          try pair.output.writePNG(to: "\(pictures)/\(source.pairs[index].name).png")
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
    report.labels = labels
    report.scorerClasses = scorer?.palette.colours
    let bootstrap = Bootstrap(seed: seed)
    report.figures =
      Metrics.figures(report.pictures, bootstrap) + (try ScorerScore.figures(report.scores, bootstrap))
    if let features { report.figures.append(try features.figure()) }
    return report
  }

  private func figures(
    _ pair: PairFiles, _ compared: Compared
  ) throws -> PictureFigures {
    let (output, target) = compared
    func fitted(_ method: ResizeMethod) -> Picture {
      target.resized(width: output.width, height: output.height, method: method)
    }
    do {
      return try PictureFigures(
        name: pair.name, output: output, target: fitted(target.isPalette ? .nearest : .bicubic),
        labels: labels.map { .init(colours: $0, target: fitted(.nearest), ignored: ignored) },
        training: training)
    } catch {
      throw ModelError.file(
        pair.targetPath, "\(error)\(palette.map { " in \($0)" } ?? ""); is it a label map?")
    }
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
      output: try scorer.read(compared.output, path: pair.inputPath),
      target: try scorer.read(compared.target, path: pair.targetPath), labels: labels,
      classes: scorer.palette.count)
  }
}

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

  /// The FCN-score of outputs and of targets, and the Fréchet distance of the scorer's features, which takes two pictures.
  static func figures(_ scores: [ScorerScore], _ bootstrap: Bootstrap) throws -> [Figure] {
    let figures =
      segmentationFigures(scores.map(\.output), key: "scorer_", title: "FCN-score, ", bootstrap)
      + segmentationFigures(
        scores.map(\.target), key: "scorer_targets_", title: "scorer on targets, ", bootstrap)
    guard scores.count > 1 else { return figures }
    guard
      let distance = frechetDistance(
        Features(scores.map(\.outputFeatures)), Features(scores.map(\.targetFeatures)))
    else {
      throw ModelError.training("the singular values for the Fréchet distance did not converge")
    }
    return figures + [
      Figure(
        key: "scorer_frechet_distance", title: "Fréchet distance of scorer's features", value: distance,
        interval: nil, count: scores.count)
    ]
  }
}

extension Features {
  /// Vectors of one dimension, at least two.
  fileprivate init(_ vectors: [[Double]]) {
    self.init(count: vectors.count, dimension: vectors[0].count, values: vectors.flatMap(\.self))
  }
}

/// What is to be known of all targets before anything takes time: that pictures can be read and have equal sizes, and
/// which colours they have.
struct TargetSurvey {
  /// All targets are palette PNGs.
  let isPalette: Bool
  /// Distinct colours over all targets; nil when they are too many for classes.
  let colours: Set<SIMD3<UInt8>>?

  init(_ source: PairSource, needsEqualSizes: Bool) throws {
    let found = try mapInParallel(over: source.pairs.indices) { index in
      let pair = source.pairs[index]
      let (output, target) = try pair.load()
      guard !needsEqualSizes || (output.width, output.height) == (target.width, target.height) else {
        throw ModelError.file(
          pair.inputPath,
          "is \(output.width)x\(output.height) pixels, but \(pair.targetPath) is \(target.width)x\(target.height); give outputs at the targets' size"
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
}

extension PairFiles {
  /// The file that the input is in, or the output that stands for it.
  fileprivate var inputPath: String {
    switch location {
    case .sideBySide(let path, _): path
    case .twoFiles(let input, _): input
    case .photograph(let path): path
    }
  }

  fileprivate var targetPath: String {
    switch location {
    case .sideBySide(let path, _): path
    case .twoFiles(_, let target): target
    case .photograph(let path): path
    }
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

/// The results of `body` for every index, computed on all cores. Where several throw, the error of the first index is
/// thrown, whatever the order in time.
func mapInParallel<Result>(over indices: Range<Int>, _ body: (Int) throws -> Result) throws -> [Result] {
  var results = [Swift.Result<Result, any Error>?](repeating: nil, count: indices.count)
  results.withUnsafeMutableBufferPointer { results in
    nonisolated(unsafe) let results = results
    inParallel(indices.count) { place in
      results[place] = Swift.Result { try body(indices.lowerBound + place) }
    }
  }
  return try results.map { try $0!.get() }
}
