import Tape

/// A loss of a training step: a scalar with its factor in reports. Terms of one kind are added up.
public struct LossTerm: Sendable {
  public let kind: LossKind
  public let tensor: Tensor
  public let factor: Float

  public var name: String { kind.name }
}

/// The objective of a network, a weighted sum of losses, and its terms as they are reported.
public struct WeightedLosses: Sendable {
  public private(set) var terms: [LossTerm] = []
  private(set) var objective: [(loss: Tensor, weight: Float)] = []

  public init() {}

  /// Adds a loss.
  ///
  /// - Parameters:
  ///   - factor: of the loss in reports
  ///   - weight: of the reported value in the sum
  public mutating func add(
    _ kind: LossKind, _ loss: Tensor, factor: Float, weight: Float = 1
  ) {
    terms.append(LossTerm(kind: kind, tensor: loss, factor: factor))
    objective.append((loss, weight * factor))
  }

  public static func += (a: inout WeightedLosses, b: WeightedLosses) {
    a.terms += b.terms
    a.objective += b.objective
  }

  public static func + (a: WeightedLosses, b: WeightedLosses) -> WeightedLosses {
    var sum = a
    sum += b
    return sum
  }
}

/// The losses of one training step by their names, each with its factor. The paper's half of D_real and D_fake is left out.
public struct Losses: Sendable, Equatable {
  public var names: [String]
  public var values: [Double]

  public init(names: [String], values: [Double]) {
    precondition(names.count == values.count, "a value to each name")
    self.names = names
    self.values = values
  }

  public subscript(name: String) -> Double? { names.firstIndex(of: name).map { values[$0] } }

  /// The names of losses that are NaN or infinite.
  public var notFinite: [String] { zip(names, values).filter { !$0.1.isFinite }.map(\.0) }
}
