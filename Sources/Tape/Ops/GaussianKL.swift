#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The divergence of Gaussians from the standard one, summed over all numbers (Kingma and Welling 2014, appendix B):
///
///     sum over n and k of KL(N(mu, s^2) || N(0, 1)) = 1/2 sum (mu^2 + s^2 - 1 - log s^2)    in nats
///
/// of means mu and logarithms of variances v = log s^2, both [N, K, H, W].
public struct GaussianKL: LossOperation {
  public static let name = "Gaussian KL"
  public private(set) var mean: Tensor
  public private(set) var logVariance: Tensor
  public private(set) var output: Tensor

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&mean, &logVariance)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .onlyInTraining }

  /// d/dmu = mu and d/dv = (s^2 - 1) / 2.
  public func differentiate(weight: Float, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    try gradients.record(of: mean, tape.combination(weight, mean, 0, mean))
    guard gradients.isNeeded(logVariance) else { return }
    let excess = try tape.apply(.expm1, logVariance)
    try gradients.record(of: logVariance, tape.combination(weight / 2, excess, 0, excess))
  }

  public func evaluate(_ memory: ReferenceMemory) {
    let (mu, v) = (memory[mean], memory[logVariance])
    var sum = 0.0
    for i in mu.indices { sum += mu[i] * mu[i] + (expm1(v[i]) - v[i]) }
    memory[output][0] = sum / 2
  }
}

extension Tape {
  /// Records the divergence of Gaussians from the standard one, a sum over all numbers in nats.
  ///
  /// - Parameters:
  ///   - mean: [N, K, H, W]
  ///   - logVariance: the logarithms of the variances, of that shape
  public func gaussianKL(mean: Tensor, logVariance: Tensor) throws(TapeError) -> Tensor {
    guard mean.shape == logVariance.shape else {
      throw .shape(
        operation: GaussianKL.name,
        reason: "means \(mean.shape) and variances \(logVariance.shape) differ")
    }
    try requireActivations(GaussianKL.name, mean, logVariance)
    let output = intermediate("KL", [], kind: .scalar)
    record(GaussianKL(mean: mean, logVariance: logVariance, output: output))
    return output
  }
}
