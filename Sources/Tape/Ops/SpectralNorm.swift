// Weights divided by their largest singular value (Miyato et al. 2018, "Spectral normalization for generative
// adversarial networks"), which one step of the power iteration at every replay follows.
//
//   w, y [O, I, KH, KW], as matrices [O][I KH KW]    u [O]    v [1, I, KH, KW]    sigma []

/// y = w / sigma, with v = w^T u / |w^T u|, u = w v / |w v| and sigma = u^T w v; norms are at least 1e-12.
///
/// u is updated in place, or stays as it is, if `updates` says so, and then sigma = |w^T u|.
public struct SpectralNorm: DifferentiableOperation {
  public static let name = "spectral norm"
  public private(set) var weight: Tensor
  public private(set) var u: Tensor
  public private(set) var output: Tensor
  /// What the gradient needs again.
  public private(set) var v: Tensor
  public private(set) var sigma: Tensor
  public let updates: Bool

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&weight)
    visitor.writes(&output, &v, &sigma)
    if updates { visitor.updates(&u) } else { visitor.reads(&u) }
  }

  public var stripRule: StripRule { .unused }

  public var settings: String { updates ? "" : "u stays" }

  public func differentiate(_ dy: Tensor, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    try gradients.record(of: weight, tape.spectralNormGradient(of: self, dy))
  }

  public func evaluate(_ memory: ReferenceMemory) {
    let (w, u, y, v) = (memory[weight], memory[u], memory[output], memory[v])
    v.update(repeating: 0)
    for i in w.indices { v[i % v.count] += w[i] * u[i / v.count] }
    normalize(v)
    let product = memory.zeros(u.count)
    for i in w.indices { product[i / v.count] += w[i] * v[i % v.count] }
    if updates {
      for o in u.indices { u[o] = product[o] }
      normalize(u)
    }
    let sigma = zip(u, product).reduce(0) { $0 + $1.0 * $1.1 }
    memory[self.sigma][0] = sigma
    for i in w.indices { y[i] = w[i] / sigma }
  }

  private func normalize(_ vector: UnsafeMutableBufferPointer<Double>) {
    let norm = max(vector.reduce(0) { $0 + $1 * $1 }.squareRoot(), 1e-12)
    for i in vector.indices { vector[i] /= norm }
  }
}

/// dw = (dy - s u v^T) / sigma, s the sum of dy * y: the gradient of `SpectralNorm`, in which u and v count as constants,
/// since sigma does not change to first order when they do.
public struct SpectralNormGradient: Operation {
  public static let name = "spectral norm gradient"
  public private(set) var gradient: Tensor
  /// y, the result of the spectral norm.
  public private(set) var normalized: Tensor
  public private(set) var u: Tensor
  public private(set) var v: Tensor
  public private(set) var sigma: Tensor
  public private(set) var output: Tensor

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&gradient, &normalized)
    visitor.reads(&u, &v, &sigma)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .onlyInTraining }

  public func evaluate(_ memory: ReferenceMemory) {
    let (dy, y, dw) = (memory[gradient], memory[normalized], memory[output])
    let (u, v, sigma) = (memory[u], memory[v], memory[sigma][0])
    let sum = zip(dy, y).reduce(0) { $0 + $1.0 * $1.1 }
    for i in dw.indices { dw[i] = (dy[i] - sum * u[i / v.count] * v[i % v.count]) / sigma }
  }
}

extension Tape {
  /// Records a weight divided by its largest singular value.
  ///
  /// Gradients with respect to the weight must be recorded before u is updated again: for several uses of one weight
  /// record one spectral norm.
  ///
  /// - Parameters:
  ///   - weight: [O, I, KH, KW]
  ///   - u: state [O], the singular vector that the power iteration starts from; not zero
  ///   - updates: whether u is replaced by what the iteration makes of it, as in training
  public func spectralNorm(_ weight: Tensor, u: Tensor, updates: Bool = true) throws(TapeError) -> Tensor {
    let w = weight.shape
    guard w.rank == 4, u.shape == [w[0]] else {
      throw .shape(
        operation: SpectralNorm.name, reason: "a vector \(u.shape) does not fit a weight \(w) [O, I, KH, KW]")
    }
    let output = intermediate("normalized", w, kind: .weight)
    let v = intermediate("v", [1, w[1], w[2], w[3]], kind: .weight)
    let sigma = intermediate("sigma", [], kind: .scalar)
    record(SpectralNorm(weight: weight, u: u, output: output, v: v, sigma: sigma, updates: updates))
    return output
  }

  fileprivate func spectralNormGradient(of step: SpectralNorm, _ gradient: Tensor) -> Tensor {
    let output = intermediate("weight", step.weight.shape, kind: .weight)
    record(
      SpectralNormGradient(
        gradient: gradient, normalized: step.output, u: step.u, v: step.v, sigma: step.sigma, output: output))
    return output
  }
}
