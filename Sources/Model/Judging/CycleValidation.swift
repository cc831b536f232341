import ImageMetrics
import Images
import Random

/// Measures both generators of a cycle on pictures of both domains.
final class CycleValidation {
  let kinds: [FigureKind]
  private let source: UnpairedSource
  private let options: TrainingOptions
  private let network: FeatureNetwork?
  /// Translates planes in a direction; the index is the picture's in its source.
  typealias Translate = (_ direction: Direction, _ planes: [Float], _ index: Int) throws -> [Float]

  /// The features of each side's own pictures, which stay the same.
  private var ownFeatures: [Direction.Side: [[Double]]] = [:]
  /// Of the noise. It depends on the seed, the side and the picture alone, so that epochs can be compared.
  private static let purpose: UInt32 = 0xC1C1

  init(_ options: TrainingOptions, _ source: UnpairedSource, _ network: FeatureNetwork?) {
    (self.source, self.options, self.network) = (source, options, network)
    kinds = FigureKind.ofCycles + (network == nil ? [] : FigureKind.ofDomains)
  }

  var count: Int { source.a.count + source.b.count }

  /// The pictures of a side, there and back.
  private struct Way {
    /// Mean errors.
    var cycle = 0.0
    var noisy = 0.0
    /// Of what is drawn of the other domain.
    var features: [[Double]] = []
  }

  /// The figures of `kinds`.
  func figures(_ translate: Translate) throws -> [Figure] {
    let (a, b) = (try way(from: .a, translate), try way(from: .b, translate))
    let errors = [
      (a.cycle + b.cycle) / 2, a.cycle, b.cycle, (a.noisy + b.noisy) / 2, a.noisy, b.noisy,
    ]
    let (countA, countB) = (source.a.count, source.b.count)
    // What is drawn of A comes from pictures of B.
    let distances =
      try network.map {
        try $0.distances(b.features, own(.a, $0)) + $0.distances(a.features, own(.b, $0))
      } ?? []
    let counts = [count, countA, countB, count, countA, countB, countB, countB, countA, countA]
    return zip(kinds, zip(errors + distances, counts)).map { Figure($0, value: $1.0, count: $1.1) }
  }

  private func way(from side: Direction.Side, _ translate: Translate) throws -> Way {
    let there: Direction = side == .a ? .aToB : .bToA
    let reader = reader(side)
    var way = Way()
    let pictures = source[side].pairs
    for (index, files) in pictures.enumerated() {
      let planes = try reader.planes(of: files, epoch: 0, index: index).target
      let between = try translate(there, planes, index)
      let noise = Philox(seed: options.seed).normals(
        count: between.count, mean: 0, deviation: CycleError.noise,
        stream: UInt32(truncatingIfNeeded: 2 * index + (side == .a ? 0 : 1)), purpose: Self.purpose)
      let disturbed = CycleError.disturbed(between, noise: noise)
      way.cycle += CycleError.value(try translate(there.reversed, between, index), planes)
      way.noisy += CycleError.value(try translate(there.reversed, disturbed, index), planes)
      if let network {
        way.features.append(try features(between, of: there.reversed.source, files.name, network))
      }
    }
    way.cycle /= Double(pictures.count)
    way.noisy /= Double(pictures.count)
    return way
  }

  private func own(_ side: Direction.Side, _ network: FeatureNetwork) throws -> [[Double]] {
    if let known = ownFeatures[side] { return known }
    let reader = reader(side)
    let found = try source[side].pairs.enumerated().map { index, files in
      try features(
        reader.planes(of: files, epoch: 0, index: index).target, of: side, files.name, network)
    }
    ownFeatures[side] = found
    return found
  }

  private func features(
    _ planes: [Float], of side: Direction.Side, _ name: String, _ network: FeatureNetwork
  ) throws -> [Double] {
    let picture = options.format.side(side)
      .targetPicture(planes, input: planes, size: options.network.size)
    return try network.features(of: picture, name: name)
  }

  private func reader(_ side: Direction.Side) -> PairReader {
    PairReader(
      augmentation: Augmentation(size: options.network.size, jitter: false, seed: options.seed),
      format: options.format.side(side))
  }
}
