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
