#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A function y = f(x) of one number, for every value of an activation.
///
/// Kernels/elementwise.cl has the same functions for devices, as the macros NAME_VALUE and NAME_SLOPE.
public struct ElementwiseFunction: Sendable {
  /// What a slope is computed from: the backward pass keeps that tensor.
  public enum SlopeArgument: Sendable {
    case x, y
  }

  /// The name of the recorded step.
  public let name: String
  /// f(x)
  public let value: @Sendable (Double) -> Double
  public let slopeArgument: SlopeArgument
  /// f'(x), computed from x or from y as `slopeArgument` says.
  public let slope: @Sendable (Double) -> Double
  /// Records a product times the derivative of the slope in its argument; nil where nothing is differentiated twice.
  public let curvature: (@Sendable (Tape, _ product: Tensor, _ argument: Tensor) throws(TapeError) -> Tensor)?

  private init(
    _ name: String, value: @escaping @Sendable (Double) -> Double, slopeFrom slopeArgument: SlopeArgument,
    slope: @escaping @Sendable (Double) -> Double,
    curvature: (@Sendable (Tape, _ product: Tensor, _ argument: Tensor) throws(TapeError) -> Tensor)? = nil
  ) {
    (self.name, self.value, self.slopeArgument, self.slope) = (name, value, slopeArgument, slope)
    self.curvature = curvature
  }

  public static let tanh = Self(
    "tanh", value: tangent, slopeFrom: .y, slope: { 1 - $0 * $0 },
    curvature: { tape, product, y throws(TapeError) in
      let scaled = try tape.multiply(product, y)
      return try tape.combination(-2, scaled, 0, scaled)
    })

  public static let exp = Self(
    "exp", value: exponential, slopeFrom: .y, slope: { $0 },
    curvature: { _, product, _ throws(TapeError) in product })

  /// e^x - 1, which keeps its digits where x is near 0.
  public static let expm1 = Self(
    "expm1", value: exponentialLessOne, slopeFrom: .y, slope: { $0 + 1 },
    curvature: { _, product, _ throws(TapeError) in product })

  /// Every function: tests go through them all.
  public static let all = [tanh, exp, expm1]
}

/// y = f(x), elementwise.
public struct Elementwise: DifferentiableOperation {
  public static let name = "elementwise"
  public private(set) var input: Tensor
  public private(set) var output: Tensor
  public let function: ElementwiseFunction

  public var name: String { function.name }

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&input)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .rowByRow }

  public func differentiate(_ dy: Tensor, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    let argument = function.slopeArgument == .x ? input : output
    try gradients.record(of: input, tape.elementwiseGradient(function, dy, at: argument))
  }

  public func evaluate(_ memory: ReferenceMemory) {
    let (x, y) = (memory[input], memory[output])
    for i in y.indices { y[i] = function.value(x[i]) }
  }
}

/// dx = dy * f'(x), computed from x or from y = f(x).
public struct ElementwiseGradient: DifferentiableOperation {
  public static let name = "elementwise gradient"
  public private(set) var gradient: Tensor
  /// x or y
  public private(set) var argument: Tensor
  public private(set) var output: Tensor
  public let function: ElementwiseFunction

  public var name: String { "\(function.name) gradient" }

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&gradient, &argument)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .onlyInTraining }

  public func differentiate(_ dy: Tensor, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    try gradients.record(of: gradient, tape.elementwiseGradient(function, dy, at: argument))
    guard let curvature = function.curvature else { return try gradients.refuse(argument, of: self) }
    try gradients.record(of: argument, curvature(tape, tape.multiply(dy, gradient), argument))
  }

  public func evaluate(_ memory: ReferenceMemory) {
    let (dy, at, dx) = (memory[gradient], memory[argument], memory[output])
    for i in dx.indices { dx[i] = dy[i] * function.slope(at[i]) }
  }
}

extension Tape {
  /// Records y = f(x) of an activation.
  public func apply(_ function: ElementwiseFunction, _ input: Tensor) throws(TapeError) -> Tensor {
    try requireActivations(function.name, input)
    let output = intermediate(function.name, input.shape, kind: .activation)
    record(Elementwise(input: input, output: output, function: function))
    return output
  }

  /// Records tanh of an activation.
  public func tanh(_ input: Tensor) throws(TapeError) -> Tensor { try apply(.tanh, input) }

  /// Throws where an elementwise operation is given a weight, a vector or a scalar, which devices lay out otherwise.
  func requireActivations(_ operation: String, _ tensors: Tensor...) throws(TapeError) {
    for tensor in tensors where description(of: tensor).kind != .activation {
      throw .shape(
        operation: operation,
        reason: "\(description(of: tensor).name) \(tensor.shape) is no activation [N, C, H, W]")
    }
  }

  fileprivate func elementwiseGradient(
    _ function: ElementwiseFunction, _ gradient: Tensor, at argument: Tensor
  ) -> Tensor {
    let output = intermediate(function.name, gradient.shape, kind: .activation)
    record(ElementwiseGradient(gradient: gradient, argument: argument, output: output, function: function))
    return output
  }
}

// Within the function's own type the names are taken.
@Sendable private func tangent(_ x: Double) -> Double { tanh(x) }
@Sendable private func exponential(_ x: Double) -> Double { exp(x) }
@Sendable private func exponentialLessOne(_ x: Double) -> Double { expm1(x) }
