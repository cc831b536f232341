/// One kind of step: its operands, its gradient rule and its reference implementation.
///
/// An operation is a value: the tensors it reads and writes, and its settings. Where it runs is the executors'
/// matter; they find the same name in their own `Ops` folder.
public protocol Operation: Sendable {
  /// The operation's name as it is printed: "convolution", "adam".
  static var name: String { get }

  /// Every tensor it reads. A tensor updated in place stands here and in `outputs`.
  var inputs: [Tensor] { get }

  /// Every tensor it writes.
  var outputs: [Tensor] { get }

  /// Puts another tensor of the same shape in the place of every tensor that it reads or writes.
  mutating func replaceTensors(_ replacement: (Tensor) -> Tensor)

  /// What distinguishes this step from another of its kind, in words for a person: "stride 2, padding 1".
  var settings: String { get }

  /// Arithmetic of the step by the direct count, in floating-point operations; 0 where memory traffic is all that counts.
  var flops: Double { get }

  /// Records the gradients with respect to those inputs that `needed` names, given those of the outputs.
  ///
  /// - Parameter upstream: one entry per output; nil where nothing depends on that output.
  /// - Returns: pairs of an input and its gradient, a tensor of the input's shape.
  /// - Throws: `TapeError.noGradientRule` for an operation that cannot be differentiated.
  func recordGradients(
    _ upstream: [Gradient?], needed: (Tensor) -> Bool, on tape: Tape
  ) throws(TapeError) -> [(input: Tensor, gradient: Tensor)]

  /// Computes the outputs from the inputs in plain loops with sums in Double.
  func evaluate(_ memory: ReferenceMemory)
}

extension Operation {
  /// Whether the step makes this output, rather than updating what was there.
  func makes(_ output: Tensor) -> Bool { !inputs.contains(output) }

  public var settings: String { "" }

  public var flops: Double { 0 }

  public func recordGradients(
    _ upstream: [Gradient?], needed: (Tensor) -> Bool, on tape: Tape
  ) throws(TapeError) -> [(input: Tensor, gradient: Tensor)] {
    throw .noGradientRule(operation: Self.name)
  }
}

/// The gradient of the objective with respect to one output of a step.
public enum Gradient: Sendable {
  /// A tensor of the output's shape.
  case tensor(Tensor)
  /// For a loss: its weight in the objective.
  case weight(Float)
}

/// A tape refused to record; the text names the operation and the shapes.
public enum TapeError: Error, Hashable, CustomStringConvertible {
  case shape(operation: String, reason: String)
  case noGradientRule(operation: String)
  case notReached(tensor: String)
  case overwritten(tensor: String, operation: String)

  public var description: String {
    switch self {
    case .shape(let operation, let reason):
      "\(operation): \(reason)"
    case .noGradientRule(let operation):
      "\(operation) has no gradient rule; keep it off the paths to the parameters"
    case .notReached(let tensor):
      "the objective does not depend on \(tensor); leave it out of the parameters asked for"
    case .overwritten(let tensor, let operation):
      "\(tensor) was overwritten after \(operation) used it; record the gradients before the update"
    }
  }
}
