import Tape

/// The losses of one training step, by the names of the PyTorch version. G_L1 includes its weight.
public struct Losses: Sendable, Equatable {
  public var gGAN: Double
  public var gL1: Double
  public var dReal: Double
  public var dFake: Double

  public static let names = ["G_GAN", "G_L1", "D_real", "D_fake"]
  public var values: [Double] { [gGAN, gL1, dReal, dFake] }
  public var isFinite: Bool { values.allSatisfy(\.isFinite) }
}

/// The default pix2pix on a tape: the training step as section "train", the generator alone as "translate".
///
/// The step: fake = G(A); D on (A, fake) and (A, B) with L_D = (BCE(fake, 0) + BCE(real, 1)) / 2 and Adam on D;
/// then L_G = BCE(D(A, fake), 1) + lambda mean|fake - B| through the updated D, and Adam on G.
public struct Pix2Pix {
  /// What a step is besides its networks.
  public struct Options: Sendable, Codable, Equatable {
    public var batchSize = 1
    public var lambdaL1: Float = 100
    /// Results of forward passes that the backward passes make again rather than find in memory; none when nil.
    public var recomputation: Recomputation?

    public init() {}
  }

  /// Which pictures, masks and statistics the recorded sections use.
  public struct Sections: OptionSet, Sendable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }
    public static let train = Sections(rawValue: 1)
    public static let translate = Sections(rawValue: 2)
  }

  /// Handles of the training step.
  public struct Training: Sendable {
    /// A and B, [N, C, size, size] in [-1, 1].
    public let input: Tensor
    public let target: Tensor
    public let fake: Tensor
    public let lossDFake: Tensor
    public let lossDReal: Tensor
    public let lossGGAN: Tensor
    /// Without its weight.
    public let lossL1: Tensor
    public let generatorModules: [ModuleOutput]
    /// D on fake and on real, one batch behind the other.
    public let judgingModules: [ModuleOutput]
    /// D on fake again with updated weights.
    public let judgedModules: [ModuleOutput]
    /// One per parameter, in the order of `generator.parameters` and `discriminator.parameters`.
    public let generatorGradients: [Tensor]
    public let discriminatorGradients: [Tensor]
    /// Masks to be given, by module name; empty when they are drawn.
    public let masks: [String: Tensor]
  }

  /// Handles of the generator alone.
  public struct Translation: Sendable {
    /// [1, C, size, size]
    public let input: Tensor
    public let output: Tensor
  }

  /// The moments of one parameter.
  public struct Moments: Sendable {
    public let parameter: NamedTensor
    public let first: Tensor
    public let second: Tensor
  }

  public let configuration: NetworkConfiguration
  public let options: Options
  public let recording: Recording
  public let schedule: Tensor
  public let generator: UNet
  public let discriminator: PatchGAN?
  public let moments: [Moments]
  public let training: Training?
  public let translation: Translation?

  /// Records the sections asked for.
  ///
  /// - Parameters:
  ///   - givenMasks: dropout masks are inputs of the training step instead of being drawn
  ///   - translationStatistics: where norms of "translate" take their statistics
  ///   - translationDropout: whether "translate" drops; the paper does
  public init(
    _ configuration: NetworkConfiguration, _ options: Options = Options(), sections: Sections,
    givenMasks: Bool = false, translationStatistics: NormStatistics = .batch, translationDropout: Bool = true
  ) throws {
    try configuration.validate()
    guard (1...256).contains(options.batchSize) else {
      throw ModelError.option("batch size", "\(options.batchSize) is not from 1 to 256")
    }
    guard options.lambdaL1.isFinite, options.lambdaL1 >= 0 else {
      throw ModelError.option("lambda L1", "\(options.lambdaL1) is not a finite number from 0 on")
    }
    self.configuration = configuration
    self.options = options
    let tape = Tape()
    let schedule = tape.schedule()
    let generator = UNet(configuration, on: tape)
    var training: Training?
    var moments: [Moments] = []
    var discriminator: PatchGAN?
    if sections.contains(.train) {
      let judge = PatchGAN(configuration, on: tape)
      discriminator = judge
      training = try tape.section("train") {
        try Self.recordStep(
          configuration, options, generator, judge, on: tape, schedule, givenMasks: givenMasks,
          moments: &moments)
      }
    }
    if sections.contains(.translate) {
      let size = configuration.size
      let input = tape.input("translate.A", [1, configuration.inputChannels, size, size])
      translation = try tape.section("translate") {
        let pass = try generator.record(
          input, on: tape,
          dropout: translationDropout
            ? .drawn(schedule: schedule, firstStream: Self.translationStream) : .off,
          statistics: translationStatistics, training: false)
        tape.keep(pass.output)
        return Translation(input: input, output: pass.output)
      }
    } else {
      translation = nil
    }
    self.schedule = schedule
    self.generator = generator
    self.discriminator = discriminator
    self.training = training
    self.moments = moments
    let recording = tape.freeze()
    self.recording = options.recomputation.map(recording.recomputing) ?? recording
  }

  /// Random streams: the training step's masks from 0 on, those of translation from here.
  private static let translationStream: UInt32 = 1000

  private static func recordStep(
    _ configuration: NetworkConfiguration, _ options: Options, _ generator: UNet, _ discriminator: PatchGAN,
    on tape: Tape, _ schedule: Tensor, givenMasks: Bool, moments: inout [Moments]
  ) throws -> Training {
    let (n, size) = (options.batchSize, configuration.size)
    let input = tape.input("input.A", [n, configuration.inputChannels, size, size])
    let target = tape.input("input.B", [n, configuration.outputChannels, size, size])
    var masks: [String: Tensor] = [:]
    if givenMasks {
      for module in generator.dropoutModules {
        masks[module.name] = tape.input("mask.G.\(module.name)", Shape([n] + module.shape))
      }
    }
    let dropout: UNet.Dropout =
      givenMasks ? .given(masks) : .drawn(schedule: schedule, firstStream: 0)
    let generated = try generator.record(input, on: tape, dropout: dropout, training: true)
    let fake = generated.output
    let fakePair = try tape.concatenation([input, fake])
    let realPair = try tape.concatenation([input, target])

    func update(_ parameters: [NamedTensor], _ gradients: [Tensor], _ network: String) throws {
      for (parameter, gradient) in zip(parameters, gradients) {
        let first = tape.state("adam.m.\(network).\(parameter.name)", parameter.tensor.shape)
        let second = tape.state("adam.v.\(network).\(parameter.name)", parameter.tensor.shape)
        try tape.scope("\(network).\(parameter.name)") {
          try tape.adam(
            parameter.tensor, gradient: gradient, firstMoment: first, secondMoment: second,
            schedule: schedule)
        }
        moments.append(Moments(parameter: parameter, first: first, second: second))
      }
    }

    // The discriminator: two passes with separate norm statistics, together so that its weights are read once. The
    // path to the generator is not followed, since only D's gradients are asked for.
    let pairs = try tape.batchConcatenation([fakePair, realPair])
    let judging = try discriminator.record(pairs, passes: 2, on: tape, training: true)
    let logits = try tape.batchSplit(judging.logits, [n, n])
    let dFake = tape.logitLoss(.crossEntropy(target: 0), logits[0])
    let dReal = tape.logitLoss(.crossEntropy(target: 1), logits[1])
    let discriminatorGradients = try tape.gradients(
      of: [(dFake, 0.5), (dReal, 0.5)], withRespectTo: discriminator.parameters.map(\.tensor))
    try update(discriminator.parameters, discriminatorGradients, "D")

    // The generator, through the discriminator just updated.
    let judged = try tape.scope("judged") { try discriminator.record(fakePair, on: tape, training: true) }
    let gGAN = tape.logitLoss(.crossEntropy(target: 1), judged.logits)
    let l1 = try tape.pixelLoss(.l1, fake, target)
    let generatorGradients = try tape.gradients(
      of: [(gGAN, 1), (l1, options.lambdaL1)], withRespectTo: generator.parameters.map(\.tensor))
    try update(generator.parameters, generatorGradients, "G")

    for tensor in [fake, dFake, dReal, gGAN, l1] { tape.keep(tensor) }
    return Training(
      input: input, target: target, fake: fake, lossDFake: dFake, lossDReal: dReal, lossGGAN: gGAN,
      lossL1: l1, generatorModules: generated.modules,
      judgingModules: judging.modules, judgedModules: judged.modules,
      generatorGradients: generatorGradients, discriminatorGradients: discriminatorGradients, masks: masks)
  }

  /// The losses of the last step that ran.
  public func losses(_ executor: any Executor) throws -> Losses {
    guard let training else { preconditionFailure("no training step was recorded") }
    func value(_ tensor: Tensor) throws -> Double { Double(try executor.read(tensor)[0]) }
    return Losses(
      gGAN: try value(training.lossGGAN), gL1: try value(training.lossL1) * Double(options.lambdaL1),
      dReal: try value(training.lossDReal), dFake: try value(training.lossDFake))
  }
}
