import Random
import Tape

/// Replays a generator's pass over a picture that is too large for a device: operation by operation, each over strips of
/// rows, with what lies between operations in the computer's memory.
///
/// A strip is taken with as many rows around it as its operation reaches, and norms take the statistics of the whole
/// picture first: results are those of the picture in one piece, but for the order of a norm's sums.
///
/// Not every operation can be done so: those of generators' forward passes can, of one picture at a time.
public final class StripExecutor: Executor {
  public let recording: Recording
  public var name: String { deviceName }

  /// The most rows of a result that are made at once.
  private let rows: Int
  private let makeExecutor: (Recording) throws -> any Executor
  private var deviceName = "strips"
  private var values: [Tensor: [Float]] = [:]
  /// By the tensor's number, the last step that reads it.
  private let lastReads: [Int: Int]

  /// - Parameters:
  ///   - rows: of a result that are made at once, at most
  ///   - makeExecutor: allocates a small recording's tensors where it shall run
  public init(
    _ recording: Recording, rows: Int, makeExecutor: @escaping (Recording) throws -> any Executor
  ) {
    precondition(rows > 0, "strips have rows")
    self.recording = recording
    self.rows = rows
    self.makeExecutor = makeExecutor
    var lastReads: [Int: Int] = [:]
    for (index, step) in recording.steps.enumerated() {
      for input in step.operation.inputs { lastReads[input.id] = index }
    }
    self.lastReads = lastReads
  }

  public func write(_ values: [Float], to tensor: Tensor) {
    precondition(values.count == tensor.shape.count, "\(recording.name(of: tensor)) holds \(tensor.shape)")
    self.values[tensor] = values
  }

  public func read(_ tensor: Tensor) throws -> [Float] {
    guard let values = values[tensor] else {
      throw ModelError.training("\(recording.name(of: tensor)) is not kept after a run in strips")
    }
    return values
  }

  public func finish() {}

  public func run(_ steps: Range<Int>) throws {
    for index in steps {
      let step = recording.steps[index]
      try run(step)
      for input in Set(step.operation.inputs)
      where recording.tensors[input.id].role == .intermediate && lastReads[input.id] == index
        && !recording.kept.contains(input)
      {
        values[input] = nil
      }
    }
  }

  private func run(_ step: Step) throws {
    switch step.operation {
    case let operation as Convolution: try run(ConvolutionStrips(operation: operation))
    case let operation as TransposedConvolution: try run(TransposedStrips(operation: operation))
    case let operation as ReflectionPad: try run(PaddingStrips(operation: operation))
    case let operation as Upsample: try run(UpsamplingStrips(operation: operation))
    case let operation as ActivationGradient:
      try run(
        ElementwiseStrips([operation.gradient, operation.at], operation.output) { tape, x throws(TapeError) in
          try tape.activationGradient(x[0], at: x[1], operation.activation)
        })
    case let operation as Tanh:
      try run(
        ElementwiseStrips([operation.input], operation.output) { tape, x throws(TapeError) in tape.tanh(x[0])
        })
    case let operation as Multiply:
      try run(
        ElementwiseStrips([operation.a, operation.b], operation.output) { tape, x throws(TapeError) in
          try tape.multiply(x[0], x[1])
        })
    case let operation as Combination:
      try run(
        ElementwiseStrips([operation.a, operation.b], operation.output) { tape, x throws(TapeError) in
          try tape.combination(operation.alpha, x[0], operation.beta, x[1])
        })
    case let operation as Normalize:
      try run(
        NormalizingStrips(
          input: operation.input, output: operation.output, mean: operation.mean,
          variance: operation.variance, scale: operation.scale, shift: operation.shift,
          epsilon: operation.epsilon))
    case let operation as Norm: try run(operation)
    case let operation as Concatenation:
      // One picture: its channels lie one behind the other.
      values[operation.output] = try operation.parts.flatMap { try read($0) }
    case let operation as DropoutMask:
      values[operation.output] = operation.values(try read(operation.schedule))
    case let operation as GaussianNoise:
      values[operation.output] = operation.values(try read(operation.schedule))
    default:
      throw ModelError.training(
        "\(step.label): \(step.name) cannot be done in strips; translate smaller pictures")
    }
  }

  // MARK: Strips

  /// Makes a tensor strip by strip.
  private func run(_ operation: some StripOperation) throws {
    let output = operation.output.shape
    let height = min(rows.roundedUp(to: operation.alignment), output.h)
    let strips = stride(from: 0, to: output.h, by: height).map { $0..<min($0 + height, output.h) }
    let most = strips.map { operation.inputRows($0).count }.max() ?? 0
    var result = [Float](repeating: 0, count: output.count)
    var made: [Int: (executor: any Executor, strip: RecordedStrip)] = [:]
    for wanted in strips {
      // Strips of one height share an executor: those at the edges take more rows than they need.
      let needed = operation.inputRows(wanted)
      let taken =
        needed.lowerBound..<min(max(needed.upperBound, needed.lowerBound + most), operation.inputs[0].shape.h)
      if made[taken.count] == nil {
        let tape = Tape()
        let strip = try operation.record(on: tape, rows: taken.count)
        tape.keep(strip.output)
        let executor = try makeExecutor(tape.freeze())
        deviceName = executor.name
        for (tensor, own) in strip.constants { try executor.write(try read(tensor), to: own) }
        made[taken.count] = (executor, strip)
      }
      let (executor, strip) = made[taken.count]!
      for (tensor, own) in zip(operation.inputs, strip.inputs) {
        try executor.write(try part(tensor, rows: taken), to: own)
      }
      try executor.run(0..<executor.recording.steps.count)
      let start = operation.firstOutputRow(taken)
      try put(
        executor.read(strip.output), strip.output.shape, from: wanted.lowerBound - start, wanted, &result,
        output)
    }
    values[operation.output] = result
  }

  /// Some rows of all channels.
  private func part(_ tensor: Tensor, rows: Range<Int>) throws -> [Float] {
    let (all, shape) = (try read(tensor), tensor.shape)
    if rows.count == shape.h { return all }
    var part: [Float] = []
    part.reserveCapacity(shape.c * rows.count * shape.w)
    for channel in 0..<shape.c {
      let first = (channel * shape.h + rows.lowerBound) * shape.w
      part += all[first..<first + rows.count * shape.w]
    }
    return part
  }

  /// Copies rows of a strip, from row `first` on, to where they belong.
  private func put(
    _ strip: [Float], _ stripShape: Shape, from first: Int, _ rows: Range<Int>, _ result: inout [Float],
    _ shape: Shape
  ) {
    precondition(
      first >= 0 && first + rows.count <= stripShape.h && stripShape.w == shape.w, "a strip lacks rows")
    for channel in 0..<shape.c {
      let from = (channel * stripShape.h + first) * shape.w
      let to = (channel * shape.h + rows.lowerBound) * shape.w
      result.replaceSubrange(to..<to + rows.count * shape.w, with: strip[from..<from + rows.count * shape.w])
    }
  }

  // MARK: Norms

  /// Statistics of all strips, combined by Chan's formula (Chan, Golub and LeVeque 1983), then the strips normalised.
  private func run(_ norm: Norm) throws {
    let shape = norm.input.shape
    var count = 0.0
    var mean = [Double](repeating: 0, count: shape.c)
    var squares = mean
    let height = min(rows, shape.h)
    var made: [Int: (executor: any Executor, input: Tensor, result: Tape.NormResult)] = [:]
    for first in stride(from: 0, to: shape.h, by: height) {
      let taken = first..<min(first + height, shape.h)
      if made[taken.count] == nil {
        let tape = Tape()
        let input = tape.input("strip", [1, shape.c, taken.count, shape.w])
        let result = try tape.norm(input, epsilon: norm.epsilon)
        for tensor in [result.mean, result.variance] { tape.keep(tensor) }
        made[taken.count] = (try makeExecutor(tape.freeze()), input, result)
      }
      let (executor, input, result) = made[taken.count]!
      try executor.write(try part(norm.input, rows: taken), to: input)
      try executor.run(0..<executor.recording.steps.count)
      let (means, variances) = (try executor.read(result.mean), try executor.read(result.variance))
      let own = Double(taken.count * shape.w)
      for c in mean.indices {
        let difference = Double(means[c]) - mean[c]
        mean[c] += difference * own / (count + own)
        squares[c] += Double(variances[c]) * own + difference * difference * count * own / (count + own)
      }
      count += own
    }
    values[norm.mean] = mean.map(Float.init)
    values[norm.variance] = squares.map { Float($0 / count) }
    try run(
      NormalizingStrips(
        input: norm.input, output: norm.output, mean: norm.mean, variance: norm.variance, scale: norm.scale,
        shift: norm.shift, epsilon: norm.epsilon))
    for tensor in [norm.mean, norm.variance] where !recording.kept.contains(tensor) { values[tensor] = nil }
  }
}

/// What a strip's own recording reads and writes.
private struct RecordedStrip {
  /// Strips of the operation's inputs, in their order.
  let inputs: [Tensor]
  /// Weights and vectors, by the tensor whose values they have.
  var constants: [(tensor: Tensor, own: Tensor)] = []
  let output: Tensor
}

/// An operation whose result can be made strip by strip.
private protocol StripOperation {
  /// The tensors [1, C, H, W] that strips are taken of, all of one height.
  var inputs: [Tensor] { get }
  var output: Tensor { get }
  /// What the height of strips of the output must be a multiple of.
  var alignment: Int { get }
  /// Which rows of the inputs rows of the output are made of, those at their edges included.
  func inputRows(_ rows: Range<Int>) -> Range<Int>
  /// Which row of the output is the first that a strip of the inputs makes.
  func firstOutputRow(_ rows: Range<Int>) -> Int
  /// Records the operation for strips of so many rows.
  func record(on tape: Tape, rows: Int) throws(TapeError) -> RecordedStrip
}

extension StripOperation {
  var alignment: Int { 1 }

  /// Strips of the inputs.
  fileprivate func strips(on tape: Tape, rows: Int) -> [Tensor] {
    inputs.map { tape.input("strip", [1, $0.shape.c, rows, $0.shape.w]) }
  }

  /// Weights and vectors of the operation as the strip's own.
  fileprivate func constants(_ tensors: [Tensor?], on tape: Tape) -> [(tensor: Tensor, own: Tensor)] {
    tensors.compactMap { $0 }.map { ($0, tape.parameter("constant \($0.id)", $0.shape)) }
  }
}

private struct ElementwiseStrips: StripOperation {
  let inputs: [Tensor]
  let output: Tensor
  private let body: (Tape, [Tensor]) throws(TapeError) -> Tensor

  init(
    _ inputs: [Tensor], _ output: Tensor, _ body: @escaping (Tape, [Tensor]) throws(TapeError) -> Tensor
  ) {
    (self.inputs, self.output, self.body) = (inputs, output, body)
  }

  func inputRows(_ rows: Range<Int>) -> Range<Int> { rows }
  func firstOutputRow(_ rows: Range<Int>) -> Int { rows.lowerBound }

  func record(on tape: Tape, rows: Int) throws(TapeError) -> RecordedStrip {
    let strips = strips(on: tape, rows: rows)
    return RecordedStrip(inputs: strips, output: try body(tape, strips))
  }
}

private struct NormalizingStrips: StripOperation {
  let input: Tensor
  let output: Tensor
  let mean: Tensor
  let variance: Tensor
  let scale: Tensor?
  let shift: Tensor?
  let epsilon: Float

  var inputs: [Tensor] { [input] }
  func inputRows(_ rows: Range<Int>) -> Range<Int> { rows }
  func firstOutputRow(_ rows: Range<Int>) -> Int { rows.lowerBound }

  func record(on tape: Tape, rows: Int) throws(TapeError) -> RecordedStrip {
    let strips = strips(on: tape, rows: rows)
    let constants = constants([mean, variance, scale, shift], on: tape)
    func own(_ tensor: Tensor?) -> Tensor? { constants.first { $0.tensor == tensor }?.own }
    let output = try tape.normalize(
      strips[0], mean: constants[0].own, variance: constants[1].own, scale: own(scale), shift: own(shift),
      epsilon: epsilon)
    return RecordedStrip(inputs: strips, constants: constants, output: output)
  }
}

private struct ConvolutionStrips: StripOperation {
  let operation: Convolution

  var inputs: [Tensor] { [operation.input] }
  var output: Tensor { operation.output }

  func inputRows(_ rows: Range<Int>) -> Range<Int> {
    let (S, P, KH, H) = (
      operation.geometry.stride, operation.geometry.padding, operation.weight.shape[2],
      operation.input.shape.h
    )
    // From a row on that a row of the output stands at; what is above the strip is taken for padding.
    let first = max(0, (rows.lowerBound * S - P).roundedDown(to: S))
    return first..<min(H, (rows.upperBound - 1) * S - P + KH)
  }

  func firstOutputRow(_ rows: Range<Int>) -> Int { rows.lowerBound / operation.geometry.stride }

  func record(on tape: Tape, rows: Int) throws(TapeError) -> RecordedStrip {
    let strips = strips(on: tape, rows: rows)
    let constants = constants([operation.weight, operation.bias], on: tape)
    let output = try tape.convolution(
      strips[0], weight: constants[0].own, operation.geometry,
      bias: operation.bias == nil ? nil : constants[1].own, inputActivation: operation.inputActivation)
    return RecordedStrip(inputs: strips, constants: constants, output: output)
  }
}

private struct TransposedStrips: StripOperation {
  let operation: TransposedConvolution

  var inputs: [Tensor] { [operation.input] }
  var output: Tensor { operation.output }
  var alignment: Int { operation.geometry.stride }

  func inputRows(_ rows: Range<Int>) -> Range<Int> {
    let (S, P, KH, OH) = (
      operation.geometry.stride, operation.geometry.padding, operation.weight.shape[2],
      operation.input.shape.h
    )
    // Row r is the sum of those of the input from (r + P - KH + 1) / S, rounded up, to (r + P) / S.
    let first = max(0, (rows.lowerBound + P - KH + 1).roundedDown(to: S) / S)
    return first..<min(OH, (rows.upperBound - 1 + P) / S + 1)
  }

  func firstOutputRow(_ rows: Range<Int>) -> Int { rows.lowerBound * operation.geometry.stride }

  func record(on tape: Tape, rows: Int) throws(TapeError) -> RecordedStrip {
    let strips = strips(on: tape, rows: rows)
    let constants = constants([operation.weight, operation.bias], on: tape)
    // As much more than the least size as the whole has.
    let least =
      operation.geometry.transposedOutputSize(operation.input.shape.h, kernel: operation.weight.shape[2]) ?? 0
    let own = operation.geometry.transposedOutputSize(rows, kernel: operation.weight.shape[2]) ?? 0
    let output = try tape.transposedConvolution(
      strips[0], weight: constants[0].own, operation.geometry,
      bias: operation.bias == nil ? nil : constants[1].own, inputActivation: operation.inputActivation,
      outputSize: (own + operation.output.shape.h - least, operation.output.shape.w))
    return RecordedStrip(inputs: strips, constants: constants, output: output)
  }
}

private struct PaddingStrips: StripOperation {
  let operation: ReflectionPad

  var inputs: [Tensor] { [operation.input] }
  var output: Tensor { operation.output }

  func inputRows(_ rows: Range<Int>) -> Range<Int> {
    let (p, H) = (operation.padding, operation.input.shape.h)
    // At the top and at the bottom also the rows that are mirrored.
    let first = min(max(0, rows.lowerBound - p), max(0, H - 1 - p))
    return first..<max(min(H, rows.upperBound - p), min(H, p + 1))
  }

  func firstOutputRow(_ rows: Range<Int>) -> Int { rows.lowerBound }

  func record(on tape: Tape, rows: Int) throws(TapeError) -> RecordedStrip {
    let strips = strips(on: tape, rows: rows)
    return RecordedStrip(
      inputs: strips, output: try tape.reflectionPad(strips[0], padding: operation.padding))
  }
}

private struct UpsamplingStrips: StripOperation {
  let operation: Upsample

  var inputs: [Tensor] { [operation.input] }
  var output: Tensor { operation.output }
  var alignment: Int { operation.factor }

  func inputRows(_ rows: Range<Int>) -> Range<Int> {
    rows.lowerBound / operation.factor..<(rows.upperBound + operation.factor - 1) / operation.factor
  }

  func firstOutputRow(_ rows: Range<Int>) -> Int { rows.lowerBound * operation.factor }

  func record(on tape: Tape, rows: Int) throws(TapeError) -> RecordedStrip {
    let strips = strips(on: tape, rows: rows)
    return RecordedStrip(inputs: strips, output: try tape.upsample(strips[0], by: operation.factor))
  }
}

extension Int {
  fileprivate func roundedUp(to multiple: Int) -> Int { (self + multiple - 1) / multiple * multiple }

  /// Towards minus infinity.
  fileprivate func roundedDown(to multiple: Int) -> Int {
    self >= 0 ? self / multiple * multiple : -((-self + multiple - 1) / multiple * multiple)
  }
}
