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
    for epoch in 0..<constant + decaying {
      let expected = 2e-4 * lambdaRule(epoch, constant, decaying)
      #expect(abs(options.learningRate(epoch: epoch) - expected) < 1e-18)
    }
  }

  /// The same by hand, in case both formulas share a mistake: constant for 100 epochs, then 1/101 less each.
  @Test func defaultsByHand() {
    let options = TrainingOptions()
    #expect(options.learningRate(epoch: 0) == 2e-4)
    #expect(options.learningRate(epoch: 99) == 2e-4)
    #expect(abs(options.learningRate(epoch: 100) - 2e-4 * 100 / 101) < 1e-18)
    #expect(abs(options.learningRate(epoch: 199) - 2e-4 / 101) < 1e-18)
    #expect(options.totalSteps(stepsPerEpoch: 7) == 1400)
  }

  @Test func stepsKeepTheRate() {
    var options = TrainingOptions()
    options.learningRate = 0.003
    options.length = .steps(40)
    for epoch in [0, 1, 99, 100_000] { #expect(options.learningRate(epoch: epoch) == 0.003) }
    #expect(options.totalSteps(stepsPerEpoch: 7) == 40)
  }

  private static let changes: [(String, @Sendable (inout TrainingOptions) -> Void)] = [
    ("--batch-size", { $0.batchSize = 0 }), ("--batch-size", { $0.batchSize = 257 }),
    ("--lambda-l1", { $0.lambdaL1 = -1 }), ("--lambda-l1", { $0.lambdaL1 = .nan }),
    ("--learning-rate", { $0.learningRate = 0 }), ("--learning-rate", { $0.learningRate = .infinity }),
    ("--epochs", { $0.length = .epochs(constant: 0, decaying: 0) }),
    ("--epochs", { $0.length = .epochs(constant: 5, decaying: -1) }),
    ("--epochs", { $0.length = .epochs(constant: .max, decaying: .max) }),
    ("--steps", { $0.length = .steps(0) }), ("--save-every", { $0.saveEvery = 0 }),
    ("--sample-every", { $0.sampleEvery = -3 }), ("--keep", { $0.keep = 0 }),
    ("--size", { $0.network.size = 100 }), ("--size", { $0.network.size = 2048 }),
    ("--size", { $0.network.size = .min }), ("--levels", { $0.network.levels = 9 }),
    ("--levels", { $0.network.levels = 0 }), ("--ngf", { $0.network.ngf = 0 }),
    ("--ndf", { $0.network.ndf = 513 }), ("--discriminator-layers", { $0.network.discriminatorLayers = 0 }),
    ("--discriminator-layers", { $0.network.discriminatorLayers = 7 }),
    ("--discriminator-layers", { $0.network.discriminatorLayers = -1000 }),
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
