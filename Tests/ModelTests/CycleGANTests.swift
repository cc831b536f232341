import Foundation
import ImageMetrics
import Images
import Model
import Random
import Tape
import Testing

/// The step of CycleGAN beside PyTorch's, finite differences and formulas.
@Suite struct CycleGANTests {
  private func step(
    _ change: (inout NetworkConfiguration, inout CycleGAN.Options) -> Void = { _, _ in }
  ) throws -> CycleGAN {
    var network = try NetworkConfiguration(size: 32, ngf: 2, ndf: 2, norm: .instance)
    (network.generator, network.dropout, network.discriminatorLayers) = (.resnet6, false, 1)
    var options = CycleGAN.Options()
    change(&network, &options)
    return try CycleGAN(network, options)
  }

  /// Two runs of PyTorch in float64, by Fixtures/make_cycle_golden.py. The largest error is 0.21 of its bound, which is ten
  /// times PyTorch's own in float32.
  @Test(arguments: ["cycle", "cycle-without-identity"]) func agreesWithPyTorch(_ name: String) throws {
    let result = try goldenRun(name)
    // Six passes of the generators, or four, and three of each discriminator.
    #expect(result.rows.count { $0.kind == .forward } == (name == "cycle" ? 12 : 10))
    #expect(result.rows.count { $0.kind == .loss } == 3 * (name == "cycle" ? 10 : 8))
  }

  typealias Case = StepCase<CycleGAN.Options>

  static let cases = [
    Case("as it is") { _, _ in },
    Case("two weights, batch of two, batch norm") { network, options in
      (options.weights.cycleBack, options.weights.identity, options.batchSize) = (3, 0.25, 2)
      network.norm = .batch
    },
    Case("one way alone") { $1.weights.cycleBack = 0 },
    Case("without identity, other channels") { network, options in
      (network.inputChannels, options.weights.identity) = (1, 0)
    },
    Case("adversarial terms alone") { ($1.weights.cycle, $1.poolSize) = (0, 0) },
    Case("U-Net, hinge, spectral norm") { network, options in
      (network.generator, network.levels, network.spectralNorm) = (.unet, 5, true)
      options.objective.ganLoss = .hinge
    },
    Case("wgan with gradient penalty") { network, options in
      (options.objective.ganLoss, options.objective.gradientPenalty) = (.wgan, 10)
    },
  ]

  /// The gradients of G and F together, and of each discriminator, against central differences of what the step reports, along
  /// a direction of all parameters. Measured: at most 2e-8.
  @Test(arguments: cases) func gradients(_ testCase: Case) throws {
    let step = try step(testCase.change)
    let executor = try unlearning(step)
    for _ in 0..<(step.networks.allSatisfy(\.states.isEmpty) ? 0 : 300) { try executor.run(section: "train") }
    let isWasserstein = step.losses.contains { $0.name == "DB_GP" }
    for names in [["G_A", "G_B"], ["D_B"], ["D_A"]] {
      let networks = try names.map { try #require(step.network($0)) }
      let judge = names[0].replacingOccurrences(of: "_", with: "")
      let comparison = try SlopeComparison(networks, of: step, on: executor) { term in
        if names.count == 2 { return term.name.hasPrefix("D") ? 0 : 1 }
        return term.name.hasPrefix(judge) ? isWasserstein ? 1 : 0.5 : 0
      }
      #expect(comparison.error <= 2e-7, "\(testCase), \(names): \(comparison)")
    }
  }

  /// Generators and judges whose last weights are 0 answer with their last bias, whatever they are shown: every loss is then
  /// a formula of the pictures.
  @Test func lossesOfConstantNetworks() throws {
    let step = try step { $1.weights.cycleBack = 4 }
    let executor = try unlearning(step)
    let answers = ["G_A": 0.3, "G_B": -0.2, "D_B": 0.7, "D_A": 0.1]
    for network in step.networks {
      let (weight, bias) = (
        network.parameters[network.parameters.count - 2], network.parameters[network.parameters.count - 1]
      )
      let answer = try #require(answers[network.label.name])
      let isGenerator = network.label.name.hasPrefix("G")
      executor.write([Double](repeating: 0, count: weight.tensor.shape.count), to: weight.tensor)
      executor.write(
        [Double](repeating: isGenerator ? atanh(answer) : answer, count: bias.tensor.shape.count),
        to: bias.tensor)
    }
    try executor.run(section: "train")
    func distance(_ side: Int, _ value: Double) -> Double {
      let pixels = executor.readDouble(step.sides[side])
      return pixels.reduce(0) { $0 + abs($1 - value) } / Double(pixels.count)
    }
    // A constant picture goes there and comes back as the other generator's constant.
    let expected = [
      "G_GAN": 0.09, "F_GAN": 0.81, "cycle_A": 10 * distance(0, -0.2), "cycle_B": 4 * distance(1, 0.3),
      "identity_A": 5 * distance(0, -0.2), "identity_B": 2 * distance(1, 0.3),
      "DB_real": 0.09, "DB_fake": 0.49, "DA_real": 0.81, "DA_fake": 0.01,
    ]
    let losses = try step.losses(executor)
    #expect(losses.names == step.lossKinds.map(\.name) && Set(losses.names) == Set(expected.keys))
    for (name, value) in zip(losses.names, losses.values) {
      let error = abs(value - (try #require(expected[name]))) / abs(value)
      // Read as Float. Measured: at most 4.3e-8.
      #expect(error <= 1.2e-7, "\(name): \(value), error \(error)")
    }
  }

  /// A weight of 0 leaves passes and losses out: six passes of the generators, five or two.
  @Test(
    arguments: [(10, 10, 0.5, 6), (10, 0, 0.5, 4), (10, 10, 0, 4), (0, 0, 0.5, 2)]
      as [(Float, Float, Float, Int)])
  func weightsOfZero(_ cycle: Float, _ back: Float, _ identity: Float, _ passes: Int) throws {
    let step = try step { $1.weights = .init(cycle: cycle, cycleBack: back, identity: identity) }
    #expect(step.generators.compactMap { step.network($0.name)?.passesPerStep }.reduce(0, +) == passes)
    let names = Set(step.lossKinds.map(\.name))
    #expect(names.contains("cycle_A") == (cycle > 0) && names.contains("cycle_B") == (back > 0))
    #expect(names.contains("identity_A") == (cycle * identity > 0))
    #expect(names.contains("identity_B") == (back * identity > 0))
  }

  /// The pools' choices depend on seed and step alone, and not on each other.
  @Test func poolsAreApart() throws {
    let pools = try step().inputs.compactMap { input in
      if case .pool(let pool) = input.source { pool } else { nil }
    }
    #expect(pools.map(\.number) == [0, 1] && pools.allSatisfy { $0.images.shape == [50, 3, 32, 32] })
    func choices(_ number: Int) -> [[ImagePoolChoice]] {
      (50..<90).map { ImagePoolChooser(slots: 50, seed: 1, number: number).choices(images: 1, step: $0) }
    }
    #expect(choices(0) == choices(0) && choices(0) != choices(1))
  }
}

/// Trainings without pairs.
@Suite struct UnpairedTrainingTests {
  private let folder: TemporaryFolder

  /// Five pictures of A and three of B in trainA and trainB, gray and colour where asked for.
  init() throws {
    folder = try TemporaryFolder()
    try write("data/trainA", count: 5, shift: 0)
    try write("data/trainB", count: 3, shift: 90)
  }

  private func write(_ name: String, count: Int, shift: Int, channels: Int = 3) throws {
    let path = "\(folder.path)/\(name)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    for number in 0..<count {
      let samples = (0..<32 * 32 * channels).map { UInt8(($0 * (5 + number) + shift) % 251) }
      try Picture(width: 32, height: 32, channels: channels, samples: .eight(samples))
        .write(to: "\(path)/\(name.suffix(1))\(number).png")
    }
  }

  private func options(_ words: [String: String] = [:]) throws -> TrainingOptions {
    try .tiny(["--data": "\(folder.path)/data", "--unpaired": "on", "--pool": "2"].merging(words) { $1 })
  }

  private func train(
    _ options: TrainingOptions, _ name: String, until stop: Int = .max, features: FeatureNetwork? = nil
  ) throws -> RunDirectory {
    try options.train(in: "\(folder.path)/\(name)", until: stop, features: features)
  }

  /// A run that stopped on the way ends with the bytes of one that did not; it has a strip and both directions.
  @Test func resumesBitByBit() throws {
    try write("data/testA", count: 2, shift: 30)
    try write("data/testB", count: 3, shift: 60)
    let options = try options()
    let straight = try train(options, "straight")
    _ = try train(options, "resumed", until: 4)
    let resumed = try train(options, "resumed")
    func checkpoint(_ run: RunDirectory) throws -> Data {
      try Data(contentsOf: URL(fileURLWithPath: run.checkpoint(step: 6)))
    }
    #expect(try checkpoint(straight) == checkpoint(resumed))
    // Rows of three pictures for each direction, two of them.
    let strip = try Picture(contentsOf: straight.sample(step: 6))
    #expect(strip.width >= 6 * 32 && strip.height >= 2 * 32)
    let table = try String(contentsOfFile: straight.validation, encoding: .utf8).split(separator: "\n")
    #expect(table[0] == "step,epoch,\(FigureKind.ofCycles.map(\.key).joined(separator: ","))")
    let values = table[1].split(separator: ",").compactMap { Double($0) }
    #expect(values.count == 8 && abs(values[2] - (values[3] + values[4]) / 2) < 1e-9)
    #expect(try Checkpoint(path: straight.best).progress.best?.figure == "cycle_l1_noisy")
  }

  /// A cycle error is what two translations of the checkpoint make of a picture.
  @Test func cycleErrorsAreThoseOfTheTranslations() throws {
    try write("data/valA", count: 1, shift: 30)
    try write("data/valB", count: 1, shift: 60)
    let run = try train(options(), "run")
    let path = "\(folder.path)/data/valA/A0.png"
    let planes = try Picture(contentsOf: path).planes()
    let there = try RunDirectory.readCheckpoint(of: run.path, translating: .aToB)
    let back = try RunDirectory.readCheckpoint(of: run.path, translating: .bToA)
    func translate(_ checkpoint: (Checkpoint, path: String), _ planes: [Float]) throws -> [Float] {
      let step = try checkpoint.0.options.recordTranslation()
      let executor = ReferenceExecutor(step.recording)
      try checkpoint.0.restore(step, executor, path: checkpoint.path)
      return try step.translations[0](planes, index: 0, seed: 7, on: executor)
    }
    let result = try translate(back, translate(there, planes))
    let expected =
      zip(result, planes).reduce(0.0) { $0 + abs(Double($1.0) - Double($1.1)) } / Double(planes.count) * 127.5
    let table = try String(contentsOfFile: run.validation, encoding: .utf8).split(separator: "\n")
    let column = try #require(table[0].split(separator: ",").firstIndex(of: "cycle_l1_a"))
    let value = try #require(Double(table[table.count - 1].split(separator: ",")[column]))
    // Measured: 0.
    #expect(abs(value - expected) <= 1e-15 * expected)

    // The same of what 8 bits and noise of two levels leave of the picture between.
    let between = try translate(there, planes)
    let noise = Philox(seed: 7).normals(
      count: between.count, mean: 0, deviation: 2, stream: 0, purpose: 0xC1C1)
    let noisy = zip(between, noise).map { value, noise in
      let level = Float(Int((value + 1) * 127.5 + 0.5))
      return min(max((level + noise) / 127.5 - 1, -1), 1)
    }
    let expectedNoisy = CycleError.value(try translate(back, noisy), planes)
    let noisyColumn = try #require(table[0].split(separator: ",").firstIndex(of: "cycle_l1_noisy_a"))
    let noisyValue = try #require(Double(table[table.count - 1].split(separator: ",")[noisyColumn]))
    #expect(abs(noisyValue - expectedNoisy) <= 1e-15 * expectedNoisy && noisyValue != value)
  }

  /// Distances of what each generator draws from the domain's own, by the features of the checkpoint's translations.
  @Test func distancesOfBothDomains() throws {
    try write("data/valA", count: 3, shift: 30)
    try write("data/valB", count: 2, shift: 60)
    let file = try #require(
      Bundle.module.url(forResource: "vgg", withExtension: "safetensors", subdirectory: "Fixtures"))
    func network() throws -> FeatureNetwork { try FeatureNetwork(path: file.path) { ReferenceExecutor($0) } }
    let run = try train(options(), "run", features: network())
    let table = try String(contentsOfFile: run.validation, encoding: .utf8).split(separator: "\n")
    let names = table[0].split(separator: ",").map(String.init)
    let values = table[table.count - 1].split(separator: ",").map { Double($0) }
    #expect(
      names.suffix(4) == [
        "frechet_distance_a", "kernel_distance_a", "frechet_distance_b", "kernel_distance_b",
      ])
    for (direction, drawn, count) in [(Direction.aToB, "B", 3), (.bToA, "A", 2)] {
      let translator = try Translator(RunDirectory.readCheckpoint(of: run.path, translating: direction)) {
        ReferenceExecutor($0.recording)
      }
      let features = try network()
      func pictures(_ side: String, _ count: Int) throws -> [(Picture, String)] {
        try (0..<count).map {
          let path = "\(folder.path)/data/val\(side)/\(side)\($0).png"
          return (try Picture(contentsOf: path), path)
        }
      }
      let (source, own) = drawn == "B" ? ("A", try pictures("B", 2)) : ("B", try pictures("A", 3))
      let outputs = try pictures(source, count).enumerated().map { index, file in
        try features.features(
          of: translator.translate([.init(file.0, path: file.1)], index: index), name: "output")
      }
      let targets = try own.map { try features.features(of: $0.0, name: "target") }
      let column = try #require(names.firstIndex(of: "kernel_distance_\(drawn.lowercased())"))
      let expected = 1000 * kernelDistance(Features(outputs), Features(targets))
      // Measured: 0.
      #expect(abs(try #require(values[column]) - expected) <= 1e-15 * abs(expected))
      #expect(try #require(values[column - 1]) > 0)
    }
  }

  /// Other kinds on both sides: each generator draws its own.
  @Test func sidesOfDifferentChannels() throws {
    try write("gray/trainA", count: 2, shift: 0, channels: 1)
    try write("gray/trainB", count: 2, shift: 9)
    var options = try options(["--data": "\(folder.path)/gray"])
    try options.readFormat()
    #expect(throws: ModelError.option("--lambda-identity", "A has 1 channel and B 3; give 0")) {
      try options.validate()
    }
    let run = try train(
      self.options(["--data": "\(folder.path)/gray", "--lambda-identity": "0"]), "gray-run")
    for (direction, channels) in [(Direction.aToB, 3), (.bToA, 1)] {
      let translator = try Translator(RunDirectory.readCheckpoint(of: run.path, translating: direction)) {
        ReferenceExecutor($0.recording)
      }
      let side = direction == .aToB ? "A" : "B"
      let path = "\(folder.path)/gray/train\(side)/\(side)0.png"
      let picture = try translator.translate([.init(Picture(contentsOf: path), path: path)])
      #expect(picture.channels == channels)
    }
  }

  /// What can measure nothing is refused: a scorer needs pairs, a feature network pictures to validate with.
  @Test func whatMeasuresNothingIsRefused() throws {
    let data = "\(folder.path)/data"
    for (option, what) in [("--scorer", "pairs"), ("--feature-network", "pictures")] {
      let options = try options([option: "file"])
      #expect(throws: ModelError.option(option, "goes by validation \(what), and \(data) has none")) {
        _ = try train(options, "refused")
      }
    }
    try write("data/valA", count: 1, shift: 30)
    try write("data/valB", count: 1, shift: 60)
    #expect(throws: ModelError.option("--scorer", "goes by validation pairs, and \(data) has none")) {
      _ = try train(options(["--scorer": "file"]), "refused")
    }
  }

  @Test func aModelOfPairsHasOneDirection() throws {
    var options = TrainingOptions()
    options.direction = .bToA
    #expect(try options.translating(nil) == options && options.translating(.bToA) == options)
    let error = try modelError { _ = try options.translating(.aToB) }
    #expect("\(error)".hasPrefix("--direction: the model was trained with pairs and translates BtoA alone"))
  }

  @Test func defaultsAreCycleGANs() throws {
    var options = TrainingOptions()
    try options.set([GivenOption(TrainingOptions.row("--unpaired"), ["on"])])
    #expect(
      options.network.generator == .resnet9 && options.network.norm == .instance && !options.network.dropout)
    #expect(options.objective.kind == .gan && options.objective.ganLoss == .lsgan && options.poolSize == 50)
    #expect(
      options.unpaired == CycleGAN.Weights() && options.unpaired?.cycle == 10
        && options.unpaired?.identity == 0.5)
    // Smaller pictures have six blocks; what is given stands, in whatever order.
    let small = [
      GivenOption(TrainingOptions.row("--size"), ["128"]), GivenOption(TrainingOptions.row("--pool"), ["3"]),
    ]
    for given in [
      small + [GivenOption(TrainingOptions.row("--unpaired"), ["on"])],
      [GivenOption(TrainingOptions.row("--unpaired"), ["on"])] + small,
    ] {
      var options = TrainingOptions()
      try options.set(given)
      #expect(options.network.generator == .resnet6 && options.poolSize == 3)
    }
  }

  @Test(arguments: [
    (["--objective": "l1"], "--objective: l1 needs pairs; --unpaired has none"),
    (["--objective": "cgan+l1"], "--objective: cgan+l1 needs pairs; --unpaired has none"),
    (["--weights": "w"], "--weights: compares a picture with its target; --unpaired has none"),
    (["--lambda-ssim": "1"], "--lambda-ssim: compares a picture with its target; --unpaired has none"),
    (["--lambda-edges": "1"], "--lambda-edges: compares a picture with its target; --unpaired has none"),
    (
      ["--lambda-feature-matching": "1"],
      "--lambda-feature-matching: compares a picture with its target; --unpaired has none"
    ),
    (["--lambda-cycle": "-1"], "--lambda-cycle: -1 is not a finite number from 0 on"),
  ])
  func refusals(_ words: [String: String], _ message: String) throws {
    let options = try options(words)
    #expect("\(try modelError { try options.validate() })" == message)
  }

  @Test(arguments: [
    (["--unpaired", "--direction"], "--direction: both directions are trained; translate has --direction"),
    (["--unpaired", "--lambda-l1"], "--lambda-l1: compares a picture with its target; --unpaired has none"),
    (["--lambda-cycle"], "--lambda-cycle: goes with --unpaired"),
    (["--lambda-cycle-back"], "--lambda-cycle-back: goes with --unpaired"),
    (["--lambda-identity"], "--lambda-identity: goes with --unpaired"),
  ])
  func misuse(_ names: [String], _ message: String) throws {
    let words = ["--unpaired": "on", "--direction": "BtoA"]
    let given = names.map { GivenOption(TrainingOptions.row($0), [words[$0] ?? "1"]) }
    var options = TrainingOptions()
    try options.set(given)
    #expect(options.misuse(of: given).map { "\($0)" } == message)
  }
}
