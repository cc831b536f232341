import Images
import Tape

/// pix2pix: conditional image-to-image translation with adversarial networks (Isola et al. 2017).
///
/// The default step draws fake = G(A) and judges (A, fake) and (A, B) with L_D = (BCE(fake, 0) + BCE(real, 1)) / 2. Adam
/// updates D, then G by L_G = BCE(D(A, fake), 1) + lambda mean|fake - B| through the updated D. Other objectives leave
/// parts of it out or take other losses.
public struct Pix2Pix: TrainingStep {
  /// The settings of a step besides its networks.
  public struct Options: Sendable, Codable, Equatable {
    public var batchSize = 1
    public var objective = Objective()
    /// Whether pixels of a target count by weights of their own.
    public var isWeighted = false
    /// Earlier outputs that the discriminator may be shown in place of new ones (Shrivastava et al. 2017).
    public var poolSize = 0
    /// The generator that this one learns to draw like; none when nil.
    public var teacher: Teacher?
    /// Results of forward passes that the backward passes make again rather than find in memory; none when nil.
    public var recomputation: Recomputation?

    public init() {}
  }

  /// The sections of the recording.
  public struct Sections: OptionSet, Sendable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }
    public static let train = Sections(rawValue: 1)
    public static let translate = Sections(rawValue: 2)
  }

  public let configuration: NetworkConfiguration
  public let options: Options
  public let recorded: RecordedStep

  /// Records the sections asked for.
  ///
  /// - Parameters:
  ///   - givenMasks: dropout masks are inputs of the training step instead of being drawn
  ///   - translationStatistics: the norms' statistics in "translate"
  ///   - translationDropout: whether "translate" drops; the paper does
  ///   - keepsFeatures: whether the input of the last layer of "translate" can be read
  /// - Throws: `ModelError.option` naming an option out of range
  public init(
    _ configuration: NetworkConfiguration, _ options: Options = Options(), sections: Sections,
    givenMasks: Bool = false, translationStatistics: NormStatistics = .batch,
    translationDropout: Bool = true, keepsFeatures: Bool = false
  ) throws {
    (self.configuration, self.options) = (configuration, options)
    try configuration.validate()
    try options.validate(sections.contains(.train) ? configuration : nil)
    let recorder = StepRecorder(options.objective, givenMasks: givenMasks)
    // The discriminator's parameters begin like a ResNet's, not like a U-Net's.
    let isResNet = configuration.generator.residualBlocks != nil
    let generator = recorder.generator(configuration, NetworkLabel("G", prefix: isResNet ? "G." : ""))
    if sections.contains(.train) {
      try Self.record(recorder, configuration, options, generator)
    }
    if sections.contains(.translate) {
      try recorder.translation(
        generator, configuration, statistics: translationStatistics, drops: translationDropout,
        keepsFeatures: keepsFeatures)
    }
    recorded = recorder.finish(recomputing: options.recomputation)
  }

  /// Records the training step.
  private static func record(
    _ recorder: StepRecorder, _ configuration: NetworkConfiguration, _ options: Options,
    _ generator: any Generator
  ) throws {
    let (objective, size) = (options.objective, configuration.paddedSize)
    func input(_ name: String, channels: Int, _ source: StepInput.Source) -> Tensor {
      recorder.input("input.\(name)", [options.batchSize, channels, size.height, size.width], source)
    }
    let conditions = objective.isConditional ? configuration.inputChannels : 0
    let discriminator =
      objective.isAdversarial
      ? recorder.discriminator(
        configuration, channels: conditions + configuration.outputChannels, NetworkLabel("D", prefix: ""))
      : nil
    let teacher = options.teacher.map { ($0, recorder.frozenGenerator($0.network, Teacher.label)) }
    try recorder.section {
      let a = input("A", channels: configuration.inputChannels, .side(0))
      let b = input("B", channels: configuration.outputChannels, .side(1))
      let weights = options.isWeighted ? input("weights", channels: 1, .weights) : nil
      let fake = try recorder.draw(generator, a)
      var (adversarial, matching) = (WeightedLosses(), WeightedLosses())

      if let discriminator {
        /// The discriminator's input for a picture.
        func judgeable(_ picture: Tensor) throws(TapeError) -> Tensor {
          objective.isConditional ? try recorder.tape.concatenation([a, picture]) : picture
        }
        let (fakes, reals) = (try judgeable(fake), try judgeable(b))
        let shown = try recorder.pool(fakes, slots: options.poolSize)
        let critic = try recorder.normalized(discriminator)
        let judgement = try recorder.judge(critic, fakes: shown, reals: reals)
        let penalty = try recorder.penalty(critic, reals: b, fakes: fake, judgeable)
        try recorder.update([discriminator], minimizing: judgement + penalty)

        (adversarial, matching) = try recorder.fool(discriminator, fakes: fakes, reals: reals)
      }
      var reconstruction = try recorder.reconstruct(
        fake, b, weights: weights, takesPixels: teacher == nil || objective.pixelWeight > 0)
      if let (teacher, generator) = teacher {
        reconstruction += try recorder.follow(fake, recorder.show(generator, a), teacher.weights)
      }
      try recorder.update([generator], minimizing: adversarial + reconstruction + matching)
    }
  }
}

extension Pix2Pix.Options {
  /// Throws `ModelError.option` naming the first option that is out of range.
  ///
  /// - Parameter configuration: of the networks that are trained
  func validate(_ configuration: NetworkConfiguration?) throws(ModelError) {
    var run = TrainingOptions()
    (run.batchSize, run.objective, run.poolSize) = (batchSize, objective, poolSize)
    run.weights = isWeighted ? "" : nil
    run.distillation = teacher.map { Distillation(teacher: "", weights: $0.weights) }
    try run.validate(.objective)
    let batch = TrainingOptions.row("--batch-size")
    if let reason = batch.problem(run) { throw .option(batch.name, reason) }
    guard configuration.map({ $0.output == objective.output }) ?? true else {
      throw .option(
        "--objective",
        "\(objective.kind.rawValue) asks for a generator that ends in \(objective.output.rawValue)")
    }
  }
}
