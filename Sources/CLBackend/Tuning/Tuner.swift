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
/// everywhere with the output of the first variant (the default, if that is right itself) that agreed so. A variant
/// is timed together with what it makes from its operands (activated copies, repacked or transformed weights).
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
  ///   - onPass: called after each pass
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
    var result: [PassKey: TunedPass] = [:]
    for (index, pass) in passes.enumerated() {
      let now = clock.now
      let deadline = now + max(.zero, end - now) / (passes.count - index)
      guard let tuned = try tune(pass, queue, programs, until: deadline) else { continue }
      result[pass.key] = tuned
      onPass(pass.key, tuned)
    }
    return result
  }

  private func tune(
    _ pass: PassRecording, _ queue: Queue, _ programs: ProgramCache, until deadline: ContinuousClock.Instant
  ) throws(OpenCLError) -> TunedPass? {
    let memory = try OpenCLMemory(pass.recording, queue)
    for (tensor, values) in pass.inputs { try memory.write(values, to: tensor) }
    let expected = pass.expected()
    let nothing = [Float](repeating: .nan, count: pass.output.shape.count)
    let variants = candidates(pass.key, pass.pass.variants(target, lanes: pass.key.lanes))

    var checked: [Float]?
    var timed: [(name: String, seconds: Double, launches: [Launch])] = []
    var rejected: [String] = []
    var tried = 0
    for variant in variants {
      if tried > 0, ContinuousClock.now >= deadline { break }
      tried += 1
      let best = timed.map(\.seconds).min() ?? .infinity
      do throws(OpenCLError) {
        try memory.write(nothing, to: pass.output)
        let planner = LaunchPlanner(memory, programs, target, KernelChoices(), .none)
        try planner.plan(variant, of: pass.recording.steps[pass.step], index: pass.step)
        var launches: [Launch] = []
        for planned in planner.planned { launches.append(try planned.make()) }
        for launch in launches { try launch.bind() }
        try Self.run(launches, queue)
        try queue.finish()
        let output = try memory.read(pass.output)
        let sample = Comparison(expected.map { output[$0.index] }, expected: expected.map(\.value))
        guard isRight(sample), checked.map({ isRight(Comparison(output, expected: $0)) }) ?? true else {
          rejected.append(variant.name)
          continue
        }
        checked = checked ?? output
        timed.append((variant.name, try Self.seconds(launches, queue, best: best), launches))
      } catch {
        rejected.append(variant.name)
      }
    }
    guard var winner = timed.min(by: { $0.seconds < $1.seconds }) else { return nil }
    let standard = timed.first { $0.name == variants[0].name }
    var standardSeconds = standard?.seconds
    if let standard, standard.name != winner.name {
      // Once more, in turn: whoever is to replace the default must be faster at the same time.
      var times: (standard: [Double], winner: [Double]) = ([], [])
      for _ in 0..<5 {
        times.standard.append(try Self.time(standard.launches, queue, repeats: 1))
        times.winner.append(try Self.time(winner.launches, queue, repeats: 1))
      }
      let median = times.standard.sorted()[2]
      standardSeconds = median
      winner.seconds = times.winner.sorted()[2]
      if winner.seconds > Self.gain * median { winner = (standard.name, median, []) }
    }
    return TunedPass(
      variant: winner.name, milliseconds: winner.seconds * 1e3, standard: variants[0].name,
      standardMilliseconds: standardSeconds.map { $0 * 1e3 }, tried: tried, listed: variants.count,
      rejected: rejected)
  }

  /// What replaces the default must take less than this share of its time: less is noise.
  private static let gain = 0.97

  // MARK: Timing

  private static func run(_ launches: [Launch], _ queue: Queue) throws(OpenCLError) {
    for launch in launches { try queue.enqueue(launch) }
  }

  private static func time(
    _ launches: [Launch], _ queue: Queue, repeats: Int
  ) throws(OpenCLError) -> Double {
    let clock = ContinuousClock()
    let start = clock.now
    for _ in 0..<repeats { try run(launches, queue) }
    try queue.finish()
    let time = clock.now - start
    return (Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18) / Double(repeats)
  }

  /// The median of five times of two milliseconds or more; one time for what is far behind the best.
  private static func seconds(
    _ launches: [Launch], _ queue: Queue, best: Double
  ) throws(OpenCLError) -> Double {
    let first = try time(launches, queue, repeats: 1)
    guard first < 2 * best else { return first }
    let repeats = min(50, max(1, Int(2e-3 / first)))
    var times: [Double] = []
    for _ in 0..<5 { times.append(try time(launches, queue, repeats: repeats)) }
    return times.sorted()[2]
  }
}
