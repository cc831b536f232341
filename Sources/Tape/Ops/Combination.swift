/// y = alpha * a + beta * b, elementwise: where gradients meet.
public struct Combination: DifferentiableOperation {
  public static let name = "combination"
  public private(set) var a: Tensor
  public private(set) var b: Tensor
  public private(set) var output: Tensor
  public let alpha: Float
  public let beta: Float

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&a, &b)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .rowByRow }

  public var settings: String { "\(alpha) a + \(beta) b" }

  public func differentiate(_ dy: Tensor, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    try gradients.record(of: a, tape.combination(alpha, dy, 0, dy))
    try gradients.record(of: b, tape.combination(beta, dy, 0, dy))
  }

  public func evaluate(_ memory: ReferenceMemory) {
    let (a, b, y) = (memory[a], memory[b], memory[output])
    for i in y.indices { y[i] = Double(alpha) * a[i] + Double(beta) * b[i] }
  }
}

extension Tape {
  /// Records alpha * a + beta * b of two tensors of one shape and kind.
  public func combination(
    _ alpha: Float, _ a: Tensor, _ beta: Float, _ b: Tensor
  ) throws(TapeError) -> Tensor {
    guard a.shape == b.shape else {
      throw .shape(operation: Combination.name, reason: "\(a.shape) and \(b.shape) differ")
    }
    let output = intermediate("sum", a.shape, kind: description(of: a).kind)
    record(Combination(a: a, b: b, output: output, alpha: alpha, beta: beta))
    return output
  }
}
