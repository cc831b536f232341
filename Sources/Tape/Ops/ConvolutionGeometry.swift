/// Stride and padding, the same in both directions.
public struct ConvolutionGeometry: Hashable, Sendable, CustomStringConvertible {
  public let stride: Int
  public let padding: Int

  public init(stride: Int, padding: Int) {
    self.stride = stride
    self.padding = padding
  }

  public var description: String { "stride \(stride), padding \(padding)" }

  /// The size of a convolution's output; nil when the kernel does not fit.
  public func outputSize(_ size: Int, kernel: Int) -> Int? {
    let room = size + 2 * padding - kernel
    return room >= 0 ? room / stride + 1 : nil
  }

  /// The size of a transposed convolution's output (PyTorch's, without output padding); nil when nothing is left.
  public func transposedOutputSize(_ size: Int, kernel: Int) -> Int? {
    let result = (size - 1) * stride + kernel - 2 * padding
    return result > 0 ? result : nil
  }
}

/// Multiplies a result by the derivative of an activation at `tensor`, of the result's shape: the backward pass
/// of an activation, recorded with the convolution that feeds it.
public struct Gate: Hashable, Sendable, TensorHolder {
  public private(set) var tensor: Tensor
  public let activation: Activation

  public init(tensor: Tensor, activation: Activation) {
    self.tensor = tensor
    self.activation = activation
  }

  /// The gate of a convolution whose result goes back through an activation of `tensor`; nil where there is none.
  init?(behind activation: Activation, of tensor: Tensor) {
    if activation == .none { return nil }
    self.init(tensor: tensor, activation: activation)
  }

  public mutating func forEachTensor(_ body: (inout Tensor) -> Void) { body(&tensor) }
}

/// A convolution's settings in words.
func convolutionSettings(
  _ geometry: ConvolutionGeometry, _ activation: Activation, _ gate: Gate?
) -> String {
  var text = geometry.description
  if activation != .none { text += ", input \(activation)" }
  if let gate { text += ", gated by \(gate.activation)" }
  return text
}
