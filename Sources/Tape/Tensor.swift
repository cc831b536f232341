/// A handle on one tensor of a tape: which one it is, and its shape.
public struct Tensor: Hashable, Sendable {
  public let id: Int
  public let shape: Shape
}

/// What a tensor is, as far as its layout goes.
public enum TensorKind: Sendable {
  /// [N, C, H, W]
  case activation
  /// [O, I, KH, KW]
  case weight
  /// [C] or [N, C]
  case vector
  /// []
  case scalar
}

/// Who fills a tensor, and how long its values live.
public enum TensorRole: Sendable {
  /// Written from outside before a replay: pictures, the schedule.
  case input
  /// Learned, and updated in place by Adam.
  case parameter
  /// Kept from replay to replay beside the parameters: Adam's moments, running statistics, pools of images.
  case state
  /// Made and used within one replay.
  case intermediate
}

/// What a tape knows of a tensor besides its shape.
public struct TensorDescription: Sendable {
  public let tensor: Tensor
  public let name: String
  public let kind: TensorKind
  public let role: TensorRole
}

/// An activation function, as one number: the slope for x <= 0 (the slope for x > 0 is 1).
public struct Activation: Hashable, Sendable, CustomStringConvertible {
  public let negativeSlope: Float

  public init(negativeSlope: Float) {
    self.negativeSlope = negativeSlope
  }

  public static let none = Activation(negativeSlope: 1)
  public static let relu = Activation(negativeSlope: 0)
  /// LeakyReLU with the slope 0.2 of pix2pix.
  public static let leakyReLU = Activation(negativeSlope: 0.2)

  public var description: String {
    switch self {
    case .none: "none"
    case .relu: "relu"
    default: "leaky \(negativeSlope)"
    }
  }

  /// The activation of one value.
  public func apply(_ x: Float) -> Float {
    x > 0 ? x : negativeSlope * x
  }

  func callAsFunction(_ x: Double) -> Double {
    x > 0 ? x : Double(negativeSlope) * x
  }

  /// The derivative at x; at 0 the slope for negative values, as PyTorch has it.
  func derivative(_ x: Double) -> Double {
    x > 0 ? 1 : Double(negativeSlope)
  }
}
