import CLAPACK

import func Foundation.exp
import func Foundation.log1p

/// A linear classifier of vectors into two classes: the w and b that minimise
///
///     1/2 |w|^2 + C sum over i of s_i log(1 + exp(-y_i (w x_i + b)))
///
/// where y_i is 1 for one class and -1 for the other. s_i = n / (2 n_y) gives both classes the same weight, however many vectors
/// each has. b is not penalised. These are the objective and the solution of scikit-learn's
/// `LogisticRegression(C=C, class_weight="balanced")`.
///
/// Newton's method with halved steps finds the minimum, which is unique.
public struct LogisticRegression: Sendable {
  /// w, [dimension].
  public let weights: [Double]
  /// b.
  public let intercept: Double

  /// - Parameters:
  ///   - features: all numbers finite
  ///   - isPositive: the class of each vector; both occur
  ///   - inversePenalty: C, above 0
  public init(_ features: Features, isPositive: [Bool], inversePenalty: Double = 1) {
    precondition(isPositive.count == features.count, "a class for each vector")
    let positives = isPositive.count(where: \.self)
    precondition(positives > 0 && positives < features.count, "vectors of both classes")
    let count = Double(features.count)
    var problem = NewtonProblem(
      features: features, signs: isPositive.map { $0 ? 1 : -1 },
      costs: isPositive.map {
        inversePenalty * count / (2 * Double($0 ? positives : features.count - positives))
      })
    let solution = problem.minimum()
    (weights, intercept) = (Array(solution.dropLast()), solution[features.dimension])
  }

  /// w x + b for each vector: above 0 for the positive class.
  public func margins(_ features: Features) -> [Double] {
    precondition(features.dimension == weights.count, "features of the same dimension")
    return features.products(weights).map { $0 + intercept }
  }
}

/// The objective, and the point [dimension + 1] of w and b that Newton's method has come to.
private struct NewtonProblem {
  let features: Features
  /// y, 1 or -1.
  let signs: [Double]
  /// C s, above 0.
  let costs: [Double]
  /// Room for vectors times the roots of their curvatures, with a 1 behind each: [count][dimension + 1].
  private var rows: [Double]

  init(features: Features, signs: [Double], costs: [Double]) {
    (self.features, self.signs, self.costs) = (features, signs, costs)
    rows = [Double](repeating: 0, count: features.count * (features.dimension + 1))
  }

  private var dimension: Int { features.dimension }

  /// A step's length squared in the metric of the curvature bounds the squared distance of w from the minimum.
  private static let tolerance = 1e-20
  /// Where steps no longer shrink below this, rounding is all that is left.
  private static let roundingTolerance = 1e-10
  /// Newton's method needs about ten.
  private static let mostSteps = 200

  mutating func minimum() -> [Double] {
    var point = [Double](repeating: 0, count: dimension + 1)
    var value = objective(point)
    var lastDecrement = Double.infinity
    for _ in 0..<Self.mostSteps {
      let gradient = gradient(point)
      let step = newtonStep(point, gradient)
      let decrement = zip(gradient, step).reduce(0) { $0 + $1.0 * $1.1 }
      var length = 1.0
      var next = moved(point, step, length)
      var nextValue = objective(next)
      // Below the tolerance the objective's rounding is larger than what a step gains.
      while decrement > Self.roundingTolerance, !(nextValue <= value - 1e-4 * length * decrement),
        length > 1e-9
      {
        length /= 2
        next = moved(point, step, length)
        nextValue = objective(next)
      }
      (point, value) = (next, nextValue)
      if decrement <= Self.tolerance || decrement <= Self.roundingTolerance && decrement >= lastDecrement {
        break
      }
      lastDecrement = decrement
    }
    return point
  }

  private func moved(_ point: [Double], _ step: [Double], _ length: Double) -> [Double] {
    zip(point, step).map { $0 - length * $1 }
  }

  private func margins(_ point: [Double]) -> [Double] {
    let intercept = point[dimension]
    return features.products(Array(point.dropLast())).map { $0 + intercept }
  }

  private func objective(_ point: [Double]) -> Double {
    var sum = 0.0
    for index in 0..<dimension { sum += point[index] * point[index] / 2 }
    for (index, margin) in margins(point).enumerated() {
      // log(1 + exp(-z)), of which no exponential overflows.
      let z = signs[index] * margin
      sum += costs[index] * (log1p(exp(-abs(z))) + max(-z, 0))
    }
    return sum
  }

  /// The probability of the wrong class, 1 / (1 + exp(y m)).
  private func doubts(_ point: [Double]) -> [Double] {
    zip(signs, margins(point)).map { 1 / (1 + exp($0 * $1)) }
  }

  private func gradient(_ point: [Double]) -> [Double] {
    var gradient = point
    gradient[dimension] = 0
    for (index, doubt) in doubts(point).enumerated() {
      let pull = costs[index] * signs[index] * doubt
      let row = features.values[index * dimension..<(index + 1) * dimension]
      for (column, value) in row.enumerated() { gradient[column] -= pull * value }
      gradient[dimension] -= pull
    }
    return gradient
  }

  /// The solution of H step = gradient, with the curvature H = I (but for b) + sum of C s p (1 - p) x x^T.
  private mutating func newtonStep(_ point: [Double], _ gradient: [Double]) -> [Double] {
    let size = dimension + 1
    for (index, doubt) in doubts(point).enumerated() {
      // Above 0, so that b has a curvature where all vectors are far on their side.
      let root = max(costs[index] * doubt * (1 - doubt), 1e-300).squareRoot()
      for column in 0..<dimension {
        rows[index * size + column] = root * features.values[index * dimension + column]
      }
      rows[index * size + dimension] = root
    }
    var curvature = [Double](repeating: 0, count: size * size)
    for index in 0..<dimension { curvature[index * size + index] = 1 }
    let n = Int32(size)
    cblas_dsyrk(
      CblasRowMajor, CblasUpper, CblasTrans, n, Int32(features.count), 1, rows, n, 1, &curvature, n)
    var step = gradient
    let status = LAPACKE_dposv(LAPACK_ROW_MAJOR, CChar(UInt8(ascii: "U")), n, 1, &curvature, n, &step, 1)
    precondition(status >= 0, "dposv was given a wrong argument \(-status)")
    // Only rounding keeps the curvature from being positive: the gradient points downwards, too.
    return status == 0 ? step : gradient
  }
}

extension Features {
  /// The product of each vector with another one, [count].
  fileprivate func products(_ vector: [Double]) -> [Double] {
    var result = [Double](repeating: 0, count: count)
    cblas_dgemv(
      CblasRowMajor, CblasNoTrans, Int32(count), Int32(dimension), 1, values, Int32(dimension), vector, 1, 0,
      &result, 1)
    return result
  }
}
