import Images
import Random
import Tape

/// Compares an executor with the CPU reference, step by step and from equal inputs.
///
/// Before every step the executor is given the reference's own values of what the step reads, so that an error
/// shows at the step that makes it and nowhere else.
public struct StepVerification: Sendable {
  /// The comparison of one tensor that a step wrote.
  public struct Row: Sendable {
    public let label: String
    public let operation: String
    public let tensor: String
    public let shape: Shape
    public let largestError: Double
    public let relativeL2: Double
    public let worstIndex: Int
    public let bound: Double
    public var passes: Bool { relativeL2 <= bound }
  }

  public let rows: [Row]
  public var passes: Bool { rows.allSatisfy(\.passes) }

  /// Runs a training step on both executors.
  ///
  /// - Parameters:
  ///   - bound: the relative L2 error allowed in every tensor
  ///   - convolutionBound: that of convolutions and their gradients, where it is another
  ///   - seed: of weights, pictures and masks
  public init(
    _ step: any TrainingStep, _ executor: any Executor, bound: Double = 1e-5, convolutionBound: Double? = nil,
    seed: UInt64, progress: (Int, Int) -> Void = { _, _ in }
  ) throws {
    let reference = ReferenceExecutor(step.recording)
    try step.fill(reference, seed: seed)
    let steps = step.sections.compactMap { step.recording.sections[$0] }.flatMap { $0 }
    var rows: [Row] = []
    var equal: Set<Tensor> = []
    for (done, index) in steps.enumerated() {
      let operation = step.recording.steps[index].operation
      for tensor in operation.inputs where !equal.contains(tensor) {
        try executor.write(reference.read(tensor), to: tensor)
        equal.insert(tensor)
      }
      try executor.run(index..<index + 1)
      reference.run(index..<index + 1)
      let bound = operation.isConvolution ? convolutionBound ?? bound : bound
      for tensor in operation.outputs {
        rows.append(try Self.row(index, tensor, step.recording, executor, reference, bound: bound))
        equal.remove(tensor)
      }
      progress(done + 1, steps.count)
    }
    self.rows = rows
  }

  /// Compares a tensor that a step wrote.
  private static func row(
    _ index: Int, _ tensor: Tensor, _ recording: Recording, _ executor: any Executor,
    _ reference: ReferenceExecutor, bound: Double
  ) throws -> Row {
    let step = recording.steps[index]
    let comparison = Comparison(
      try executor.read(tensor), expected: reference.read(tensor),
      floor: reference.cancellationFloor(step.operation, tensor))
    return Row(
      label: step.label, operation: step.name, tensor: recording.name(of: tensor), shape: tensor.shape,
      largestError: comparison.largestError, relativeL2: comparison.relativeL2,
      worstIndex: comparison.worstIndex, bound: bound)
  }

}

extension TrainingStep {
  /// Sets everything that a training step reads to random values: its networks and their moments, pictures, masks and
  /// pools.
  public func fill(_ reference: ReferenceExecutor, seed: UInt64) throws {
    try initialize(reference, seed: seed)
    try fillInputs(reference, seed: seed)
    // Not the first step: its moments are zero, and half of Adam would go untested.
    reference.write(Schedule(step: 4, seed: seed).values, to: schedule)
    for (index, moments) in networks.flatMap(\.moments).enumerated() {
      let values = noise(moments.first.tensor.shape.count, stream: UInt32(1000 + index), seed: seed)
      reference.write(values.mapped { $0 * 1e-3 }, to: moments.first.tensor)
      reference.write(values.mapped { $0 * $0 * 1e-4 }, to: moments.second.tensor)
    }
  }

  /// Sets the inputs of a training step, and the pools they belong to, to random values that a run could have.
  public func fillInputs(_ executor: any Executor, seed: UInt64) throws {
    for (stream, input) in inputs.enumerated() {
      let noise = noise(input.tensor.shape.count, stream: UInt32(stream), seed: seed)
      switch input.source {
      case .side: try executor.write(noise, to: input.tensor)
      case .weights: try executor.write(noise.mapped(abs), to: input.tensor)
      case .mask: try executor.write(noise.mapped { $0 < 0 ? 0 : 2 }, to: input.tensor)
      case .pool(let pool):
        let uses: [ImagePoolChoice.Use] = [.swap, .store, .pass]
        let choices = (0..<input.tensor.shape.count / 2).map {
          ImagePoolChoice(uses[$0 % uses.count], slot: $0 % pool.images.shape.n)
        }
        try executor.write(ImagePoolChoice.values(of: choices), to: input.tensor)
        try executor.write(
          Model.noise(pool.images.shape.count, stream: UInt32(stream), seed: seed), to: pool.images)
      }
    }
  }
}

/// Evenly distributed numbers in [-1, 1).
private func noise(_ count: Int, stream: UInt32, seed: UInt64) -> [Float] {
  Philox(seed: seed).uniform(count: count, stream: stream, purpose: 0x7E57)
}
