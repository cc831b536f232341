/// The gradient difference loss of two maps a and b (Mathieu, Couprie and LeCun 2016, with exponent 1, as a mean, and of
/// signed differences): with d = a - b,
///
///     mean |d[y][x + 1] - d[y][x]| + mean |d[y + 1][x] - d[y][x]|
///
/// each mean over its own differences, of all images and channels. It asks for equal edges, whatever the level.
public struct EdgeLoss: LossOperation {
  public static let name = "edge loss"
  public private(set) var a: Tensor
  public private(set) var b: Tensor
  public private(set) var output: Tensor

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&a, &b)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .onlyInTraining }

  /// How many differences there are between neighbours in a row, and in a column.
  public static func counts(_ shape: Shape) -> (horizontal: Int, vertical: Int) {
    let maps = shape.n * shape.c
    return (maps * shape.h * (shape.w - 1), maps * (shape.h - 1) * shape.w)
  }

  public func differentiate(weight: Float, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    try gradients.record(of: a, tape.edgeGradient(a, b, weight: weight))
    try gradients.record(of: b, tape.edgeGradient(b, a, weight: weight))
  }

  public func evaluate(_ memory: ReferenceMemory) {
    let (a, b) = (memory[a], memory[b])
    let counts = Self.counts(self.a.shape)
    var (horizontal, vertical) = (0.0, 0.0)
    forEachEdge(self.a.shape) { i, j, isHorizontal in
      let edge = abs((a[j] - b[j]) - (a[i] - b[i]))
      if isHorizontal { horizontal += edge } else { vertical += edge }
    }
    memory[output][0] = horizontal / Double(counts.horizontal) + vertical / Double(counts.vertical)
  }
}

/// The gradient of `EdgeLoss` with respect to a: for every difference its sign, with sign(0) = 0, over the count of its
/// kind, added at the right or lower pixel and subtracted at the other; times weight.
public struct EdgeLossGradient: Operation {
  public static let name = "edge loss gradient"
  public private(set) var a: Tensor
  public private(set) var b: Tensor
  public private(set) var output: Tensor
  public let weight: Float

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&a, &b)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .onlyInTraining }

  public var settings: String { "weight \(weight)" }

  public func evaluate(_ memory: ReferenceMemory) {
    let (a, b, da) = (memory[a], memory[b], memory[output])
    let counts = EdgeLoss.counts(output.shape)
    da.update(repeating: 0)
    forEachEdge(output.shape) { i, j, isHorizontal in
      let edge = (a[j] - b[j]) - (a[i] - b[i])
      guard edge != 0 else { return }
      let factor = Double(weight) / Double(isHorizontal ? counts.horizontal : counts.vertical)
      da[j] += edge > 0 ? factor : -factor
      da[i] -= edge > 0 ? factor : -factor
    }
  }
}

/// Calls `body` with the indices of every pixel and its right neighbour, and of every pixel and its lower one.
private func forEachEdge(_ shape: Shape, _ body: (_ i: Int, _ j: Int, _ isHorizontal: Bool) -> Void) {
  for i in 0..<shape.count {
    if i % shape.w + 1 < shape.w { body(i, i + 1, true) }
    if i / shape.w % shape.h + 1 < shape.h { body(i, i + shape.w, false) }
  }
}

extension Tape {
  /// Records the gradient difference loss of two maps [N, C, H, W] of at least 2 x 2 pixels.
  public func edgeLoss(_ a: Tensor, _ b: Tensor) throws(TapeError) -> Tensor {
    guard a.shape == b.shape else {
      throw .shape(operation: EdgeLoss.name, reason: "\(a.shape) and \(b.shape) differ")
    }
    guard a.shape.rank == 4, a.shape.h > 1, a.shape.w > 1 else {
      throw .shape(
        operation: EdgeLoss.name, reason: "\(a.shape) is not [N, C, H, W] with H and W of at least 2")
    }
    let output = intermediate("edges", [], kind: .scalar)
    record(EdgeLoss(a: a, b: b, output: output))
    return output
  }

  fileprivate func edgeGradient(_ a: Tensor, _ b: Tensor, weight: Float) -> Tensor {
    let output = intermediate("edges", a.shape, kind: .activation)
    record(EdgeLossGradient(a: a, b: b, output: output, weight: weight))
    return output
  }
}
