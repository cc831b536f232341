import Foundation
import ImageMetrics
import Images
import Tape

/// Measures the generator on pairs that it is not trained on, by the figures of one or more sources.
struct Validation {
  let pairs: PairSource
  /// The kinds of figures: first those of pictures, then those of further sources.
  let kinds: [FigureKind]
  /// The figure that the best checkpoint is chosen by.
  let best: FigureKind
  private let sources: [any FigureSource]
  private let reader: PairReader
  private let format: PairFormat
  private let size: PictureSize

  /// - Throws: `ModelError.option` when the run does not have the figure to choose its best checkpoint by,
  ///   `ImageError` for a pair that cannot be read.
  init(_ options: TrainingOptions, _ pairs: PairSource, further: [any FigureSource]) throws {
    self.pairs = pairs
    sources = [try PictureFigureSource(options, pairs)] + further
    kinds = sources.flatMap(\.kinds)
    precondition(Set(kinds.map(\.key)).count == kinds.count, "every figure has a key of its own")
    guard let best = kinds.first(where: { $0.key == options.best }) else {
      throw ModelError.option(
        "--best",
        "\(options.best) is none of the figures that this run has: \(kinds.map(\.key).joined(separator: ", "))"
      )
    }
    self.best = best
    (format, size) = (options.format, options.network.size)
    reader = PairReader(
      augmentation: Augmentation(size: options.network.size, jitter: false, seed: options.seed),
      format: format)
  }

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
