// Maps halved by the largest of 2 x 2 pixels, or of 3 x 3 that overlap. A last row or column that fills no window is left out.

/// y[n,c,i,j] = the largest of x[n,c,2i+a,2j+b] for a, b in 0..<K; NaN where one of them is.
///
///     x [N, C, H, W]    y [N, C, (H - K) / 2 + 1, (W - K) / 2 + 1], rounded down    K the window, 2 or 3
public struct MaxPool: DifferentiableOperation {
  public static let name = "max pool"
  public private(set) var input: Tensor
  public private(set) var output: Tensor
  /// K.
  public let window: Int

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&input)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .unused }

  public var settings: String { "\(window) x \(window)" }

  public func differentiate(_ dy: Tensor, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    // Networks with such poolings are asked for their features only.
    guard window == 2 else {
      throw .shape(operation: Self.name, reason: "windows of \(window) x \(window) pixels have no gradient")
    }
    try gradients.record(of: input, tape.maxPoolGradient(dy, at: input))
  }

  public func evaluate(_ memory: ReferenceMemory) {
    let (x, y) = (memory[input], memory[output])
    forEachMaximum(of: x, input.shape, window: window) { pooled, pixel in y[pooled] = x[pixel] }
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
    forEachMaximum(of: x, at.shape, window: 2) { pooled, pixel in dx[pixel] = dy[pooled] }
  }
}

extension Tape {
  /// Records the largest of K x K pixels, two apart: [N, C, H, W] -> [N, C, (H - K) / 2 + 1, (W - K) / 2 + 1], rounded down.
  ///
  /// - Parameters:
  ///   - input: of at least K x K pixels
  ///   - window: K, 2 or 3; only 2 has a gradient
  public func maxPool(_ input: Tensor, window: Int = 2) throws(TapeError) -> Tensor {
    let x = input.shape
    guard window == 2 || window == 3 else {
      throw .shape(operation: MaxPool.name, reason: "windows have 2 x 2 or 3 x 3 pixels, not \(window)")
    }
    guard x.rank == 4, x.h >= window, x.w >= window else {
      throw .shape(
        operation: MaxPool.name, reason: "\(x) is not [N, C, H, W] of at least \(window) x \(window) pixels")
    }
    let output = intermediate(
      "pooled", [x.n, x.c, (x.h - window) / 2 + 1, (x.w - window) / 2 + 1], kind: .activation)
    record(MaxPool(input: input, output: output, window: window))
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
  of x: UnsafeMutableBufferPointer<Double>, _ shape: Shape, window: Int,
  _ body: (_ pooled: Int, _ pixel: Int) -> Void
) {
  let (height, width) = ((shape.h - window) / 2 + 1, (shape.w - window) / 2 + 1)
  for map in 0..<shape.n * shape.c {
    for row in 0..<height {
      for column in 0..<width {
        let first = (map * shape.h + 2 * row) * shape.w + 2 * column
        var largest = first
        for place in 1..<window * window {
          let pixel = first + place / window * shape.w + place % window
          if x[pixel] > x[largest] || x[pixel].isNaN { largest = pixel }
        }
        body((map * height + row) * width + column, largest)
      }
    }
  }
}
