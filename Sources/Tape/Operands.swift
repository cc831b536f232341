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
  private(set) var inputs: [Tensor] = []
  private(set) var outputs: [Tensor] = []
  private let replacements: [Tensor: Tensor]

  init(replacing replacements: [Tensor: Tensor] = [:]) { self.replacements = replacements }

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
