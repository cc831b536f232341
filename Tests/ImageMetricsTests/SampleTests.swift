import ImageMetrics
import Images
import Testing

/// Figures of several outputs of one input, by hand.
@Suite struct SampleTests {
  private func flat(_ level: UInt8) -> Picture {
    Picture(width: 2, height: 3, channels: 1, samples: .eight([UInt8](repeating: level, count: 6)))
  }

  /// Three samples make pairs 10, 30 and 20 apart; the nearest to the target is 5 off.
  @Test func byHand() {
    let distances = SampleDistances(
      samples: [100, 110, 130].map(flat), target: flat(135), targets: [135, 95].map(flat))
    #expect(distances == SampleDistances(.l1, count: 3, diversity: 20, best: 5, targetDiversity: 40))
    let alone = SampleDistances(samples: [100, 110].map(flat), target: flat(0), targets: [flat(0)])
    #expect(alone == SampleDistances(.l1, count: 2, diversity: 10, best: 100))
  }

  /// The ratio is that of the means, not the mean of ratios; resamples of two inputs are the one, the other or both.
  @Test func figuresOverInputs() {
    let inputs = [
      [SampleDistances(.l1, count: 4, diversity: 10, best: 1, targetDiversity: 20)],
      [SampleDistances(.l1, count: 4, diversity: 30, best: 3, targetDiversity: 180)],
    ]
    let figures = SampleDistances.figures(inputs, Bootstrap(seed: 3))
    #expect(
      figures.map(\.kind.key) == ["l1_diversity", "l1_best", "l1_target_diversity", "l1_collapse_ratio"])
    #expect(figures.map(\.value) == [20, 2, 100, 0.2] && figures.allSatisfy { $0.count == 2 })
    #expect(figures[0].interval == Interval(lower: 10, upper: 30))
    #expect(figures[3].interval == Interval(lower: 30.0 / 180, upper: 0.5))
    #expect(figures[1].kind.title == "L1, best of 4 samples (0 to 255)" && figures[1].kind.better == .lower)
    #expect(figures[3].kind.title == "L1, collapse ratio" && figures[3].kind.better == .higher)
    // Where the truth of an input is not known, nothing is said of any.
    let some = SampleDistances.figures([inputs[0], [.init(.l1, count: 4, diversity: 30, best: 3)]])
    #expect(some.map(\.kind.key) == ["l1_diversity", "l1_best"])
    #expect(SampleDistances.figures([]).isEmpty && SampleDistances.figures([[], []]).isEmpty)
  }

  // MARK: LPIPS

  private func features(_ maps: [Float]..., channels: Int = 2) -> PerceptualFeatures {
    PerceptualFeatures(maps.map { (channels, $0) })
  }

  /// Of two pixels the first has the vectors (3, 4) and (4, 3), which are (0.6, 0.8) and (0.8, 0.6) of length 1; the second has
  /// (0, 0), behind ReLU, and (0, 5), which is (0, 1).
  @Test func perceptualByHand() {
    let (a, b) = (features([3, -1, 4, -2]), features([4, 0, 3, 5]))
    let weights = [[2.0, 1]]
    let expected = (2 * 0.04 + 0.04 + 1) / 2
    // What is added to lengths. Measured: 2.2e-11, below 1.7e-10.
    #expect(abs(perceptualDistance(a, b, weights: weights) - expected) <= 2e-10)
    #expect(perceptualDistance(b, a, weights: weights) == perceptualDistance(a, b, weights: weights))
    #expect(perceptualDistance(a, a, weights: weights) == 0)
    // Layers are added up, each with a mean over its own pixels.
    let two = perceptualDistance(
      features([3, -1, 4, -2], [1, 0]), features([4, 0, 3, 5], [0, 1]), weights: weights + [[0.25, 0.5]])
    #expect(abs(two - (expected + 0.75)) <= 1e-9, "\(two)")
  }

  @Test func spreadIsTheMeanOfPairs() {
    let all: [PerceptualFeatures] = (0..<5).map { sample in
      let first: [Float] = (0..<24).map { index in Float((index * 7 + sample * sample * 5) % 11) - 2 }
      let second: [Float] = (0..<6).map { index in Float((index * 5 + sample * 3) % 7) - 1 }
      return features(first, second)
    }
    let weights = [[0.3, 0.9], [0, 2.5]]
    var spread = PerceptualSpread(weights: weights)
    #expect(spread.meanDistance == 0)
    for features in all { spread.add(features) }
    var sum = 0.0
    for a in 0..<5 {
      for b in 0..<a { sum += perceptualDistance(all[a], all[b], weights: weights) }
    }
    // Measured: 0; 2.2e-16 is a unit in the last place.
    #expect(relativeError(spread.meanDistance, sum / 10) <= 2e-15)
    // Equal pictures are exactly no distance apart.
    var none = PerceptualSpread(weights: weights)
    for _ in 0..<3 { none.add(all[2]) }
    #expect(none.meanDistance == 0)
  }

  @Test func featuresThatAreNone() {
    #expect(features([3, -1, 4, -2]).areFinite && features([0, 0]).areFinite)
    #expect(!features([1, .nan]).areFinite && !features([.infinity, 1]).areFinite)
  }
}
