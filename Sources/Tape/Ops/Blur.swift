#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// y = every channel of x convolved with the window of structural similarity (Wang et al. 2004): a Gaussian of sigma
/// 1.5 over 11 x 11 pixels whose weights add up to 1. Beyond the edges there are zeros.
///
/// The window is symmetric, so the operation is its own adjoint, and its gradient the same blur.
public struct Blur: DifferentiableOperation {
  public static let name = "blur"
  public private(set) var input: Tensor
  public private(set) var output: Tensor

  /// Pixels from the window's centre to its edge.
  public static let radius = 5

  /// The window is the outer product of these with themselves: the weights 0 to `radius` pixels from its centre.
  public static let weights: [Double] = {
    let variance = 1.5 * 1.5
    let gaussian = (0...radius).map { (distance: Int) in exp(-Double(distance * distance) / (2 * variance)) }
    let sum = 2 * gaussian.reduce(0, +) - gaussian[0]
    return gaussian.map { $0 / sum }
  }()

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&input)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .onlyInTraining }

  public func differentiate(_ dy: Tensor, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    try gradients.record(of: input, tape.blur(dy))
  }

  public func evaluate(_ memory: ReferenceMemory) {
    let (x, y) = (memory[input], memory[output])
    let (H, W) = (input.shape.h, input.shape.w)
    let rows = memory.zeros(x.count)
    for i in x.indices {
      let column = i % W
      rows[i] = Self.sum(around: column, of: W) { x[i - column + $0] }
    }
    for i in x.indices {
      let row = i / W % H
      y[i] = Self.sum(around: row, of: H) { rows[i + ($0 - row) * W] }
    }
  }

  /// The weighted sum of what the window covers of `count` values on a line.
  private static func sum(around centre: Int, of count: Int, _ value: (Int) -> Double) -> Double {
    var sum = 0.0
    for position in max(0, centre - radius)...min(count - 1, centre + radius) {
      sum += weights[abs(position - centre)] * value(position)
    }
    return sum
  }
}

extension Tape {
  /// Records a Gaussian blur of every channel: [N, C, H, W] -> [N, C, H, W].
  public func blur(_ input: Tensor) throws(TapeError) -> Tensor {
    guard input.shape.rank == 4 else {
      throw .shape(operation: Blur.name, reason: "\(input.shape) is not [N, C, H, W]")
    }
    let output = intermediate("blur", input.shape, kind: .activation)
    record(Blur(input: input, output: output))
    return output
  }
}
