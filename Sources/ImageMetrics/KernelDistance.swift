import CLAPACK

/// The kernel distance of two sets of feature vectors, the unbiased estimate of the squared maximum mean discrepancy with the
/// kernel k(x, y) = (x y / d + 1)^3 (Binkowski et al. 2018, "Demystifying MMD GANs", arXiv 1801.01401; for features of an
/// Inception network it is the KID):
///
///     mean of k(a_i, a_j) for i != j  +  mean of k(b_i, b_j) for i != j  -  2 mean of k(a_i, b_j)
///
/// Over all vectors at once. Unlike the Fréchet distance it is 0 in the mean for two sets of one distribution, however small
/// they are, and so it may be negative.
///
/// - Parameters:
///   - a, b: of equal dimension, all numbers finite
public func kernelDistance(_ a: Features, _ b: Features) -> Double {
  precondition(a.dimension == b.dimension, "features that are compared have one dimension")
  return meanKernel(a) + meanKernel(b) - 2 * meanKernel(a, b)
}

/// The mean of k(x, y) over all pairs of x in a and y in b; without a second set over all pairs of different vectors of a.
private func meanKernel(_ a: Features, _ other: Features? = nil) -> Double {
  let b = other ?? a
  let (m, n, d) = (Int32(a.count), Int32(b.count), Int32(a.dimension))
  var products = [Double](repeating: 0, count: a.count * b.count)
  cblas_dgemm(
    CblasRowMajor, CblasNoTrans, CblasTrans, m, n, d, 1 / Double(d), a.values, d, b.values, d, 0, &products,
    n)
  var sum = 0.0
  for i in 0..<a.count {
    for j in 0..<b.count where other != nil || i != j {
      let x = products[i * b.count + j] + 1
      sum += x * x * x
    }
  }
  return sum / Double(a.count * (other == nil ? a.count - 1 : b.count))
}
