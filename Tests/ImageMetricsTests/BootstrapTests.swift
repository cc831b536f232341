import ImageMetrics
import Testing

@Suite struct BootstrapTests {
  /// numpy: Philox from its paper, `percentile`. Measured, relative: 1.5e-16.
  @Test func likeNumpy() throws {
    let expected = try Fixtures.shared.get().bootstrap
    let bootstrap = Bootstrap(seed: expected.seed)
    let mean = bootstrap.interval(ofMean: expected.rows.map { $0[0] })
    let ratio = bootstrap.intervals(ofSums: expected.rows) { [$0[0] / $0[1], $0[1]] }[0]
    for (found, numbers) in [(mean, expected.mean), (ratio, expected.ratio)] {
      #expect(relativeError(found.lower, numbers[0]) <= 1e-15)
      #expect(relativeError(found.upper, numbers[1]) <= 1e-15)
    }
  }

  /// The interval of a mean is near mean +- 1.96 s / sqrt(n) (the central limit theorem).
  @Test func nearTheNormalInterval() {
    let values = (0..<400).map { Double(noise($0, 0, 0)) }
    let mean = values.reduce(0, +) / 400
    let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 399).squareRoot()
    let half = 1.96 * deviation / 20
    for seed: UInt64 in 0..<5 {
      let interval = Bootstrap(seed: seed).interval(ofMean: values)
      // A percentile of 1000 resamples lies within about 8 % of the half width. Measured: 7.2 %.
      #expect(abs(interval.lower - (mean - half)) <= 0.2 * half)
      #expect(abs(interval.upper - (mean + half)) <= 0.2 * half)
    }
  }

  @Test func seedsAndConstants() {
    let values = (0..<30).map { Double($0 * $0) }
    let interval = Bootstrap(seed: 1).interval(ofMean: values)
    #expect(Bootstrap(seed: 1).interval(ofMean: values) == interval)
    #expect(Bootstrap(seed: 2).interval(ofMean: values) != interval)
    #expect(Bootstrap(seed: 1).interval(ofMean: [3, 3, 3]) == Interval(lower: 3, upper: 3))
    #expect(Bootstrap(seed: 1).interval(ofMean: [.infinity, .infinity]).lower == .infinity)
    #expect(Bootstrap(seed: 1).interval(ofMean: [5]) == Interval(lower: 5, upper: 5))
  }
}
