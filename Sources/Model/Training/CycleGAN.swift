import Images
import Tape

/// CycleGAN: translation between two domains of pictures without pairs (Zhu et al. 2017, arXiv 1703.10593, equations 1 to 3 and
/// the identity loss of section 5.2).
///
/// G draws B's pictures from A's and F draws A's from B's; D_B judges B's pictures, real and G's, and D_A judges A's. With
/// x for a picture of A and y for one of B, and the least-squares loss LS(l, t) = mean (l - t)^2,
///
///     L_adversarial = LS(D_B(G(x)), 1) + LS(D_A(F(y)), 1)
///     L_cycle       = lambda_A mean|F(G(x)) - x| + lambda_B mean|G(F(y)) - y|
///     L_identity    = lambda_identity (lambda_A mean|F(x) - x| + lambda_B mean|G(y) - y|)
///
/// A step updates G and F together by the sum of the three, judged by the discriminators as they were, and then each
/// discriminator by half of LS(D_B(y), 1) + LS(D_B(pool(G(x))), 0), as the PyTorch version does. A loss's last letter is the
/// domain of the pictures that it compares.
public struct CycleGAN: TrainingStep {
  /// The weights of the cycle.
  public struct Weights: Sendable, Codable, Equatable {
    /// lambda_A: of the way from A to B and back.
    public var cycle: Float = 10
    /// lambda_B: of the way from B to A and back; as lambda_A when nil.
    public var cycleBack: Float?
    /// lambda_identity: of pictures that are of the generator's own domain, in units of their domain's lambda.
    public var identity: Float = 0.5

    public init(cycle: Float = 10, cycleBack: Float? = nil, identity: Float = 0.5) {
      (self.cycle, self.cycleBack, self.identity) = (cycle, cycleBack, identity)
    }

    subscript(side: Direction.Side) -> Float { side == .a ? cycle : cycleBack ?? cycle }
  }

  /// The settings of a step besides its networks.
  public struct Options: Sendable, Equatable {
    public var batchSize = 1
    public var objective = TrainingOptions.unpairedDefaults.objective
    public var weights = Weights()
    /// Earlier pictures of each generator that its judge may be shown in place of new ones.
    public var poolSize = TrainingOptions.unpairedDefaults.poolSize
    public var recomputation: Recomputation?

    public init() {}
  }

  public let recorded: RecordedStep

  /// F's name in losses.
  private static let wayBack = "F"
  /// The loss that only a step of two generators has.
  static let lossOfTheWayBack = "\(wayBack)_GAN"

  /// Records the training step, and the translations in the directions asked for.
  ///
  /// - Parameters:
  ///   - configuration: of the generator from A to B; that from B to A has input and output exchanged
  ///   - dropout: whether translations drop
  /// - Throws: `ModelError.option` naming an option out of range
  public init(
    _ configuration: NetworkConfiguration, _ options: Options = Options(), translating: [Direction] = [],
    dropout: Bool = false
  ) throws {
    try configuration.validate()
    let recorder = StepRecorder(options.objective)
    let generators = Direction.allCases.map { direction in
      recorder.generator(configuration.translating(direction), direction.generator)
    }
    let judges = Direction.allCases.map { direction in
      recorder.discriminator(
        configuration, channels: configuration.translating(direction).outputChannels, direction.judge)
    }
    try recorder.section { try Self.record(recorder, configuration, options, generators, judges) }
    for direction in translating {
      try recorder.translation(
        generators[direction == .aToB ? 0 : 1], section: "\(SectionName.translate).\(direction.rawValue)",
        configuration.translating(direction), drops: dropout)
    }
    recorded = recorder.finish(recomputing: options.recomputation)
  }

  /// Records a generator alone.
  ///
  /// - Parameter configuration: with the direction's own input and output
  /// - Throws: `ModelError.option` naming an option out of range
  public init(
    translating direction: Direction, _ configuration: NetworkConfiguration,
    statistics: NormStatistics = .batch, dropout: Bool = false, keepsFeatures: Bool = false
  ) throws {
    try configuration.validate()
    let recorder = StepRecorder(Options().objective)
    let generator = recorder.generator(configuration, direction.generator)
    try recorder.translation(
      generator, configuration, statistics: statistics, drops: dropout, keepsFeatures: keepsFeatures)
    recorded = recorder.finish()
  }

  /// - Parameters:
  ///   - generators: G and F
  ///   - judges: of their pictures, D_B and D_A
  private static func record(
    _ recorder: StepRecorder, _ configuration: NetworkConfiguration, _ options: Options,
    _ generators: [any Generator], _ judges: [Discriminator]
  ) throws {
    let (tape, weights, size) = (recorder.tape, options.weights, configuration.paddedSize)
    func input(_ name: String, channels: Int, _ side: Int) -> Tensor {
      recorder.input("input.\(name)", [options.batchSize, channels, size.height, size.width], .side(side))
    }
    let a = input("A", channels: configuration.inputChannels, 0)
    let b = input("B", channels: configuration.outputChannels, 1)

    // Three batches for six passes: of G, then of F, whose cycle is then ready, and the cycle of G. A weight of 0 leaves a
    // pass out.
    func isUsed(_ side: Direction.Side) -> (cycle: Bool, identity: Bool) {
      (weights[side] > 0, weights[side] * weights.identity > 0)
    }
    let (usedA, usedB) = (isUsed(.a), isUsed(.b))
    let byG = try recorder.draw(generators[0], usedB.identity ? [a, b] : [a])
    let byF = try recorder.draw(
      generators[1], [b] + (usedA.cycle ? [byG[0]] : []) + (usedA.identity ? [a] : []))
    let fakes = [byG[0], byF[0]]
    let backInB = usedB.cycle ? try recorder.draw(generators[0], fakes[1]) : nil

    var losses = WeightedLosses()
    for (judge, (pictures, name)) in zip(judges, zip(zip(fakes, [b, a]), ["G", wayBack])) {
      losses += try recorder.fool(judge, fakes: pictures.0, reals: pictures.1, name).adversarial
    }
    func add(_ name: String, _ drawn: Tensor?, _ picture: Tensor, factor: Float) throws {
      guard let drawn else { return }
      losses.add(LossKind(name, .cycle), try tape.pixelLoss(.l1, drawn, picture), factor: factor)
    }
    try add("cycle_A", usedA.cycle ? byF[1] : nil, a, factor: weights[.a])
    try add("cycle_B", backInB, b, factor: weights[.b])
    try add("identity_A", usedA.identity ? byF[2] : nil, a, factor: weights.identity * weights[.a])
    try add("identity_B", usedB.identity ? byG[1] : nil, b, factor: weights.identity * weights[.b])
    try recorder.update(generators, minimizing: losses)

    for (judge, (fake, real)) in zip(judges, zip(fakes, [b, a])) {
      let shown = try recorder.pool(fake, slots: options.poolSize, "\(judge.label.name).pool")
      let critic = try recorder.normalized(judge)
      let name = judge.label.name.replacing("_", with: "")
      let judgement = try recorder.judge(critic, fakes: shown, reals: real, named: name)
      let penalty = try recorder.penalty(critic, reals: real, fakes: fake, named: name) { picture in picture }
      try recorder.update([judge], minimizing: judgement + penalty)
    }
  }
}

extension Direction {
  /// The generator that translates so. The names are the PyTorch version's.
  var generator: NetworkLabel { NetworkLabel(self == .aToB ? "G_A" : "G_B") }
  /// The discriminator of its pictures, by their domain.
  var judge: NetworkLabel { NetworkLabel(self == .aToB ? "D_B" : "D_A") }
}

extension Direction.Side {
  public var name: String { self == .a ? "A" : "B" }
}

extension NetworkConfiguration {
  /// The networks of the other direction: input and output are exchanged.
  func translating(_ direction: Direction) -> NetworkConfiguration {
    guard direction == .bToA else { return self }
    var other = self
    (other.inputChannels, other.outputChannels) = (outputChannels, inputChannels)
    return other
  }
}
