/// dx = dy * (x > 0 ? 1 : slope): the backward pass of an activation at x, where it is not a convolution's gate.
public struct ActivationGradient: DifferentiableOperation {
  public static let name = "activation gradient"
  public private(set) var gradient: Tensor
  public private(set) var at: Tensor
  public private(set) var output: Tensor
  public let activation: Activation

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&gradient, &at)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .rowByRow }

  public var settings: String { activation.description }

  public func differentiate(_ dy: Tensor, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    // Piecewise constant in x: no gradient reaches `at`.
    try gradients.record(of: gradient, tape.activationGradient(dy, at: at, activation))
  }

  public func evaluate(_ memory: ReferenceMemory) {
    let (dy, x, dx) = (memory[gradient], memory[at], memory[output])
    for i in dx.indices { dx[i] = dy[i] * activation.derivative(x[i]) }
  }
}

extension Tape {
  /// Records act(x), where no convolution takes it in: as the backward pass of the activation at x of x itself, which for
  /// an activation of one slope for each sign is the same, and so are their gradients.
  public func activated(_ x: Tensor, _ activation: Activation) throws(TapeError) -> Tensor {
    try activationGradient(x, at: x, activation)
  }

  /// Records the backward pass of an activation at x: both tensors and the result of one shape.
  public func activationGradient(
    _ gradient: Tensor, at x: Tensor, _ activation: Activation
  ) throws(TapeError) -> Tensor {
    guard gradient.shape == x.shape else {
      throw .shape(operation: ActivationGradient.name, reason: "\(gradient.shape) and \(x.shape) differ")
    }
    try requireActivations(ActivationGradient.name, gradient, x)
    let output = intermediate("activation", x.shape, kind: .activation)
    record(ActivationGradient(gradient: gradient, at: x, output: output, activation: activation))
    return output
  }
}
