import Tape

/// Times and rejections of a pass' variants.
struct PassMeasurement {
  let times: PassTimes
  /// The default variant.
  let standard: String
  let tried: Int
  let listed: Int
  let rejected: [String]
}

/// Checks and times the variants of one pass on a device.
struct PassBench {
  private let pass: PassRecording
  private let target: KernelTarget
  private let queue: Queue
  private let programs: ProgramCache
  private let isRight: (Comparison) -> Bool
  private let memory: OpenCLMemory
  private let temporaries: TemporaryBuffers

  init(
    _ pass: PassRecording, _ target: KernelTarget, _ queue: Queue, _ programs: ProgramCache,
    _ isRight: @escaping (Comparison) -> Bool
  ) throws(OpenCLError) {
    self.pass = pass
    self.target = target
    self.queue = queue
    self.programs = programs
    self.isRight = isRight
    memory = try OpenCLMemory(StoredTensors(pass.recording, keeping: nil), of: pass.recording, queue)
    temporaries = TemporaryBuffers(memory)
    for (tensor, values) in pass.inputs { try memory.write(values, to: tensor) }
  }

  /// A variant that is right, ready to run.
  private struct Candidate {
    let name: String
    /// In the order in which they run.
    let launches: [Launch]
    /// The derivation that each launch computes, if any.
    let derivations: [OperandDerivation?]
    var seconds: Double
    /// The launch of a weight gradient that is used for its Adam step at once.
    var update: [Launch] = []

    /// Variants with the same derivations differ in their own work only.
    var derived: Set<OperandDerivation> { Set(derivations.compactMap { $0 }) }
  }

  /// - Parameter deadline: no variant is begun after it, except for the first
  /// - Returns: nil where no variant is right
  func measure(
    _ variants: [KernelVariant], until deadline: ContinuousClock.Instant
  ) throws(OpenCLError) -> PassMeasurement? {
    let sample = pass.definitionSample()
    var checked: [Float]?
    var right: [Candidate] = []
    var rejected: [String] = []
    for variant in variants {
      if right.count + rejected.count > 0, ContinuousClock.now >= deadline { break }
      do throws(OpenCLError) {
        let best = right.map(\.seconds).min() ?? .infinity
        if let candidate = try candidate(variant, sample, &checked, fasterThan: 2 * best) {
          right.append(candidate)
        } else {
          rejected.append(variant.name)
        }
      } catch {
        rejected.append(variant.name)
      }
    }
    guard !right.isEmpty else { return nil }
    var adamSeconds = 0.0
    if let (step, _) = pass.adam { adamSeconds = try seconds(try bind(try plan([.single(step)]))) }
    let times = try compare(finalists(right, standard: variants[0].name))
    return PassMeasurement(
      times: PassTimes(times, adam: adamSeconds), standard: variants[0].name,
      tried: right.count + rejected.count, listed: variants.count, rejected: rejected)
  }

  /// Checks a variant and times it, more than once if it takes less than `limit` seconds.
  ///
  /// - Parameter checked: the output of the first variant that was right
  /// - Returns: nil where the variant is wrong
  private func candidate(
    _ variant: KernelVariant, _ sample: [(index: Int, value: Double)], _ checked: inout [Float]?,
    fasterThan limit: Double
  ) throws(OpenCLError) -> Candidate? {
    try memory.write([Float](repeating: .nan, count: pass.output.shape.count), to: pass.output)
    let planned = try plan([.single(pass.step)], variant)
    let launches = try bind(planned)
    try run(launches)
    try queue.finish()
    let output = try memory.read(pass.output)
    let comparison = Comparison(sample.map { output[$0.index] }, expected: sample.map(\.value))
    guard isRight(comparison), checked.map({ isRight(Comparison(output, expected: $0)) }) ?? true else {
      return nil
    }
    checked = checked ?? output
    var seconds = try seconds(launches, count: 1)
    if seconds < limit { seconds = try self.seconds(launches) }
    let operation = pass.recording.steps[pass.step].operation
    var candidate = Candidate(
      name: variant.name, launches: launches,
      derivations: planned.map { $0.derivation.map { OperandDerivation($0, operation) } }, seconds: seconds)
    if let (step, adam) = pass.adam, variant.planUpdate != nil {
      candidate.update = try bind(try plan([.weightUpdate(gradient: pass.step, adam: step)], variant))
      guard try updatesRightly(candidate.update, adam, gradient: output) else { return nil }
    }
    return candidate
  }

  /// The default, and the fastest of those with the same derivations, stored or used at once.
  private func finalists(_ right: [Candidate], standard: String) -> [Candidate] {
    var best: [Set<OperandDerivation>: Candidate] = [:]
    for candidate in right where candidate.seconds < best[candidate.derived]?.seconds ?? .infinity {
      best[candidate.derived] = candidate
    }
    let names = Set(best.values.map(\.name) + [standard])
    return right.filter { names.contains($0.name) }
  }

  /// The first moment after a first step is the gradient times 1 - beta1.
  private func updatesRightly(
    _ update: [Launch], _ adam: Adam, gradient: [Float]
  ) throws(OpenCLError) -> Bool {
    let zeros = [Float](repeating: 0, count: gradient.count)
    try memory.write(Schedule(step: 0, seed: 0).values, to: adam.schedule)
    for tensor in [adam.firstMoment, adam.secondMoment] { try memory.write(zeros, to: tensor) }
    try run(update)
    try queue.finish()
    let factor = Float(1 - adam.options.beta1)
    return isRight(Comparison(try memory.read(adam.firstMoment), expected: gradient.map { factor * $0 }))
  }

  /// Times candidates once more, in turn: one that is to replace the default must be faster at the same time.
  private func compare(_ candidates: [Candidate]) throws(OpenCLError) -> [VariantTimes] {
    var times = candidates.map { _ in (all: [Double](), update: [Double]()) }
    for _ in 0..<5 {
      for (index, candidate) in candidates.enumerated() {
        times[index].all.append(try seconds(candidate.launches, count: 1))
        guard !candidate.update.isEmpty else { continue }
        times[index].update.append(try seconds(candidate.update, count: 1))
      }
    }
    var result: [VariantTimes] = []
    for (candidate, times) in zip(candidates, times) {
      var own = times.all.sorted()[2]
      var update = times.update.isEmpty ? nil : times.update.sorted()[2]
      var derivations: [(derivation: OperandDerivation, seconds: Double)] = []
      for derivation in candidate.derived.sorted(by: { $0.form < $1.form }) {
        let launches = zip(candidate.launches, candidate.derivations).filter { $1 == derivation }.map(\.0)
        // Alone it may take longer than among the others.
        let seconds = min(own, try self.seconds(launches))
        own -= seconds
        derivations.append((derivation, seconds))
        if let both = update { update = max(0, both - seconds) }
      }
      result.append(VariantTimes(candidate.name, own: own, update: update, derivations: derivations))
    }
    return result
  }

  // MARK: Launches

  /// - Parameter variant: of the pass
  private func plan(
    _ steps: [FusedStep], _ variant: KernelVariant? = nil
  ) throws(OpenCLError) -> [PlannedLaunch] {
    let variants = variant.map { [pass.step: $0] } ?? [:]
    let planner = LaunchPlanner(memory, temporaries, target.device, target.deviceClass)
    try StepPlanner.plan(steps, variants, planner)
    return planner.launches
  }

  private func bind(_ planned: [PlannedLaunch]) throws(OpenCLError) -> [Launch] {
    for buffer in planned.flatMap(\.buffers) { _ = try buffer.handle() }
    var launches: [Launch] = []
    for planned in planned {
      launches.append(try planned.make(programs, mostWorkItems: target.device.maxWorkGroupSize))
    }
    for launch in launches { try launch.bind() }
    return launches
  }

  private func run(_ launches: [Launch]) throws(OpenCLError) {
    for launch in launches { try queue.enqueue(launch) }
  }

  /// The median of `count` times.
  private func seconds(_ launches: [Launch], count: Int = 5) throws(OpenCLError) -> Double {
    try queue.times(count) { () throws(OpenCLError) in try run(launches) }.sorted()[count / 2]
  }
}

extension OperandDerivation {
  fileprivate init(_ derivation: Derivation, _ operation: any Operation) {
    guard let operand = operation.inputs.firstIndex(of: derivation.tensor) else {
      preconditionFailure("\(derivation.form) is derived from no operand")
    }
    var isCopy = false
    if case .activated = derivation.form { isCopy = true }
    self.init(operand: operand, form: "\(derivation.form)", isCopy: isCopy)
  }
}
