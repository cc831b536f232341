extension ReferenceExecutor {
  /// The least norm that an output's error is divided by; 0 where its own norm will do.
  ///
  /// Sums whose terms cancel are all rounding: their error is measured against a hundredth of the norm that the sums of the
  /// terms' magnitudes have, where that is more than their own.
  package func cancellationFloor(_ operation: any Operation, _ output: Tensor) -> Double {
    guard let sum = operation.cancellingSum(output) else { return 0 }
    let terms = sum.terms
    let values = readDouble(terms)
    let (channels, area) = (terms.shape.c, terms.shape.h * terms.shape.w)
    // The images of a group of the batch that has sums of its own.
    let images = terms.shape.n * channels / output.shape.count
    var sums = [Double](repeating: 0, count: output.shape.count)
    for n in 0..<terms.shape.n {
      for c in 0..<channels {
        for p in 0..<area {
          sums[n / images * channels + c] += abs(values[(n * channels + c) * area + p])
        }
      }
    }
    return 0.01 * abs(sum.factor) * sums.reduce(0) { $0 + $1 * $1 }.squareRoot()
  }
}
