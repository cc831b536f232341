import Foundation
import ImageMetrics
import Images
import Model
import Random
import Tape
import Testing

/// The step of BicycleGAN beside PyTorch's, finite differences and formulas.
@Suite struct BicycleGANTests {
  static func step(
    _ change: (inout NetworkConfiguration, inout BicycleGAN.Options) -> Void = { _, _ in }
  ) throws -> BicycleGAN {
    var network = try NetworkConfiguration(size: 32, ngf: 2, ndf: 2, norm: .instance)
    (network.dropout, network.discriminatorLayers, network.latent) = (false, 1, LatentCode(length: 3))
    var options = BicycleGAN.Options()
    change(&network, &options)
    return try BicycleGAN(network, options)
  }

  /// Two runs of PyTorch in float64, by Fixtures/make_bicycle_golden.py. The largest error is 0.14 of its bound, which is
  /// ten times PyTorch's own in float32.
  @Test(arguments: ["bicycle", "bicycle-conditional"]) func agreesWithPyTorch(_ name: String) throws {
    let result = try goldenRun(name)
    // Two pictures, two times two heads of the encoder, and three passes of each discriminator, at two scales in the first run.
    #expect(result.rows.count { $0.kind == .forward } == (name == "bicycle" ? 6 + 12 : 6 + 6))
    #expect(result.rows.count { $0.kind == .loss } == 3 * 9)
  }

  typealias Case = StepCase<BicycleGAN.Options>

  static let cases = [
    Case("as it is") { _, _ in },
    Case("conditional, batch of four, large weights") { network, options in
      (options.objective.kind, options.batchSize) = (.cganL1, 4)
      options.weights = .init(latent: 5, divergence: 0.5)
    },
    Case("codes beside the picture alone, noise, batch norm") { network, options in
      (network.latent, network.noiseChannels, network.norm) = (
        LatentCode(length: 2, place: .input), 1, .batch
      )
    },
    Case("ResNet, 36 pixels") { network, options in
      (network.generator, network.size) = (.resnet6, PictureSize(width: 36, height: 40))
      network.latent?.place = .input
    },
    Case("no latent term") { $1.weights.latent = 0 },
    Case("no divergence, no norm") { ($1.weights.divergence, $0.norm) = (0, .none) },
    Case("SSIM, edges, feature matching, weights of pixels, pool") { network, options in
      (options.isWeighted, options.poolSize, options.objective.lambdaFeatureMatching) = (true, 2, 3)
      options.objective[weightOf: "G_SSIM"] = 2
      options.objective[weightOf: "G_edges"] = 4
    },
    Case("hinge, spectral norm") { ($0.spectralNorm, $1.objective.ganLoss) = (true, .hinge) },
    Case("conditional wgan with gradient penalty") { network, options in
      (options.objective.kind, options.objective.ganLoss, options.objective.gradientPenalty) = (
        .cganL1, .wgan, 10
      )
    },
  ]

  /// The gradients of each network against central differences of what the step reports, along a direction of all parameters.
  /// The latent term is none of the encoder's. Measured: at most 1.9e-7, of the ResNet; the others 7.5e-8.
  @Test(arguments: cases) func gradients(_ testCase: Case) throws {
    let step = try Self.step(testCase.change)
    let executor = try unlearning(step)
    for _ in 0..<(step.networks.allSatisfy(\.states.isEmpty) ? 0 : 300) { try executor.run(section: "train") }
    for name in ["G", "E", "D", "D2"] {
      let comparison = try SlopeComparison([try #require(step.network(name))], of: step, on: executor) {
        term in
        switch name {
        case "G": term.name.hasPrefix("G") ? 1 : 0
        case "E": term.name.hasPrefix("G") && term.name != "G_latent" ? 1 : 0
        case "D": term.name.hasPrefix("D") && !term.name.hasPrefix("D_random") ? 1 : 0
        default: term.name.hasPrefix("D_random") ? 1 : 0
        }
      }
      #expect(comparison.error <= 1e-6, "\(testCase), \(name): \(comparison)")
    }
  }

  /// With the latent term alone the encoder stays as it is, byte for byte, and the generator does not.
  @Test func theLatentTermLeavesTheEncoder() throws {
    let step = try Self.step { _, options in
      (options.objective.lambdaGAN, options.objective.pixelWeight, options.weights.divergence) = (0, 0, 0)
    }
    let executor = ReferenceExecutor(step.recording)
    try step.initialize(executor, .kaiming, seed: 3)
    executor.write(Schedule(step: 0, learningRate: 0.01, seed: 1).values, to: step.schedule)
    write(pictures: step, executor)
    func values(_ name: String) throws -> [[Float]] {
      try #require(step.network(name)).parameters.map { executor.read($0.tensor) }
    }
    let (encoder, generator) = (try values("E"), try values("G"))
    try executor.run(section: "train")
    #expect(try values("E") == encoder)
    #expect(try values("G") != generator)
  }

  /// Networks whose last weights are 0 answer with their last bias, whatever they are shown: every loss is then a formula of
  /// the pictures.
  @Test func lossesOfConstantNetworks() throws {
    let step = try Self.step { network, options in
      (network.scales, options.batchSize, options.weights) = (2, 4, .init(latent: 3, divergence: 0.25))
    }
    let executor = try unlearning(step)
    let (mean, logVariance, picture) = (0.4, -0.6, 0.3)
    let answers = [
      "model.model.3.bias": atanh(picture), "E.fc.0.bias": mean, "E.fcVar.0.bias": logVariance,
      "D.model.5.bias": 0.7,
      "D.scale1.model.5.bias": 0.2, "D2.model.5.bias": -0.1, "D2.scale1.model.5.bias": 0.4,
    ]
    var found = 0
    for parameter in step.networks.flatMap(\.parameters) {
      let bias = parameter.name.replacingOccurrences(of: ".weight", with: ".bias")
      guard let answer = answers[bias] else { continue }
      found += 1
      executor.write(
        [Double](repeating: bias == parameter.name ? answer : 0, count: parameter.tensor.shape.count),
        to: parameter.tensor)
    }
    #expect(found == 2 * answers.count)
    try executor.run(section: "train")
    let targets = executor.readDouble(step.sides[1])
    let first = targets.prefix(targets.count / 2)
    // Two codes of half a batch: the second noise is the random codes.
    let noise = step.recording.steps.compactMap { $0.operation as? GaussianNoise }
    #expect(noise.map(\.output.shape) == [[2, 3, 1, 1], [2, 3, 1, 1]])
    let codes = executor.readDouble(noise[1].output)
    let expected = [
      "G_GAN": 0.09 + 0.64, "G_GAN_random": 1.21 + 0.36,
      "G_L1": 10 * first.reduce(0) { $0 + abs($1 - picture) } / Double(first.count),
      "G_KL": 0.25 * 6 * 0.5 * (mean * mean + exp(logVariance) - 1 - logVariance),
      "G_latent": 3 * codes.reduce(0) { $0 + abs($1 - mean) } / 6,
      "D_real": 0.09 + 0.64, "D_fake": 0.49 + 0.04, "D_random_real": 1.21 + 0.36,
      "D_random_fake": 0.01 + 0.16,
    ]
    let losses = try step.losses(executor)
    #expect(losses.names == step.lossKinds.map(\.name) && Set(losses.names) == Set(expected.keys))
    for (name, value) in zip(losses.names, losses.values) {
      let error = abs(value - (try #require(expected[name]))) / abs(value)
      // Read as Float. Measured: at most 3.4e-8.
      #expect(error <= 1.2e-7, "\(name): \(value), error \(error)")
    }
  }

  /// KL by its formula against a mean of the densities' logarithms over drawn numbers.
  @Test func divergenceIsThatOfGaussians() throws {
    let tape = Tape()
    let (mean, logVariance) = (tape.input("mean", [1, 2, 1, 1]), tape.input("log variance", [1, 2, 1, 1]))
    let kl = try tape.gaussianKL(mean: mean, logVariance: logVariance)
    let executor = ReferenceExecutor(tape.freeze(), precision: .float64)
    let (mu, v) = ([0.8, -1.5], [0.5, -1.2])
    executor.write(mu, to: mean)
    executor.write(v, to: logVariance)
    try executor.run(0..<executor.recording.steps.count)
    let noise = Philox(seed: 4).normals(count: 400_000, mean: 0, deviation: 1, stream: 0, purpose: 9)
    var sum = 0.0
    for (n, e) in noise.enumerated() {
      let (m, s) = (mu[n % 2], exp(v[n % 2] / 2))
      let z = m + s * Double(e)
      // log N(z; m, s) - log N(z; 0, 1)
      sum += (-Double(e) * Double(e) / 2 - log(s)) + z * z / 2
    }
    let drawn = sum / Double(noise.count / 2)
    let error = abs(drawn - executor.readDouble(kl)[0]) / drawn
    // Measured: 1.7e-3, of 200,000 numbers.
    #expect(error < 0.01)
  }

  @Test func weightsOfZero() throws {
    let none = try Self.step { $1.weights = .init(latent: 0, divergence: 0) }
    #expect(none.lossKinds.allSatisfy { $0.family != .code })
    #expect(none.network("E")?.passesPerStep == 1)
    #expect(try Self.step().network("E")?.passesPerStep == 2)
  }
}

/// Trainings with latent codes.
@Suite struct LatentTrainingTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    for (split, count) in [("train", 5), ("val", 2)] {
      let path = "\(folder.path)/data/\(split)"
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      for number in 0..<count {
        let samples = (0..<64 * 32 * 3).map { UInt8(($0 * (5 + number) + count * 40) % 251) }
        try Picture(width: 64, height: 32, channels: 3, samples: .eight(samples)).write(
          to: "\(path)/\(number).png")
      }
    }
  }

  private func options(_ words: [String: String] = [:]) throws -> TrainingOptions {
    try .tiny(["--data": "\(folder.path)/data", "--latent": "3"].merging(words) { $1 })
  }

  private func train(_ options: TrainingOptions, _ name: String, until stop: Int = .max) throws
    -> RunDirectory
  {
    try options.train(in: "\(folder.path)/\(name)", until: stop)
  }

  /// A run that stopped on the way ends with the bytes of one that did not; its strip shows three outputs of an input.
  @Test func resumesBitByBit() throws {
    let options = try options()
    let straight = try train(options, "straight")
    _ = try train(options, "resumed", until: 4)
    let resumed = try train(options, "resumed")
    func checkpoint(_ run: RunDirectory) throws -> Data {
      try Data(contentsOf: URL(fileURLWithPath: run.checkpoint(step: 6)))
    }
    #expect(try checkpoint(straight) == checkpoint(resumed))
    let strip = try Picture(contentsOf: straight.sample(step: 6))
    #expect(strip.width >= 5 * 32 && strip.height >= 2 * 32)
    #expect(try Checkpoint(path: straight.best).progress.best?.figure == "l1_encoded")
  }

  /// The figures of codes are what the checkpoint's translations and encodings make of the validation pairs.
  @Test func figuresAreThoseOfTheTranslations() throws {
    let run = try train(options(), "run")
    let checkpoint = try RunDirectory.readCheckpoint(of: run.path)
    let translator = try Translator(checkpoint) { ReferenceExecutor($0.recording) }
    var sums = [0.0, 0.0, 0.0]
    for index in 0..<2 {
      let pair = try Picture(contentsOf: "\(folder.path)/data/val/\(index).png")
      let (input, target) = (
        pair.cropped(x: 0, y: 0, width: 32, height: 32), pair.cropped(x: 32, y: 0, width: 32, height: 32)
      )
      func distance(_ a: Picture, _ b: Picture) -> Double { meanAbsoluteError(Pixels(a), Pixels(b)) }
      let inputs = [Translator.Input(input, path: "input")]
      let code = try translator.encode(.init(target, path: "target"))
      #expect(code.count == 3)
      sums[0] += distance(try translator.translate(inputs, index: index, code: code), target)
      let samples = try (0..<2).map { try translator.translate(inputs, index: index, sample: $0) }
      sums[1] += distance(samples[0], samples[1])
      let drawn = LatentCode.drawn(3, index: index, seed: 7)
      let step = try checkpoint.0.options.recordTranslation()
      let executor = ReferenceExecutor(step.recording)
      try checkpoint.0.restore(step, executor, path: checkpoint.path)
      let output = try step.translations[0](input.planes(), code: drawn, index: index, seed: 7, on: executor)
      let encoder = try checkpoint.0.options.recordEncoding()
      let encoding = try #require(encoder.encoding)
      let device = ReferenceExecutor(encoder.recording)
      try checkpoint.0.restore(encoder, device, path: checkpoint.path)
      let found = try encoding(output, on: device)
      sums[2] += zip(found, drawn).reduce(0) { $0 + Double(abs($1.0 - $1.1)) } / 3
    }
    let table = try String(contentsOfFile: run.validation, encoding: .utf8).split(separator: "\n")
    let names = table[0].split(separator: ",")
    let values = table[table.count - 1].split(separator: ",")
    for (kind, sum) in zip(FigureKind.ofCodes, sums) {
      let column = try #require(names.firstIndex(of: Substring(kind.key)))
      let value = try #require(Double(values[column]))
      // Measured: 0.
      #expect(abs(value - sum / 2) <= 1e-15 * value, "\(kind.key): \(value), expected \(sum / 2)")
    }
  }

  /// Another size has the same generator and no encoder; a code of another length is none of this model.
  @Test func sizesAndCodes() throws {
    let run = try train(options(), "run")
    let translator = try Translator(RunDirectory.readCheckpoint(of: run.path), size: .own) {
      ReferenceExecutor($0.recording)
    }
    let large = Picture(
      width: 48, height: 40, channels: 3, samples: .eight((0..<48 * 40 * 3).map { UInt8($0 % 251) }))
    let code = try translator.encode(.init(large, path: "large"))
    let inputs = [Translator.Input(large, path: "large")]
    let picture = try translator.translate(inputs, code: code)
    #expect((picture.width, picture.height) == (48, 40))
    #expect(try translator.translate(inputs, code: code.map { $0 + 3 }) != picture)
    #expect(throws: ModelError.self) { try translator.translate(inputs, code: [1]) }
  }

  /// The watch says what the losses' means say, once, and not before the codes had time.
  @Test func ignoredCodesAreSaid() throws {
    func warnings(_ divergence: Double, _ latent: Double, readings: Int) throws -> [String] {
      var watch = try #require(CodeWatch(options(["--batch-size": "4"])))
      var said: [String] = []
      for reading in 1...readings {
        watch.note(Losses(names: ["G_KL", "G_latent"], values: [divergence, latent]))
        if reading.isMultiple(of: 20) { said += [watch.warning()].compactMap(\.self) }
      }
      return said
    }
    // Two codes of three numbers: 0.06 nats are 0.01 a number, and weights are 0.01 and 0.5.
    #expect(try warnings(0.0005, 0.3, readings: 200).count == 1)
    #expect(try warnings(0.0005, 0.3, readings: 90) == [])
    #expect(try warnings(0.0007, 0.34, readings: 200) == [])
    #expect(try warnings(0.0005, 0.36, readings: 200).count == 2)
    #expect(try warnings(0.1, 0.36, readings: 200).first?.contains("by 0.720 a number") == true)
    #expect(CodeWatch(TrainingOptions()) == nil)
  }
}
