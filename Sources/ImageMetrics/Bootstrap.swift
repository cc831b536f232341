import Random

/// Percentile bootstrap intervals (Efron 1979, "Bootstrap methods: another look at the jackknife"): how far a figure
/// would move if other pictures of the same kind had been drawn. Pictures are drawn with replacement from those at
/// hand, as many as there are, and the interval holds the middle 95 % of what the figure becomes.
///
/// An interval says nothing of another training of the model.
public struct Bootstrap: Sendable {
  public static let resamples = 1000
  public static let confidence = 0.95

  /// The same seed draws the same pictures.
  public let seed: UInt64

  public init(seed: UInt64) {
    self.seed = seed
  }

  /// Intervals of statistics that follow from a sum over pictures: a mean, or the figures of a confusion matrix.
  ///
  /// - Parameters:
  ///   - rows: a picture's addend each; all of one length, at least one row
  ///   - statistics: from a sum of as many rows to a value each
  /// - Returns: an interval per statistic; its ends may be infinite or NaN where statistics are
  public func intervals(
    ofSums rows: [[Double]], _ statistics: ([Double]) -> [Double]
  ) -> [Interval] {
    precondition(!rows.isEmpty && rows.allSatisfy { $0.count == rows[0].count }, "rows of one length")
    let resampled = (0..<Self.resamples).map { resample in
      var sum = [Double](repeating: 0, count: rows[0].count)
      for (row, times) in zip(rows, multiplicities(resample, count: rows.count)) where times > 0 {
        let times = Double(times)
        for index in sum.indices { sum[index] += times * row[index] }
      }
      return statistics(sum)
    }
    return resampled[0].indices.map { index in
      let sorted = resampled.map { $0[index] }.sorted()
      let tail = (1 - Self.confidence) / 2
      return Interval(lower: percentile(sorted, tail), upper: percentile(sorted, 1 - tail))
    }
  }

  /// The interval of a mean over pictures.
  public func interval(ofMean values: [Double]) -> Interval {
    intervals(ofSums: values.map { [$0] }) { [$0[0] / Double(values.count)] }[0]
  }

  /// The number of times that each of `count` pictures is drawn. The bias towards some of them is below count / 2^32.
  private func multiplicities(_ resample: Int, count: Int) -> [Int] {
    let philox = Philox(seed: seed)
    var times = [Int](repeating: 0, count: count)
    for draw in 0..<count {
      let words = philox.words(UInt32(draw / 4), UInt32(resample), Self.purpose)
      times[Philox.integer(words[draw % 4], below: count)] += 1
    }
    return times
  }

  /// The third word of every counter, so that no other use of a seed shares these numbers.
  private static let purpose: UInt32 = 0x4D45_0001
}

/// The range in which a figure may lie.
public struct Interval: Sendable, Equatable {
  public let lower: Double
  public let upper: Double

  public init(lower: Double, upper: Double) {
    (self.lower, self.upper) = (lower, upper)
  }
}

/// The quantile of sorted values by linear interpolation, as numpy's `percentile` has it by default.
private func percentile(_ sorted: [Double], _ share: Double) -> Double {
  let place = share * Double(sorted.count - 1)
  let below = Int(place)
  let (lower, upper) = (sorted[below], sorted[min(below + 1, sorted.count - 1)])
  // Two equal infinities have no difference.
  return lower == upper ? lower : lower + (place - Double(below)) * (upper - lower)
}
