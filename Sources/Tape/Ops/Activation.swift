#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// dx = dy * (x > 0 ? 1 : slope): the backward pass of an activation at x, where it is not a convolution's gate.
public struct ActivationGradient: Operation {
  public static let name = "activation gradient"
  public private(set) var gradient: Tensor
  public private(set) var at: Tensor
  public private(set) var output: Tensor
  public let activation: Activation

  public var inputs: [Tensor] { [gradient, at] }
  public var outputs: [Tensor] { [output] }

  public mutating func replaceTensors(_ replacement: (Tensor) -> Tensor) {
    gradient = replacement(gradient)
    at = replacement(at)
    output = replacement(output)
  }

  public var settings: String { activation.description }

  public func recordGradients(
    _ upstream: [Gradient?], needed: (Tensor) -> Bool, on tape: Tape
  ) throws(TapeError) -> [(input: Tensor, gradient: Tensor)] {
    guard case .tensor(let dy)? = upstream[0] else { throw .noGradientRule(operation: Self.name) }
    // Piecewise constant in x: no gradient reaches `at`.
    return needed(gradient) ? [(gradient, try tape.activationGradient(dy, at: at, activation))] : []
  }

  public func evaluate(_ memory: ReferenceMemory) {
    let (dy, x, dx) = (memory[gradient], memory[at], memory[output])
    for i in dx.indices { dx[i] = dy[i] * activation.derivative(x[i]) }
  }
}

/// y = tanh(x).
public struct Tanh: Operation {
  public static let name = "tanh"
  public private(set) var input: Tensor
  public private(set) var output: Tensor

  public var inputs: [Tensor] { [input] }
  public var outputs: [Tensor] { [output] }

  public mutating func replaceTensors(_ replacement: (Tensor) -> Tensor) {
    input = replacement(input)
    output = replacement(output)
  }

  public func recordGradients(
    _ upstream: [Gradient?], needed: (Tensor) -> Bool, on tape: Tape
  ) throws(TapeError) -> [(input: Tensor, gradient: Tensor)] {
    guard case .tensor(let dy)? = upstream[0] else { throw .noGradientRule(operation: Self.name) }
    return [(input, tape.tanhGradient(dy, output: output))]
  }

  public func evaluate(_ memory: ReferenceMemory) {
    let (x, y) = (memory[input], memory[output])
    for i in y.indices { y[i] = tanh(x[i]) }
  }
}

/// dx = dy * (1 - y * y), with y = tanh(x).
public struct TanhGradient: Operation {
  public static let name = "tanh gradient"
  public private(set) var gradient: Tensor
  public private(set) var tanhOutput: Tensor
  public private(set) var output: Tensor

  public var inputs: [Tensor] { [gradient, tanhOutput] }
  public var outputs: [Tensor] { [output] }

  public mutating func replaceTensors(_ replacement: (Tensor) -> Tensor) {
    gradient = replacement(gradient)
    tanhOutput = replacement(tanhOutput)
    output = replacement(output)
  }

  public func recordGradients(
    _ upstream: [Gradient?], needed: (Tensor) -> Bool, on tape: Tape
  ) throws(TapeError) -> [(input: Tensor, gradient: Tensor)] {
    guard case .tensor(let u)? = upstream[0] else { throw .noGradientRule(operation: Self.name) }
    var result: [(Tensor, Tensor)] = []
    if needed(gradient) { result.append((gradient, tape.tanhGradient(u, output: tanhOutput))) }
    if needed(tanhOutput) {
      let product = try tape.multiply(try tape.multiply(u, gradient), tanhOutput)
      result.append((tanhOutput, try tape.combination(-2, product, 0, product)))
    }
    return result
  }

  public func evaluate(_ memory: ReferenceMemory) {
    let (dy, y, dx) = (memory[gradient], memory[tanhOutput], memory[output])
    for i in dx.indices { dx[i] = dy[i] * (1 - y[i] * y[i]) }
  }
}

extension Tape {
  /// Records tanh, elementwise.
  public func tanh(_ input: Tensor) -> Tensor {
    let output = intermediate("tanh", input.shape, kind: description(of: input).kind)
    record(Tanh(input: input, output: output))
    return output
  }

  fileprivate func tanhGradient(_ gradient: Tensor, output: Tensor) -> Tensor {
    let result = intermediate("tanh", gradient.shape, kind: description(of: gradient).kind)
    record(TanhGradient(gradient: gradient, tanhOutput: output, output: result))
    return result
  }

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
    let output = intermediate("activation", x.shape, kind: description(of: x).kind)
    record(ActivationGradient(gradient: gradient, at: x, output: output, activation: activation))
    return output
  }
}
