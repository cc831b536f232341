/// What holds operands: a tensor, an optional one, a list of them, or a value around some.
public protocol TensorHolder {
  /// Calls `body` with every tensor, in order; `body` may put another in its place.
  mutating func forEachTensor(_ body: (inout Tensor) -> Void)
}

extension TensorHolder {
  /// Its tensors, in order.
  public var tensors: [Tensor] {
    var (copy, tensors) = (self, [Tensor]())
    copy.forEachTensor { tensors.append($0) }
    return tensors
  }
}

extension Tensor: TensorHolder {
  public mutating func forEachTensor(_ body: (inout Tensor) -> Void) { body(&self) }
}

extension Optional: TensorHolder where Wrapped: TensorHolder {
  public mutating func forEachTensor(_ body: (inout Tensor) -> Void) { self?.forEachTensor(body) }
}

extension Array: TensorHolder where Element: TensorHolder {
  public mutating func forEachTensor(_ body: (inout Tensor) -> Void) {
    for index in indices { self[index].forEachTensor(body) }
  }
}

/// Notes which tensors an operation reads and which it writes, in the order of the visit, and can replace them.
public struct OperandVisitor {
  fileprivate var inputs: [Tensor] = []
  fileprivate var outputs: [Tensor] = []
  fileprivate var replacements: [Tensor: Tensor] = [:]

  fileprivate init() {}

  public mutating func reads(_ operand: inout some TensorHolder) {
    inputs += visit(&operand)
  }

  public mutating func reads(_ first: inout some TensorHolder, _ second: inout some TensorHolder) {
    reads(&first)
    reads(&second)
  }

  public mutating func reads(
    _ first: inout some TensorHolder, _ second: inout some TensorHolder, _ third: inout some TensorHolder
  ) {
    reads(&first, &second)
    reads(&third)
  }

  public mutating func writes(_ operand: inout some TensorHolder) {
    outputs += visit(&operand)
  }

  public mutating func writes(_ first: inout some TensorHolder, _ second: inout some TensorHolder) {
    writes(&first)
    writes(&second)
  }

  public mutating func writes(
    _ first: inout some TensorHolder, _ second: inout some TensorHolder, _ third: inout some TensorHolder
  ) {
    writes(&first, &second)
    writes(&third)
  }

  /// Of a tensor that is changed in place: it is read and written.
  public mutating func updates(_ operand: inout some TensorHolder) {
    let tensors = visit(&operand)
    inputs += tensors
    outputs += tensors
  }

  private func visit(_ operand: inout some TensorHolder) -> [Tensor] {
    var tensors: [Tensor] = []
    operand.forEachTensor { tensor in
      if let replacement = replacements[tensor] { tensor = replacement }
      tensors.append(tensor)
    }
    return tensors
  }
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
    var visitor = OperandVisitor()
    visitor.replacements = replacements
    visitOperands(&visitor)
  }

  /// Whether the step makes this output, rather than updating what was there.
  func makes(_ output: Tensor) -> Bool { !inputs.contains(output) }
}
