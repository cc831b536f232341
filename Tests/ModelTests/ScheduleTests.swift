import ImageMetrics
import Images
import Model
import Testing

@Suite struct ScheduleTests {
  /// PyTorch's lambda_rule, with epoch_count 1 as when training starts from scratch.
  private func lambdaRule(_ epoch: Int, _ constant: Int, _ decaying: Int) -> Double {
    1 - Double(max(0, epoch + 1 - constant)) / Double(decaying + 1)
  }

  @Test(arguments: [(100, 100), (1, 1), (5, 0), (0, 4), (3, 8)])
  func followsPyTorch(_ constant: Int, _ decaying: Int) {
    var options = TrainingOptions()
    options.length = .epochs(constant: constant, decaying: decaying)
    let plan = TrainingPlan(options, pairs: 7)
    for epoch in 0..<constant + decaying {
      let expected = 2e-4 * lambdaRule(epoch, constant, decaying)
      #expect(abs(plan.learningRate(step: 7 * epoch + 6) - expected) < 1e-18)
    }
  }

  /// The same by hand, in case both formulas share a mistake: constant for 100 epochs, then 1/101 less each.
  @Test func defaultsByHand() {
    let plan = TrainingPlan(TrainingOptions(), pairs: 3)
    #expect(plan.learningRate(step: 3 * 0) == 2e-4)
    #expect(plan.learningRate(step: 3 * 99) == 2e-4)
    #expect(abs(plan.learningRate(step: 3 * 100) - 2e-4 * 100 / 101) < 1e-18)
    #expect(abs(plan.learningRate(step: 3 * 199) - 2e-4 / 101) < 1e-18)
    #expect(plan.steps == 600 && plan.epochs == 200)
  }

  @Test func stepsKeepTheRate() {
    var options = TrainingOptions()
    options.learningRate = 0.003
    options.length = .steps(40)
    options.batchSize = 2
    // Seven pairs make three batches of two.
    let plan = TrainingPlan(options, pairs: 7)
    for epoch in [0, 1, 99, 100_000] { #expect(plan.learningRate(step: 3 * epoch) == 0.003) }
    #expect(plan.steps == 40 && plan.stepsPerEpoch == 3 && plan.epochs == 14)
  }

  /// What torch.optim.lr_scheduler gives after so many epochs from 0.01 on: StepLR(step_size=3, gamma=0.1) and
  /// CosineAnnealingLR(T_max=8).
  @Test func stepAndCosineFollowPyTorch() {
    var options = TrainingOptions()
    options.learningRate = 0.01
    options.length = .epochs(constant: 4, decaying: 4)
    func rates(_ policy: LearningRatePolicy) -> [Double] {
      options.learningRatePolicy = policy
      let plan = TrainingPlan(options, pairs: 5)
      return (0..<8).map { plan.learningRate(step: 5 * $0 + 4) }
    }
    let cosine = [
      0.01, 0.009619397662556434, 0.008535533905932738, 0.006913417161825449, 0.005,
      0.0030865828381745515, 0.0014644660940672626, 0.00038060233744356635,
    ]
    for (rate, expected) in zip(rates(.step(every: 3)), [1e-2, 1e-2, 1e-2, 1e-3, 1e-3, 1e-3, 1e-4, 1e-4]) {
      #expect(abs(rate - expected) < 1e-17)
    }
    for (rate, expected) in zip(rates(.cosine), cosine) { #expect(abs(rate - expected) < 1e-17) }
    #expect(rates(.constant).allSatisfy { $0 == 0.01 })
    options.length = .steps(8)
    options.learningRatePolicy = .cosine
    let plan = TrainingPlan(options, pairs: 5)
    for (step, expected) in cosine.enumerated() {
      #expect(abs(plan.learningRate(step: step) - expected) < 1e-17)
    }
  }

  struct Plateaus: Sendable, CustomTestStringConvertible {
    let kind: FigureKind
    let figures: [Double]
    let reductions: [Int]
    let rate: Double
    var testDescription: String { "\(kind.key): \(figures)" }
  }

  /// What torch.optim.lr_scheduler.ReduceLROnPlateau(factor=0.2, threshold=0.01, patience=5) with mode min or max makes of
  /// these figures, from a rate of 0.01 on.
  static let plateaus = [
    Plateaus(
      kind: .l1,
      figures: [10, 9, 8.95, 8.95, 8.95, 8.92, 8.95, 8.95, 8, 8, 8, 8, 8, 8, 8, 7.95, 8, 8, 8, 8, 8, 8],
      reductions: [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3], rate: 8e-5),
    Plateaus(
      kind: .ssim,
      figures: [
        0.1, 0.3, 0.302, 0.3, 0.299, 0.3025, 0.303, 0.3, 0.29, 0.4, 0.39, 0.4, 0.403, 0.4, 0.4, 0.404, 0.4041,
        0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4,
      ],
      reductions: [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 3, 3], rate: 8e-5),
    Plateaus(
      kind: .psnr,
      figures: [20, .infinity, .infinity, 30, .infinity, .infinity, .infinity, .infinity, .nan, 25],
      reductions: [0, 0, 0, 0, 0, 0, 0, 1, 1, 1], rate: 2e-3),
  ]

  @Test(arguments: plateaus) func plateausFollowPyTorch(_ plateaus: Plateaus) {
    var options = TrainingOptions()
    options.learningRate = 0.01
    options.learningRatePolicy = .plateau
    var progress = Checkpoint.Progress()
    for (figure, expected) in zip(plateaus.figures, plateaus.reductions) {
      progress.notePlateau(figure, plateaus.kind.better)
      #expect(progress.rateReductions == expected)
    }
    let rate = TrainingPlan(options, pairs: 1).learningRate(step: 0, reductions: progress.rateReductions)
    #expect(abs(rate - plateaus.rate) < 1e-17)
  }

  private static let changes: [(String, @Sendable (inout TrainingOptions) -> Void)] = [
    ("--batch-size", { $0.batchSize = 0 }), ("--batch-size", { $0.batchSize = 257 }),
    ("--lambda-l1", { $0.objective.pixelWeight = -1 }), ("--lambda-l1", { $0.objective.pixelWeight = .nan }),
    (
      "--lambda-l1",
      {
        $0.objective.kind = .l1
        $0.objective.pixelWeight = 0
      }
    ),
    ("--lambda-gan", { $0.objective.lambdaGAN = 0 }),
    ("--lambda-gan", { $0.objective.lambdaGAN = .infinity }),
    (
      "--minimax",
      {
        $0.objective.minimax = true
        $0.objective.ganLoss = .lsgan
      }
    ),
    (
      "--minimax",
      {
        $0.objective.minimax = true
        $0.objective.kind = .l1
      }
    ),
    ("--learning-rate-step", { $0.learningRatePolicy = .step(every: 0) }),
    ("--learning-rate", { $0.learningRate = 0 }), ("--learning-rate", { $0.learningRate = .infinity }),
    ("--epochs", { $0.length = .epochs(constant: 0, decaying: 0) }),
    ("--decay-epochs", { $0.length = .epochs(constant: 5, decaying: -1) }),
    ("--decay-epochs", { $0.length = .epochs(constant: -1, decaying: 5) }),
    ("--epochs", { $0.length = .epochs(constant: .max, decaying: .max) }),
    ("--steps", { $0.length = .steps(0) }), ("--save-every", { $0.saveEvery = 0 }),
    ("--sample-every", { $0.sampleEvery = -3 }), ("--keep", { $0.keep = 0 }),
    ("--validate-every", { $0.validateEvery = -1 }),
    ("--size", { $0.network.size = 31 }),
    ("--size", { $0.network.size = PictureSize(width: 64, height: 20_000) }),
    ("--size", { $0.network.size = PictureSize(square: .min) }), ("--levels", { $0.network.levels = 9 }),
    ("--levels", { $0.network.levels = 1 }), ("--ngf", { $0.network.ngf = 0 }),
    ("--ndf", { $0.network.ndf = 513 }), ("--patch", { $0.network.discriminatorLayers = -1 }),
    ("--patch", { $0.network.discriminatorLayers = 7 }),
    (
      "--patch",
      {
        $0.network.size = 64
        $0.network.levels = 6
        $0.network.discriminatorLayers = 5
      }
    ),
    (
      "--patch",
      {
        $0.network.discriminatorLayers = 6
        $0.network.scales = 2
      }
    ),
    ("--scales", { $0.network.scales = 0 }), ("--affine", { $0.network.affine = true }),
    ("--lambda-ssim", { $0.objective[weightOf: "G_SSIM"] = -1 }),
    ("--lambda-edges", { $0.objective[weightOf: "G_edges"] = .nan }),
    (
      "--lambda-ssim",
      {
        $0.objective.kind = .crossEntropy
        $0.objective[weightOf: "G_SSIM"] = 1
      }
    ),
    (
      "--lambda-feature-matching",
      {
        $0.objective.kind = .l1
        $0.objective.lambdaFeatureMatching = 1
      }
    ),
    (
      "--gradient-penalty",
      {
        $0.objective.kind = .l2
        $0.objective.gradientPenalty = 1
      }
    ),
    ("--pool", { $0.poolSize = 1001 }), ("--noise", { $0.network.noiseChannels = 65 }),
    ("--gan-loss", { $0.objective.ganLoss = .wgan }), ("--objective", { $0.objective.kind = .crossEntropy }),
    (
      "--learning-rate-policy",
      {
        $0.length = .steps(9)
        $0.learningRatePolicy = .linear
      }
    ),
  ]

  @Test(arguments: changes)
  func outOfRange(_ name: String, _ change: @Sendable (inout TrainingOptions) -> Void) throws {
    var options = TrainingOptions()
    change(&options)
    let error = try modelError { try options.validate() }
    guard case .option(let option, let reason) = error else {
      Issue.record("\(error) names no option")
      return
    }
    #expect(option == name && !reason.isEmpty && !error.description.contains("\n"))
  }
}
