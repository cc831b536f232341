/// y = alpha * a + beta * b, elementwise: where gradients meet.
public struct Combination: Operation {
  public static let name = "combination"
  public private(set) var a: Tensor
  public private(set) var b: Tensor
  public private(set) var output: Tensor
  public let alpha: Float
  public let beta: Float

  public var inputs: [Tensor] { [a, b] }
  public var outputs: [Tensor] { [output] }

  public mutating func replaceTensors(_ replacement: (Tensor) -> Tensor) {
    a = replacement(a)
    b = replacement(b)
    output = replacement(output)
  }

  public var settings: String { "\(alpha) a + \(beta) b" }

  public func recordGradients(
    _ upstream: [Gradient?], needed: (Tensor) -> Bool, on tape: Tape
  ) throws(TapeError) -> [(input: Tensor, gradient: Tensor)] {
    guard case .tensor(let gradient)? = upstream[0] else { throw .noGradientRule(operation: Self.name) }
    var result: [(Tensor, Tensor)] = []
    if needed(a) { result.append((a, try tape.combination(alpha, gradient, 0, gradient))) }
    if needed(b) { result.append((b, try tape.combination(beta, gradient, 0, gradient))) }
    return result
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
