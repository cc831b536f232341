// Batch and instance normalisation (Ioffe and Szegedy 2015; Ulyanov et al. 2016). The batch is cut into equal parts
// with statistics of their own: one part is batch norm, a part for each image instance norm, and two are what two
// passes of batch norm, one behind the other, would compute. A group is what one statistic covers, a channel of a
// part; m values are in it.
//
//   x, y, dx, dy [N, C, H, W]    scale, shift, sums [C]    mean, variance [C] or, of several parts, [parts, C]

/// y = (x - mean) / sqrt(variance + epsilon) * scale + shift, with the mean and the biased variance of x itself.
public struct Norm: DifferentiableOperation {
  public static let name = "norm"
  public private(set) var input: Tensor
  public private(set) var scale: Tensor?
  public private(set) var shift: Tensor?
  public private(set) var output: Tensor
  public private(set) var mean: Tensor
  public private(set) var variance: Tensor
  /// How many parts of the batch have statistics of their own.
  public let parts: Int
  public let epsilon: Float

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&input, &scale, &shift)
    visitor.writes(&output, &mean, &variance)
  }

  public var stripRule: StripRule {
    .statistics(
      StripStatistics(
        input: input, mean: mean, variance: variance, scale: scale, shift: shift, output: output,
        epsilon: epsilon))
  }

  public func cancellingSum(_ output: Tensor) -> CancellingSum? {
    output == mean
      ? CancellingSum(terms: input, factor: Double(mean.shape.count) / Double(input.shape.count)) : nil
  }

  public var settings: String { parts == 1 ? "" : "\(parts) parts" }

  public func differentiate(_ dy: Tensor, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    let recorded = tape.normGradient(
      of: input, dy, mean: mean, variance: variance, scale: scale, parts: parts, epsilon: epsilon)
    try gradients.record(of: input, recorded.input)
    if let scale { try gradients.record(of: scale, recorded.scale) }
    if let shift { try gradients.record(of: shift, recorded.shift) }
  }

  public func evaluate(_ memory: ReferenceMemory) {
    let (x, y) = (memory[input], memory[output])
    let (means, variances) = (memory[mean], memory[variance])
    for group in 0..<mean.shape.count {
      var sum = 0.0
      forEachInGroup(group, input.shape, parts) { sum += x[$0] }
      let count = Double(input.shape.count / mean.shape.count)
      means[group] = sum / count
      var squares = 0.0
      forEachInGroup(group, input.shape, parts) {
        squares += (x[$0] - means[group]) * (x[$0] - means[group])
      }
      variances[group] = squares / count
    }
    normalize(memory, x, means, variances, scale, shift, epsilon, parts, input.shape, into: y)
  }
}

/// The gradients of `Norm`, through its statistics:
/// dx = scale / sqrt(variance + epsilon) * (dy - shiftSum / m - xhat * scaleSum / m), where xhat is the
/// normalised x, shiftSum the sum of dy over the group and scaleSum that of dy * xhat. Added up over the parts, the
/// sums are the gradients of shift and scale.
public struct NormGradient: DifferentiableOperation {
  public static let name = "norm gradient"
  public private(set) var input: Tensor
  public private(set) var gradient: Tensor
  public private(set) var mean: Tensor
  public private(set) var variance: Tensor
  public private(set) var scale: Tensor?
  public private(set) var output: Tensor
  public private(set) var shiftSum: Tensor
  public private(set) var scaleSum: Tensor
  /// How many parts of the batch have statistics of their own.
  public let parts: Int
  public let epsilon: Float

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&input, &gradient)
    visitor.reads(&mean, &variance, &scale)
    visitor.writes(&output, &shiftSum, &scaleSum)
  }

  public var stripRule: StripRule { .onlyInTraining }

  public func cancellingSum(_ output: Tensor) -> CancellingSum? {
    output == shiftSum || output == scaleSum ? CancellingSum(terms: gradient) : nil
  }

  public var settings: String { parts == 1 ? "" : "\(parts) parts" }

  public func differentiate(_ dy: Tensor, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    // The map from dy to dx is symmetric: it is its own adjoint.
    try gradients.record(
      of: gradient,
      tape.normGradient(
        of: input, dy, mean: mean, variance: variance, scale: scale, parts: parts, epsilon: epsilon
      ).input)
    guard gradients.isNeeded(input) || scale.map(gradients.isNeeded) ?? false else { return }
    let second = tape.normSecondGradient(of: self, dy)
    try gradients.record(of: input, second.input)
    if let scale { try gradients.record(of: scale, second.scale) }
  }

  public func evaluate(_ memory: ReferenceMemory) {
    let (x, dy, dx) = (memory[input], memory[gradient], memory[output])
    let (means, variances) = (memory[mean], memory[variance])
    let scales = scale.map { memory[$0] }
    let m = Double(input.shape.count / mean.shape.count)
    for sums in [shiftSum, scaleSum] { memory[sums].update(repeating: 0) }
    for group in 0..<mean.shape.count {
      let c = group % input.shape.c
      let inverse = 1 / (variances[group] + Double(epsilon)).squareRoot()
      var (sum, product) = (0.0, 0.0)
      forEachInGroup(group, input.shape, parts) {
        sum += dy[$0]
        product += dy[$0] * (x[$0] - means[group]) * inverse
      }
      memory[shiftSum][c] += sum
      memory[scaleSum][c] += product
      let factor = inverse * (scales?[c] ?? 1)
      forEachInGroup(group, input.shape, parts) {
        dx[$0] = factor * (dy[$0] - sum / m - (x[$0] - means[group]) * inverse * product / m)
      }
    }
  }
}

/// y = (x - mean) / sqrt(variance + epsilon) * scale + shift with given statistics [C].
public struct Normalize: Operation {
  public static let name = "normalize"
  public private(set) var input: Tensor
  public private(set) var mean: Tensor
  public private(set) var variance: Tensor
  public private(set) var scale: Tensor?
  public private(set) var shift: Tensor?
  public private(set) var output: Tensor
  public let epsilon: Float

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&input, &mean, &variance)
    visitor.reads(&scale, &shift)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .rowByRow }

  public func evaluate(_ memory: ReferenceMemory) {
    normalize(
      memory, memory[input], memory[mean], memory[variance], scale, shift, epsilon, 1, input.shape,
      into: memory[output])
  }
}

/// Moves the running statistics towards those of this batch, in place:
/// running += momentum * (batch - running), the variance made unbiased by m / (m - 1) as PyTorch does; by those of
/// each part in turn.
public struct RunningStatistics: Operation {
  public static let name = "running statistics"
  public private(set) var mean: Tensor
  public private(set) var variance: Tensor
  public private(set) var runningMean: Tensor
  public private(set) var runningVariance: Tensor
  /// The values each statistic covers, m.
  public let count: Int
  public let momentum: Float

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&mean, &variance)
    visitor.updates(&runningMean)
    visitor.updates(&runningVariance)
  }

  public var stripRule: StripRule { .onlyInTraining }

  public func evaluate(_ memory: ReferenceMemory) {
    let unbiased = Double(count) / Double(count - 1)
    for group in 0..<mean.shape.count {
      let c = group % runningMean.shape.count
      memory[runningMean][c] += Double(momentum) * (memory[mean][group] - memory[runningMean][c])
      memory[runningVariance][c] +=
        Double(momentum) * (memory[variance][group] * unbiased - memory[runningVariance][c])
    }
  }
}

extension Tape {
  /// What `norm` records: the result and its statistics.
  public struct NormResult: Sendable {
    public let output: Tensor
    public let mean: Tensor
    public let variance: Tensor
    /// The values each statistic covers.
    public let count: Int
  }

  /// Records a normalisation by the statistics of x itself.
  ///
  /// - Parameters:
  ///   - input: x [N, C, H, W], at least two values in a group
  ///   - scale: [C], nil for 1
  ///   - shift: [C], nil for 0
  ///   - parts: how many parts of the batch have statistics of their own: 1 for batch norm, N for instance norm
  public func norm(
    _ input: Tensor, scale: Tensor? = nil, shift: Tensor? = nil, parts: Int = 1, epsilon: Float = 1e-5
  ) throws(TapeError) -> NormResult {
    let x = input.shape
    guard x.rank == 4 else { throw .shape(operation: Norm.name, reason: "\(x) is not [N, C, H, W]") }
    guard parts > 0, x.n.isMultiple(of: parts) else {
      throw .shape(operation: Norm.name, reason: "\(x) cannot be cut into \(parts) equal parts")
    }
    let count = x.n / parts * x.h * x.w
    guard count > 1 else {
      throw .shape(
        operation: Norm.name,
        reason: "one value per channel in \(x): its variance is 0, nothing would be left")
    }
    for vector in [scale, shift].compactMap({ $0 }) where vector.shape != [x.c] {
      throw .shape(operation: Norm.name, reason: "a scale or shift \(vector.shape) does not fit \(x)")
    }
    let statistics: Shape = parts > 1 ? [parts, x.c] : [x.c]
    let output = intermediate("norm", x, kind: .activation)
    let mean = intermediate("mean", statistics, kind: .vector)
    let variance = intermediate("variance", statistics, kind: .vector)
    record(
      Norm(
        input: input, scale: scale, shift: shift, output: output, mean: mean, variance: variance,
        parts: parts, epsilon: epsilon))
    return NormResult(output: output, mean: mean, variance: variance, count: count)
  }

  /// Records a normalisation by given statistics [C].
  public func normalize(
    _ input: Tensor, mean: Tensor, variance: Tensor, scale: Tensor? = nil, shift: Tensor? = nil,
    epsilon: Float = 1e-5
  ) throws(TapeError) -> Tensor {
    guard input.shape.rank == 4 else {
      throw .shape(operation: Normalize.name, reason: "\(input.shape) is not [N, C, H, W]")
    }
    for vector in [mean, variance, scale, shift].compactMap({ $0 }) where vector.shape != [input.shape.c] {
      throw .shape(operation: Normalize.name, reason: "a vector \(vector.shape) does not fit \(input.shape)")
    }
    let output = intermediate("normalized", input.shape, kind: .activation)
    record(
      Normalize(
        input: input, mean: mean, variance: variance, scale: scale, shift: shift, output: output,
        epsilon: epsilon))
    return output
  }

  /// Records the update of running statistics [C] by those of a batch, part after part.
  public func runningStatistics(
    _ norm: NormResult, mean: Tensor, variance: Tensor, momentum: Float = 0.1
  ) throws(TapeError) {
    guard mean.shape == [norm.output.shape.c], variance.shape == mean.shape else {
      throw .shape(
        operation: RunningStatistics.name,
        reason: "running statistics \(mean.shape) and \(variance.shape) do not fit \(norm.output.shape)")
    }
    record(
      RunningStatistics(
        mean: norm.mean, variance: norm.variance, runningMean: mean, runningVariance: variance,
        count: norm.count, momentum: momentum))
  }

  fileprivate func normGradient(
    of input: Tensor, _ gradient: Tensor, mean: Tensor, variance: Tensor, scale: Tensor?, parts: Int,
    epsilon: Float
  ) -> (input: Tensor, shift: Tensor, scale: Tensor) {
    let output = intermediate("norm", input.shape, kind: .activation)
    let channels: Shape = [input.shape.c]
    let shiftSum = intermediate("shift", channels, kind: .vector)
    let scaleSum = intermediate("scale", channels, kind: .vector)
    record(
      NormGradient(
        input: input, gradient: gradient, mean: mean, variance: variance, scale: scale, output: output,
        shiftSum: shiftSum, scaleSum: scaleSum, parts: parts, epsilon: epsilon))
    return (output, shiftSum, scaleSum)
  }
}

/// Calls `body` with the index of every value of a group.
func forEachInGroup(_ group: Int, _ shape: Shape, _ parts: Int, _ body: (Int) -> Void) {
  let (area, images) = (shape.h * shape.w, shape.n / parts)
  let first = group / shape.c * images
  for n in first..<first + images {
    let start = (n * shape.c + group % shape.c) * area
    for p in start..<start + area { body(p) }
  }
}

private func normalize(
  _ memory: ReferenceMemory, _ x: UnsafeMutableBufferPointer<Double>,
  _ means: UnsafeMutableBufferPointer<Double>, _ variances: UnsafeMutableBufferPointer<Double>,
  _ scale: Tensor?, _ shift: Tensor?, _ epsilon: Float, _ parts: Int, _ shape: Shape,
  into y: UnsafeMutableBufferPointer<Double>
) {
  for group in means.indices {
    let inverse = 1 / (variances[group] + Double(epsilon)).squareRoot()
    let factor = inverse * (scale.map { memory[$0][group % shape.c] } ?? 1)
    let offset = shift.map { memory[$0][group % shape.c] } ?? 0
    forEachInGroup(group, shape, parts) { y[$0] = (x[$0] - means[group]) * factor + offset }
  }
}
