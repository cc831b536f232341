import Tape

/// Records a training step from the pieces that models are made of: draw, judge, fool, reconstruct, update.
///
/// It keeps the lists of a `RecordedStep` on the way: networks, inputs, losses and translations.
public final class StepRecorder {
  public let tape = Tape()
  public let schedule: Tensor
  public let objective: Objective
  /// Whether dropout masks are inputs of the step instead of being drawn.
  private let givenMasks: Bool
  private var networks: [Network] = []
  private var frozen: [Network] = []
  private var generators: [NetworkLabel] = []
  private var states: [NamedTensor] = []
  private var inputs: [StepInput] = []
  private var losses: [LossTerm] = []
  private var sections: [String] = []
  private var translations: [Translation] = []
  private var trainingPasses = 0
  private var mixes = 0
  private var codes = 0
  private var encoding: Encoding?

  public init(_ objective: Objective, givenMasks: Bool = false) {
    self.objective = objective
    self.givenMasks = givenMasks
    schedule = tape.schedule()
  }

  /// Records a section of the training step.
  public func section<T, E: Error>(_ name: String = SectionName.train, _ body: () throws(E) -> T) throws(E)
    -> T
  {
    sections.append(name)
    return try tape.section(name, body)
  }

  // MARK: Networks and inputs

  /// Declares a generator.
  public func generator(_ configuration: NetworkConfiguration, _ label: NetworkLabel) -> any Generator {
    let generator = configuration.makeGenerator(label, on: tape)
    networks.append(Network(generator))
    generators.append(label)
    return generator
  }

  /// Declares a generator that is not trained.
  public func frozenGenerator(_ configuration: NetworkConfiguration, _ label: NetworkLabel) -> any Generator {
    let generator = configuration.makeGenerator(label, on: tape)
    frozen.append(Network(generator))
    return generator
  }

  /// Declares a discriminator of pictures with so many channels.
  public func discriminator(
    _ configuration: NetworkConfiguration, channels: Int, _ label: NetworkLabel
  ) -> Discriminator {
    let discriminator = Discriminator(configuration, channels: channels, label, on: tape)
    networks.append(Network(discriminator))
    return discriminator
  }

  /// Declares an encoder of the generator's pictures.
  public func encoder(_ configuration: NetworkConfiguration, _ label: NetworkLabel) -> Encoder {
    let encoder = Encoder(configuration, label, on: tape)
    networks.append(Network(encoder))
    return encoder
  }

  /// Changes the entry of a declared network.
  private func change(_ label: NetworkLabel, _ body: (inout Network) -> Void) {
    guard let index = networks.firstIndex(where: { $0.label == label }) else {
      preconditionFailure("\(label.name) is no network of this step")
    }
    body(&networks[index])
  }

  /// An input that its source fills before every replay.
  public func input(_ name: String, _ shape: Shape, _ source: StepInput.Source) -> Tensor {
    let kind: TensorKind = if case .pool = source { .vector } else { .activation }
    let tensor = tape.input(name, shape, kind: kind)
    inputs.append(StepInput(tensor: tensor, source: source))
    return tensor
  }

  // MARK: The pieces of a step

  /// Records a generator's pass in training over pictures [N, C, H, W].
  public func draw(_ generator: any Generator, _ pictures: Tensor) throws(TapeError) -> Tensor {
    try draw(generator, [pictures])[0]
  }

  /// Records a generator's passes in training over several batches of pictures, [N, C, H, W] each.
  ///
  /// They go through it as one batch, so that its weights are read once; norms take statistics of each by itself.
  ///
  /// - Parameter codes: of each pass, [N, K, 1, 1], where the generator takes any
  public func draw(
    _ generator: any Generator, _ passes: [Tensor], codes: [Tensor] = []
  ) throws(TapeError) -> [Tensor] {
    let pictures = passes.count == 1 ? passes[0] : try tape.batchConcatenation(passes)
    let code = codes.count > 1 ? try tape.batchConcatenation(codes) : codes.first
    var dropout: Dropout
    let streams = RandomStreams.training(pass: trainingPasses)
    trainingPasses += 1
    if givenMasks {
      var masks: [String: Tensor] = [:]
      for module in generator.dropoutModules {
        let shape = Shape([pictures.shape.n] + module.shape)
        masks[module.name] = input("mask.\(generator.label.name).\(module.name)", shape, .mask)
      }
      dropout = .given(masks)
    } else {
      dropout = .drawn(schedule: schedule, streams: streams)
    }
    let pass = try generator.record(
      withNoise(pictures, code, generator, streams), code: code, passes: passes.count, on: tape,
      dropout: dropout, statistics: .batch, training: true)
    tape.keep(pass.output)
    change(generator.label) { $0.randomStreams.append(streams) }
    let counts = passes.map(\.shape.n)
    var first = 0
    for count in counts {
      note([(pass.modules, first..<first + count)], of: generator.label)
      first += count
    }
    return passes.count == 1 ? [pass.output] : try tape.batchSplit(pass.output, counts)
  }

  /// Records an encoder's pass in training over pictures [N, C, H, W].
  ///
  /// - Parameter isHeld: the pass gives the encoder's parameters no gradient
  public func encode(
    _ encoder: Encoder, _ pictures: Tensor, isHeld: Bool = false
  ) throws(TapeError) -> Encoder.Pass {
    let pass = try tape.holdingParameters(isHeld) { () throws(TapeError) in
      try encoder.record(pictures, on: tape, training: true)
    }
    note([(pass.modules, nil)], of: encoder.label)
    return pass
  }

  /// Records codes of standard normal numbers [N, K, 1, 1], drawn anew at every replay.
  public func randomCodes(_ count: Int, _ latent: LatentCode) throws(TapeError) -> Tensor {
    let stream = RandomStreams.training(pass: codes).code
    codes += 1
    return try tape.scope("code") { () throws(TapeError) in
      try tape.gaussianNoise([count, latent.length, 1, 1], stream: stream, schedule: schedule)
    }
  }

  /// Records codes drawn from an encoder's Gaussians: mu + s e, with e from a standard normal distribution (Kingma and Welling
  /// 2014).
  public func sampledCodes(_ pass: Encoder.Pass, _ latent: LatentCode) throws(TapeError) -> Tensor {
    let noise = try randomCodes(pass.mean.shape.n, latent)
    return try tape.scope("code") { () throws(TapeError) in
      let half = try tape.combination(0.5, pass.logVariance, 0, pass.logVariance)
      return try tape.combination(1, pass.mean, 1, tape.multiply(tape.apply(.exp, half), noise))
    }
  }

  /// Records a discriminator's weights as they are now, divided by their spectral norms where it has them.
  public func normalized(_ discriminator: Discriminator) throws(TapeError) -> Discriminator {
    try discriminator.normalized(on: tape)
  }

  /// Exchanges a batch of fakes with a pool of earlier ones (Shrivastava et al. 2017).
  ///
  /// - Returns: the images that the discriminator is shown; `images` where there are no slots
  public func pool(_ images: Tensor, slots: Int, _ name: String = "pool") throws(TapeError) -> Tensor {
    guard slots > 0 else { return images }
    let shape = images.shape
    let pool = tape.state("\(name).images", [slots, shape.c, shape.h, shape.w], kind: .activation)
    let choices = input(
      "\(name).choices", [2 * shape.n], .pool(StepInput.Pool(images: pool, number: states.count)))
    states.append(NamedTensor(name: "\(name).images", tensor: pool))
    return try tape.scope(name) { () throws(TapeError) in
      try tape.imagePool(images, pool: pool, choices: choices)
    }
  }

  /// Records the discriminator's losses of fakes and of reals.
  ///
  /// Both go through it as one batch, so that its weights are read once; norms take statistics of each by itself.
  ///
  /// - Parameters:
  ///   - critic: a `normalized` discriminator
  ///   - name: in the losses' names, where it is not the critic's
  ///   - weight: of the losses in the discriminator's objective, where it is not that of the paper
  public func judge(
    _ critic: Discriminator, fakes: Tensor, reals: Tensor, named name: String? = nil, weight: Float? = nil
  ) throws(TapeError) -> WeightedLosses {
    let name = name ?? critic.label.name
    let pictures = try tape.batchConcatenation([fakes, reals])
    let passes = try critic.record(pictures, passes: 2, on: tape, training: true)
    let counts = [fakes.shape.n, reals.shape.n]
    let modules = passes.flatMap(\.modules)
    note([(modules, 0..<counts[0]), (modules, counts[0]..<counts[0] + counts[1])], of: critic.label)
    let logits = try passes.map { pass throws(TapeError) in try tape.batchSplit(pass.logits, counts) }
    let (fake, real) = (objective.judging(real: false), objective.judging(real: true))
    let fakeLosses = logits.map { tape.logitLoss(fake.kind, $0[0]) }
    let realLosses = logits.map { tape.logitLoss(real.kind, $0[1]) }
    var losses = WeightedLosses()
    for (kind, term, tensors) in [("real", real, realLosses), ("fake", fake, fakeLosses)] {
      for tensor in tensors {
        losses.add(
          LossKind("\(name)_\(kind)", .discriminator), tensor, factor: term.sign,
          weight: weight ?? objective.judgingWeight)
      }
    }
    return losses
  }

  /// Records the gradient penalty (Gulrajani et al. 2017): the mean of (|g| - 1)^2 for the gradients g of each picture's
  /// logits, summed, with respect to the picture, at random points between real pictures and fakes.
  ///
  /// - Parameters:
  ///   - critic: a `normalized` discriminator
  ///   - judgeable: the critic's input for a picture
  public func penalty(
    _ critic: Discriminator, reals: Tensor, fakes: Tensor, named name: String? = nil,
    _ judgeable: (Tensor) throws(TapeError) -> Tensor
  ) throws(TapeError) -> WeightedLosses {
    var losses = WeightedLosses()
    guard objective.gradientPenalty > 0 else { return losses }
    let stream = RandomStreams.training(pass: mixes).mix
    mixes += 1
    let penalty = try tape.scope("penalty") { () throws(TapeError) in
      let point = try tape.mix(reals, fakes, stream: stream, schedule: schedule)
      let passes = try critic.record(judgeable(point), on: tape, training: false)
      let sums = passes.map {
        (loss: tape.logitLoss(.linear, $0.logits), weight: Float($0.logits.shape.count))
      }
      return try tape.gradientPenalty(tape.gradients(of: sums, withRespectTo: [point])[0])
    }
    losses.add(
      LossKind("\(name ?? critic.label.name)_GP", .discriminator), penalty, factor: objective.gradientPenalty)
    return losses
  }

  /// Records the generator's losses of a discriminator's judgement of fakes: the adversarial loss and, where the objective
  /// has it, the difference to the discriminator's features of real pictures (Wang et al. 2018, pix2pixHD).
  ///
  /// - Parameters:
  ///   - name: the losses' names begin with it
  ///   - branch: the adversarial loss' name ends with it
  ///   - matches: whether the pictures have the real ones for targets
  public func fool(
    _ discriminator: Discriminator, fakes: Tensor, reals: Tensor, _ name: String = "G", branch: String = "",
    matches: Bool = true
  ) throws(TapeError) -> (adversarial: WeightedLosses, matching: WeightedLosses) {
    var (adversarial, matching) = (WeightedLosses(), WeightedLosses())
    let critic = try tape.scope("judged") { () throws(TapeError) in try normalized(discriminator) }
    let judged = try tape.scope("judged") { () throws(TapeError) in
      try critic.record(fakes, on: tape, training: true)
    }
    note([(judged.flatMap(\.modules), nil)], of: discriminator.label)
    let term = objective.fooling
    for pass in judged {
      adversarial.add(
        LossKind("\(name)_GAN\(branch)", .adversarial), tape.logitLoss(term.kind, pass.logits),
        factor: term.sign * objective.lambdaGAN)
    }
    guard matches, objective.lambdaFeatureMatching > 0 else { return (adversarial, matching) }
    let matched = try tape.scope("matched") { () throws(TapeError) in
      try critic.record(reals, on: tape, training: false)
    }
    for (fake, real) in zip(judged, matched) {
      // The weights of pix2pixHD.
      let factor = objective.lambdaFeatureMatching * 4 / Float(fake.features.count * judged.count)
      for (a, b) in zip(fake.features, real.features) {
        let loss = try tape.scope("matched") { () throws(TapeError) in
          try tape.pixelLoss(.l1, tape.activated(a, .leakyReLU), tape.activated(b, .leakyReLU))
        }
        matching.add(LossKind("\(name)_FM", .reconstruction), loss, factor: factor)
      }
    }
    return (adversarial, matching)
  }

  /// Records the losses of a picture beside its target.
  ///
  /// - Parameters:
  ///   - weights: of the target's pixels, [N, 1, H, W]
  ///   - takesPixels: whether the objective's pixel loss is one of them
  public func reconstruct(
    _ picture: Tensor, _ target: Tensor, weights: Tensor? = nil, takesPixels: Bool = true,
    _ name: String = "G"
  ) throws(TapeError) -> WeightedLosses {
    var losses = WeightedLosses()
    if let distance = objective.pixelDistance, takesPixels {
      let loss =
        if let weights { try tape.weightedPixelLoss(distance, picture, target, weights: weights) } else {
          try tape.pixelLoss(distance, picture, target)
        }
      losses.add(
        LossKind("\(name)_\(distance.rawValue)", .reconstruction), loss, factor: objective.pixelWeight)
    }
    if objective.kind == .crossEntropy {
      losses.add(
        LossKind("\(name)_CE", .reconstruction), try tape.softmaxCrossEntropy(picture, target: target),
        factor: 1)
    }
    for term in PictureTerm.all {
      let weight = objective[weightOf: term.loss.name]
      guard weight > 0 else { continue }
      losses.add(term.loss.of(name), try term.record(tape, picture, target), factor: weight)
    }
    return losses
  }

  /// Records a frozen generator's pass over pictures [N, C, H, W] as in use: nothing is dropped, and norms take statistics of
  /// every picture by itself, whatever the batch.
  public func show(_ generator: any Generator, _ pictures: Tensor) throws(TapeError) -> Tensor {
    let pass = try generator.record(
      pictures, code: nil, passes: pictures.shape.n, on: tape, dropout: .off, statistics: .batch,
      training: false)
    tape.keep(pass.output)
    return pass.output
  }

  /// Records the losses of a picture beside its teacher's.
  func follow(
    _ picture: Tensor, _ teachers: Tensor, _ weights: Distillation.Weights
  ) throws(TapeError) -> WeightedLosses {
    var losses = WeightedLosses()
    for term in TeacherTerm.all where term.weight(weights) > 0 {
      let loss = try tape.scope(Teacher.label.name) { () throws(TapeError) in
        try term.record(tape, picture, teachers, weights.radius)
      }
      losses.add(term.loss, loss, factor: term.weight(weights))
    }
    return losses
  }

  /// Records the gradients of an objective and a step of Adam for every parameter of the networks.
  public func update(_ trained: [any DeclaredNetwork], minimizing objective: WeightedLosses) throws(TapeError)
  {
    losses += objective.terms
    let parameters = trained.flatMap(\.parameters)
    var gradients = try tape.gradients(
      of: objective.objective, withRespectTo: parameters.map(\.tensor))[...]
    for network in trained {
      let own = Array(gradients.prefix(network.parameters.count))
      gradients = gradients.dropFirst(own.count)
      let moments = try zip(network.parameters, own).map { parameter, gradient throws(TapeError) in
        try adam(parameter, gradient, network.label)
      }
      change(network.label) { ($0.gradients, $0.moments) = (own, moments) }
    }
  }

  private func adam(
    _ parameter: NamedTensor, _ gradient: Tensor, _ label: NetworkLabel
  ) throws(TapeError) -> Moments {
    func moment(_ kind: String) -> NamedTensor {
      let name = "adam.\(kind).\(label.name).\(parameter.name)"
      return NamedTensor(name: name, tensor: tape.state(name, parameter.tensor.shape))
    }
    let (first, second) = (moment("m"), moment("v"))
    try tape.scope("\(label.name).\(parameter.name)") { () throws(TapeError) in
      try tape.adam(
        parameter.tensor, gradient: gradient, firstMoment: first.tensor, secondMoment: second.tensor,
        schedule: schedule)
    }
    return Moments(first: first, second: second)
  }

  // MARK: Translation

  /// Records a generator alone, in a section of its own.
  ///
  /// - Parameters:
  ///   - drops: whether dropout stays on
  ///   - keepsFeatures: whether the input of the last layer can be read
  public func translation(
    _ generator: any Generator, section: String = SectionName.translate,
    _ configuration: NetworkConfiguration, statistics: NormStatistics = .batch, drops: Bool = true,
    keepsFeatures: Bool = false
  ) throws(TapeError) {
    let streams = RandomStreams.translation(translations.count)
    let size = configuration.paddedSize
    let input = tape.input(
      "\(section).A", [1, configuration.inputChannels, size.height, size.width])
    let code = configuration.latent.map { tape.input("\(section).code", [1, $0.length, 1, 1]) }
    let pass = try tape.section(section) { () throws(TapeError) in
      try generator.record(
        withNoise(input, code, generator, streams), code: code, passes: 1, on: tape,
        dropout: drops ? .drawn(schedule: schedule, streams: streams) : .off, statistics: statistics,
        training: false)
    }
    tape.keep(pass.output)
    if keepsFeatures { tape.keep(pass.features.tensor) }
    change(generator.label) { $0.randomStreams.append(streams) }
    translations.append(
      Translation(
        section: section, input: input, output: pass.output, code: code,
        features: keepsFeatures ? (pass.features.tensor, pass.features.activation) : nil,
        schedule: schedule, framing: configuration.framing))
  }

  /// Records an encoder alone, in a section of its own.
  ///
  /// - Parameter statistics: of its norms
  public func encoding(
    _ encoder: Encoder, _ configuration: NetworkConfiguration
  ) throws(TapeError) {
    let (section, size) = (SectionName.encode, configuration.paddedSize)
    let input = tape.input(
      "\(section).B", [1, configuration.outputChannels, size.height, size.width])
    let pass = try tape.section(section) { () throws(TapeError) in
      try encoder.record(input, on: tape, training: false)
    }
    tape.keep(pass.mean)
    encoding = Encoding(section: section, input: input, code: pass.mean, framing: configuration.framing)
  }

  // MARK: The recorded step

  /// Ends the recording.
  public func finish(recomputing recomputation: Recomputation? = nil) -> RecordedStep {
    let losses =
      losses.filter { $0.kind.family != .discriminator } + losses.filter { $0.kind.family == .discriminator }
    for loss in losses { tape.keep(loss.tensor) }
    let recording = tape.freeze()
    return RecordedStep(
      recording: recomputation.map(recording.recomputing) ?? recording, schedule: schedule,
      networks: networks, frozen: frozen, states: states, inputs: inputs, losses: losses, sections: sections,
      translations: translations, encoding: encoding, generators: generators)
  }

  /// The generator's input: noise and maps of codes beside the pictures, where it takes any.
  private func withNoise(
    _ pictures: Tensor, _ code: Tensor?, _ generator: any Generator, _ streams: RandomStreams
  ) throws(TapeError) -> Tensor {
    let x = pictures.shape
    var parts = [pictures]
    if generator.noiseChannels > 0 {
      parts.append(
        try tape.scope("\(generator.label.name).noise") { () throws(TapeError) in
          try tape.gaussianNoise(
            [x.n, generator.noiseChannels, x.h, x.w], stream: streams.noise, schedule: schedule)
        })
    }
    if let code {
      parts.append(
        try tape.scope("\(generator.label.name).code") { () throws(TapeError) in
          try tape.broadcast(code, to: (x.h, x.w))
        })
    }
    guard parts.count > 1 else { return pictures }
    return try tape.scope("\(generator.label.name).\(code == nil ? "noise" : "code")") {
      () throws(TapeError) in
      try tape.concatenation(parts)
    }
  }

  /// Adds the module outputs of passes that move running statistics.
  ///
  /// - Parameter passes: their modules, and the images of each where several went through the modules together
  private func note(_ passes: [(modules: [ModuleOutput], images: Range<Int>?)], of label: NetworkLabel) {
    change(label) { network in
      for (modules, images) in passes {
        network.modules += modules.map { module in
          var module = module
          module.pass = network.passesPerStep
          module.images = images ?? module.images
          return module
        }
        network.passesPerStep += 1
      }
    }
  }
}

/// The names of the sections of recordings.
public enum SectionName {
  public static let train = "train"
  public static let translate = "translate"
  public static let encode = "encode"
}
