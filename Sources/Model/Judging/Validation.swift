import Foundation
import ImageMetrics
import Images
import Random
import Tape

/// Measures the generators on pictures that they are not trained on: on pairs, by the figures of one or more sources, and on
/// pictures without pairs, by the way there and back.
struct Validation {
  /// Translates planes in a direction; the index is the picture's in its source.
  typealias Translate = (_ direction: Direction, _ planes: [Float], _ index: Int) throws -> [Float]

  /// The kinds of figures: those of pictures, of further sources, and of cycles.
  let kinds: [FigureKind]
  /// The figure that the best checkpoint is chosen by.
  let best: FigureKind
  private let pairs: PairValidation?
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
    cycle = data.unpairedValidation.map { CycleValidation(options, $0, features) }
    kinds = (pairs?.kinds ?? []) + (cycle?.kinds ?? [])
    precondition(Set(kinds.map(\.key)).count == kinds.count, "every figure has a key of its own")
    // Pairs alone know nothing of cycles.
    let wanted = options.best == options.usualBest && cycle == nil ? TrainingOptions().best : options.best
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
  func figures(_ translate: Translate) throws -> [Figure] {
    try (pairs?.figures { try translate(.aToB, $0, $1) } ?? []) + (cycle?.figures(translate) ?? [])
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

/// Measures both generators of a cycle on pictures of both domains.
private final class CycleValidation {
  let kinds: [FigureKind]
  private let source: UnpairedSource
  private let options: TrainingOptions
  private let network: FeatureNetwork?
  /// Of each side's own pictures, which stay the same.
  private var ownFeatures: [[[Double]]] = []
  /// Noise depends on the seed, the side and the picture alone, so that epochs can be compared.
  private static let purpose: UInt32 = 0xC1C1

  init(_ options: TrainingOptions, _ source: UnpairedSource, _ network: FeatureNetwork?) {
    (self.source, self.options, self.network) = (source, options, network)
    kinds = FigureKind.ofCycles + (network == nil ? [] : FigureKind.ofDomains)
  }

  var count: Int { source.a.count + source.b.count }

  /// The figures of `kinds`.
  func figures(_ translate: Validation.Translate) throws -> [Figure] {
    let errors = try Direction.Side.allCases.map { try self.errors(of: $0, translate) }
    let (a, b) = (errors[0], errors[1])
    let values = [
      (a.cycle + b.cycle) / 2, a.cycle, b.cycle, (a.noisy + b.noisy) / 2, a.noisy, b.noisy,
    ]
    let counts = [count, source.a.count, source.b.count]
    let cycles = zip(FigureKind.ofCycles, zip(values, counts + counts)).map {
      Figure($0, value: $1.0, count: $1.1)
    }
    guard let network else { return cycles }
    // What is drawn of A comes from pictures of B.
    let distances =
      try network.distances(b.features, ownFeatures[0]) + network.distances(a.features, ownFeatures[1])
    let drawn = [source.b.count, source.b.count, source.a.count, source.a.count]
    return cycles
      + zip(FigureKind.ofDomains, zip(distances, drawn)).map { Figure($0, value: $1.0, count: $1.1) }
  }

  /// The mean errors of one side's pictures, and the features of what is drawn from them.
  private func errors(
    of side: Direction.Side, _ translate: Validation.Translate
  ) throws -> (cycle: Double, noisy: Double, features: [[Double]]) {
    let reader = PairReader(
      augmentation: Augmentation(size: options.network.size, jitter: false, seed: options.seed),
      format: options.format.side(side))
    let there: Direction = side == .a ? .aToB : .bToA
    var (cycle, noisy) = (0.0, 0.0)
    var (features, own): ([[Double]], [[Double]]) = ([], [])
    let isFirst = ownFeatures.count < Direction.Side.allCases.count
    func look(_ planes: [Float], as side: Direction.Side, _ name: String) throws -> [Double]? {
      let picture = options.format.side(side).targetPicture(planes, input: planes, size: options.network.size)
      return try network?.features(of: picture, name: name)
    }
    let pictures = source[side].pairs
    for (index, files) in pictures.enumerated() {
      let planes = try reader.planes(of: files, epoch: 0, index: index).target
      let between = try translate(there, planes, index)
      let noise = Philox(seed: options.seed).normals(
        count: between.count, mean: 0, deviation: CycleError.noise,
        stream: UInt32(truncatingIfNeeded: 2 * index + (side == .a ? 0 : 1)), purpose: Self.purpose)
      let back = try translate(there.reversed, between, index)
      cycle += CycleError.value(back, planes)
      let backFromNoise = try translate(
        there.reversed, CycleError.disturbed(between, noise: noise), index)
      noisy += CycleError.value(backFromNoise, planes)
      if let drawn = try look(between, as: side == .a ? .b : .a, files.name) { features.append(drawn) }
      if isFirst, let seen = try look(planes, as: side, files.name) { own.append(seen) }
    }
    if isFirst { ownFeatures.append(own) }
    return (cycle / Double(pictures.count), noisy / Double(pictures.count), features)
  }
}
