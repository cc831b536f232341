/// Loops over a tensor's values, for modules that are built without optimisation.
extension [Double] {
  package var sumOfSquares: Double { reduce(0) { $0 + $1 * $1 } }
}

extension [Float] {
  /// Whether no value is NaN or infinite.
  package var areFinite: Bool { allSatisfy(\.isFinite) }

  /// As `map`, in a loop of this module.
  package func mapped(_ transform: (Float) -> Float) -> [Float] { map(transform) }

  /// The mean of every `count` values in succession, each behind an activation; the sums are of Doubles.
  package func means(ofEach count: Int, _ activation: Activation) -> [Double] {
    stride(from: 0, to: self.count, by: count).map { first in
      self[first..<first + count].reduce(0) { $0 + Double(activation.apply($1)) } / Double(count)
    }
  }

  /// The values times one factor for every `self.count / factors.count` of them, multiplied as Doubles.
  package func scaled(by factors: [Double]) -> [Float] {
    let each = count / factors.count
    return indices.map { Float(Double(self[$0]) * factors[$0 / each]) }
  }
}
