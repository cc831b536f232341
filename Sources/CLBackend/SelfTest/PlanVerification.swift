import Tape

/// Runs the launches of a plan as they are in training, fused and with shared rooms, and holds each step to the reference.
///
/// The reference's values take the place of the device's after every step, so that an error shows at the step that makes it.
struct PlanVerification {
  private let executor: OpenCLExecutor
  private let reference: ReferenceExecutor
  private let plan: LaunchPlan
  private let identities: [KernelIdentity?]
  private let bound: Double
  private let convolutionBound: Double
  private let tensorBuffers: Set<ObjectIdentifier>
  /// Outputs that no launch has written yet.
  private var pending: [Expected] = []
  /// The kernels of the steps that wrote what a later step reads: parts of sums, derived tensors.
  private var writers: [ObjectIdentifier: [String]] = [:]
  /// Those of the step under way.
  private var earlierKernels: [String] = []

  /// A tensor that a step writes.
  private struct Expected {
    let tensor: Tensor
    let values: [Float]
    let floor: Double
    let step: String
    let bound: Double
    /// Whether NaN may stand there until it is written.
    let takesNaN: Bool
    var hasNaN = false
    /// A sum that is left to a later step, where its memory is only named until then.
    var isLeft: Bool
  }

  /// - Parameters:
  ///   - reference: holds all that the steps read; it runs them too
  ///   - bound, convolutionBound: the relative L2 errors allowed
  init(
    _ executor: OpenCLExecutor, _ steps: Range<Int>, _ reference: ReferenceExecutor, bound: Double,
    convolutionBound: Double
  ) throws(OpenCLError) {
    self.executor = executor
    self.reference = reference
    self.bound = bound
    self.convolutionBound = convolutionBound
    tensorBuffers = Set(
      executor.recording.tensors.map { ObjectIdentifier(executor.memory.buffer(of: $0.tensor)) })
    plan = try executor.plan(steps)
    identities = try executor.identities(of: plan)
  }

  /// Runs the steps whose launches have one of the kernels, and those that these need. All others only on the reference.
  ///
  /// - Parameter factor: other parameters than those of the steps that were run before, of which memory may hold what was
  ///   derived from them
  /// - Returns: the first fault, and the kernels that were right until then
  /// - Throws: `OpenCLError` when a program does not build or a call fails
  mutating func run(
    _ kernels: Set<KernelIdentity>, factor: Float
  ) throws(OpenCLError) -> (fault: KernelFault?, tested: Set<KernelIdentity>) {
    let runs = stepsToRun(kernels)
    guard let last = runs.lastIndex(of: true) else { return (nil, []) }
    for description in executor.recording.tensors where description.role == .parameter {
      reference.write(reference.read(description.tensor).map { factor * $0 }, to: description.tensor)
    }
    for description in executor.recording.tensors where description.role != .intermediate {
      guard plan.launches.contains(where: { touches($0, description.tensor) }) else { continue }
      try executor.memory.writeNow(reference.read(description.tensor), to: description.tensor)
    }
    var tested: Set<KernelIdentity> = []
    var start = 0
    // Nobody reads what the rest of the steps would compute.
    for ((fused, end), runs) in zip(plan.steps, runs).prefix(last + 1) {
      for step in fused.steps.sorted() { evaluate(step, of: fused) }
      let launches = plan.launches[start..<end]
      noteWriters(launches, leaveSum: fused.leavesSum)
      if runs, let fault = try launch(launches) { return (fault, tested) }
      for expected in takeWritten(by: launches) {
        if runs, let fault = try fault(expected, launches) { return (fault, tested) }
        try executor.memory.writeNow(expected.values, to: expected.tensor)
      }
      for index in pending.indices { pending[index].isLeft = false }
      if runs { tested.formUnion(identities[start..<end].compactMap { $0 }) }
      start = end
    }
    return (nil, tested)
  }

  /// Notes whose results these launches read, and what they leave to others.
  private mutating func noteWriters(_ launches: ArraySlice<PlannedLaunch>, leaveSum: Bool) {
    let buffers = temporaries(of: launches)
    earlierKernels = buffers.flatMap { writers[$0] ?? [] }.sorted()
    for buffer in buffers {
      if leaveSum || plan.derived.contains(buffer) && writers[buffer] == nil {
        writers[buffer] = launches.map(\.kernelName)
      } else if !plan.derived.contains(buffer) {
        writers[buffer] = nil
      }
    }
  }

  /// The outputs that these launches have written, and that are there.
  private mutating func takeWritten(by launches: ArraySlice<PlannedLaunch>) -> [Expected] {
    let written = pending.filter { expected in
      !expected.isLeft && launches.contains { touches($0, expected.tensor) }
    }
    pending.removeAll { expected in written.contains { $0.tensor == expected.tensor } }
    return written.filter { expected in
      let last = launches.lastIndex { touches($0, expected.tensor) } ?? launches.endIndex
      return !launches.suffix(from: last).dropFirst().contains { isOverwritten(expected.tensor, by: $0) }
    }
  }

  /// Runs a step on the reference and notes its outputs.
  private mutating func evaluate(_ step: Int, of fused: FusedStep) {
    let recorded = executor.recording.steps[step]
    let inputs = fused.steps.flatMap { executor.recording.steps[$0].inputs }
    let placement = executor.memory.placement
    reference.run(step..<step + 1)
    for tensor in recorded.outputs where !placement.isView(tensor) {
      pending.removeAll { $0.tensor == tensor }
      pending.append(
        Expected(
          tensor: tensor, values: reference.read(tensor),
          floor: reference.cancellationFloor(recorded.operation, tensor),
          step: "\(recorded.label) \(recorded.name)",
          bound: recorded.operation.isConvolution ? convolutionBound : bound,
          takesNaN: !inputs.contains { placement.overlap($0, tensor) }, isLeft: fused.leavesSum))
    }
  }

  /// Runs the launches of a step.
  ///
  /// - Returns: a fault of an output whose room the step itself uses again
  private mutating func launch(_ launches: ArraySlice<PlannedLaunch>) throws(OpenCLError) -> KernelFault? {
    for (number, planned) in launches.enumerated() {
      let earlier = launches.prefix(number)
      for expected in pending where !expected.isLeft && isOverwritten(expected.tensor, by: planned) {
        guard earlier.contains(where: { touches($0, expected.tensor) }) else { continue }
        try executor.finish()
        if let fault = try fault(expected, earlier) { return fault }
        pending.removeAll { $0.tensor == expected.tensor }
      }
      for index in pending.indices where pending[index].takesNaN && !pending[index].hasNaN {
        let tensor = pending[index].tensor
        guard touches(planned, tensor) else { continue }
        pending[index].hasNaN = true
        try executor.memory.writeNow([Float](repeating: .nan, count: tensor.shape.count), to: tensor)
      }
      try executor.launchOnce(planned)
    }
    try executor.finish()
    return nil
  }

  /// Whether a launch uses the room of a tensor for something else.
  private func isOverwritten(_ tensor: Tensor, by launch: PlannedLaunch) -> Bool {
    let buffer = executor.memory.buffer(of: tensor)
    return launch.buffers.contains { !$0.overlaps(buffer) && $0.sharesMemory(with: buffer) }
  }

  private func fault(
    _ expected: Expected, _ launches: ArraySlice<PlannedLaunch>
  ) throws(OpenCLError) -> KernelFault? {
    let comparison = Comparison(
      try executor.memory.readNow(expected.tensor), expected: expected.values, floor: expected.floor)
    guard !comparison.isWithin(expected.bound) else { return nil }
    return KernelFault(
      kernels: earlierKernels + launches.map(\.kernelName), step: expected.step,
      tensor: executor.recording.name(of: expected.tensor), comparison: comparison, bound: expected.bound)
  }

  /// Whether a launch reads or writes the memory of a tensor.
  private func touches(_ launch: PlannedLaunch, _ tensor: Tensor) -> Bool {
    let buffer = executor.memory.buffer(of: tensor)
    return launch.buffers.contains { $0.overlaps(buffer) }
  }

  /// The buffers of launches that are no tensor's.
  private func temporaries(of launches: ArraySlice<PlannedLaunch>) -> Set<ObjectIdentifier> {
    Set(launches.flatMap(\.buffers).map(ObjectIdentifier.init)).subtracting(tensorBuffers)
  }

  /// By the number of the fused step: the first step with each of the kernels, those that write its temporary buffers, and
  /// those that read what it derives or the parts of its sum, which are not compared themselves.
  private func stepsToRun(_ kernels: Set<KernelIdentity>) -> [Bool] {
    var starts = [0]
    starts += plan.steps.map(\.end)
    let ranges = plan.steps.indices.map { starts[$0]..<starts[$0 + 1] }
    let temporary = ranges.map { temporaries(of: plan.launches[$0]) }
    var runs = plan.steps.map { _ in false }
    var open = kernels
    var read: Set<ObjectIdentifier> = []
    for (index, range) in ranges.enumerated() {
      let own = Set(identities[range].compactMap { $0 }).intersection(open)
      guard !own.isEmpty || !temporary[index].isDisjoint(with: read) else { continue }
      runs[index] = true
      open.subtract(own)
      guard !own.isEmpty else { continue }
      read.formUnion(
        plan.steps[index].step.leavesSum ? temporary[index] : temporary[index].intersection(plan.derived))
    }
    var needed: Set<ObjectIdentifier> = []
    for index in plan.steps.indices.reversed() where runs[index] || !temporary[index].isDisjoint(with: needed)
    {
      runs[index] = true
      needed.formUnion(temporary[index])
    }
    return runs
  }
}

extension FusedStep {
  /// Whether a later step ends its sum.
  fileprivate var leavesSum: Bool {
    if case .convolutionWithoutSum = self { true } else { false }
  }
}
