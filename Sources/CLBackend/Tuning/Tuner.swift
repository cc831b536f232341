import Tape

/// The result of tuning a pass.
public struct TunedPass: Sendable, Codable, Equatable {
  /// The fastest variant that is right.
  public var variant: String
  public var milliseconds: Double
  /// The default, for comparison; without a time when it was rejected.
  public var standard: String
  public var standardMilliseconds: Double?
  /// Variants that the budget sufficed for, and all variants.
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
/// everywhere with the output of the first variant (the default, if that is right itself) that agreed so. The derived
/// tensors of its operands (activated copies, repacked weights, transformed tiles) are timed by themselves, and so is the
/// Adam step of a weight gradient: the variants win with which the whole step is fastest, see `StepCost`.
public struct Tuner {
  private let device: Device
  private let target: KernelTarget
  private let candidates: (PassKey, [KernelVariant]) -> [KernelVariant]
  private let isRight: (Comparison) -> Bool

  public var precision: Precision { target.precision }

  /// A variant may win if its relative L2 error is within the precision's bound.
  ///
  /// - Parameter options: those of the executors that will take the choice
  public init(_ device: Device, _ options: OpenCLExecutor.Options = .checking) throws(OpenCLError) {
    let target = try KernelTarget(device, options)
    self.init(
      device, target, candidates: { $1 }, isRight: { $0.isWithin(target.precision.convolutionBound) })
  }

  /// - Parameters:
  ///   - candidates: the variants to try, given the pass and its list; the first is the default
  ///   - isRight: whether an output is, compared with the expected one
  package init(
    _ device: Device, _ options: OpenCLExecutor.Options = .checking,
    candidates: @escaping (PassKey, [KernelVariant]) -> [KernelVariant],
    isRight: @escaping (Comparison) -> Bool
  ) throws(OpenCLError) {
    let target = try KernelTarget(device, options)
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
  ///   - seconds: the budget; a variant that was begun is finished. A pass leaves the rest of its share to the others.
  ///   - known: passes that need no tuning
  ///   - onPass: called for each pass when all have been timed and chosen
  /// - Returns: an entry for every pass that a variant was right for
  public func tune(
    _ recording: Recording, seconds: Double, known: Set<PassKey> = [],
    onPass: (PassKey, TunedPass) -> Void = { _, _ in }
  ) throws(OpenCLError) -> [PassKey: TunedPass] {
    let passes = try PassRecording.all(of: recording).filter { !known.contains($0.key) }
    let queue = try Queue(try Context(device))
    let programs = ProgramCache(queue.context)
    let clock = ContinuousClock()
    let end = clock.now + .seconds(seconds)
    var measured: [PassKey: PassMeasurement] = [:]
    for (index, pass) in passes.enumerated() {
      let now = clock.now
      let deadline = now + max(.zero, end - now) / (passes.count - index)
      let bench = try PassBench(pass, target, queue, programs, isRight)
      measured[pass.key] = try bench.measure(
        candidates(pass.key, pass.pass.variants(target, lanes: pass.key.lanes)), until: deadline)
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

  /// The sections of a recording, each run as one. Training counts most; translations are rare.
  private static func sections(of recording: Recording) -> [(steps: Range<Int>, weight: Double)] {
    let sections = recording.sections.values.sorted { $0.lowerBound < $1.lowerBound }
    guard let longest = sections.map(\.count).max() else { return [(0..<recording.steps.count, 1)] }
    return sections.map { ($0, $0.count == longest ? 1 : 0.01) }
  }

  /// A variant that replaces the default must take less than this share of its time: less is noise.
  private static let gain = 0.97
}
