/// One recorded operation with the name of the layer it belongs to.
public struct Step: Sendable {
  public let operation: any Operation
  public let label: String
  /// Whether it was recorded as part of a gradient.
  public let isBackward: Bool
  /// The operation's operands.
  public let inputs: [Tensor]
  public let outputs: [Tensor]

  public var name: String { operation.name }

  init(operation: any Operation, label: String, isBackward: Bool) {
    (self.operation, self.label, self.isBackward) = (operation, label, isBackward)
    (inputs, outputs) = (operation.inputs, operation.outputs)
  }
}

/// A frozen tape: what executors allocate, bind and replay.
public struct Recording: Sendable, CustomStringConvertible {
  public let tensors: [TensorDescription]
  public let steps: [Step]
  /// Parts that can be replayed by name: "train", "translate".
  public let sections: [String: Range<Int>]
  /// Intermediate tensors that are read after a run: an executor may use the room of all others for more than one.
  public let kept: Set<Tensor>

  /// Arithmetic of the given steps by the direct count, in floating-point operations.
  public func flops(_ range: Range<Int>? = nil) -> Double {
    steps[range ?? 0..<steps.count].reduce(0) { $0 + $1.operation.flops }
  }

  public func name(of tensor: Tensor) -> String { tensors[tensor.id].name }

  /// The tensor of that name; nil when there is none.
  public func tensor(named name: String) -> Tensor? {
    tensors.first { $0.name == name }?.tensor
  }

  /// A line per step: number, layer, operation, operand shapes, settings, arithmetic.
  public var description: String {
    steps.enumerated().map { index, step in
      let operation = step.operation
      let shapes = step.inputs.map(\.shape.description).joined(separator: " ")
      let results = step.outputs.map(\.shape.description).joined(separator: " ")
      var line = "\(index) \(step.label) \(step.name) \(shapes) -> \(results)"
      if !operation.settings.isEmpty { line += " (\(operation.settings))" }
      if operation.flops > 0 {
        let thousandths = Int((operation.flops / 1e6).rounded())
        line += " \(thousandths / 1000).\(String(1000 + thousandths % 1000).dropFirst()) GFLOP"
      }
      return line
    }.joined(separator: "\n")
  }
}
