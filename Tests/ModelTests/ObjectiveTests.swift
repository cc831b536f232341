import Foundation
import Model
import Random
import Tape
import Testing

/// Every objective and architecture as a whole: what a step reports, and the gradients it trains with.
@Suite struct ObjectiveTests {
  struct Case: Sendable, CustomStringConvertible {
    let description: String
    let change: @Sendable (inout NetworkConfiguration, inout Objective) -> Void

    init(
      _ description: String,
      _ change: @escaping @Sendable (inout NetworkConfiguration, inout Objective) -> Void
    ) {
      self.description = description
      self.change = change
    }

    func model() throws -> Pix2Pix {
      var network = try NetworkConfiguration(size: 32, ngf: 2, ndf: 2, norm: .instance)
      var options = Pix2Pix.Options()
      options.batchSize = 2
      change(&network, &options.objective)
      return try Pix2Pix(network, options, sections: .train)
    }
  }

  static let cases: [Case] =
    Objective.Kind.allCases.map { kind in Case(kind.rawValue) { $1.kind = kind } }
    + Objective.GANLoss.allCases.map { loss in Case(loss.rawValue) { $1.ganLoss = loss } }
    + [
      Case("minimax") { $1.minimax = true },
      Case("weights") { ($1.lambdaGAN, $1.lambdaL1) = (0.25, 3) },
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

  /// The gradients of both networks against central differences of what the step reports, in Double, along a random
  /// direction of all parameters together. Measured: at most 4e-8.
  @Test(arguments: cases) func gradients(_ testCase: Case) throws {
    let model = try testCase.model()
    let executor = ReferenceExecutor(model.recording, precision: .float64)
    try model.initialize(executor, .kaiming, seed: 3)
    let training = try #require(model.training)
    // No learning: the generator's loss is taken through the discriminator as it was.
    executor.write(Schedule(step: 0, learningRate: 0, seed: 1).values, to: model.schedule)
    for (offset, tensor) in [training.input, training.target].enumerated() {
      executor.write((0..<tensor.shape.count).map { sin(Double($0 * (3 + offset))) }, to: tensor)
    }
    try executor.run(section: "train")
    let objective = model.options.objective
    var networks = [("G", model.generator.parameters, training.generatorGradients, 1.0)]
    if let discriminator = model.discriminator {
      let weight = objective.ganLoss == .wgan ? 1 : 0.5
      networks.append(("D", discriminator.parameters, training.discriminatorGradients, weight))
    }
    #expect((networks.count == 2) == objective.isAdversarial)
    for (network, parameters, gradients, weight) in networks {
      let values = parameters.map { executor.readDouble($0.tensor) }
      let directions = parameters.enumerated().map { index, parameter in
        (0..<parameter.tensor.shape.count).map { sin(Double(7 * $0 + 13 * index + 1)) }
      }
      let slope = zip(gradients, directions).reduce(0) { sum, pair in
        sum + zip(executor.readDouble(pair.0), pair.1).reduce(0) { $0 + $1.0 * $1.1 }
      }
      func loss(at distance: Double) throws -> Double {
        for (parameter, (values, direction)) in zip(parameters, zip(values, directions)) {
          executor.write(zip(values, direction).map { $0 + distance * $1 }, to: parameter.tensor)
        }
        try executor.run(section: "train")
        return training.losses.filter { $0.name.hasPrefix(network) }.reduce(0) {
          $0 + weight * Double($1.factor) * executor.readDouble($1.tensor)[0]
        }
      }
      let step = 1e-6
      let difference = (try loss(at: step) - loss(at: -step)) / (2 * step)
      _ = try loss(at: 0)
      let error = abs(slope - difference) / abs(difference)
      #expect(
        error <= 2e-7, "\(testCase), \(network): \(slope), by differences \(difference), error \(error)")
    }
  }

  /// What is reported, from the logits and pictures by the formulas of the papers.
  @Test(arguments: cases) func reports(_ testCase: Case) throws {
    let model = try testCase.model()
    let executor = ReferenceExecutor(model.recording, precision: .float64)
    try model.initialize(executor, .kaiming, seed: 3)
    try trainStep(model, executor, step: 0)
    let training = try #require(model.training)
    let objective = model.options.objective
    let losses = try model.losses(executor)
    var expected: [String: Double] = [:]
    func mean(_ values: some Collection<Double>) -> Double { values.reduce(0, +) / Double(values.count) }
    if let judging = training.judgingModules.last, let judged = training.judgedModules.last {
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
    let pairs = zip(executor.readDouble(training.fake), executor.readDouble(training.target))
    let lambda = Double(objective.lambdaL1)
    switch objective.kind {
    case .l1, .cganL1, .ganL1: expected["G_L1"] = lambda * mean(pairs.map { abs($0 - $1) })
    case .l2: expected["G_L2"] = lambda * mean(pairs.map { ($0 - $1) * ($0 - $1) })
    case .gan, .cgan: break
    }
    #expect(Set(losses.names) == Set(expected.keys) && losses.names.count == expected.count)
    for (name, value) in zip(losses.names, losses.values) {
      // Read as Float. Measured: at most 6e-8.
      let error = try abs(value - #require(expected[name])) / abs(value)
      #expect(error <= 1.2e-7, "\(testCase), \(name): \(value), error \(error)")
    }
  }

  /// With the judged picture alone the input must not matter to the discriminator.
  @Test func unconditionalDiscriminatorsDoNotSeeTheInput() throws {
    for kind in [Objective.Kind.gan, .ganL1, .cgan, .cganL1] {
      let model = try Case("") { $1.kind = kind }.model()
      let weight = try #require(model.discriminator?.parameters.first)
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
    let patch = PatchGAN(network, channels: 2, on: tape)
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
