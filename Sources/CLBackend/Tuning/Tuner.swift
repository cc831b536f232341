import Tape

/// What tuning found for a pass.
public struct TunedPass: Sendable, Codable, Equatable {
  /// The fastest variant that computes what it should.
  public var variant: String
  public var milliseconds: Double
  /// The default, for comparison; without a time when it was rejected.
  public var standard: String
  public var standardMilliseconds: Double?
  /// How many of how many variants the budget sufficed for.
  public var tried: Int
  public var listed: Int
  /// Variants that were wrong or did not run.
  public var rejected: [String]

  public init(
    variant: String, milliseconds: Double, standard: String, standardMilliseconds: Double?, tried: Int,
    listed: Int, rejected: [String]
  ) {
    self.variant = variant
    self.milliseconds = milliseconds
    self.standard = standard
    self.standardMilliseconds = standardMilliseconds
    self.tried = tried
    self.listed = listed
    self.rejected = rejected
  }
}

/// Times the kernel variants of convolution passes on a device, and finds the fastest that is right.
///
/// A variant's output must agree with the pass' definition, evaluated in Double at some two thousand elements, and
/// everywhere with the output of the first variant (the default, if that is right itself) that agreed so. What a variant
/// makes from its operands (activated copies, repacked weights, transformed tiles) is timed by itself, and so is the
/// Adam step of a weight gradient: which variants win is decided by what the whole step then takes, see `StepCost`.
public struct Tuner {
  private let device: Device
  private let target: KernelTarget
  private let candidates: (PassKey, [KernelVariant]) -> [KernelVariant]
  private let isRight: (Comparison) -> Bool

  public var precision: Precision { target.precision }

  /// A variant may win if its relative L2 error is within the precision's bound.
  ///
  /// - Parameters:
  ///   - deviceClass, precision: see `OpenCLExecutor`
  public init(_ device: Device, deviceClass: DeviceClass? = nil, precision: Precision? = nil)
    throws(OpenCLError)
  {
    let target = try KernelTarget(device, deviceClass: deviceClass, precision: precision)
    self.init(
      device, target, candidates: { $1 }, isRight: { $0.isWithin(target.precision.convolutionBound) })
  }

  /// - Parameters:
  ///   - candidates: which variants to try, from those that are listed for a pass; the first is the default
  ///   - isRight: whether an output is, compared with what is expected
  package init(
    _ device: Device, deviceClass: DeviceClass? = nil,
    candidates: @escaping (PassKey, [KernelVariant]) -> [KernelVariant],
    isRight: @escaping (Comparison) -> Bool
  ) throws(OpenCLError) {
    let target = try KernelTarget(device, deviceClass: deviceClass, precision: nil)
    self.init(device, target, candidates: candidates, isRight: isRight)
  }

  private init(
    _ device: Device, _ target: KernelTarget,
    candidates: @escaping (PassKey, [KernelVariant]) -> [KernelVariant],
    isRight: @escaping (Comparison) -> Bool
  ) {
    self.device = device
    self.target = target
    self.candidates = candidates
    self.isRight = isRight
  }

  /// Tunes the passes of a recording.
  ///
  /// - Parameters:
  ///   - seconds: the budget; a variant that was begun is finished. What a pass leaves of its share is the others'.
  ///   - known: passes that need no tuning
  ///   - onPass: called for each pass when all have been timed and chosen
  /// - Returns: an entry for every pass that a variant was right for
  public func tune(
    _ recording: Recording, seconds: Double, known: Set<PassKey> = [],
    onPass: (PassKey, TunedPass) -> Void = { _, _ in }
  ) throws(OpenCLError) -> [PassKey: TunedPass] {
    let passes = try PassRecording.all(of: recording).filter { !known.contains($0.key) }
    let context = try Context(device)
    let queue = try Queue(context)
    let programs = ProgramCache(context)
    let clock = ContinuousClock()
    let end = clock.now + .seconds(seconds)
    var measured: [PassKey: Measured] = [:]
    for (index, pass) in passes.enumerated() {
      let now = clock.now
      let deadline = now + max(.zero, end - now) / (passes.count - index)
      measured[pass.key] = try measure(pass, queue, programs, until: deadline)
    }
    let step = StepCost(recording, sections: Self.sections(of: recording))
    let chosen = step.best(
      measured.mapValues(\.times), defaults: measured.mapValues(\.standard), gain: Self.gain)
    var result: [PassKey: TunedPass] = [:]
    for pass in passes {
      guard let of = measured[pass.key], let index = chosen[pass.key] else { continue }
      let (variants, winner) = (of.times.variants, of.times.variants[index])
      let tuned = TunedPass(
        variant: winner.name, milliseconds: winner.alone * 1e3, standard: of.standard,
        standardMilliseconds: variants.first { $0.name == of.standard }.map { $0.alone * 1e3 },
        tried: of.tried, listed: of.listed, rejected: of.rejected)
      result[pass.key] = tuned
      onPass(pass.key, tuned)
    }
    return result
  }

  /// The sections of a recording that are run together. Training's counts; pictures are made now and then.
  private static func sections(of recording: Recording) -> [(steps: Range<Int>, weight: Double)] {
    let sections = recording.sections.values.sorted { $0.lowerBound < $1.lowerBound }
    guard let longest = sections.map(\.count).max() else { return [(0..<recording.steps.count, 1)] }
    return sections.map { ($0, $0.count == longest ? 1 : 0.01) }
  }

  /// What was found out about a pass.
  private struct Measured {
    var times: PassTimes
    let standard: String
    let tried: Int
    let listed: Int
    let rejected: [String]
  }

  /// A variant that is right, ready to run.
  private struct Candidate {
    let name: String
    /// In the order in which they run.
    let launches: [Launch]
    /// What each launch makes, if it makes something.
    let makings: [Making?]
    var seconds: Double
    /// The launch of a weight gradient that is used for its Adam step at once.
    var update: [Launch] = []

    /// Variants that make the same of their operands differ in their own work only.
    var made: Set<Making> { Set(makings.compactMap { $0 }) }
  }

  /// nil where no variant is right.
  private func measure(
    _ pass: PassRecording, _ queue: Queue, _ programs: ProgramCache, until deadline: ContinuousClock.Instant
  ) throws(OpenCLError) -> Measured? {
    let memory = try OpenCLMemory(pass.recording, queue)
    for (tensor, values) in pass.inputs { try memory.write(values, to: tensor) }
    let expected = pass.expected()
    let nothing = [Float](repeating: .nan, count: pass.output.shape.count)
    let variants = candidates(pass.key, pass.pass.variants(target, lanes: pass.key.lanes))
    let step = pass.recording.steps[pass.step]

    var checked: [Float]?
    var right: [Candidate] = []
    var rejected: [String] = []
    var tried = 0
    for variant in variants {
      if tried > 0, ContinuousClock.now >= deadline { break }
      tried += 1
      let best = right.map(\.seconds).min() ?? .infinity
      do throws(OpenCLError) {
        try memory.write(nothing, to: pass.output)
        let planner = LaunchPlanner(memory, programs, target, KernelChoices(), .none)
        try planner.plan(variant, of: step, index: pass.step)
        let launches = try Self.bound(planner, memory)
        try Self.run(launches, queue)
        try queue.finish()
        let output = try memory.read(pass.output)
        let sample = Comparison(expected.map { output[$0.index] }, expected: expected.map(\.value))
        guard isRight(sample), checked.map({ isRight(Comparison(output, expected: $0)) }) ?? true else {
          rejected.append(variant.name)
          continue
        }
        checked = checked ?? output
        var seconds = try Self.seconds(launches, queue, count: 1)
        if seconds < 2 * best { seconds = try Self.seconds(launches, queue) }
        var candidate = Candidate(
          name: variant.name, launches: launches,
          makings: planner.planned.map { $0.making.map { Making($0, step.operation) } }, seconds: seconds)
        if let adam = pass.adam, let planUpdate = variant.planUpdate {
          let planner = LaunchPlanner(memory, programs, target, KernelChoices(), .none)
          try planUpdate(planner, adam)
          candidate.update = try Self.bound(planner, memory)
          guard try updatesRightly(candidate.update, adam, gradient: output, memory, queue) else {
            rejected.append(variant.name)
            continue
          }
        }
        right.append(candidate)
      } catch {
        rejected.append(variant.name)
      }
    }
    guard !right.isEmpty else { return nil }
    var adamSeconds = 0.0
    if let adam = pass.adam {
      let planner = LaunchPlanner(memory, programs, target, KernelChoices(), .none)
      try adam.plan(planner)
      adamSeconds = try Self.seconds(try Self.bound(planner, memory), queue)
    }
    let times = try Self.compare(finalists(right, standard: variants[0].name), queue)
    return Measured(
      times: PassTimes(times, adam: adamSeconds), standard: variants[0].name, tried: tried,
      listed: variants.count, rejected: rejected)
  }

  /// The default, and the fastest of those that make the same of their operands, stored or used at once.
  private func finalists(_ right: [Candidate], standard: String) -> [Candidate] {
    var best: [Set<Making>: Candidate] = [:]
    for candidate in right where candidate.seconds < best[candidate.made]?.seconds ?? .infinity {
      best[candidate.made] = candidate
    }
    let names = Set(best.values.map(\.name) + [standard])
    return right.filter { names.contains($0.name) }
  }

  /// The first moment after a first step is the gradient times 1 - beta1.
  private func updatesRightly(
    _ update: [Launch], _ adam: Adam, gradient: [Float], _ memory: OpenCLMemory, _ queue: Queue
  ) throws(OpenCLError) -> Bool {
    let zeros = [Float](repeating: 0, count: gradient.count)
    try memory.write(Schedule(step: 0, seed: 0).values, to: adam.schedule)
    for tensor in [adam.firstMoment, adam.secondMoment] { try memory.write(zeros, to: tensor) }
    try Self.run(update, queue)
    try queue.finish()
    let factor = Float(1 - adam.options.beta1)
    return isRight(Comparison(try memory.read(adam.firstMoment), expected: gradient.map { factor * $0 }))
  }

  /// Times candidates once more, in turn: whoever is to replace the default must be faster at the same time.
  private static func compare(
    _ candidates: [Candidate], _ queue: Queue
  ) throws(OpenCLError) -> [VariantTimes] {
    var times = candidates.map { _ in (all: [Double](), update: [Double]()) }
    for _ in 0..<5 {
      for (index, candidate) in candidates.enumerated() {
        times[index].all.append(try seconds(candidate.launches, queue, count: 1))
        guard !candidate.update.isEmpty else { continue }
        times[index].update.append(try seconds(candidate.update, queue, count: 1))
      }
    }
    var result: [VariantTimes] = []
    for (candidate, times) in zip(candidates, times) {
      var own = times.all.sorted()[2]
      var update = times.update.isEmpty ? nil : times.update.sorted()[2]
      var makings: [(making: Making, seconds: Double)] = []
      for making in Set(candidate.makings).compactMap({ $0 }).sorted(by: { $0.what < $1.what }) {
        let launches = zip(candidate.launches, candidate.makings).filter { $1 == making }.map(\.0)
        // Alone it may take longer than among the others.
        let seconds = min(own, try Self.seconds(launches, queue))
        own -= seconds
        makings.append((making, seconds))
        if let both = update { update = max(0, both - seconds) }
      }
      result.append(VariantTimes(candidate.name, own: own, update: update, makings: makings))
    }
    return result
  }

  /// What replaces the default must take less than this share of its time: less is noise.
  private static let gain = 0.97

  // MARK: Timing

  /// The launches of a plan, ready to run.
  private static func bound(
    _ planner: LaunchPlanner, _ memory: OpenCLMemory
  ) throws(OpenCLError) -> [Launch] {
    try memory.allocate(planner.buffers)
    var launches: [Launch] = []
    for planned in planner.planned { launches.append(try planned.make()) }
    for launch in launches { try launch.bind() }
    return launches
  }

  private static func run(_ launches: [Launch], _ queue: Queue) throws(OpenCLError) {
    for launch in launches { try queue.enqueue(launch) }
  }

  /// The median of `count` times.
  private static func seconds(
    _ launches: [Launch], _ queue: Queue, count: Int = 5
  ) throws(OpenCLError) -> Double {
    try queue.times(count) { () throws(OpenCLError) in try run(launches, queue) }.sorted()[count / 2]
  }
}

extension Making {
  /// What a launch makes for an operation.
  fileprivate init(_ derivation: Derivation, _ operation: any Operation) {
    guard let operand = operation.inputs.firstIndex(of: derivation.tensor) else {
      preconditionFailure("\(derivation.kind) is made from no operand")
    }
    var isCopy = false
    if case .activated = derivation.kind { isCopy = true }
    self.init(operand: operand, what: "\(derivation.kind)", isCopy: isCopy)
  }
}
