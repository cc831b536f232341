// Maps enlarged and reduced by an integer factor f. Both operations are each other's gradient, whatever the coefficient.
//
//   small [N, C, H, W]    large [N, C, f H, f W]

/// large[n,c,fy+i,fx+j] = coefficient * small[n,c,y,x] for 0 <= i, j < f: with a coefficient of 1 the nearest pixel.
public struct Upsample: DifferentiableOperation {
  public static let name = "upsample"
  public private(set) var input: Tensor
  public private(set) var output: Tensor
  public let factor: Int
  public let coefficient: Float

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&input)
    visitor.writes(&output)
  }

  public var stripRule: StripRule {
    let factor = factor
    return .rows(
      StripRows(
        alignment: factor,
        inputRows: { $0.lowerBound / factor..<($0.upperBound + factor - 1) / factor },
        firstOutputRow: { $0 * factor }, outputHeight: { $0 * factor }))
  }

  public var settings: String { "factor \(factor), coefficient \(coefficient)" }

  public func differentiate(_ dy: Tensor, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    try gradients.record(of: input, tape.downsample(dy, factor, coefficient))
  }

  public func evaluate(_ memory: ReferenceMemory) {
    let (small, large) = (memory[input], memory[output])
    forEachPixel(of: output.shape, factor) { reduced, pixel in
      large[pixel] = Double(coefficient) * small[reduced]
    }
  }
}

/// small[n,c,y,x] = coefficient * the sum of large[n,c,fy+i,fx+j] over 0 <= i, j < f: with a coefficient of 1 / f^2
/// the mean.
public struct Downsample: DifferentiableOperation {
  public static let name = "downsample"
  public private(set) var input: Tensor
  public private(set) var output: Tensor
  public let factor: Int
  public let coefficient: Float

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&input)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .unused }

  public var settings: String { "factor \(factor), coefficient \(coefficient)" }

  public func differentiate(_ dy: Tensor, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    try gradients.record(of: input, tape.upsample(dy, factor, coefficient))
  }

  public func evaluate(_ memory: ReferenceMemory) {
    let (large, small) = (memory[input], memory[output])
    small.update(repeating: 0)
    forEachPixel(of: input.shape, factor) { reduced, pixel in small[reduced] += large[pixel] }
    for i in small.indices { small[i] *= Double(coefficient) }
  }
}

extension Tape {
  /// Records maps in which every pixel of x is repeated f x f times: [N, C, H, W] -> [N, C, f H, f W].
  public func upsample(_ input: Tensor, by factor: Int) throws(TapeError) -> Tensor {
    guard input.shape.rank == 4, factor > 0 else {
      throw .shape(operation: Upsample.name, reason: "\(input.shape) [N, C, H, W] by a factor of \(factor)")
    }
    return upsample(input, factor, 1)
  }

  /// Records the means of squares of f x f pixels: [N, C, H, W] -> [N, C, H / f, W / f].
  ///
  /// - Parameter factor: f, of which H and W are multiples
  public func averagePool(_ input: Tensor, by factor: Int) throws(TapeError) -> Tensor {
    let x = input.shape
    guard x.rank == 4, factor > 0 else {
      throw .shape(operation: Downsample.name, reason: "\(x) [N, C, H, W] by a factor of \(factor)")
    }
    guard x.h.isMultiple(of: factor), x.w.isMultiple(of: factor) else {
      throw .shape(
        operation: Downsample.name,
        reason: "the maps of \(x), \(x.h) x \(x.w), are not made of squares of \(factor) x \(factor)")
    }
    return downsample(input, factor, 1 / Float(factor * factor))
  }

  fileprivate func upsample(_ input: Tensor, _ factor: Int, _ coefficient: Float) -> Tensor {
    let x = input.shape
    let output = intermediate("upsampled", [x.n, x.c, x.h * factor, x.w * factor], kind: .activation)
    record(Upsample(input: input, output: output, factor: factor, coefficient: coefficient))
    return output
  }

  fileprivate func downsample(_ input: Tensor, _ factor: Int, _ coefficient: Float) -> Tensor {
    let x = input.shape
    let output = intermediate("downsampled", [x.n, x.c, x.h / factor, x.w / factor], kind: .activation)
    record(Downsample(input: input, output: output, factor: factor, coefficient: coefficient))
    return output
  }
}

/// Calls `body` for every pixel of maps of `shape`, with the index of the pixel that it belongs to in maps reduced by
/// `factor` and with its own.
private func forEachPixel(of shape: Shape, _ factor: Int, _ body: (_ reduced: Int, _ pixel: Int) -> Void) {
  let (height, width) = (shape.h / factor, shape.w / factor)
  for map in 0..<shape.n * shape.c {
    for row in 0..<shape.h {
      for column in 0..<shape.w {
        body(
          (map * height + row / factor) * width + column / factor, (map * shape.h + row) * shape.w + column)
      }
    }
  }
}
