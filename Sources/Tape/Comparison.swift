/// How far one list of numbers is from another.
public struct Comparison: Sendable {
  /// Euclidean norm of the difference over that of the expected values; infinite or NaN when a value is.
  public let relativeL2: Double
  /// The largest absolute difference, and where it is.
  public let largestError: Double
  public let worstIndex: Int

  /// - Parameter floor: the least norm to divide by, for values that are what is left of a cancellation
  public init(_ actual: [Double], expected: [Double], floor: Double = 0) {
    precondition(actual.count == expected.count, "\(actual.count) values beside \(expected.count)")
    var (difference, norm, largest, worst) = (0.0, 0.0, 0.0, 0)
    for (index, value) in actual.enumerated() {
      let error = abs(value - expected[index])
      difference += error * error
      norm += expected[index] * expected[index]
      // A NaN is worse than anything.
      if !(error <= largest) && !largest.isNaN { (largest, worst) = (error, index) }
    }
    let scale = max(norm.squareRoot(), floor)
    relativeL2 = difference == 0 ? 0 : difference.squareRoot() / scale
    largestError = largest
    worstIndex = worst
  }

  public init(_ actual: [Float], expected: [Float], floor: Double = 0) {
    self.init(actual.map(Double.init), expected: expected.map(Double.init), floor: floor)
  }

  /// False for NaN too.
  public func isWithin(_ bound: Double) -> Bool { relativeL2 <= bound }
}
