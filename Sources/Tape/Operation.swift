/// One kind of step: its operands, its gradient rule and its reference implementation.
///
/// An operation is a value: the tensors it reads and writes, and its settings. Where it runs is the executors'
/// matter; they find the same name in their own `Ops` folder.
///
/// An operation that can be differentiated conforms to `DifferentiableOperation`, a loss to `LossOperation`.
public protocol Operation: Sendable {
  /// The operation's name as it is printed: "convolution", "Adam".
  static var name: String { get }

  /// The name of this step, where one type stands for several operations.
  var name: String { get }

  /// Names every operand once: what it reads, writes and updates, in the order of `inputs` and `outputs`.
  mutating func visitOperands(_ visitor: inout OperandVisitor)

  /// What distinguishes this step from another of its kind, in words for a person: "stride 2, padding 1".
  var settings: String { get }

  /// Arithmetic of the step by the direct count, in floating-point operations; 0 where memory traffic is all that counts.
  var flops: Double { get }

  /// Operands that are parts of another one; nil where there are none.
  var partition: Partition? { get }

  /// How a picture's rows go through the operation. It has no default: `.cannot` is an answer, too.
  var stripRule: StripRule { get }

  /// Whether it multiplies at a device's precision of convolutions, which may be less than fp32's.
  var isConvolution: Bool { get }

  /// The terms of an output whose terms cancel, so that it is all rounding; nil for other outputs.
  func cancellingSum(_ output: Tensor) -> CancellingSum?

  /// Records the gradients of the inputs that `gradients` asks for.
  ///
  /// - Parameter upstream: one entry per output; nil where nothing depends on that output.
  /// - Throws: `TapeError.noGradientRule` for an operation that cannot be differentiated.
  func differentiate(_ upstream: [Gradient?], _ gradients: InputGradients, _ tape: Tape) throws(TapeError)

  /// Computes the outputs from the inputs in plain loops with sums in Double.
  func evaluate(_ memory: ReferenceMemory)
}

extension Operation {
  private var visited: OperandVisitor {
    var (copy, visitor) = (self, OperandVisitor())
    copy.visitOperands(&visitor)
    return visitor
  }

  /// Every tensor it reads. A tensor that is updated in place stands here and in `outputs`.
  public var inputs: [Tensor] { visited.inputs }

  /// Every tensor it writes.
  public var outputs: [Tensor] { visited.outputs }

  /// Puts other tensors in the place of its operands.
  mutating func replaceOperands(_ replacements: [Tensor: Tensor]) {
    var visitor = OperandVisitor(replacing: replacements)
    visitOperands(&visitor)
  }

  /// Whether the step makes this output, rather than updating what was there.
  func makes(_ output: Tensor) -> Bool { !inputs.contains(output) }
}

extension Operation {
  public var name: String { Self.name }

  public var settings: String { "" }

  public var flops: Double { 0 }

  public var partition: Partition? { nil }

  public var isConvolution: Bool { false }

  public func cancellingSum(_ output: Tensor) -> CancellingSum? { nil }

  public func differentiate(
    _ upstream: [Gradient?], _ gradients: InputGradients, _ tape: Tape
  ) throws(TapeError) {
    throw .noGradientRule(operation: name)
  }
}

/// An operation that is differentiated through its first output; others are byproducts that its gradient reads.
public protocol DifferentiableOperation: Operation {
  /// Records the gradients of the inputs from that of the first output, dy, a tensor of its shape.
  func differentiate(_ dy: Tensor, _ gradients: InputGradients, _ tape: Tape) throws(TapeError)
}

extension DifferentiableOperation {
  public func differentiate(
    _ upstream: [Gradient?], _ gradients: InputGradients, _ tape: Tape
  ) throws(TapeError) {
    try gradients.refuseByproducts(of: self, upstream)
    guard case .tensor(let dy)? = upstream[0] else { throw .noGradientRule(operation: name) }
    try differentiate(dy, gradients, tape)
  }
}

/// An operation whose first output is a loss, a scalar.
public protocol LossOperation: Operation {
  /// Records the gradients of the inputs, the loss having a weight in the objective.
  func differentiate(weight: Float, _ gradients: InputGradients, _ tape: Tape) throws(TapeError)
}

extension LossOperation {
  public func differentiate(
    _ upstream: [Gradient?], _ gradients: InputGradients, _ tape: Tape
  ) throws(TapeError) {
    try gradients.refuseByproducts(of: self, upstream)
    guard case .weight(let weight)? = upstream[0] else { throw .noGradientRule(operation: name) }
    try differentiate(weight: weight, gradients, tape)
  }
}

/// Tensors that lie one behind the other in another one, along the channels or along the batch.
public struct Partition: Sendable {
  public let parts: [Tensor]
  public let whole: Tensor
}

/// A sum by channels of the pixels of some terms [N, C, H, W], times a factor.
public struct CancellingSum: Sendable {
  public let terms: Tensor
  public let factor: Double

  public init(terms: Tensor, factor: Double = 1) { (self.terms, self.factor) = (terms, factor) }
}
