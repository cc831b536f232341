#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What a loss takes of a logit x: what a discriminator, or a generator through it, is trained on.
public enum LogitLossKind: Hashable, Sendable, CustomStringConvertible {
  /// Binary cross-entropy of sigmoid(x) against a target from 0 to 1 (Goodfellow et al. 2014):
  /// max(x, 0) - x t + log(1 + exp(-|x|)), which neither overflows nor cancels.
  case crossEntropy(target: Float)
  /// (x - t)^2, the least-squares GAN's (Mao et al. 2017).
  case squared(target: Float)
  /// max(0, 1 - s x) with the sign s of what is right, 1 or -1 (Lim and Ye 2017).
  case hinge(sign: Float)
  /// x itself: the critic of a Wasserstein GAN (Arjovsky et al. 2017).
  case linear

  public var description: String {
    switch self {
    case .crossEntropy(let target): "cross-entropy, target \(target)"
    case .squared(let target): "squared, target \(target)"
    case .hinge(let sign): "hinge, sign \(sign)"
    case .linear: "linear"
    }
  }

  func value(_ x: Double) -> Double {
    switch self {
    case .crossEntropy(let target): max(x, 0) - x * Double(target) + log1p(exp(-abs(x)))
    case .squared(let target): (x - Double(target)) * (x - Double(target))
    case .hinge(let sign): max(0, 1 - Double(sign) * x)
    case .linear: x
    }
  }

  /// The derivative; at the hinge's kink 0, as PyTorch has it for relu.
  func slope(_ x: Double) -> Double {
    switch self {
    case .crossEntropy(let target): 1 / (1 + exp(-x)) - Double(target)
    case .squared(let target): 2 * (x - Double(target))
    case .hinge(let sign): 1 - Double(sign) * x > 0 ? -Double(sign) : 0
    case .linear: 1
    }
  }
}

/// The mean over all logits of one kind of loss.
public struct LogitLoss: LossOperation {
  public static let name = "logit loss"
  public private(set) var logits: Tensor
  public private(set) var output: Tensor
  public let kind: LogitLossKind

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&logits)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .onlyInTraining }

  public var settings: String { kind.description }

  public func differentiate(weight: Float, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    try gradients.record(of: logits, tape.logitLossGradient(kind, logits, weight: weight))
  }

  public func evaluate(_ memory: ReferenceMemory) {
    let x = memory[logits]
    memory[output][0] = x.reduce(0) { $0 + kind.value($1) } / Double(x.count)
  }
}

/// weight * the slope of the loss at x / count: the gradient of `LogitLoss`.
public struct LogitLossGradient: DifferentiableOperation {
  public static let name = "logit loss gradient"
  public private(set) var logits: Tensor
  public private(set) var output: Tensor
  public let kind: LogitLossKind
  public let weight: Float

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&logits)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .onlyInTraining }

  public var settings: String { "\(kind), weight \(weight)" }

  public func differentiate(_ dy: Tensor, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    switch kind {
    // The same for all x, or for all on one side of the kink.
    case .linear, .hinge: break
    case .crossEntropy, .squared: throw .noGradientRule(operation: "\(name) (\(kind))")
    }
  }

  public func evaluate(_ memory: ReferenceMemory) {
    let (x, dx) = (memory[logits], memory[output])
    for i in x.indices { dx[i] = Double(weight) * kind.slope(x[i]) / Double(x.count) }
  }
}

extension Tape {
  /// Records the mean over all logits, of any shape, of one kind of loss.
  public func logitLoss(_ kind: LogitLossKind, _ logits: Tensor) -> Tensor {
    let output = intermediate("loss", [], kind: .scalar)
    record(LogitLoss(logits: logits, output: output, kind: kind))
    return output
  }

  fileprivate func logitLossGradient(_ kind: LogitLossKind, _ logits: Tensor, weight: Float) -> Tensor {
    let output = intermediate("loss", logits.shape, kind: description(of: logits).kind)
    record(LogitLossGradient(logits: logits, output: output, kind: kind, weight: weight))
    return output
  }
}
