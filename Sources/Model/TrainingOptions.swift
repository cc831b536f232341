import Images
import Tape

/// Everything a training run was asked for: what a checkpoint carries so that nothing need be said again.
public struct TrainingOptions: Sendable, Codable, Equatable {
  /// How long to train.
  public enum Length: Sendable, Codable, Equatable {
    /// The rate is constant for `constant` epochs, then falls linearly towards 0 for `decaying` ones.
    case epochs(constant: Int, decaying: Int)
    /// So many steps in all, at a constant rate.
    case steps(Int)
  }

  public var network = NetworkConfiguration()
  public var batchSize = 1
  public var lambdaL1: Float = 100
  public var learningRate = 2e-4
  public var length = Length.epochs(constant: 100, decaying: 100)
  /// The folder of pairs, or of inputs when `targets` is set.
  public var data = ""
  /// The folder of targets, where inputs and targets have a folder each.
  public var targets: String?
  /// Folders of validation pairs, where they are not the data folder's own.
  public var validationData: String?
  public var validationTargets: String?
  /// Which side of a pair is the input.
  public var direction = Direction.aToB
  /// Resize to 286/256 of the size, cut at random and flip.
  public var jitter = true
  public var seed: UInt64 = 0
  /// How convolutions multiply, where it was asked for; otherwise what is usual on the device.
  public var precision: Precision?
  /// Make activations again in the backward pass instead of keeping them: less memory for more time. No when nil.
  public var recompute: Bool?
  /// Steps from checkpoint to checkpoint; every epoch when nil.
  public var saveEvery: Int?
  /// Steps from sample strip to sample strip; every epoch when nil.
  public var sampleEvery: Int?
  /// How many checkpoints are kept besides the best.
  public var keep = 3

  public init() {}

  /// Throws `ModelError.option` naming the first option that is out of range.
  public func validate() throws(ModelError) {
    try network.validate()
    func require(_ condition: Bool, _ option: String, _ reason: String) throws(ModelError) {
      guard condition else { throw .option(option, reason) }
    }
    try require((1...256).contains(batchSize), "--batch-size", "\(batchSize) is not from 1 to 256")
    try require(
      lambdaL1.isFinite && lambdaL1 >= 0, "--lambda-l1", "\(lambdaL1) is not a finite number from 0 on")
    try require(
      learningRate.isFinite && learningRate > 0 && learningRate <= 1, "--learning-rate",
      "\(learningRate) is not above 0 and at most 1")
    switch length {
    case .epochs(let constant, let decaying):
      try require(
        // Each alone first: the sum of two absurd numbers would overflow.
        (0...1_000_000).contains(constant) && (0...1_000_000).contains(decaying)
          && (1...1_000_000).contains(constant + decaying), "--epochs",
        "\(constant) constant and \(decaying) decaying epochs are not from 1 to 1000000 in all")
    case .steps(let steps):
      try require((1...1_000_000_000).contains(steps), "--steps", "\(steps) is not from 1 to 1000000000")
    }
    try require(saveEvery.map { $0 > 0 } ?? true, "--save-every", "\(saveEvery ?? 0) is not above 0")
    try require(sampleEvery.map { $0 > 0 } ?? true, "--sample-every", "\(sampleEvery ?? 0) is not above 0")
    try require((1...10_000).contains(keep), "--keep", "\(keep) is not from 1 to 10000")
  }

  /// What the training step is besides its networks.
  public var step: Pix2Pix.Options {
    var step = Pix2Pix.Options()
    step.batchSize = batchSize
    step.lambdaL1 = lambdaL1
    step.recomputation = recompute == true ? .standard : nil
    return step
  }

  /// Steps in all.
  public func totalSteps(stepsPerEpoch: Int) -> Int {
    switch length {
    case .epochs(let constant, let decaying): (constant + decaying) * stepsPerEpoch
    case .steps(let steps): steps
    }
  }

  /// The learning rate in an epoch, counted from 0: the PyTorch version's "linear" policy,
  /// rate * (1 - (epoch - constant) / (decaying + 1)) once decay has begun, epochs counted from 1.
  public func learningRate(epoch: Int) -> Double {
    guard case .epochs(let constant, let decaying) = length else { return learningRate }
    return learningRate * (1 - Double(max(0, epoch + 1 - constant)) / Double(decaying + 1))
  }
}
