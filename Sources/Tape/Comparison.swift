/// How far values are from those expected. Made so that nothing broken passes: other lengths, NaN and infinity
/// are never within a bound.
public struct Comparison: Sendable, CustomStringConvertible {
  /// The number of values, and that of those expected.
  public let count: Int
  public let expectedCount: Int
  /// |actual - expected| / |expected| as Euclidean norms: 0 when equal, infinite when the lengths differ or
  /// something stands where only zeros are expected, NaN or infinite when a value is.
  public let relativeL2: Double
  /// The largest |actual - expected|; NaN and infinite as `relativeL2`.
  public let largestError: Double
  /// Where the largest error is; a NaN counts as larger than everything. -1 when there is nothing to compare.
  public let worstIndex: Int
  public let actualAtWorst: Double
  public let expectedAtWorst: Double

  /// - Parameter floor: the least norm to divide by, for values that are what is left of a cancellation
  public init(_ actual: [Float], expected: [Float], floor: Double = 0) {
    self.init(of: actual, expected, floor)
  }

  public init(_ actual: [Float], expected: [Double], floor: Double = 0) {
    self.init(of: actual, expected, floor)
  }

  public init(_ actual: [Double], expected: [Double], floor: Double = 0) {
    self.init(of: actual, expected, floor)
  }

  /// Private, so that this module has it for the types above, and no other calls it for any type at a hundred times the cost.
  private init(of actual: [some BinaryFloatingPoint], _ expected: [some BinaryFloatingPoint], _ floor: Double)
  {
    count = actual.count
    expectedCount = expected.count
    guard count == expectedCount else {
      (relativeL2, largestError, worstIndex) = (.infinity, .infinity, -1)
      (actualAtWorst, expectedAtWorst) = (.nan, .nan)
      return
    }
    var (errors, norm, largest) = (0.0, 0.0, 0.0)
    var worst: (index: Int, actual: Double, expected: Double)?
    for (index, (a, e)) in zip(actual, expected).enumerated() {
      let (a, e) = (Double(a), Double(e))
      let error = abs(a - e)
      errors += error * error
      norm += e * e
      // Written so that a NaN becomes the largest error, and the first one stays it.
      if worst == nil || (!(error <= largest) && !largest.isNaN) {
        largest = error
        worst = (index, a, e)
      }
    }
    relativeL2 = errors == 0 ? 0 : errors.squareRoot() / max(norm.squareRoot(), floor)
    largestError = largest
    worstIndex = worst?.index ?? -1
    actualAtWorst = worst?.actual ?? .nan
    expectedAtWorst = worst?.expected ?? .nan
  }

  /// Whether the lengths agree and the relative L2 error is at most `bound`; a bound of 0 demands equality.
  public func isWithin(_ bound: Double) -> Bool {
    count == expectedCount && relativeL2 <= bound
  }

  public var description: String {
    guard count == expectedCount else { return "\(count) values where \(expectedCount) are expected" }
    guard count > 0 else { return "no values" }
    return "relative L2 error \(relativeL2), largest \(largestError) at index \(worstIndex) of \(count): "
      + "\(actualAtWorst), expected \(expectedAtWorst)"
  }
}
