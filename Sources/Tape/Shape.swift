/// The sizes of a tensor, outermost first.
///
/// Activations are [N, C, H, W], convolution weights [O, I, KH, KW] (O and I are the output and input channels
/// of the *convolution*; a transposed convolution uses the same weight the other way round), per-channel
/// vectors [C], statistics [C] or [N, C], losses [].
public struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
  public let dimensions: [Int]

  public init(_ dimensions: [Int]) {
    self.dimensions = dimensions
  }

  public init(arrayLiteral elements: Int...) {
    self.dimensions = elements
  }

  public var rank: Int { dimensions.count }

  /// The number of elements; 1 for a scalar.
  public var count: Int { dimensions.reduce(1, *) }

  public subscript(axis: Int) -> Int { dimensions[axis] }

  public var description: String {
    "[" + dimensions.map(String.init).joined(separator: ", ") + "]"
  }
}

/// The four sizes of an activation by their letters.
extension Shape {
  public var n: Int { dimensions[0] }
  public var c: Int { dimensions[1] }
  public var h: Int { dimensions[2] }
  public var w: Int { dimensions[3] }
}
