/// What a pixel loss takes of a difference.
public enum PixelDistance: String, CaseIterable, Sendable {
  /// |a - b|
  case l1 = "L1"
  /// (a - b)^2
  case l2 = "L2"
}

/// The mean over all elements of |a - b| or (a - b)^2.
public struct PixelLoss: LossOperation {
  public static let name = "pixel loss"
  public private(set) var a: Tensor
  public private(set) var b: Tensor
  public private(set) var output: Tensor
  public let distance: PixelDistance

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&a, &b)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .onlyInTraining }

  public var settings: String { distance.rawValue }

  public func differentiate(weight: Float, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    try gradients.record(of: a, tape.pixelGradient(distance, a, b, weight: weight))
    try gradients.record(of: b, tape.pixelGradient(distance, b, a, weight: weight))
  }

  public func evaluate(_ memory: ReferenceMemory) {
    let (a, b) = (memory[a], memory[b])
    var sum = 0.0
    for i in a.indices {
      sum += distance == .l1 ? abs(a[i] - b[i]) : (a[i] - b[i]) * (a[i] - b[i])
    }
    memory[output][0] = sum / Double(a.count)
  }
}

/// The gradient of `PixelLoss` with respect to a: weight * sign(a - b) / count, with sign(0) = 0, or
/// weight * 2 (a - b) / count.
public struct PixelLossGradient: DifferentiableOperation {
  public static let name = "pixel loss gradient"
  public private(set) var a: Tensor
  public private(set) var b: Tensor
  public private(set) var output: Tensor
  public let distance: PixelDistance
  public let weight: Float

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&a, &b)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .onlyInTraining }

  public var settings: String { "\(distance.rawValue), weight \(weight)" }

  public func differentiate(_ dy: Tensor, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    // Piecewise constant, or linear in a - b.
    guard distance == .l2 else { return }
    let slope = 2 * weight / Float(a.shape.count)
    try gradients.record(of: a, tape.combination(slope, dy, 0, dy))
    try gradients.record(of: b, tape.combination(-slope, dy, 0, dy))
  }

  public func evaluate(_ memory: ReferenceMemory) {
    let (a, b, da) = (memory[a], memory[b], memory[output])
    let factor = Double(weight) / Double(a.count)
    for i in a.indices {
      let difference = a[i] - b[i]
      switch distance {
      case .l1: da[i] = difference == 0 ? 0 : difference > 0 ? factor : -factor
      case .l2: da[i] = 2 * factor * difference
      }
    }
  }
}

extension Tape {
  /// Records the mean distance of two tensors of one shape.
  public func pixelLoss(_ distance: PixelDistance, _ a: Tensor, _ b: Tensor) throws(TapeError) -> Tensor {
    guard a.shape == b.shape else {
      throw .shape(operation: PixelLoss.name, reason: "\(a.shape) and \(b.shape) differ")
    }
    let output = intermediate(distance.rawValue, [], kind: .scalar)
    record(PixelLoss(a: a, b: b, output: output, distance: distance))
    return output
  }

  fileprivate func pixelGradient(
    _ distance: PixelDistance, _ a: Tensor, _ b: Tensor, weight: Float
  ) -> Tensor {
    let output = intermediate(distance.rawValue, a.shape, kind: description(of: a).kind)
    record(PixelLossGradient(a: a, b: b, output: output, distance: distance, weight: weight))
    return output
  }
}
