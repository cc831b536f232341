import ImageMetrics
import Testing

@Suite struct FrechetTests {
  /// mpmath with 50 digits, and scipy's root of the matrix where it has one. Measured, relative: 1.7e-15 and
  /// 2.1e-15.
  @Test(arguments: try Fixtures.shared.get().frechet) func likeOthers(_ expected: Fixtures.FrechetCase) throws
  {
    let dimension = expected.dimension
    let a = Features(count: expected.a.count / dimension, dimension: dimension, values: expected.a)
    let b = Features(count: expected.b.count / dimension, dimension: dimension, values: expected.b)
    let distance = try #require(frechetDistance(a, b))
    #expect(relativeError(distance, expected.distance) <= 1e-14)
    if let scipy = expected.scipy { #expect(relativeError(distance, scipy) <= 1e-14) }
    #expect(relativeError(try #require(frechetDistance(b, a)), distance) <= 1e-14)
  }

  private static func features(_ count: Int, _ dimension: Int) -> Features {
    Features(
      count: count, dimension: dimension,
      values: (0..<count * dimension).map { Double(noise($0 % dimension, $0 / dimension, 0)) })
  }

  /// In one dimension it is (m1 - m2)^2 + (s1 - s2)^2.
  @Test func oneDimension() throws {
    // Means 2 and 10, standard deviations 1 and 3.
    let a = Features(count: 3, dimension: 1, values: [1, 2, 3])
    let b = Features(count: 3, dimension: 1, values: [7, 10, 13])
    // Measured: 0.
    #expect(relativeError(try #require(frechetDistance(a, b)), 64 + 4) <= 1e-15)
  }

  /// Equal sets are 0 apart, shifted ones the shift's square; features times c have the distance
  /// (1 - c)^2 (tr S + |m|^2), of full rank or not.
  @Test(arguments: [(40, 6), (5, 20), (20, 20), (2, 3)])
  func shiftedAndScaled(count: Int, dimension: Int) throws {
    let a = Self.features(count, dimension)
    func changed(_ change: (Double) -> Double) -> Features {
      Features(count: count, dimension: dimension, values: a.values.map(change))
    }
    // The sum of squares that rounding is relative to.
    let size = a.values.reduce(0) { $0 + $1 * $1 } / Double(count - 1)
    // Measured, relative to it: 2.7e-15.
    #expect(abs(try #require(frechetDistance(a, a))) / size <= 2e-14)
    let shifted = try #require(frechetDistance(a, changed { $0 + 3 }))
    #expect(abs(shifted - 9 * Double(dimension)) / size <= 2e-14)
    var expected = 0.0
    for column in 0..<dimension {
      let values = stride(from: column, to: a.values.count, by: dimension).map { a.values[$0] }
      let mean = values.reduce(0, +) / Double(count)
      expected += mean * mean + values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count - 1)
    }
    let scaled = try #require(frechetDistance(a, changed { 4 * $0 }))
    // Measured: 9.3e-16.
    #expect(relativeError(scaled, 9 * expected) <= 5e-15)
  }
}
