import Foundation
import Images
import Model
import Random
import Tape
import Testing

/// Every objective and architecture as a whole: what a step reports, and the gradients it trains with.
@Suite struct ObjectiveTests {
  struct Case: Sendable, CustomStringConvertible {
    let description: String
    let change: @Sendable (inout NetworkConfiguration, inout Pix2Pix.Options) -> Void

    init(
      _ description: String,
      _ change: @escaping @Sendable (inout NetworkConfiguration, inout Pix2Pix.Options) -> Void
    ) {
      self.description = description
      self.change = change
    }

    func model(sections: Pix2Pix.Sections = .train) throws -> Pix2Pix {
      var network = try NetworkConfiguration(size: 32, ngf: 2, ndf: 2, norm: .instance)
      var options = Pix2Pix.Options()
      options.batchSize = 2
      change(&network, &options)
      network.output = options.objective.output
      return try Pix2Pix(network, options, sections: sections)
    }
  }

  /// Those whose losses can be told from logits and pictures alone.
  static let plainCases: [Case] =
    Objective.Kind.allCases.map { kind in Case(kind.rawValue) { $1.objective.kind = kind } }
    + Objective.GANLoss.allCases.map { loss in Case(loss.rawValue) { $1.objective.ganLoss = loss } }
    + [
      Case("minimax") { $1.objective.minimax = true },
      Case("weights") { ($1.objective.lambdaGAN, $1.objective.pixelWeight) = (0.25, 3) },
      Case("encoder-decoder") { network, _ in network.generator = .encoderDecoder },
      Case("two levels, 64 x 40") { network, _ in
        (network.size, network.levels) = (PictureSize(width: 64, height: 40), 2)
      },
      Case("batch norm") { network, _ in network.norm = .batch },
      Case("no norm") { network, _ in network.norm = .none },
      Case("affine instance norm") { network, _ in network.affine = true },
      Case("no dropout") { network, _ in (network.levels, network.dropout) = (5, false) },
      Case("1 x 1 patches") { network, _ in network.discriminatorLayers = 0 },
      Case("16 x 16 patches") { network, _ in network.discriminatorLayers = 1 },
      Case("two channels to one") { network, _ in (network.inputChannels, network.outputChannels) = (2, 1) },
    ]
    + PictureTerm.all.map { term in
      Case(term.loss.name) { $1.objective[weightOf: term.loss.name] = 7 }
    }

  /// The losses of pictures and targets [N, C, H, W] that are rows: by a formula, or by the operation on its own, which
  /// TapeTests hold to PyTorch's numbers.
  static let pictureTerms: [String: @Sendable (_ x: [Double], _ t: [Double], Shape) throws -> Double] = [
    "G_SSIM": { x, t, shape in
      let tape = Tape()
      let (picture, target) = (tape.input("x", shape), tape.input("t", shape))
      let loss = try tape.ssimLoss(picture, target)
      let executor = ReferenceExecutor(tape.freeze(), precision: .float64)
      executor.write(x, to: picture)
      executor.write(t, to: target)
      executor.run(0..<executor.recording.steps.count)
      return executor.readDouble(loss)[0]
    },
    // Differences to the right and downwards, each with a mean of its own.
    "G_edges": { x, t, shape in
      func mean(_ step: Int, _ hasNext: (Int) -> Bool) -> Double {
        let places = x.indices.filter(hasNext)
        return places.reduce(0) { $0 + abs((x[$1 + step] - x[$1]) - (t[$1 + step] - t[$1])) }
          / Double(places.count)
      }
      return mean(1) { $0 % shape.w < shape.w - 1 } + mean(shape.w) { $0 / shape.w % shape.h < shape.h - 1 }
    },
  ]

  static let otherCases: [Case] = [
    Case("resnet-6") { network, _ in network.generator = .resnet6 },
    Case("resnet-9, resize, 40 x 32, batch norm") { network, _ in
      (network.generator, network.upsampling, network.norm) = (.resnet9, .resize, .batch)
      network.size = PictureSize(width: 40, height: 32)
    },
    Case("resize") { network, _ in network.upsampling = .resize },
    Case("two scales, feature matching") { network, options in
      (network.scales, network.discriminatorLayers) = (2, 2)
      options.objective.lambdaFeatureMatching = 10
    },
    Case("weighted pixels") { $1.isWeighted = true },
    Case("weighted pixels, L2") { ($1.isWeighted, $1.objective.kind) = (true, .l2) },
    Case("noise") { network, _ in network.noiseChannels = 2 },
    Case("pool") { $1.poolSize = 3 },
    Case("wgan with gradient penalty") { ($1.objective.ganLoss, $1.objective.gradientPenalty) = (.wgan, 10) },
    Case("gradient penalty, two scales, affine") { network, options in
      (network.scales, network.discriminatorLayers, network.affine) = (2, 2, true)
      options.objective.gradientPenalty = 3
    },
    Case("gradient penalty, batch norm, unconditional") { network, options in
      network.norm = .batch
      (options.objective.kind, options.objective.gradientPenalty) = (.gan, 3)
    },
    Case("gradient penalty, no norm") { network, options in
      (network.norm, network.discriminatorLayers) = (.none, 1)
      (options.objective.ganLoss, options.objective.gradientPenalty) = (.hinge, 1)
    },
    Case("teacher") { network, options in
      options.objective.pixelWeight = 0
      options.teacher = try? Teacher(network, of: network, .init())
    },
    Case("teacher, resnet-6, 40 x 32, batch norm, L1") { network, options in
      (network.size, network.levels, network.norm) = (PictureSize(width: 40, height: 32), 3, .batch)
      var teacher = network
      (teacher.generator, teacher.ngf) = (.resnet6, 3)
      options.objective.kind = .l1
      options.teacher = try? Teacher(teacher, of: network, .init(pixels: 2, high: 3000, radius: 0.5))
    },
    Case("spectral norm") { network, _ in (network.spectralNorm, network.norm) = (true, .none) },
    Case("spectral norm with gradient penalty") { network, options in
      (network.spectralNorm, network.discriminatorLayers) = (true, 2)
      options.objective.gradientPenalty = 3
    },
  ]

  /// The gradients of both networks against central differences of what the step reports, in Double, along a random
  /// direction of all parameters together. Measured: at most 4e-8.
  @Test(arguments: plainCases + otherCases) func gradients(_ testCase: Case) throws {
    let model = try testCase.model()
    let executor = ReferenceExecutor(model.recording, precision: .float64)
    try model.initialize(executor, .kaiming, seed: 3)
    // No learning: the generator's loss is taken through the discriminator as it was.
    executor.write(Schedule(step: 0, learningRate: 0, seed: 1).values, to: model.schedule)
    for input in model.inputs {
      let places = (0..<input.tensor.shape.count).map(Double.init)
      switch input.source {
      case .side(let side): executor.write(places.map { sin($0 * Double(3 + side)) }, to: input.tensor)
      case .weights: executor.write(places.map { (1 + sin($0)) / 2 }, to: input.tensor)
      case .pool(let pool):
        executor.write((0..<pool.images.shape.count).map { sin(Double($0)) }, to: pool.images)
        executor.write(
          ImagePoolChoice.values(of: [ImagePoolChoice(.swap, slot: 2), ImagePoolChoice(.store, slot: 0)]),
          to: input.tensor)
      case .mask: Issue.record("masks are drawn")
      }
    }
    // Spectral norm takes its singular vectors for constants, which is right where they are what the power iteration
    // comes to.
    for _ in 0..<(model.network("D")?.states.isEmpty ?? true ? 0 : 300) {
      try executor.run(section: "train")
    }
    let objective = model.options.objective
    #expect((model.networks.count == 2) == objective.isAdversarial)
    for network in model.networks {
      let name = network.label.name
      let half = name == "D" && objective.ganLoss != .wgan ? 0.5 : 1
      let comparison = try SlopeComparison([network], of: model, on: executor) { term in
        // The penalty is beside what is halved.
        term.name.hasPrefix(name) ? term.name == "D_GP" ? 1 : half : 0
      }
      #expect(comparison.error <= 2e-7, "\(testCase), \(name): \(comparison)")
    }
  }

  /// What is reported, from the logits and pictures by the formulas of the papers.
  @Test(arguments: plainCases) func reports(_ testCase: Case) throws {
    let model = try testCase.model()
    let executor = ReferenceExecutor(model.recording, precision: .float64)
    try model.initialize(executor, .kaiming, seed: 3)
    try trainStep(model, executor, step: 0)
    let fakeTensor = try #require(model.network("G")?.modules.last?.tensor)
    let objective = model.options.objective
    let losses = try model.losses(executor)
    var expected: [String: Double] = [:]
    func mean(_ values: some Collection<Double>) -> Double { values.reduce(0, +) / Double(values.count) }
    if let modules = model.network("D")?.modules, let judging = modules.last(where: { $0.pass == 0 }),
      let judged = modules.last
    {
      let logits = executor.readDouble(judging.tensor)
      let (fake, real) = (logits.prefix(logits.count / 2), logits.suffix(logits.count / 2))
      let fooled = executor.readDouble(judged.tensor)
      func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }
      let (dReal, dFake, gGAN): (Double, Double, Double)
      switch objective.ganLoss {
      case .bce:
        dReal = mean(real.map { -log(sigmoid($0)) })
        dFake = mean(fake.map { -log(1 - sigmoid($0)) })
        gGAN = mean(fooled.map { objective.minimax ? log(1 - sigmoid($0)) : -log(sigmoid($0)) })
      case .lsgan:
        dReal = mean(real.map { ($0 - 1) * ($0 - 1) })
        dFake = mean(fake.map { $0 * $0 })
        gGAN = mean(fooled.map { ($0 - 1) * ($0 - 1) })
      case .hinge:
        dReal = mean(real.map { max(0, 1 - $0) })
        dFake = mean(fake.map { max(0, 1 + $0) })
        gGAN = -mean(fooled)
      case .wgan: (dReal, dFake, gGAN) = (-mean(real), mean(fake), -mean(fooled))
      }
      expected = ["D_real": dReal, "D_fake": dFake, "G_GAN": Double(objective.lambdaGAN) * gGAN]
    }
    let pairs = zip(executor.readDouble(fakeTensor), executor.readDouble(model.sides[1]))
    let lambda = Double(objective.pixelWeight)
    switch objective.kind {
    case .l1, .cganL1, .ganL1: expected["G_L1"] = lambda * mean(pairs.map { abs($0 - $1) })
    case .l2: expected["G_L2"] = lambda * mean(pairs.map { ($0 - $1) * ($0 - $1) })
    case .gan, .cgan: break
    case .crossEntropy:
      let (logits, target) = (executor.readDouble(fakeTensor), executor.readDouble(model.sides[1]))
      let (classes, area) = (fakeTensor.shape.c, fakeTensor.shape.h * fakeTensor.shape.w)
      expected["G_CE"] = mean(
        (0..<logits.count / classes).map { pixel in
          let places = (0..<classes).map { pixel / area * classes * area + $0 * area + pixel % area }
          let total = places.reduce(0) { $0 + exp(logits[$1]) }
          return places.reduce(0) { $0 - target[$1] * log(exp(logits[$1]) / total) }
        })
    }
    for term in PictureTerm.all where objective[weightOf: term.loss.name] > 0 {
      let formula = try #require(Self.pictureTerms[term.loss.name], "\(term.loss.name) has no formula here")
      let value = try formula(
        executor.readDouble(fakeTensor), executor.readDouble(model.sides[1]), fakeTensor.shape)
      expected[term.loss.name] = Double(objective[weightOf: term.loss.name]) * value
    }
    #expect(Set(losses.names) == Set(expected.keys) && losses.names.count == expected.count)
    for (name, value) in zip(losses.names, losses.values) {
      // Read as Float. Measured: at most 6e-8.
      let error = try abs(value - #require(expected[name])) / abs(value)
      #expect(error <= 1.2e-7, "\(testCase), \(name): \(value), error \(error)")
    }
  }

  /// The chart of every loss, by hand.
  static let families: [String: LossKind.Family] = [
    "G_GAN": .adversarial, "G_L1": .reconstruction, "G_L2": .reconstruction, "G_CE": .reconstruction,
    "G_SSIM": .reconstruction, "G_edges": .reconstruction, "G_FM": .reconstruction, "D_real": .discriminator,
    "G_teacher": .teacher, "G_teacher_edges": .teacher, "G_teacher_high": .teacher,
    "D_fake": .discriminator, "D_GP": .discriminator,
  ]

  @Test func lossesAreOfTheirFamilies() throws {
    var seen: Set<String> = []
    for testCase in Self.plainCases + Self.otherCases {
      for kind in try testCase.model().lossKinds {
        #expect(Self.families[kind.name] == kind.family, "\(testCase): \(kind.name)")
        seen.insert(kind.name)
      }
    }
    #expect(seen == Set(Self.families.keys))
  }

  /// pix2pixHD's feature matching (Wang et al. 2018, equation 4 with the weights of their code): 10 times the mean over
  /// scales, and over layers with a factor of 4, of mean |D_i(target) - D_i(output)| behind LeakyReLU.
  @Test func featureMatching() throws {
    let model = try Case("") { network, options in
      (network.scales, network.discriminatorLayers) = (2, 2)
      options.objective.lambdaFeatureMatching = 10
    }.model()
    let executor = ReferenceExecutor(model.recording, precision: .float64)
    try model.initialize(executor, .kaiming, seed: 3)
    for (offset, tensor) in model.sides.enumerated() {
      executor.write((0..<tensor.shape.count).map { sin(Double($0 * (3 + offset))) }, to: tensor)
    }
    let judging = try #require(model.network("D")).modules.filter { $0.pass == 0 && $0.activation == .none }
    // No learning: the discriminator that is matched is the one that judged output and target.
    executor.write(Schedule(step: 0, learningRate: 0, seed: 1).values, to: model.schedule)
    try executor.run(section: "train")
    // The layers' results before their activation, norms being the last part of all but the first.
    let names = ["model.0", "model.3", "model.6"]
    let prefixes = ["", "scale1."]
    var sum = 0.0
    for name in prefixes.flatMap({ prefix in names.map { prefix + $0 } }) {
      let features = try #require(judging.first { $0.name == name })
      let values: [Double] = executor.readDouble(features.tensor).map { $0 > 0 ? $0 : 0.2 * $0 }
      // Outputs stand before targets.
      let half = values.count / 2
      let distance = (0..<half).reduce(0.0) { $0 + abs(values[$1] - values[half + $1]) }
      sum += distance / Double(half)
    }
    let expected = 10 * 4 * sum / Double(names.count * prefixes.count)
    let loss = try #require(try model.losses(executor)["G_FM"])
    // Read as Float, term by term. Measured: 2.9e-8.
    let error = abs(loss - expected) / expected
    #expect(error <= 2e-7, "\(loss), expected \(expected), error \(error)")
  }

  /// With the judged picture alone the input must not matter to the discriminator.
  @Test func unconditionalDiscriminatorsDoNotSeeTheInput() throws {
    for kind in [Objective.Kind.gan, .ganL1, .cgan, .cganL1] {
      let model = try Case("") { $1.objective.kind = kind }.model()
      let weight = try #require(model.network("D")?.parameters.first)
      #expect(weight.tensor.shape[1] == (kind == .gan || kind == .ganL1 ? 3 : 6))
    }
  }
}

/// How far a logit of the discriminator sees.
@Suite struct ReceptiveFieldTests {
  /// The gradient of one logit in the middle reaches exactly as many pixels on a side as the name says.
  @Test(arguments: NetworkConfiguration.receptiveFields.dropLast())
  func reaches(_ pixels: Int) throws {
    let layers = try #require(NetworkConfiguration.receptiveFields.firstIndex(of: pixels))
    var network = NetworkConfiguration()
    (network.discriminatorLayers, network.ndf, network.norm) = (layers, 1, .none)
    // Room around the patch, so that the edge does not cut it.
    let size = pixels + 1 + 4 << layers
    let tape = Tape()
    let pictures = tape.input("pictures", [1, 2, size, size])
    let patch = PatchGAN(network, channels: 2, NetworkLabel("D"), on: tape)
    let logits = try patch.record(pictures, on: tape, training: true).logits
    let chosen = tape.input("chosen", logits.shape)
    let loss = tape.logitLoss(.linear, try tape.multiply(logits, chosen))
    let gradient = try tape.gradients(
      of: [(loss, Float(logits.shape.count))], withRespectTo: [pictures])[0]
    let executor = ReferenceExecutor(tape.freeze(), precision: .float64)
    for (index, parameter) in patch.parameters.enumerated() {
      executor.write(
        (0..<parameter.tensor.shape.count).map { sin(Double($0 + index + 1)) }, to: parameter.tensor)
    }
    executor.write((0..<pictures.shape.count).map { sin(Double($0)) }, to: pictures)
    var one = [Double](repeating: 0, count: chosen.shape.count)
    one[logits.shape.h / 2 * logits.shape.w + logits.shape.w / 2] = 1
    executor.write(one, to: chosen)
    executor.run(0..<executor.recording.steps.count)
    let values = executor.readDouble(gradient)
    var (rows, columns): (Set<Int>, Set<Int>) = ([], [])
    for (index, value) in values.enumerated() where value != 0 {
      rows.insert(index / size % size)
      columns.insert(index % size)
    }
    for reached in [rows, columns] {
      #expect(reached.count == pixels)
      #expect(try #require(reached.max()) - #require(reached.min()) == pixels - 1)
    }
  }
}
