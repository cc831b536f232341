/// The mean over the images of (|g_n| - 1)^2, where |g_n| is the Euclidean norm of all values of image n: what keeps a
/// critic's gradients g near length 1 (Gulrajani et al. 2017, "Improved training of Wasserstein GANs").
///
/// |g_n| = sqrt(sum of squares + 1e-16), so that the gradient of g_n = 0 is 0.
///
///     g [N, C, H, W]    result []    norms [N]
public struct GradientPenalty: LossOperation {
  public static let name = "gradient penalty"
  public private(set) var input: Tensor
  public private(set) var output: Tensor
  /// What the gradient needs again.
  public private(set) var norms: Tensor

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&input)
    visitor.writes(&output, &norms)
  }

  public var stripRule: StripRule { .onlyInTraining }

  public func differentiate(weight: Float, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    try gradients.record(of: input, tape.gradientPenaltyGradient(input, norms: norms, weight: weight))
  }

  public func evaluate(_ memory: ReferenceMemory) {
    let (g, norms) = (memory[input], memory[norms])
    let count = g.count / norms.count
    var penalty = 0.0
    for n in norms.indices {
      let squares = g[n * count..<(n + 1) * count].reduce(0) { $0 + $1 * $1 }
      norms[n] = (squares + 1e-16).squareRoot()
      penalty += (norms[n] - 1) * (norms[n] - 1)
    }
    memory[output][0] = penalty / Double(norms.count)
  }
}

/// weight * 2 / N * (|g_n| - 1) / |g_n| * g: the gradient of `GradientPenalty`.
public struct GradientPenaltyGradient: Operation {
  public static let name = "gradient penalty gradient"
  public private(set) var input: Tensor
  public private(set) var norms: Tensor
  public private(set) var output: Tensor
  public let weight: Float

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&input, &norms)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .onlyInTraining }

  public var settings: String { "weight \(weight)" }

  public func evaluate(_ memory: ReferenceMemory) {
    let (g, norms, dg) = (memory[input], memory[norms], memory[output])
    let count = g.count / norms.count
    for i in g.indices {
      let norm = norms[i / count]
      dg[i] = 2 * Double(weight) / Double(norms.count) * (norm - 1) / norm * g[i]
    }
  }
}

extension Tape {
  /// Records the gradient penalty of a critic's gradients with respect to its pictures: [N, C, H, W] -> [].
  public func gradientPenalty(_ input: Tensor) throws(TapeError) -> Tensor {
    guard input.shape.rank == 4 else {
      throw .shape(operation: GradientPenalty.name, reason: "\(input.shape) is not [N, C, H, W]")
    }
    let output = intermediate("penalty", [], kind: .scalar)
    let norms = intermediate("norms", [input.shape.n], kind: .vector)
    record(GradientPenalty(input: input, output: output, norms: norms))
    return output
  }

  fileprivate func gradientPenaltyGradient(_ input: Tensor, norms: Tensor, weight: Float) -> Tensor {
    let output = intermediate("penalty", input.shape, kind: .activation)
    record(GradientPenaltyGradient(input: input, norms: norms, output: output, weight: weight))
    return output
  }
}
