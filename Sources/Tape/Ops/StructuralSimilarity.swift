// Structural similarity as a loss (Wang, Bovik, Sheikh and Simoncelli 2004). Around every pixel, with weights of
// `Blur`'s window, means m, variances v and the covariance c of two maps x and y give
//
//     S = (2 mx my + C1) (2 c + C2) / ((mx^2 + my^2 + C1) (vx + vy + C2)),   C1 = (0.01 L)^2, C2 = (0.03 L)^2
//
// with L the range of values. As in the authors' program, only windows that lie inside the map count: those of pixels at
// least `Blur.radius` from every edge.

/// 1 - the mean of S over all images, channels and whole windows.
public struct StructuralSimilarity: LossOperation {
  public static let name = "structural similarity"
  public private(set) var moments: SimilarityMoments
  public private(set) var output: Tensor
  public let constants: SimilarityConstants

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&moments)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .onlyInTraining }

  public var settings: String { constants.description }

  public func differentiate(weight: Float, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    for (order, moments) in [moments, moments.swapped].enumerated()
    where gradients.isNeeded(moments.meanX) {
      let recorded = tape.similarityGradient(moments, constants, weight: weight)
      try gradients.record(of: moments.meanX, recorded.mean)
      try gradients.record(of: moments.squareX, recorded.square)
      // One for both maps.
      if order == 0 || !gradients.isNeeded(moments.meanY) {
        try gradients.record(of: moments.product, recorded.product)
      }
    }
  }

  public func evaluate(_ memory: ReferenceMemory) {
    var sum = 0.0
    moments.forEachWholeWindow { i in
      let s = Similarity(memory, moments, i, constants)
      sum += 1 - s.meanProduct * s.covariance / (s.meanSquares * s.variances)
    }
    memory[output][0] = sum / Double(moments.wholeWindows)
  }
}

/// The gradient of `StructuralSimilarity` with respect to the moments of x: with P and Q the numerator's factors, A and
/// B the denominator's, in the order above, and -weight / count before each,
///
///     dS/d mean x    = 2 (my (Q - P) - mx S (B - A)) / (A B)
///     dS/d mean x^2  = -S / B
///     dS/d mean x y  = 2 P / (A B)
///
/// and 0 where a window is not whole.
public struct StructuralSimilarityGradient: Operation {
  public static let name = "structural similarity gradient"
  public private(set) var moments: SimilarityMoments
  public private(set) var mean: Tensor
  public private(set) var square: Tensor
  public private(set) var product: Tensor
  public let constants: SimilarityConstants
  public let weight: Float

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&moments)
    visitor.writes(&mean, &square, &product)
  }

  public var stripRule: StripRule { .onlyInTraining }

  public var settings: String { "\(constants), weight \(weight)" }

  public func evaluate(_ memory: ReferenceMemory) {
    let (dMean, dSquare, dProduct) = (memory[mean], memory[square], memory[product])
    for gradient in [dMean, dSquare, dProduct] { gradient.update(repeating: 0) }
    let factor = -Double(weight) / Double(moments.wholeWindows)
    moments.forEachWholeWindow { i in
      let s = Similarity(memory, moments, i, constants)
      let denominator = s.meanSquares * s.variances
      let index = s.meanProduct * s.covariance / denominator
      dMean[i] =
        factor * 2
        * (s.meanY * (s.covariance - s.meanProduct) - s.meanX * index * (s.variances - s.meanSquares))
        / denominator
      dSquare[i] = -factor * index / s.variances
      dProduct[i] = factor * 2 * s.meanProduct / denominator
    }
  }
}

/// The blurred maps that similarity is made of, all [N, C, H, W].
public struct SimilarityMoments: Sendable, TensorHolder {
  public private(set) var meanX: Tensor
  public private(set) var meanY: Tensor
  /// Of x^2 and y^2.
  public private(set) var squareX: Tensor
  public private(set) var squareY: Tensor
  /// Of x y.
  public private(set) var product: Tensor

  public var tensors: [Tensor] { [meanX, meanY, squareX, squareY, product] }

  public var shape: Shape { meanX.shape }

  /// How many windows lie inside the map, over all images and channels.
  public var wholeWindows: Int {
    shape.n * shape.c * (shape.h - 2 * Blur.radius) * (shape.w - 2 * Blur.radius)
  }

  /// With x and y in each other's place.
  fileprivate var swapped: Self {
    Self(meanX: meanY, meanY: meanX, squareX: squareY, squareY: squareX, product: product)
  }

  public mutating func forEachTensor(_ body: (inout Tensor) -> Void) {
    body(&meanX)
    body(&meanY)
    body(&squareX)
    body(&squareY)
    body(&product)
  }

  /// Calls `body` with the index of the centre of every whole window.
  fileprivate func forEachWholeWindow(_ body: (Int) -> Void) {
    for map in 0..<shape.n * shape.c {
      for y in Blur.radius..<shape.h - Blur.radius {
        for x in Blur.radius..<shape.w - Blur.radius { body((map * shape.h + y) * shape.w + x) }
      }
    }
  }
}

/// What keeps similarity's quotients away from 0 / 0.
public struct SimilarityConstants: Hashable, Sendable, CustomStringConvertible {
  /// The largest value that can be, minus the smallest: 2 for pictures in [-1, 1].
  public let range: Float

  public var c1: Double { (0.01 * Double(range)) * (0.01 * Double(range)) }
  public var c2: Double { (0.03 * Double(range)) * (0.03 * Double(range)) }

  public var description: String { "range \(range)" }
}

/// The factors of similarity at one pixel.
private struct Similarity {
  let meanX: Double
  let meanY: Double
  /// 2 mx my + C1 and mx^2 + my^2 + C1
  let meanProduct: Double
  let meanSquares: Double
  /// 2 c + C2 and vx + vy + C2
  let covariance: Double
  let variances: Double

  init(_ memory: ReferenceMemory, _ moments: SimilarityMoments, _ i: Int, _ constants: SimilarityConstants) {
    meanX = memory[moments.meanX][i]
    meanY = memory[moments.meanY][i]
    let squares = meanX * meanX + meanY * meanY
    meanProduct = 2 * meanX * meanY + constants.c1
    meanSquares = squares + constants.c1
    covariance = 2 * (memory[moments.product][i] - meanX * meanY) + constants.c2
    variances = memory[moments.squareX][i] + memory[moments.squareY][i] - squares + constants.c2
  }
}

extension Tape {
  /// Records 1 - the mean structural similarity of two maps as a loss: 0 where they are equal, at most 2.
  ///
  /// - Parameters:
  ///   - x: [N, C, H, W] of at least 11 x 11 pixels
  ///   - y: of x's shape
  ///   - range: the largest value that can be, minus the smallest; more than 0
  public func ssimLoss(_ x: Tensor, _ y: Tensor, range: Float = 2) throws(TapeError) -> Tensor {
    let window = 2 * Blur.radius + 1
    guard x.shape == y.shape else {
      throw .shape(operation: StructuralSimilarity.name, reason: "\(x.shape) and \(y.shape) differ")
    }
    guard x.shape.rank == 4, x.shape.h >= window, x.shape.w >= window else {
      throw .shape(
        operation: StructuralSimilarity.name,
        reason: "\(x.shape) is not [N, C, H, W] with H and W of at least \(window)")
    }
    guard range > 0, range.isFinite else {
      throw .shape(operation: StructuralSimilarity.name, reason: "a range of \(range) for \(x.shape)")
    }
    let moments = SimilarityMoments(
      meanX: try blur(x), meanY: try blur(y), squareX: try blur(multiply(x, x)),
      squareY: try blur(multiply(y, y)), product: try blur(multiply(x, y)))
    let output = intermediate("ssim", [], kind: .scalar)
    record(
      StructuralSimilarity(moments: moments, output: output, constants: SimilarityConstants(range: range)))
    return output
  }

  fileprivate func similarityGradient(
    _ moments: SimilarityMoments, _ constants: SimilarityConstants, weight: Float
  ) -> (mean: Tensor, square: Tensor, product: Tensor) {
    let gradients = ["mean", "square", "product"].map {
      intermediate("ssim.\($0)", moments.shape, kind: .activation)
    }
    record(
      StructuralSimilarityGradient(
        moments: moments, mean: gradients[0], square: gradients[1], product: gradients[2],
        constants: constants, weight: weight))
    return (gradients[0], gradients[1], gradients[2])
  }
}
