import Tape

/// What is normalised and how.
private struct NormSpecification {
  var shape: Shape
  var parts = 1
  /// Without learned scale and shift.
  var isInstanceNorm = false
  var scale = false
  var shift = false
  /// The middle of the values: far from 0, a variance computed as E[x^2] - E[x]^2 would cancel.
  var offset: Float = 0

  var name: String {
    let covered = isInstanceNorm ? "per image" : parts == 1 ? "per batch" : "in \(parts) parts"
    var words = ["\(shape) \(covered)"]
    if scale { words.append("scale") }
    if shift { words.append("shift") }
    if offset != 0 { words.append("around \(offset)") }
    return words.joined(separator: ", ")
  }
  var count: Int { shape.n / parts * shape.h * shape.w }

  /// What is lost of x by subtracting a mean so large: x itself is exact, its mean is rounded. Small enough that
  /// E[x^2] - E[x]^2 does not pass, which loses the square of this.
  private var cancellation: Double { 1 + Double(abs(offset)) / 4 }

  private func record(
    _ recorder: CaseRecorder
  ) throws -> (x: Tensor, parameters: [Tensor], result: Tape.NormResult) {
    let x = recorder.input("x", shape, offset == 0 ? .uniform : .around(offset))
    let scale = scale ? recorder.parameter("scale", [shape.c], .positive) : nil
    let shift = shift ? recorder.parameter("shift", [shape.c]) : nil
    let result = try recorder.tape.norm(x, scale: scale, shift: shift, parts: parts)
    return (x, [scale, shift].compactMap { $0 }, result)
  }

  var norm: OperationCase {
    OperationCase("norm \(name)", bound: bound(terms: count, extra: 8) * cancellation) { [self] recorder in
      let result = try record(recorder).result
      // Without an offset the mean is near 0, and has no relative accuracy to speak of.
      return offset == 0 ? [result.output, result.variance] : [result.output, result.mean, result.variance]
    }
  }

  /// dx and the gradients of scale and shift, of a norm with the same operands.
  var gradient: OperationCase {
    // Of four values in a group, two degrees of freedom are projected out of dy: what is left is small.
    OperationCase("norm gradient \(name)", bound: bound(terms: count, extra: 32) * cancellation) {
      [self] recorder in
      let (x, parameters, result) = try record(recorder)
      // Not towards random values: sums of dy near 0 would have no relative accuracy either.
      let target = recorder.input("target", shape, .around(1))
      let loss = try recorder.tape.pixelLoss(.l2, result.output, target)
      return try recorder.tape.gradients(
        of: [(loss, Float(shape.count) / 2)], withRespectTo: [x] + parameters)
    }
  }

  /// The gradients of |dx|^2 / 2, where dx is the norm's gradient for a random dy: with respect to x, dy and the scale.
  var secondGradient: OperationCase {
    OperationCase("norm second gradient \(name)", bound: bound(terms: count, extra: 64) * cancellation) {
      [self] recorder in
      let (x, parameters, result) = try record(recorder)
      let dy = recorder.input("dy", shape, .around(1))
      // The sum of y dy, as the distance of y dy from values that are far below.
      let below = recorder.input("below", shape, .around(-64))
      let sum = try recorder.tape.pixelLoss(.l1, recorder.tape.multiply(result.output, dy), below)
      let dx = try recorder.tape.gradients(of: [(sum, Float(shape.count))], withRespectTo: [x])[0]
      let target = recorder.input("target", shape)
      let loss = try recorder.tape.pixelLoss(.l2, dx, target)
      return try recorder.tape.gradients(
        of: [(loss, Float(shape.count) / 2)], withRespectTo: [x, dy] + (scale ? [parameters[0]] : []))
    }
  }

  var normalize: OperationCase {
    OperationCase("normalize \(name)", bound: bound(terms: 16) * cancellation) { [self] recorder in
      let x = recorder.input("x", shape, offset == 0 ? .uniform : .around(offset))
      let mean = recorder.state("mean", [shape.c], offset == 0 ? .uniform : .around(offset))
      let variance = recorder.state("variance", [shape.c], .positive)
      let scale = scale ? recorder.parameter("scale", [shape.c]) : nil
      let shift = shift ? recorder.parameter("shift", [shape.c]) : nil
      return [
        try recorder.tape.normalize(x, mean: mean, variance: variance, scale: scale, shift: shift)
      ]
    }
  }

  var runningStatistics: OperationCase {
    OperationCase("running statistics \(name)", bound: bound(terms: count, extra: 8)) { [self] recorder in
      let result = try record(recorder).result
      let mean = recorder.state("running mean", [shape.c], .around(1))
      let variance = recorder.state("running variance", [shape.c], .positive)
      try recorder.tape.runningStatistics(result, mean: mean, variance: variance)
      return [mean, variance]
    }
  }
}

private let perBatch: [NormSpecification] = [
  NormSpecification(shape: [1, 16, 2, 2], scale: true, shift: true),
  NormSpecification(shape: [3, 48, 1, 1], scale: true, shift: true),
  NormSpecification(shape: [2, 64, 2, 2], scale: true, shift: true),
  NormSpecification(shape: [3, 24, 5, 7]),
  NormSpecification(shape: [1, 3, 16, 16], scale: true),
  NormSpecification(shape: [2, 8, 9, 31], shift: true),
  NormSpecification(shape: [1, 64, 32, 32], scale: true, shift: true),
  NormSpecification(shape: [3, 16, 32, 32], scale: true, shift: true),
  NormSpecification(shape: [2, 16, 8, 12], scale: true, shift: true, offset: 8),
]

private let perImage: [NormSpecification] = [
  NormSpecification(shape: [1, 16, 2, 2], parts: 1, isInstanceNorm: true),
  NormSpecification(shape: [3, 24, 4, 4], parts: 3, isInstanceNorm: true),
  NormSpecification(shape: [2, 3, 7, 5], parts: 2, isInstanceNorm: true),
  NormSpecification(shape: [3, 64, 16, 16], parts: 3, isInstanceNorm: true),
  NormSpecification(shape: [2, 8, 32, 32], parts: 2, isInstanceNorm: true),
  NormSpecification(shape: [1, 48, 13, 17], parts: 1, isInstanceNorm: true, offset: 8),
]

private let inParts: [NormSpecification] = [
  NormSpecification(shape: [2, 64, 15, 15], parts: 2, scale: true, shift: true),
  NormSpecification(shape: [6, 20, 5, 9], parts: 2, scale: true, shift: true),
  NormSpecification(shape: [6, 16, 4, 4], parts: 3),
]

let normCases = (perBatch + perImage + inParts).map(\.norm)
let normGradientCases = (perBatch + perImage + inParts).map(\.gradient)
/// One group or several, channels that fill up a block or do not, parts, a mean far from 0.
let normSecondGradientCases = [
  perBatch[0], perBatch[1], perBatch[3], perBatch[4], perBatch[7], perBatch[8], perImage[2], perImage[4],
  inParts[1],
].map(\.secondGradient)
let normalizeCases = perBatch.map(\.normalize)
let runningStatisticsCases = (perBatch + inParts).filter { !$0.scale }.map(\.runningStatistics)
