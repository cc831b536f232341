// Maps halved by the largest of 2 x 2 pixels. A last row or column that has no partner is left out.

/// y[n,c,i,j] = the largest of x[n,c,2i+a,2j+b] for a, b in 0...1; NaN where one of them is.
///
///     x [N, C, H, W]    y [N, C, H / 2, W / 2], rounded down
public struct MaxPool: DifferentiableOperation {
  public static let name = "max pool"
  public private(set) var input: Tensor
  public private(set) var output: Tensor

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&input)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .unused }

  public func differentiate(_ dy: Tensor, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    try gradients.record(of: input, tape.maxPoolGradient(dy, at: input))
  }

  public func evaluate(_ memory: ReferenceMemory) {
    let (x, y) = (memory[input], memory[output])
    forEachMaximum(of: x, input.shape) { pooled, pixel in y[pooled] = x[pixel] }
  }
}

/// dx = dy at the pixel that y was taken from, the first in row order of those that are equally large, and 0 at all
/// others (PyTorch's rule). It has no gradient of its own.
///
///     dy [N, C, H / 2, W / 2], rounded down    x, dx [N, C, H, W]
public struct MaxPoolGradient: Operation {
  public static let name = "max pool gradient"
  public private(set) var gradient: Tensor
  public private(set) var at: Tensor
  public private(set) var output: Tensor

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&gradient, &at)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .onlyInTraining }

  public func evaluate(_ memory: ReferenceMemory) {
    let (dy, x, dx) = (memory[gradient], memory[at], memory[output])
    dx.update(repeating: 0)
    forEachMaximum(of: x, at.shape) { pooled, pixel in dx[pixel] = dy[pooled] }
  }
}

extension Tape {
  /// Records the largest of 2 x 2 pixels: [N, C, H, W] -> [N, C, H / 2, W / 2], rounded down.
  ///
  /// - Parameter input: of at least 2 x 2 pixels
  public func maxPool(_ input: Tensor) throws(TapeError) -> Tensor {
    let x = input.shape
    guard x.rank == 4, x.h >= 2, x.w >= 2 else {
      throw .shape(operation: MaxPool.name, reason: "\(x) is not [N, C, H, W] of at least 2 x 2 pixels")
    }
    let output = intermediate("pooled", [x.n, x.c, x.h / 2, x.w / 2], kind: .activation)
    record(MaxPool(input: input, output: output))
    return output
  }

  fileprivate func maxPoolGradient(_ gradient: Tensor, at x: Tensor) -> Tensor {
    let output = intermediate("pooled", x.shape, kind: .activation)
    record(MaxPoolGradient(gradient: gradient, at: x, output: output))
    return output
  }
}

/// Calls `body` for every pixel of the maps that maps x of `shape` are pooled to, with its index and that of the pixel of x
/// that is the first of the largest, or the last that is NaN.
private func forEachMaximum(
  of x: UnsafeMutableBufferPointer<Double>, _ shape: Shape, _ body: (_ pooled: Int, _ pixel: Int) -> Void
) {
  let (height, width) = (shape.h / 2, shape.w / 2)
  for map in 0..<shape.n * shape.c {
    for row in 0..<height {
      for column in 0..<width {
        let first = (map * shape.h + 2 * row) * shape.w + 2 * column
        var largest = first
        for pixel in [first + 1, first + shape.w, first + shape.w + 1]
        where x[pixel] > x[largest] || x[pixel].isNaN {
          largest = pixel
        }
        body((map * height + row) * width + column, largest)
      }
    }
  }
}
