/// c = a * b, elementwise.
public struct Multiply: DifferentiableOperation {
  public static let name = "multiply"
  public private(set) var a: Tensor
  public private(set) var b: Tensor
  public private(set) var output: Tensor

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&a, &b)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .rowByRow }

  public func differentiate(_ dy: Tensor, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    try gradients.record(of: a, tape.multiply(dy, b))
    try gradients.record(of: b, tape.multiply(dy, a))
  }

  public func evaluate(_ memory: ReferenceMemory) {
    let (a, b, c) = (memory[a], memory[b], memory[output])
    for i in c.indices { c[i] = a[i] * b[i] }
  }
}

extension Tape {
  /// Records the elementwise product of two activations of one shape.
  public func multiply(_ a: Tensor, _ b: Tensor) throws(TapeError) -> Tensor {
    guard a.shape == b.shape else {
      throw .shape(operation: Multiply.name, reason: "\(a.shape) and \(b.shape) differ")
    }
    try requireActivations(Multiply.name, a, b)
    let output = intermediate("product", a.shape, kind: .activation)
    record(Multiply(a: a, b: b, output: output))
    return output
  }
}
