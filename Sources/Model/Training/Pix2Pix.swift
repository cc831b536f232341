import Tape

/// The losses of one training step by their names: G_GAN, G_L1 and what else the generator's objective has, each with its
/// weight, and D_real and D_fake, without the paper's half.
public struct Losses: Sendable, Equatable {
  public var names: [String]
  public var values: [Double]

  public init(names: [String], values: [Double]) {
    precondition(names.count == values.count, "a value to each name")
    self.names = names
    self.values = values
  }

  public subscript(name: String) -> Double? { names.firstIndex(of: name).map { values[$0] } }

  /// The names of those that are NaN or infinite.
  public var notFinite: [String] { zip(names, values).filter { !$0.1.isFinite }.map(\.0) }
}

/// pix2pix on a tape: the training step as section "train", the generator alone as "translate".
///
/// The default step: fake = G(A); D on (A, fake) and (A, B) with L_D = (BCE(fake, 0) + BCE(real, 1)) / 2 and Adam on D;
/// then L_G = BCE(D(A, fake), 1) + lambda mean|fake - B| through the updated D, and Adam on G. Other objectives leave
/// parts of it out or take other losses.
public struct Pix2Pix {
  /// What a step is besides its networks.
  public struct Options: Sendable, Codable, Equatable {
    public var batchSize = 1
    public var objective = Objective()
    /// Whether pixels of a target count by weights of their own.
    public var isWeighted = false
    /// Earlier outputs that the discriminator may be shown in place of new ones (Shrivastava et al. 2017).
    public var poolSize = 0
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

  /// One of the losses of a step: a scalar, and what it counts under its name. Several may share a name.
  public struct LossTerm: Sendable {
    public let kind: LossKind
    public var name: String { kind.name }
    public let tensor: Tensor
    public let factor: Float
  }

  /// Handles of the training step.
  public struct Training: Sendable {
    /// A and B, [N, C, H, W] of the padded size, pictures in [-1, 1].
    public let input: Tensor
    public let target: Tensor
    /// How much each pixel of the target counts, [N, 1, H, W].
    public let weights: Tensor?
    /// The pool of earlier outputs, [S, C, H, W], and the values of `ImagePoolChoice`s for a step.
    public let pool: (images: Tensor, choices: Tensor)?
    public let fake: Tensor
    /// The generator's first, in the order of reports.
    public let losses: [LossTerm]
    /// Each once, in that order.
    public var lossKinds: [LossKind] {
      losses.map(\.kind).reduce(into: []) { kinds, kind in if !kinds.contains(kind) { kinds.append(kind) } }
    }
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
    /// [1, C, H, W] of the padded size
    public let input: Tensor
    public let output: Tensor
    /// What the generator's last layer reads, where it is kept; and the activation that comes between.
    public let features: (tensor: Tensor, activation: Activation)?
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
  public let generator: any Generator
  public let discriminator: Discriminator?
  public let moments: [Moments]
  public let training: Training?
  public let translation: Translation?

  /// What is kept besides parameters, moments and running statistics: what power iterations start from, a pool's images.
  public var states: [NamedTensor] {
    (discriminator?.singularVectors ?? [])
      + (training?.pool.map { [NamedTensor(name: "pool.images", tensor: $0.images)] } ?? [])
  }

  /// Records the sections asked for.
  ///
  /// - Parameters:
  ///   - givenMasks: dropout masks are inputs of the training step instead of being drawn
  ///   - translationStatistics: where norms of "translate" take their statistics
  ///   - translationDropout: whether "translate" drops; the paper does
  ///   - keepsFeatures: what the last layer of "translate" reads can be read
  public init(
    _ configuration: NetworkConfiguration, _ options: Options = Options(), sections: Sections,
    givenMasks: Bool = false, translationStatistics: NormStatistics = .batch, translationDropout: Bool = true,
    keepsFeatures: Bool = false
  ) throws {
    try configuration.validate()
    guard (1...256).contains(options.batchSize) else {
      throw ModelError.option("batch size", "\(options.batchSize) is not from 1 to 256")
    }
    try options.objective.validate()
    guard (0...1000).contains(options.poolSize), options.poolSize == 0 || options.objective.isAdversarial
    else {
      throw ModelError.option(
        "--pool",
        "\(options.poolSize) pictures are not from 0 to 1000, with an objective that has a discriminator")
    }
    guard !sections.contains(.train) || configuration.output == options.objective.output else {
      throw ModelError.option(
        "--objective",
        "\(options.objective.kind.rawValue) asks for a generator that ends in \(options.objective.output.rawValue)"
      )
    }
    guard !options.isWeighted || options.objective.pixelDistance != nil else {
      throw ModelError.option("--weights", "--objective \(options.objective.kind.rawValue) has no pixel loss")
    }
    self.configuration = configuration
    self.options = options
    let tape = Tape()
    let schedule = tape.schedule()
    let generator = configuration.makeGenerator(on: tape)
    var training: Training?
    var moments: [Moments] = []
    var discriminator: Discriminator?
    if sections.contains(.train) {
      if options.objective.isAdversarial {
        let inputs = options.objective.isConditional ? configuration.inputChannels : 0
        discriminator = Discriminator(
          configuration, channels: inputs + configuration.outputChannels, on: tape)
      }
      training = try tape.section("train") {
        try Self.recordStep(
          configuration, options, generator, discriminator, on: tape, schedule, givenMasks: givenMasks,
          moments: &moments)
      }
    }
    if sections.contains(.translate) {
      let size = configuration.paddedSize
      let input = tape.input("translate.A", [1, configuration.inputChannels, size.height, size.width])
      translation = try tape.section("translate") {
        let pass = try generator.record(
          Self.withNoise(input, configuration, on: tape, schedule, stream: Self.translationStream), on: tape,
          dropout: translationDropout
            ? .drawn(schedule: schedule, firstStream: Self.translationStream) : .off,
          statistics: translationStatistics, training: false)
        tape.keep(pass.output)
        if keepsFeatures { tape.keep(pass.features.tensor) }
        return Translation(
          input: input, output: pass.output,
          features: keepsFeatures ? (pass.features.tensor, pass.features.activation) : nil)
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
  /// And behind masks.
  private static let (noiseStream, mixStream): (UInt32, UInt32) = (900, 901)

  /// The generator's input: noise beside the picture, where there is any.
  private static func withNoise(
    _ input: Tensor, _ configuration: NetworkConfiguration, on tape: Tape, _ schedule: Tensor, stream: UInt32
  ) throws(TapeError) -> Tensor {
    guard configuration.noiseChannels > 0 else { return input }
    let (x, channels) = (input.shape, configuration.noiseChannels)
    return try tape.scope("G.noise") { () throws(TapeError) in
      let noise = try tape.gaussianNoise(
        [x.n, channels, x.h, x.w], stream: stream + noiseStream, schedule: schedule)
      return try tape.concatenation([input, noise])
    }
  }

  private static func recordStep(
    _ configuration: NetworkConfiguration, _ options: Options, _ generator: any Generator,
    _ discriminator: Discriminator?, on tape: Tape, _ schedule: Tensor, givenMasks: Bool,
    moments: inout [Moments]
  ) throws -> Training {
    let (n, size, objective) = (options.batchSize, configuration.paddedSize, options.objective)
    let input = tape.input("input.A", [n, configuration.inputChannels, size.height, size.width])
    let target = tape.input("input.B", [n, configuration.outputChannels, size.height, size.width])
    let weights = options.isWeighted ? tape.input("input.weights", [n, 1, size.height, size.width]) : nil
    var pool: (images: Tensor, choices: Tensor)?
    var masks: [String: Tensor] = [:]
    if givenMasks {
      for module in generator.dropoutModules {
        masks[module.name] = tape.input("mask.G.\(module.name)", Shape([n] + module.shape))
      }
    }
    let dropout: Dropout = givenMasks ? .given(masks) : .drawn(schedule: schedule, firstStream: 0)
    let generated = try generator.record(
      withNoise(input, configuration, on: tape, schedule, stream: 0), on: tape, dropout: dropout,
      statistics: .batch, training: true)
    let fake = generated.output

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

    var generatorLosses = WeightedLosses()
    var featureLosses = WeightedLosses()
    var discriminatorLosses = WeightedLosses()
    var discriminatorGradients: [Tensor] = []
    var (judgingModules, judgedModules): ([ModuleOutput], [ModuleOutput]) = ([], [])
    if let discriminator {
      /// What the discriminator sees of a picture.
      func judgeable(_ picture: Tensor) throws(TapeError) -> Tensor {
        objective.isConditional ? try tape.concatenation([input, picture]) : picture
      }
      let fakePair = try judgeable(fake)
      let realPair = try judgeable(target)
      var shownPair = fakePair
      if options.poolSize > 0 {
        let shape = fakePair.shape
        let images = tape.state(
          "pool.images", [options.poolSize, shape.c, shape.h, shape.w], kind: .activation)
        let choices = tape.input("pool.choices", [2 * n], kind: .vector)
        pool = (images, choices)
        shownPair = try tape.scope("pool") { () throws(TapeError) in
          try tape.imagePool(fakePair, pool: images, choices: choices)
        }
      }

      // The discriminator: two passes with separate norm statistics, together so that its weights are read once. The
      // path to the generator is not followed, since only D's gradients are asked for.
      let judge = try discriminator.normalized(on: tape)
      let pairs = try tape.batchConcatenation([shownPair, realPair])
      let judging = try judge.record(pairs, passes: 2, on: tape, training: true)
      judgingModules = judging.flatMap(\.modules)
      let logits = try judging.map { pass throws(TapeError) in try tape.batchSplit(pass.logits, [n, n]) }
      for (part, isReal) in [(0, false), (1, true)] {
        let term = objective.judging(real: isReal)
        for logits in logits {
          discriminatorLosses.add(
            isReal ? .real : .fake, tape.logitLoss(term.kind, logits[part]), factor: term.sign,
            weight: objective.judgingWeight)
        }
      }
      if objective.gradientPenalty > 0 {
        let penalty = try tape.scope("penalty") {
          try recordPenalty(of: judge, target, fake, judgeable, on: tape, schedule)
        }
        discriminatorLosses.add(.gradientPenalty, penalty, factor: objective.gradientPenalty)
      }
      discriminatorGradients = try tape.gradients(
        of: discriminatorLosses.objective, withRespectTo: discriminator.parameters.map(\.tensor))
      try update(discriminator.parameters, discriminatorGradients, "D")

      // The generator, through the discriminator just updated.
      let updated = try tape.scope("judged") { try discriminator.normalized(on: tape) }
      let judged = try tape.scope("judged") { try updated.record(fakePair, on: tape, training: true) }
      judgedModules = judged.flatMap(\.modules)
      for pass in judged {
        let term = objective.fooling
        generatorLosses.add(
          .generatorGAN, tape.logitLoss(term.kind, pass.logits), factor: term.sign * objective.lambdaGAN)
      }
      if objective.lambdaFeatureMatching > 0 {
        let real = try tape.scope("matched") { try updated.record(realPair, on: tape, training: false) }
        for (fakes, reals) in zip(judged, real) {
          // The weights of pix2pixHD.
          let factor = objective.lambdaFeatureMatching * 4 / Float(fakes.features.count * judged.count)
          for (a, b) in zip(fakes.features, reals.features) {
            let loss = try tape.scope("matched") {
              try tape.pixelLoss(.l1, tape.activated(a, .leakyReLU), tape.activated(b, .leakyReLU))
            }
            featureLosses.add(.featureMatching, loss, factor: factor)
          }
        }
      }
    }
    if let distance = objective.pixelDistance {
      let loss =
        try weights.map { try tape.weightedPixelLoss(distance, fake, target, weights: $0) }
        ?? tape.pixelLoss(distance, fake, target)
      generatorLosses.add(.pixels(distance), loss, factor: objective.pixelWeight)
    }
    if objective.kind == .crossEntropy {
      generatorLosses.add(.crossEntropy, try tape.softmaxCrossEntropy(fake, target: target), factor: 1)
    }
    for term in PictureTerm.all {
      let weight = objective[weightOf: term.loss.name]
      if weight > 0 { generatorLosses.add(term.loss, try term.record(tape, fake, target), factor: weight) }
    }
    generatorLosses.add(featureLosses)
    let generatorGradients = try tape.gradients(
      of: generatorLosses.objective, withRespectTo: generator.parameters.map(\.tensor))
    try update(generator.parameters, generatorGradients, "G")

    let judgements = [LossKind.real, .fake, .gradientPenalty].flatMap { kind in
      discriminatorLosses.terms.filter { $0.kind == kind }
    }
    let losses = generatorLosses.terms + judgements
    for tensor in [fake] + losses.map(\.tensor) { tape.keep(tensor) }
    return Training(
      input: input, target: target, weights: weights, pool: pool, fake: fake, losses: losses,
      generatorModules: generated.modules,
      judgingModules: judgingModules, judgedModules: judgedModules,
      generatorGradients: generatorGradients, discriminatorGradients: discriminatorGradients, masks: masks)
  }

  /// Records the gradient penalty: the mean of (|g| - 1)^2 for the gradients g of each picture's logits, summed, with
  /// respect to the picture, at random points between real pictures and fakes. The input beside it stays as it is.
  private static func recordPenalty(
    of discriminator: Discriminator, _ target: Tensor, _ fake: Tensor,
    _ judgeable: (Tensor) throws(TapeError) -> Tensor, on tape: Tape, _ schedule: Tensor
  ) throws(TapeError) -> Tensor {
    let point = try tape.mix(target, fake, stream: mixStream, schedule: schedule)
    let passes = try discriminator.record(judgeable(point), on: tape, training: false)
    let sums = passes.map { (loss: tape.logitLoss(.linear, $0.logits), weight: Float($0.logits.shape.count)) }
    return try tape.gradientPenalty(tape.gradients(of: sums, withRespectTo: [point])[0])
  }

  /// The sum that a network minimises, and how it is reported.
  private struct WeightedLosses {
    private(set) var terms: [LossTerm] = []
    private(set) var objective: [(loss: Tensor, weight: Float)] = []

    /// - Parameters:
    ///   - factor: of the loss in reports
    ///   - weight: of what is reported in the sum
    mutating func add(_ kind: LossKind, _ loss: Tensor, factor: Float, weight: Float = 1) {
      terms.append(LossTerm(kind: kind, tensor: loss, factor: factor))
      objective.append((loss, weight * factor))
    }

    mutating func add(_ other: Self) {
      terms += other.terms
      objective += other.objective
    }
  }

  /// The losses of the last step that ran.
  public func losses(_ executor: any Executor) throws -> Losses {
    guard let training else { preconditionFailure("no training step was recorded") }
    let names = training.lossKinds.map(\.name)
    let values = try names.map { name in
      try training.losses.filter { $0.name == name }.reduce(0.0) { sum, term in
        sum + Double(try executor.read(term.tensor)[0]) * Double(term.factor)
      }
    }
    return Losses(names: names, values: values)
  }
}
