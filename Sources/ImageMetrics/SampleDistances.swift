import Images

/// Several outputs of one input, samples, compared among themselves and with what is right, by one distance of pictures.
public struct SampleDistances: Sendable, Equatable {
  /// The distance: `.l1`, or an LPIPS.
  public let distance: FigureKind
  /// The number of samples, K.
  public let count: Int
  /// The mean distance of all pairs of samples.
  public let diversity: Double
  /// The least distance of a sample from the target.
  public let best: Double
  /// The mean distance of all pairs of right outputs; nil where only one is known.
  public let targetDiversity: Double?

  public init(
    _ distance: FigureKind, count: Int, diversity: Double, best: Double, targetDiversity: Double? = nil
  ) {
    (self.distance, self.count) = (distance, count)
    (self.diversity, self.best, self.targetDiversity) = (diversity, best, targetDiversity)
  }

  /// By L1, in 0...255.
  ///
  /// - Parameters:
  ///   - samples: at least two pictures of one size
  ///   - target: a right output of that size
  ///   - targets: several right outputs of that size; fewer than two are none
  public init(samples: [Picture], target: Picture, targets: [Picture] = []) {
    precondition(samples.count > 1, "a diversity needs two samples")
    let (pixels, targetPixels) = (samples.map { Pixels($0) }, Pixels(target))
    self.init(
      .l1, count: samples.count, diversity: meanPairwiseError(pixels),
      best: pixels.reduce(.infinity) { min($0, meanAbsoluteError($1, targetPixels)) },
      targetDiversity: targets.count > 1 ? meanPairwiseError(targets.map { Pixels($0) }) : nil)
  }

  /// The figures of inputs' samples, by the same distances of each; none where there are no samples.
  ///
  /// The collapse ratio is the mean diversity of outputs over that of right outputs, over all inputs.
  ///
  /// - Parameters:
  ///   - inputs: the distances of each input's samples
  ///   - bootstrap: draws the intervals over inputs; figures have none without it
  public static func figures(_ inputs: [[SampleDistances]], _ bootstrap: Bootstrap? = nil) -> [Figure] {
    guard let first = inputs.first else { return [] }
    return first.indices.flatMap { place in
      let all = inputs.map { $0[place] }
      let (kind, count) = (all[0].distance, Double(all.count))
      let own = summedFigures(
        [kind.ofDiversity, kind.ofBest(all[0].count)], all.map { [$0.diversity, $0.best] }, bootstrap
      ) { $0.map { $0 / count } }
      let truth = all.compactMap { input in input.targetDiversity.map { [input.diversity, $0] } }
      guard truth.count == all.count else { return own }
      return own
        + summedFigures([kind.ofTargetDiversity, kind.ofCollapse], truth, bootstrap) {
          [$0[1] / count, $0[0] / $0[1]]
        }
    }
  }
}

/// How far pictures of one size are apart: the mean of `meanAbsoluteError` over all pairs of them, in 0...255; 0 of fewer than
/// two.
public func meanPairwiseError(_ pictures: [Pixels]) -> Double {
  var (sum, count) = (0.0, 0)
  for a in pictures.indices {
    for b in 0..<a {
      sum += meanAbsoluteError(pictures[a], pictures[b])
      count += 1
    }
  }
  return count == 0 ? 0 : sum / Double(count)
}
