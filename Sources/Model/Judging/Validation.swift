import Foundation
import ImageMetrics
import Images
import Tape

/// Measures the generators on pictures that they are not trained on: on pairs, by the figures of one or more sources, and on
/// pictures without pairs, by the way there and back.
struct Validation {
  /// Translates planes in a direction; the index is the picture's in its source, and decides the latent code where none is
  /// given.
  typealias Translate =
    (_ direction: Direction, _ planes: [Float], _ code: [Float]?, _ index: Int) throws -> [Float]
  /// The latent code of a target's planes.
  typealias Encode = (_ planes: [Float]) throws -> [Float]

  /// The kinds of figures: those of pictures, of further sources, of latent codes, and of cycles.
  let kinds: [FigureKind]
  /// The figure that the best checkpoint is chosen by.
  let best: FigureKind
  private let pairs: PairValidation?
  private let codes: CodeValidation?
  private let cycle: CycleValidation?

  /// - Throws: `ModelError.option` when the run does not have the figure to choose its best checkpoint by,
  ///   `ImageError` for a pair that cannot be read.
  init?(
    _ options: TrainingOptions, _ data: TrainingData, further: [any FigureSource], features: FeatureNetwork?
  ) throws {
    guard options.validateEvery > 0, data.validation != nil || data.unpairedValidation != nil else {
      return nil
    }
    let ofFeatures = features.map { [FeatureFigureSource($0)] } ?? []
    pairs = try data.validation.map { try PairValidation(options, $0, further: further + ofFeatures) }
    codes = options.hasCodes ? data.validation.map { CodeValidation(options, $0) } : nil
    cycle = data.unpairedValidation.map { CycleValidation(options, $0, features) }
    kinds = (pairs?.kinds ?? []) + (codes == nil ? [] : FigureKind.ofCodes) + (cycle?.kinds ?? [])
    precondition(Set(kinds.map(\.key)).count == kinds.count, "every figure has a key of its own")
    // Pairs alone know nothing of cycles.
    let wanted =
      options.best == options.usualBest && options.isUnpaired && cycle == nil
      ? TrainingOptions().best : options.best
    guard let best = kinds.first(where: { $0.key == wanted }) else {
      throw ModelError.option(
        "--best",
        "\(options.best) is none of the figures that this run has: \(kinds.map(\.key).joined(separator: ", "))"
      )
    }
    self.best = best
  }

  /// Pictures that are translated.
  var count: Int { (pairs?.count ?? 0) + (cycle?.count ?? 0) }

  /// All figures, in the order of `kinds`.
  ///
  /// - Parameter translate: called for one picture after the other
  func figures(_ translate: Translate, encode: Encode) throws -> [Figure] {
    try (pairs?.figures { try translate(.aToB, $0, nil, $1) } ?? [])
      + (codes?.figures({ try translate(.aToB, $0, $1, $2) }, encode) ?? [])
      + (cycle?.figures { try translate($0, $1, nil, $2) } ?? [])
  }
}

/// Measures the generator of the pairs' direction on pairs.
private struct PairValidation {
  let kinds: [FigureKind]
  private let pairs: PairSource
  private let sources: [any FigureSource]
  private let reader: PairReader
  private let format: PairFormat
  private let size: PictureSize

  init(_ options: TrainingOptions, _ pairs: PairSource, further: [any FigureSource]) throws {
    self.pairs = pairs
    sources = [try PictureFigureSource(options, pairs)] + further
    kinds = sources.flatMap(\.kinds)
    (format, size) = (options.format, options.network.size)
    reader = PairReader(
      augmentation: Augmentation(size: options.network.size, jitter: false, seed: options.seed),
      format: format)
  }

  var count: Int { pairs.count }

  /// The figures over all pairs, in the order of `kinds`.
  ///
  /// - Parameter translate: input planes and the pair's index to output planes; called for one pair after the other
  func figures(_ translate: (_ input: [Float], _ index: Int) throws -> [Float]) throws -> [Figure] {
    // One picture for each core.
    let atOnce = ProcessInfo.processInfo.activeProcessorCount
    for first in stride(from: 0, to: pairs.count, by: atOnce) {
      let range = first..<min(first + atOnce, pairs.count)
      let planes = try mapInParallel(over: range) {
        try reader.planes(of: pairs.pairs[$0], epoch: 0, index: $0)
      }
      let outputs = try range.map { try translate(planes[$0 - first].input, $0) }
      let translated = try mapInParallel(over: range) { index in
        let (planes, output) = (planes[index - first], outputs[index - first])
        return TranslatedPair(
          index: index, files: pairs.pairs[index],
          output: format.targetPicture(output, input: planes.input, size: size),
          target: format.targetPicture(planes.target, input: planes.input, size: size))
      }
      for source in sources { try source.measure(translated) }
    }
    let values = try sources.flatMap { try $0.takeValues() }
    return zip(kinds, values).map { Figure($0, value: $1, count: pairs.count) }
  }
}
