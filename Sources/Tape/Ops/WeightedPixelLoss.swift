/// The mean over all elements of w |a - b| or w (a - b)^2, with a, b [N, C, H, W] and weights w of that shape, or of one
/// channel for all, [N, 1, H, W].
///
/// Weights that are not negative: they say how much a pixel counts. The mean is over all elements, so weights whose own
/// mean is 1 leave the loss at its size.
public struct WeightedPixelLoss: LossOperation {
  public static let name = "weighted pixel loss"
  public private(set) var a: Tensor
  public private(set) var b: Tensor
  public private(set) var weights: Tensor
  public private(set) var output: Tensor
  public let distance: PixelDistance

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&a, &b, &weights)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .onlyInTraining }

  public var settings: String { distance.rawValue }

  public func differentiate(weight: Float, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    try gradients.refuse(weights, of: self)
    try gradients.record(of: a, tape.weightedGradient(distance, a, b, weights, weight: weight))
    try gradients.record(of: b, tape.weightedGradient(distance, b, a, weights, weight: weight))
  }

  public func evaluate(_ memory: ReferenceMemory) {
    let (a, b, w) = (memory[a], memory[b], memory[weights])
    var sum = 0.0
    for i in a.indices {
      let difference = a[i] - b[i]
      let size = distance == .l1 ? abs(difference) : difference * difference
      sum += w[weightIndex(i, of: self.a.shape, weights.shape)] * size
    }
    memory[output][0] = sum / Double(a.count)
  }
}

/// The gradient of `WeightedPixelLoss` with respect to a: weight / count * w * sign(a - b), with sign(0) = 0, or
/// weight / count * w * 2 (a - b).
public struct WeightedPixelLossGradient: Operation {
  public static let name = "weighted pixel loss gradient"
  public private(set) var a: Tensor
  public private(set) var b: Tensor
  public private(set) var weights: Tensor
  public private(set) var output: Tensor
  public let distance: PixelDistance
  public let weight: Float

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&a, &b, &weights)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .onlyInTraining }

  public var settings: String { "\(distance.rawValue), weight \(weight)" }

  public func evaluate(_ memory: ReferenceMemory) {
    let (a, b, w, da) = (memory[a], memory[b], memory[weights], memory[output])
    for i in a.indices {
      let difference = a[i] - b[i]
      let slope = distance == .l2 ? 2 * difference : difference == 0 ? 0 : difference > 0 ? 1 : -1
      da[i] = Double(weight) / Double(a.count) * w[weightIndex(i, of: output.shape, weights.shape)] * slope
    }
  }
}

/// Where the weight of element i of a map lies.
private func weightIndex(_ i: Int, of shape: Shape, _ weights: Shape) -> Int {
  guard weights.c == 1 else { return i }
  let area = shape.h * shape.w
  return i / (shape.c * area) * area + i % area
}

extension Tape {
  /// Records the mean distance of two maps a and b [N, C, H, W], each element's times a weight: [N, C, H, W], or
  /// [N, 1, H, W] for all channels of a pixel.
  public func weightedPixelLoss(
    _ distance: PixelDistance, _ a: Tensor, _ b: Tensor, weights: Tensor
  ) throws(TapeError) -> Tensor {
    guard a.shape == b.shape, a.shape.rank == 4 else {
      throw .shape(
        operation: WeightedPixelLoss.name, reason: "\(a.shape) and \(b.shape) are not both [N, C, H, W]")
    }
    let one: Shape = [a.shape.n, 1, a.shape.h, a.shape.w]
    guard weights.shape == a.shape || weights.shape == one else {
      throw .shape(
        operation: WeightedPixelLoss.name,
        reason: "weights \(weights.shape) do not fit \(a.shape); they are of that shape or \(one)")
    }
    let output = intermediate(distance.rawValue, [], kind: .scalar)
    record(WeightedPixelLoss(a: a, b: b, weights: weights, output: output, distance: distance))
    return output
  }

  fileprivate func weightedGradient(
    _ distance: PixelDistance, _ a: Tensor, _ b: Tensor, _ weights: Tensor, weight: Float
  ) -> Tensor {
    let output = intermediate(distance.rawValue, a.shape, kind: .activation)
    record(
      WeightedPixelLossGradient(
        a: a, b: b, weights: weights, output: output, distance: distance, weight: weight))
    return output
  }
}
