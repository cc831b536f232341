/// Replays a generator's pass over a picture that is too large for a device: operation by operation, each over strips of
/// rows. Tensors between operations lie in the computer's memory.
///
/// A strip has as many rows around it as its operation reaches, and norms take the statistics of the whole picture first:
/// results are those of the picture in one piece, but for the order of a norm's sums.
///
/// Not every operation can be done so, nor a batch of several pictures: see `Operation.stripRule`.
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
    // No strip is higher than the picture, however many rows are asked for.
    self.rows = min(
      rows, recording.tensors.map { $0.tensor.shape.rank == 4 ? $0.tensor.shape.h : 1 }.max() ?? 1)
    self.makeExecutor = makeExecutor
    var lastReads: [Int: Int] = [:]
    for (index, step) in recording.steps.enumerated() {
      for input in step.inputs { lastReads[input.id] = index }
    }
    self.lastReads = lastReads
  }

  public func write(_ values: [Float], to tensor: Tensor) {
    precondition(values.count == tensor.shape.count, "\(recording.name(of: tensor)) holds \(tensor.shape)")
    self.values[tensor] = values
  }

  public func read(_ tensor: Tensor) throws -> [Float] {
    guard let values = values[tensor] else { throw StripError.notKept(recording.name(of: tensor)) }
    return values
  }

  public func finish() {}

  public func run(_ steps: Range<Int>) throws {
    for index in steps {
      let step = recording.steps[index]
      try run(step)
      for input in Set(step.inputs)
      where recording.tensors[input.id].role == .intermediate && lastReads[input.id] == index
        && !recording.kept.contains(input)
      {
        values[input] = nil
      }
    }
  }

  private func run(_ step: Step) throws {
    func refuse(_ reason: String) -> StripError {
      .cannot(step: "\(step.label): \(step.name)", reason: reason)
    }
    if let batch = (step.inputs + step.outputs).first(where: { isActivation($0) && $0.shape.n > 1 }) {
      throw refuse("\(batch.shape) is more than one picture")
    }
    switch step.operation.stripRule {
    case .rows(let rows): try run(step.operation, rows)
    case .statistics(let norm): try run(norm)
    case .onHost(let body): values[step.outputs[0]] = body(try step.inputs.map(read))
    case .cannot(let reason): throw refuse(reason)
    }
  }

  private func isActivation(_ tensor: Tensor) -> Bool { recording.tensors[tensor.id].kind == .activation }

  // MARK: Strips

  /// Makes the output of an operation strip by strip.
  private func run(_ operation: any Operation, _ rule: StripRows) throws {
    let output = operation.outputs[0]
    let inputs = Set(operation.inputs.filter(isActivation))
    let inputHeight = inputs.first?.shape.h ?? 0
    let height = min(rows.roundedUp(to: rule.alignment), output.shape.h)
    let strips = stride(from: 0, to: output.shape.h, by: height).map { $0..<min($0 + height, output.shape.h) }
    let most = strips.map { rule.inputRows($0).count }.max() ?? 0
    var result = [Float](repeating: 0, count: output.shape.count)
    var made: [Int: Strip] = [:]
    for wanted in strips {
      // Strips of one height share an executor: those at the edges take more rows than they need.
      let needed = rule.inputRows(wanted)
      let taken = needed.lowerBound..<min(max(needed.upperBound, needed.lowerBound + most), inputHeight)
      let strip = try made[taken.count] ?? makeStrip(operation, rule, height: taken.count)
      made[taken.count] = strip
      for input in inputs { try strip.write(part(of: input, rows: taken), to: input) }
      try put(
        strip.run(), from: wanted.lowerBound - rule.firstOutputRow(taken.lowerBound), wanted, &result,
        output.shape)
    }
    values[output] = result
  }

  /// The operation on a tape of its own, for strips of so many rows of its inputs.
  private func makeStrip(_ operation: any Operation, _ rule: StripRows, height: Int) throws -> Strip {
    let tape = Tape()
    var own: [Tensor: Tensor] = [:]
    for input in operation.inputs where own[input] == nil {
      let shape = input.shape
      own[input] =
        isActivation(input)
        ? tape.input("strip", [1, shape.c, height, shape.w])
        : tape.parameter("constant \(input.id)", shape)
    }
    let output = operation.outputs[0]
    own[output] = tape.intermediate(
      "strip", [1, output.shape.c, rule.outputHeight(height), output.shape.w], kind: .activation)
    var operation = operation
    operation.replaceOperands(own)
    tape.record(operation)
    tape.keep(own[output]!)
    let strip = Strip(executor: try makeExecutor(tape.freeze()), own: own, output: own[output]!)
    deviceName = strip.executor.name
    for tensor in own.keys where tensor != output && !isActivation(tensor) {
      try strip.write(read(tensor), to: tensor)
    }
    return strip
  }

  /// Some rows of all channels.
  private func part(of tensor: Tensor, rows: Range<Int>) throws -> [Float] {
    let (all, shape) = (try read(tensor), tensor.shape)
    if rows.count == shape.h { return all }
    var part: [Float] = []
    part.reserveCapacity(shape.c * rows.count * shape.w)
    for channel in 0..<shape.c {
      part +=
        all[(channel * shape.h + rows.lowerBound) * shape.w..<(channel * shape.h + rows.upperBound) * shape.w]
    }
    return part
  }

  /// Copies rows of a strip, from row `first` on, to where they belong.
  private func put(
    _ strip: [Float], from first: Int, _ rows: Range<Int>, _ result: inout [Float], _ shape: Shape
  ) {
    let height = strip.count / (shape.c * shape.w)
    precondition(first >= 0 && first + rows.count <= height, "a strip lacks rows")
    for channel in 0..<shape.c {
      let from = (channel * height + first) * shape.w
      let to = (channel * shape.h + rows.lowerBound) * shape.w
      result.replaceSubrange(to..<to + rows.count * shape.w, with: strip[from..<from + rows.count * shape.w])
    }
  }

  // MARK: Norms

  /// Statistics of all strips, combined by Chan's formula (Chan, Golub and LeVeque 1983), then the strips normalised.
  private func run(_ norm: StripStatistics) throws {
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
      try executor.write(part(of: norm.input, rows: taken), to: input)
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
    let normalization = Normalize(
      input: norm.input, mean: norm.mean, variance: norm.variance, scale: norm.scale, shift: norm.shift,
      output: norm.output, epsilon: norm.epsilon)
    try run(normalization, StripRows())
    for tensor in [norm.mean, norm.variance] where !recording.kept.contains(tensor) { values[tensor] = nil }
  }
}

/// An operation on a tape of its own, for strips of one height.
private struct Strip {
  let executor: any Executor
  /// By the operands of the operation on the whole picture.
  let own: [Tensor: Tensor]
  let output: Tensor

  func write(_ values: [Float], to tensor: Tensor) throws { try executor.write(values, to: own[tensor]!) }

  func run() throws -> [Float] {
    try executor.run(0..<executor.recording.steps.count)
    return try executor.read(output)
  }
}

/// A recording cannot be replayed in strips.
public enum StripError: Error, Hashable, CustomStringConvertible {
  case cannot(step: String, reason: String)
  case notKept(String)

  public var description: String {
    switch self {
    case .cannot(let step, let reason):
      "\(step) cannot be done in strips (\(reason)); translate smaller pictures"
    case .notKept(let tensor):
      "\(tensor) is not kept after a run in strips"
    }
  }
}
