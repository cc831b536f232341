#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The cross-entropy of class logits x against target weights t, both [N, K, H, W], over the pixels of all images:
///
///     -1 / (N H W) * sum over pixels and k of t_k log softmax_k(x)
///
/// A pixel's weights are 1 at its label's class and 0 elsewhere; all 0 where it has no label (which counts in N H W all
/// the same); a class weight instead of 1 makes rare classes count for more.
public struct SoftmaxCrossEntropy: LossOperation {
  public static let name = "softmax cross-entropy"
  public private(set) var logits: Tensor
  public private(set) var target: Tensor
  public private(set) var output: Tensor

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&logits, &target)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .onlyInTraining }

  /// N H W, what the sum is divided by.
  public var pixels: Int { logits.shape.count / logits.shape.c }

  public func differentiate(weight: Float, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    try gradients.refuse(target, of: self)
    try gradients.record(of: logits, tape.crossEntropyGradient(logits, target, weight: weight))
  }

  public func evaluate(_ memory: ReferenceMemory) {
    let (x, t) = (memory[logits], memory[target])
    var sum = 0.0
    forEachPixel(logits.shape) { classes in
      let (largest, total) = softmaxDenominator(x, classes)
      for i in classes { sum -= t[i] * (x[i] - largest - log(total)) }
    }
    memory[output][0] = sum / Double(pixels)
  }
}

/// weight / (N H W) * (softmax_k(x) * sum over j of t_j - t_k): the gradient of `SoftmaxCrossEntropy` with respect to the
/// logits.
public struct SoftmaxCrossEntropyGradient: Operation {
  public static let name = "softmax cross-entropy gradient"
  public private(set) var logits: Tensor
  public private(set) var target: Tensor
  public private(set) var output: Tensor
  public let weight: Float

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&logits, &target)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .onlyInTraining }

  public var settings: String { "weight \(weight)" }

  /// N H W, what the sum is divided by.
  public var pixels: Int { logits.shape.count / logits.shape.c }

  public func evaluate(_ memory: ReferenceMemory) {
    let (x, t, dx) = (memory[logits], memory[target], memory[output])
    forEachPixel(logits.shape) { classes in
      let (largest, total) = softmaxDenominator(x, classes)
      let weights = classes.reduce(0) { $0 + t[$1] }
      for i in classes {
        dx[i] = Double(weight) / Double(pixels) * (exp(x[i] - largest) / total * weights - t[i])
      }
    }
  }
}

/// Calls `body` with the indices of all classes of every pixel.
private func forEachPixel(_ shape: Shape, _ body: (StrideTo<Int>) -> Void) {
  let area = shape.h * shape.w
  for n in 0..<shape.n {
    let image = n * shape.c * area
    for p in image..<image + area { body(stride(from: p, to: p + shape.c * area, by: area)) }
  }
}

/// The largest logit of a pixel, and the sum over its classes of exp(logit - largest), which cannot overflow.
private func softmaxDenominator(
  _ x: UnsafeMutableBufferPointer<Double>, _ classes: StrideTo<Int>
) -> (largest: Double, total: Double) {
  let largest = classes.reduce(-Double.infinity) { max($0, x[$1]) }
  return (largest, classes.reduce(0) { $0 + exp(x[$1] - largest) })
}

extension Tape {
  /// Records the mean over pixels of the cross-entropy of logits [N, K, H, W] against target weights of that shape:
  /// one-hot, all zeros where a pixel has no label, or scaled by a class weight.
  public func softmaxCrossEntropy(_ logits: Tensor, target: Tensor) throws(TapeError) -> Tensor {
    guard logits.shape.rank == 4, logits.shape == target.shape else {
      throw .shape(
        operation: SoftmaxCrossEntropy.name,
        reason: "logits \(logits.shape) and target weights \(target.shape) are not both [N, K, H, W]")
    }
    let output = intermediate("cross-entropy", [], kind: .scalar)
    record(SoftmaxCrossEntropy(logits: logits, target: target, output: output))
    return output
  }

  fileprivate func crossEntropyGradient(_ logits: Tensor, _ target: Tensor, weight: Float) -> Tensor {
    let output = intermediate("cross-entropy", logits.shape, kind: .activation)
    record(SoftmaxCrossEntropyGradient(logits: logits, target: target, output: output, weight: weight))
    return output
  }
}
