import CLAPACK

/// The directions in which a set of vectors varies most (Pearson 1901), the first of the largest variance.
public struct PrincipalComponents: Sendable {
  /// [dimension].
  private let mean: [Double]
  /// [count][dimension], unit vectors at right angles.
  private let axes: [Double]
  /// Of the vectors along each axis, over count - 1; falling.
  public let variances: [Double]

  /// Axes, at least 1.
  public var count: Int { variances.count }

  /// - Parameters:
  ///   - features: all numbers finite
  ///   - most: axes at most; there are fewer where the vectors span fewer directions
  public init(_ features: Features, most: Int) {
    precondition(most >= 1, "at least one axis")
    let (n, d) = (features.count, features.dimension)
    mean = features.mean
    var centred = features.values
    for index in centred.indices { centred[index] -= mean[index % d] }
    // The smaller of X X^T and X^T X: they share the eigenvalues other than 0.
    let isWide = d > n
    let size = min(n, d)
    var products = [Double](repeating: 0, count: size * size)
    cblas_dsyrk(
      CblasRowMajor, CblasUpper, isWide ? CblasNoTrans : CblasTrans, Int32(size), Int32(max(n, d)), 1,
      centred, Int32(d), 0, &products, Int32(size))
    let (eigenvalues, vectors) = Self.largest(min(most, size), of: &products, size: size)
    // Rounding leaves as much where there is nothing.
    let floor = Double(max(n, d)) * Double.ulpOfOne * max(eigenvalues[0], 0)
    let rank = max(1, eigenvalues.prefix { $0 > floor }.count)
    variances = eigenvalues.prefix(rank).map { max($0, 0) / Double(n - 1) }
    var axes = [Double](repeating: 0, count: rank * d)
    for axis in 0..<rank {
      let vector = (0..<size).map { vectors[$0 * eigenvalues.count + axis] }
      if isWide {
        // X^T u, whose length is the root of u's eigenvalue.
        let scale = eigenvalues[axis] > floor ? 1 / eigenvalues[axis].squareRoot() : 0
        var direction = [Double](repeating: 0, count: d)
        cblas_dgemv(
          CblasRowMajor, CblasTrans, Int32(n), Int32(d), scale, centred, Int32(d), vector, 1, 0, &direction, 1
        )
        axes.replaceSubrange(axis * d..<(axis + 1) * d, with: direction)
      } else {
        axes.replaceSubrange(axis * d..<(axis + 1) * d, with: vector)
      }
    }
    self.axes = axes
  }

  /// Where vectors lie along the axes, from the mean of those that the axes are of: [features.count][count].
  public func coordinates(_ features: Features) -> Features {
    let d = features.dimension
    precondition(d == mean.count, "features of the same dimension")
    var centred = features.values
    for index in centred.indices { centred[index] -= mean[index % d] }
    var result = [Double](repeating: 0, count: features.count * count)
    cblas_dgemm(
      CblasRowMajor, CblasNoTrans, CblasTrans, Int32(features.count), Int32(count), Int32(d), 1, centred,
      Int32(d), axes, Int32(d), 0, &result, Int32(count))
    return Features(count: features.count, dimension: count, values: result)
  }

  /// The largest eigenvalues, falling, and their vectors in columns, [size][count].
  ///
  /// - Parameter matrix: symmetric, its upper half; lost
  private static func largest(
    _ count: Int, of matrix: inout [Double], size: Int
  ) -> (values: [Double], vectors: [Double]) {
    var values = [Double](repeating: 0, count: size)
    var rising = [Double](repeating: 0, count: size * count)
    var support = [Int32](repeating: 0, count: 2 * count)
    var found: Int32 = 0
    let n = Int32(size)
    let status = LAPACKE_dsyevr(
      LAPACK_ROW_MAJOR, CChar(UInt8(ascii: "V")), CChar(UInt8(ascii: "I")), CChar(UInt8(ascii: "U")), n,
      &matrix, n, 0, 0, n - Int32(count) + 1, n, 0, &found, &values, &rising, Int32(count), &support)
    precondition(status == 0 && found == count, "dsyevr found \(found) of \(count) eigenvalues: \(status)")
    var vectors = rising
    for row in 0..<size {
      for column in 0..<count { vectors[row * count + column] = rising[row * count + count - 1 - column] }
    }
    return (values.prefix(count).reversed(), vectors)
  }
}
