// Numbers of a picture, [N, K, 1, 1], and maps of them, [N, K, H, W]. Both operations are each other's gradient, whatever the
// coefficient.

/// y[n,k,h,w] = coefficient * x[n,k]
public struct Broadcast: DifferentiableOperation {
  public static let name = "broadcast"
  public private(set) var input: Tensor
  public private(set) var output: Tensor
  public let coefficient: Float

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&input)
    visitor.writes(&output)
  }

  public var stripRule: StripRule {
    let (area, coefficient) = (output.shape.h * output.shape.w, coefficient)
    return .onHost { inputs in inputs[0].flatMap { [Float](repeating: coefficient * $0, count: area) } }
  }

  public var settings: String { "coefficient \(coefficient)" }

  public func differentiate(_ dy: Tensor, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    try gradients.record(of: input, tape.spatialSum(dy, coefficient))
  }

  public func evaluate(_ memory: ReferenceMemory) {
    let (x, y) = (memory[input], memory[output])
    let area = output.shape.h * output.shape.w
    for i in y.indices { y[i] = Double(coefficient) * x[i / area] }
  }
}

/// y[n,k] = coefficient * the sum of x[n,k,h,w] over h and w: with a coefficient of 1 / (H W) the mean.
public struct SpatialSum: DifferentiableOperation {
  public static let name = "spatial sum"
  public private(set) var input: Tensor
  public private(set) var output: Tensor
  public let coefficient: Float

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&input)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .unused }

  public var settings: String { "coefficient \(coefficient)" }

  public func cancellingSum(_ output: Tensor) -> CancellingSum? {
    CancellingSum(terms: input, factor: Double(coefficient))
  }

  public func differentiate(_ dy: Tensor, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    try gradients.record(of: input, tape.broadcast(dy, to: (input.shape.h, input.shape.w), coefficient))
  }

  public func evaluate(_ memory: ReferenceMemory) {
    let (x, y) = (memory[input], memory[output])
    let area = input.shape.h * input.shape.w
    for i in y.indices {
      var sum = 0.0
      for p in 0..<area { sum += x[i * area + p] }
      y[i] = Double(coefficient) * sum
    }
  }
}

extension Tape {
  /// Records maps of the numbers of each picture: [N, K, 1, 1] -> [N, K, H, W].
  public func broadcast(_ input: Tensor, to size: (h: Int, w: Int)) throws(TapeError) -> Tensor {
    let x = input.shape
    guard x.rank == 4, x.h == 1, x.w == 1, size.h > 0, size.w > 0 else {
      throw .shape(
        operation: Broadcast.name, reason: "\(x) to maps of \(size.h) x \(size.w) is not [N, K, 1, 1]")
    }
    return broadcast(input, to: size, 1)
  }

  /// Records the mean of each map: [N, C, H, W] -> [N, C, 1, 1].
  public func spatialMean(_ input: Tensor) throws(TapeError) -> Tensor {
    guard input.shape.rank == 4 else {
      throw .shape(operation: SpatialSum.name, reason: "\(input.shape) is not [N, C, H, W]")
    }
    return spatialSum(input, 1 / Float(input.shape.h * input.shape.w))
  }

  fileprivate func broadcast(_ input: Tensor, to size: (h: Int, w: Int), _ coefficient: Float) -> Tensor {
    let output = intermediate("broadcast", [input.shape.n, input.shape.c, size.h, size.w], kind: .activation)
    record(Broadcast(input: input, output: output, coefficient: coefficient))
    return output
  }

  fileprivate func spatialSum(_ input: Tensor, _ coefficient: Float) -> Tensor {
    let output = intermediate("sum", [input.shape.n, input.shape.c, 1, 1], kind: .activation)
    record(SpatialSum(input: input, output: output, coefficient: coefficient))
    return output
  }
}
