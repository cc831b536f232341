// Padding by mirror images of the edges, which a convolution without padding reads. Both operations are each other's
// gradient.

/// y[n,c,i,j] = x[n,c,|i-P|,|j-P|], where positions beyond the last are mirrored at it as those before the first are
/// at 0: the edge itself is not repeated (PyTorch's mode "reflect").
///
///     x [N, C, H, W]    y [N, C, H + 2P, W + 2P]
public struct ReflectionPad: DifferentiableOperation {
  public static let name = "reflection pad"
  public private(set) var input: Tensor
  public private(set) var output: Tensor
  public let padding: Int

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&input)
    visitor.writes(&output)
  }

  public var stripRule: StripRule {
    let (padding, height) = (padding, input.shape.h)
    return .rows(
      StripRows(
        inputRows: { rows in
          // The top and the bottom strip include the mirrored rows.
          let first = min(max(0, rows.lowerBound - padding), max(0, height - 1 - padding))
          return first..<max(min(height, rows.upperBound - padding), min(height, padding + 1))
        }, outputHeight: { $0 + 2 * padding }))
  }

  public var settings: String { "padding \(padding)" }

  public func differentiate(_ dy: Tensor, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    try gradients.record(of: input, tape.reflectionPadGradient(dy, padding: padding))
  }

  public func evaluate(_ memory: ReferenceMemory) {
    let (x, y) = (memory[input], memory[output])
    forEachReflection(of: input.shape, padding) { inside, padded in y[padded] = x[inside] }
  }
}

/// The adjoint of `ReflectionPad`: every pixel of dx is the sum of dy where y has that pixel of x, up to nine times.
///
///     dy [N, C, H + 2P, W + 2P]    dx [N, C, H, W]
public struct ReflectionPadGradient: DifferentiableOperation {
  public static let name = "reflection pad gradient"
  public private(set) var gradient: Tensor
  public private(set) var output: Tensor
  public let padding: Int

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&gradient)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .onlyInTraining }

  public var settings: String { "padding \(padding)" }

  public func differentiate(_ dy: Tensor, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    try gradients.record(of: gradient, tape.reflectionPad(dy, padding: padding))
  }

  public func evaluate(_ memory: ReferenceMemory) {
    let (dy, dx) = (memory[gradient], memory[output])
    dx.update(repeating: 0)
    forEachReflection(of: output.shape, padding) { inside, padded in dx[inside] += dy[padded] }
  }
}

extension Tape {
  /// Records an activation with `padding` mirrored pixels around it: [N, C, H, W] -> [N, C, H + 2P, W + 2P].
  ///
  /// - Parameter padding: P, less than H and W
  public func reflectionPad(_ input: Tensor, padding: Int) throws(TapeError) -> Tensor {
    let x = input.shape
    guard x.rank == 4 else {
      throw .shape(operation: ReflectionPad.name, reason: "\(x) is not [N, C, H, W]")
    }
    guard (0..<min(x.h, x.w)).contains(padding) else {
      throw .shape(
        operation: ReflectionPad.name,
        reason: "a padding of \(padding) needs maps larger than \(padding) x \(padding), not \(x)")
    }
    let output = intermediate("padded", [x.n, x.c, x.h + 2 * padding, x.w + 2 * padding], kind: .activation)
    record(ReflectionPad(input: input, output: output, padding: padding))
    return output
  }

  fileprivate func reflectionPadGradient(_ gradient: Tensor, padding: Int) -> Tensor {
    let y = gradient.shape
    let output = intermediate("padded", [y.n, y.c, y.h - 2 * padding, y.w - 2 * padding], kind: .activation)
    record(ReflectionPadGradient(gradient: gradient, output: output, padding: padding))
    return output
  }
}

/// Calls `body` for every pixel of the padded maps, with the index of the pixel of a map of `shape` that it mirrors and
/// with its own.
private func forEachReflection(
  of shape: Shape, _ padding: Int, _ body: (_ inside: Int, _ padded: Int) -> Void
) {
  func mirrored(_ position: Int, _ size: Int) -> Int {
    let distance = abs(position - padding)
    return distance < size ? distance : 2 * (size - 1) - distance
  }
  let (height, width) = (shape.h + 2 * padding, shape.w + 2 * padding)
  for map in 0..<shape.n * shape.c {
    for row in 0..<height {
      for column in 0..<width {
        body(
          (map * shape.h + mirrored(row, shape.h)) * shape.w + mirrored(column, shape.w),
          (map * height + row) * width + column)
      }
    }
  }
}
