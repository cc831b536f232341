/// The gradients of `NormGradient`'s dx with respect to x and the scale, for the upstream gradient u of dx: the
/// gradient penalty of a critic with norms needs them.
///
/// Of every group of m values (see Norm.swift), with r = 1 / sqrt(variance + epsilon), xhat = (x - mean) r, the means
/// A of dy, U of u, B of dy * xhat and C of u * xhat, and Q = mean of u * dy - U A - C B, the sum of u * dx is
/// F = scale r m Q. Since dr/dx = -r^2 xhat / m and dB/dx = r / m (dy - A - xhat B), and C's alike,
///
///     dF/dx = -scale r^2 (xhat Q + B (u - U - xhat C) + C (dy - A - xhat B))        dF/dscale = sum over parts of r m Q
public struct NormSecondGradient: Operation {
  public static let name = "norm second gradient"
  public private(set) var input: Tensor
  public private(set) var gradient: Tensor
  /// u [N, C, H, W]
  public private(set) var upstream: Tensor
  public private(set) var mean: Tensor
  public private(set) var variance: Tensor
  public private(set) var scale: Tensor?
  public private(set) var output: Tensor
  public private(set) var scaleGradient: Tensor
  /// How many parts of the batch have statistics of their own.
  public let parts: Int
  public let epsilon: Float

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&input, &gradient, &upstream)
    visitor.reads(&mean, &variance, &scale)
    visitor.writes(&output, &scaleGradient)
  }

  public var stripRule: StripRule { .onlyInTraining }

  public var settings: String { parts == 1 ? "" : "\(parts) parts" }

  public func evaluate(_ memory: ReferenceMemory) {
    let (x, dy, u, result) = (memory[input], memory[gradient], memory[upstream], memory[output])
    let (means, variances) = (memory[mean], memory[variance])
    let scales = scale.map { memory[$0] }
    let m = Double(input.shape.count / mean.shape.count)
    memory[scaleGradient].update(repeating: 0)
    for group in 0..<mean.shape.count {
      let c = group % input.shape.c
      let r = 1 / (variances[group] + Double(epsilon)).squareRoot()
      func xhat(_ i: Int) -> Double { (x[i] - means[group]) * r }
      // A, B, U, C and Q.
      var (dyMean, dySlope, uMean, uSlope, product) = (0.0, 0.0, 0.0, 0.0, 0.0)
      forEachInGroup(group, input.shape, parts) { i in
        dyMean += dy[i] / m
        dySlope += dy[i] * xhat(i) / m
        uMean += u[i] / m
        uSlope += u[i] * xhat(i) / m
        product += u[i] * dy[i] / m
      }
      let rest = product - uMean * dyMean - uSlope * dySlope
      memory[scaleGradient][c] += r * m * rest
      let factor = -r * r * (scales?[c] ?? 1)
      forEachInGroup(group, input.shape, parts) { i in
        let uRest = u[i] - uMean - xhat(i) * uSlope
        let dyRest = dy[i] - dyMean - xhat(i) * dySlope
        result[i] = factor * (xhat(i) * rest + dySlope * uRest + uSlope * dyRest)
      }
    }
  }
}

extension Tape {
  func normSecondGradient(of step: NormGradient, _ upstream: Tensor) -> (input: Tensor, scale: Tensor) {
    let output = intermediate("norm", step.input.shape, kind: .activation)
    let scaleGradient = intermediate("scale", [step.input.shape.c], kind: .vector)
    record(
      NormSecondGradient(
        input: step.input, gradient: step.gradient, upstream: upstream, mean: step.mean,
        variance: step.variance, scale: step.scale, output: output, scaleGradient: scaleGradient,
        parts: step.parts, epsilon: step.epsilon))
    return (output, scaleGradient)
  }
}
