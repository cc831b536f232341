import CLAPACK

/// Feature vectors of a set of pictures, one per row.
public struct Features: Sendable, Equatable {
  /// Vectors, at least 2.
  public let count: Int
  /// Numbers in each.
  public let dimension: Int
  /// [count][dimension].
  public let values: [Double]

  public init(count: Int, dimension: Int, values: [Double]) {
    precondition(
      count >= 2 && dimension >= 1 && values.count == count * dimension, "features are [count][dimension]")
    self.count = count
    self.dimension = dimension
    self.values = values
  }

  /// - Parameter floats: [count][dimension]
  public init(count: Int, dimension: Int, floats: [Float]) {
    self.init(count: count, dimension: dimension, values: floats.map(Double.init))
  }

  /// - Parameter vectors: at least 2, equally long
  public init(_ vectors: [[Double]]) {
    self.init(count: vectors.count, dimension: vectors[0].count, values: Array(vectors.joined()))
  }

  /// [dimension].
  var mean: [Double] {
    var mean = [Double](repeating: 0, count: dimension)
    for index in values.indices { mean[index % dimension] += values[index] }
    return mean.map { $0 / Double(count) }
  }

  /// [rows][dimension], A with A^T A = the sample covariance (over count - 1): the vectors less their mean, over
  /// sqrt(count - 1); where there are more vectors than dimensions, the triangular factor R of A = Q R instead, for
  /// which R^T R is the same.
  fileprivate func covarianceRoot(mean: [Double]) -> (rows: Int, values: [Double]) {
    let scale = 1 / Double(count - 1).squareRoot()
    var root = values
    for index in root.indices { root[index] = (root[index] - mean[index % dimension]) * scale }
    guard count > dimension else { return (count, root) }
    var reflections = [Double](repeating: 0, count: dimension)
    let n = Int32(dimension)
    let status = LAPACKE_dgeqrf(LAPACK_ROW_MAJOR, Int32(count), n, &root, n, &reflections)
    precondition(status == 0, "dgeqrf was given a wrong argument \(-status)")
    // Below the diagonal lie the reflections that form Q.
    for row in 1..<max(1, dimension) {
      for column in 0..<row { root[row * dimension + column] = 0 }
    }
    return (dimension, Array(root.prefix(dimension * dimension)))
  }
}

/// The Fréchet distance between normal distributions fitted to two sets of feature vectors (Dowson and Landau 1982;
/// for features of an Inception network it is the FID of Heusel et al. 2017, "GANs trained by a two time-scale update
/// rule"), which is a squared distance:
///
///     |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2))
///
/// with the means m and sample covariances S. No root of a matrix is taken: with S1 = A^T A and S2 = B^T B, S1 S2 =
/// A^T (A B^T B) has the eigenvalues other than 0 of (A B^T) (A B^T)^T, since X Y and Y X share them. Their roots are
/// the singular values of A B^T, and the trace wanted is their sum. That holds for covariances that are not of full
/// rank, too (fewer vectors than dimensions), where iterations for the root do not converge.
///
/// - Parameters:
///   - a, b: of equal dimension, all numbers finite
/// - Returns: from 0 on, but for rounding; nil if the singular values' iteration did not converge
public func frechetDistance(_ a: Features, _ b: Features) -> Double? {
  precondition(a.dimension == b.dimension, "features that are compared have one dimension")
  let (meanA, meanB) = (a.mean, b.mean)
  let rootA = a.covarianceRoot(mean: meanA)
  let rootB = b.covarianceRoot(mean: meanB)
  guard let sum = sumOfSingularValues(ofProductOf: rootA, and: rootB, dimension: a.dimension) else {
    return nil
  }
  let meanDistance = zip(meanA, meanB).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
  let traces = (rootA.values + rootB.values).reduce(0) { $0 + $1 * $1 }
  return meanDistance + traces - 2 * sum
}

/// The sum of the singular values of A B^T for A [rows][dimension] and B [rows][dimension].
private func sumOfSingularValues(
  ofProductOf a: (rows: Int, values: [Double]), and b: (rows: Int, values: [Double]), dimension: Int
) -> Double? {
  let (m, n) = (Int32(a.rows), Int32(b.rows))
  var product = [Double](repeating: 0, count: a.rows * b.rows)
  cblas_dgemm(
    CblasRowMajor, CblasNoTrans, CblasTrans, m, n, Int32(dimension), 1, a.values, Int32(dimension), b.values,
    Int32(dimension), 0, &product, n)
  var singular = [Double](repeating: 0, count: min(a.rows, b.rows))
  // "N": without the singular vectors, so there is no room for them.
  let status = LAPACKE_dgesdd(
    LAPACK_ROW_MAJOR, CChar(UInt8(ascii: "N")), m, n, &product, n, &singular, nil, m, nil, n)
  precondition(status >= 0, "dgesdd was given a wrong argument \(-status)")
  return status == 0 ? singular.reduce(0, +) : nil
}
