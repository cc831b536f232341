import Tape

/// BicycleGAN: pix2pix with latent codes, so that one input has many outputs (Zhu et al. 2017, arXiv 1711.11586).
///
/// G draws a picture from an input x and a code z; E finds the Gaussian N(mu, s^2) of a picture's codes. A batch has two
/// halves of different pairs, (x1, y1) and (x2, y2), and goes two ways:
///
///     encoded   z_e = mu + s e of E(y1), with e from N(0, 1);   f_e = G(x1, z_e), which is to be y1
///     random    z_r from N(0, 1);                               f_r = G(x1, z_r), of which E is to find z_r again
///
///     L = GAN(D(f_e)) + GAN(D2(f_r)) + lambda_L1 mean|f_e - y1| + lambda_KL KL + lambda_latent mean|mu(f_r) - z_r|
///     KL = 1/2 sum over the half batch and the code of (mu^2 + s^2 - 1 - log s^2)
///
/// A step updates G and E together by L, judged by the discriminators as they were; then D by (y1, f_e) and D2 by (y2, f_r),
/// whose losses are not halved. The last term of L changes G alone: with E they would hide the code in a corner of the picture.
/// All this is as the PyTorch version has it.
public struct BicycleGAN: TrainingStep {
  /// The weights of the codes' losses.
  public struct Weights: Sendable, Codable, Equatable {
    /// lambda_latent: of the difference between a code and what the encoder finds of it.
    public var latent: Float = 0.5
    /// lambda_KL: of the codes' divergence from a standard normal distribution.
    public var divergence: Float = 0.01

    public init(latent: Float = 0.5, divergence: Float = 0.01) {
      (self.latent, self.divergence) = (latent, divergence)
    }
  }

  /// The settings of a step besides its networks.
  public struct Options: Sendable, Equatable {
    /// Pairs, an even number.
    public var batchSize = TrainingOptions.latentDefaults.batchSize
    public var objective = TrainingOptions.latentDefaults.objective
    public var weights = Weights()
    /// Whether pixels of a target count by weights of their own.
    public var isWeighted = false
    /// Earlier outputs that each discriminator may be shown.
    public var poolSize = 0
    public var recomputation: Recomputation?

    public init() {}
  }

  /// The losses that only such a step has.
  enum LossName {
    static let divergence = "G_KL"
    static let latent = "G_latent"
  }

  public let recorded: RecordedStep

  /// Records the training step.
  ///
  /// - Parameters:
  ///   - configuration: with latent codes
  ///   - translates: whether to record a translation and the encoder alone, too
  ///   - dropout: whether the translation drops
  /// - Throws: `ModelError.option` naming an option out of range
  public init(
    _ configuration: NetworkConfiguration, _ options: Options = Options(), translates: Bool = false,
    dropout: Bool = false
  ) throws {
    try configuration.validate()
    guard let latent = configuration.latent else { preconditionFailure("a BicycleGAN has codes") }
    let recorder = StepRecorder(options.objective)
    let generator = recorder.generator(configuration, Self.generatorLabel(configuration))
    let encoder = recorder.encoder(configuration, NetworkLabel("E"))
    let conditions = options.objective.isConditional ? configuration.inputChannels : 0
    let judges = ["D", "D2"].map { name in
      recorder.discriminator(
        configuration, channels: conditions + configuration.outputChannels, NetworkLabel(name))
    }
    try recorder.section {
      try Self.record(recorder, configuration, latent, options, generator, encoder, judges)
    }
    if translates {
      try recorder.translation(generator, configuration, drops: dropout)
      try recorder.encoding(encoder, configuration)
    }
    recorded = recorder.finish(recomputing: options.recomputation)
  }

  /// Records a generator alone.
  ///
  /// - Throws: `ModelError.option` naming an option out of range
  public init(
    translating configuration: NetworkConfiguration, statistics: NormStatistics = .batch,
    dropout: Bool = false,
    keepsFeatures: Bool = false
  ) throws {
    try configuration.validate()
    let recorder = StepRecorder(Options().objective)
    let generator = recorder.generator(configuration, Self.generatorLabel(configuration))
    try recorder.translation(
      generator, configuration, statistics: statistics, drops: dropout, keepsFeatures: keepsFeatures)
    recorded = recorder.finish()
  }

  /// Records an encoder alone. Its blocks follow from the size, so that it is that of the training.
  ///
  /// - Throws: `ModelError.option` naming an option out of range
  public init(encoding configuration: NetworkConfiguration) throws {
    try configuration.validate()
    let recorder = StepRecorder(Options().objective)
    try recorder.encoding(recorder.encoder(configuration, NetworkLabel("E")), configuration)
    recorded = recorder.finish()
  }

  private static func generatorLabel(_ configuration: NetworkConfiguration) -> NetworkLabel {
    NetworkLabel("G", prefix: configuration.generator.residualBlocks == nil ? "" : nil)
  }

  /// - Parameter judges: of encoded and of random pictures, D and D2
  private static func record(
    _ recorder: StepRecorder, _ configuration: NetworkConfiguration, _ latent: LatentCode, _ options: Options,
    _ generator: any Generator, _ encoder: Encoder, _ judges: [Discriminator]
  ) throws {
    let (tape, weights, size, half) = (
      recorder.tape, options.weights, configuration.paddedSize, options.batchSize / 2
    )
    func halves(_ name: String, channels: Int, _ source: StepInput.Source) throws -> [Tensor] {
      try tape.batchSplit(
        recorder.input("input.\(name)", [options.batchSize, channels, size.height, size.width], source),
        [half, half])
    }
    let a = try halves("A", channels: configuration.inputChannels, .side(0))
    let b = try halves("B", channels: configuration.outputChannels, .side(1))
    let pixelWeights = options.isWeighted ? try halves("weights", channels: 1, .weights)[0] : nil

    let encoded = try recorder.encode(encoder, b[0])
    let codes = [
      try recorder.sampledCodes(encoded, latent), try recorder.randomCodes(half, latent),
    ]
    // One batch, so that the generator's weights are read once.
    let fakes = try recorder.draw(generator, [a[0], a[0]], codes: codes)

    /// What a discriminator sees of a picture.
    func judgeable(_ picture: Tensor, of input: Tensor) throws(TapeError) -> Tensor {
      options.objective.isConditional ? try tape.concatenation([input, picture]) : picture
    }
    let shown = [
      (try judgeable(fakes[0], of: a[0]), try judgeable(b[0], of: a[0])),
      (try judgeable(fakes[1], of: a[0]), try judgeable(b[1], of: a[1])),
    ]
    let first = try recorder.fool(judges[0], fakes: shown[0].0, reals: shown[0].1)
    let second = try recorder.fool(
      judges[1], fakes: shown[1].0, reals: shown[1].1, branch: "_random", matches: false)
    var losses = first.adversarial + second.adversarial
    losses += try recorder.reconstruct(fakes[0], b[0], weights: pixelWeights)
    losses += first.matching
    if weights.divergence > 0 {
      losses.add(
        LossKind(LossName.divergence, .code),
        try tape.gaussianKL(mean: encoded.mean, logVariance: encoded.logVariance), factor: weights.divergence)
    }
    if weights.latent > 0 {
      let found = try recorder.encode(encoder, fakes[1], isHeld: true)
      losses.add(
        LossKind(LossName.latent, .code), try tape.pixelLoss(.l1, found.mean, codes[1]),
        factor: weights.latent)
    }
    try recorder.update([generator, encoder], minimizing: losses)

    for (number, judge) in judges.enumerated() {
      let (fake, real) = shown[number]
      let name = number == 0 ? "D" : "D_random"
      let pooled = try recorder.pool(fake, slots: options.poolSize, "\(judge.label.name).pool")
      let critic = try recorder.normalized(judge)
      let judgement = try recorder.judge(critic, fakes: pooled, reals: real, named: name, weight: 1)
      let penalty = try recorder.penalty(
        critic, reals: b[number], fakes: fakes[number], named: name
      ) { picture throws(TapeError) in try judgeable(picture, of: a[number]) }
      try recorder.update([judge], minimizing: judgement + penalty)
    }
  }
}
