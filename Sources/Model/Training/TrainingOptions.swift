import Images
import Metrics
import Tape

import func Foundation.cos
import func Foundation.pow

/// Everything a training run was asked for: what a checkpoint carries so that nothing need be said again.
public struct TrainingOptions: Sendable, Codable, Equatable {
  /// How long to train.
  public enum Length: Sendable, Codable, Equatable {
    /// With a linear policy the rate is constant for `constant` epochs, then falls towards 0 for `decaying` ones.
    case epochs(constant: Int, decaying: Int)
    /// So many steps in all.
    case steps(Int)
  }

  public var network = NetworkConfiguration()
  public var batchSize = 1
  public var objective = Objective()
  /// Earlier outputs that the discriminator may be shown.
  public var poolSize = 0
  public var initialization = Initialization.normal
  public var learningRate = 2e-4
  /// How the rate goes; when nil linear over epochs, constant over steps.
  public var learningRatePolicy: LearningRatePolicy?
  public var length = Length.epochs(constant: 100, decaying: 100)
  /// What pictures are to the networks.
  public var format = PairFormat.rgb
  /// The folder of pairs, of inputs when `targets` is set, or of photographs where the format makes pairs of them.
  public var data = ""
  /// Folders of further inputs, whose planes stand behind those of the first.
  public var moreInputs: [String] = []
  /// The folder of pictures that say how much each pixel of a target counts.
  public var weights: String?
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
  /// The key of the figure that the best checkpoint is chosen by.
  public var best = FigureKind.l1.key
  /// The run or checkpoint of a scorer that validation asks too.
  public var scorer: String?
  /// Epochs from validation to validation; never when 0. The last step is always validated but then.
  public var validateEvery = 1

  public init() {}

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    network = try values.decode(NetworkConfiguration.self, forKey: .network)
    batchSize = try values.decode(Int.self, forKey: .batchSize)
    try values.decode(into: &objective, .objective)
    // Where the weight stood when there was one objective.
    let earlier = try decoder.container(keyedBy: EarlierKeys.self)
    try earlier.decode(into: &objective.lambdaL1, .lambdaL1)
    try values.decode(into: &poolSize, .poolSize)
    try values.decode(into: &initialization, .initialization)
    learningRate = try values.decode(Double.self, forKey: .learningRate)
    learningRatePolicy = try values.decodeIfPresent(LearningRatePolicy.self, forKey: .learningRatePolicy)
    length = try values.decode(Length.self, forKey: .length)
    try values.decode(into: &format, .format)
    data = try values.decode(String.self, forKey: .data)
    try values.decode(into: &moreInputs, .moreInputs)
    weights = try values.decodeIfPresent(String.self, forKey: .weights)
    targets = try values.decodeIfPresent(String.self, forKey: .targets)
    validationData = try values.decodeIfPresent(String.self, forKey: .validationData)
    validationTargets = try values.decodeIfPresent(String.self, forKey: .validationTargets)
    direction = try values.decode(Direction.self, forKey: .direction)
    jitter = try values.decode(Bool.self, forKey: .jitter)
    seed = try values.decode(UInt64.self, forKey: .seed)
    precision = try values.decodeIfPresent(Precision.self, forKey: .precision)
    recompute = try values.decodeIfPresent(Bool.self, forKey: .recompute)
    saveEvery = try values.decodeIfPresent(Int.self, forKey: .saveEvery)
    sampleEvery = try values.decodeIfPresent(Int.self, forKey: .sampleEvery)
    keep = try values.decode(Int.self, forKey: .keep)
    try values.decode(into: &best, .best)
    scorer = try values.decodeIfPresent(String.self, forKey: .scorer)
    try values.decode(into: &validateEvery, .validateEvery)
  }

  private enum EarlierKeys: CodingKey { case lambdaL1 }

  /// Throws `ModelError.option` naming the first option that is out of range.
  public func validate() throws(ModelError) {
    try network.validate()
    try objective.validate()
    try learningRatePolicy?.validate()
    guard objective.ganLoss != .wgan || objective.gradientPenalty > 0 || network.spectralNorm else {
      throw .option(
        "--gan-loss",
        "wgan asks for a critic whose slope is bounded: add --gradient-penalty 10 or --spectral-norm")
    }
    func require(_ condition: Bool, _ option: String, _ reason: String) throws(ModelError) {
      guard condition else { throw .option(option, reason) }
    }
    if objective.output == .logits {
      guard case .labels = format.target else {
        throw .option(
          "--objective",
          "cross-entropy learns the classes of label maps: add --target-format palette or index")
      }
    }
    try require((1...256).contains(batchSize), "--batch-size", "\(batchSize) is not from 1 to 256")
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
    try require(
      (0...1_000_000).contains(validateEvery), "--validate-every", "\(validateEvery) is not from 0 to 1000000"
    )
  }

  /// Whether dropout stays on in use: it is the noise of a model that draws, and nothing to one that names classes.
  public var drawsWithDropout: Bool { objective.output == .pictures }

  /// Records the training step, and the translation that validation and samples take.
  public func record() throws -> any TrainingStep {
    var step = Pix2Pix.Options()
    step.batchSize = batchSize
    step.objective = objective
    step.isWeighted = weights != nil
    step.poolSize = poolSize
    step.recomputation = recompute == true ? .standard : nil
    return try Pix2Pix(network, step, sections: [.train, .translate], translationDropout: drawsWithDropout)
  }

  /// Records the translation alone.
  ///
  /// - Parameters:
  ///   - size: of the pictures; that of the training by default
  ///   - dropout: whether dropout stays on; by default as `drawsWithDropout`
  public func recordTranslation(
    size: PictureSize? = nil, statistics: NormStatistics = .batch, dropout: Bool? = nil,
    keepsFeatures: Bool = false
  ) throws -> any TrainingStep {
    var network = network
    network.size = size ?? network.size
    return try Pix2Pix(
      network, sections: .translate, translationStatistics: statistics,
      translationDropout: dropout ?? drawsWithDropout, keepsFeatures: keepsFeatures)
  }

  /// Steps in all.
  public func totalSteps(stepsPerEpoch: Int) -> Int {
    switch length {
    case .epochs(let constant, let decaying): (constant + decaying) * stepsPerEpoch
    case .steps(let steps): steps
    }
  }

  /// The learning rate of a step, by the policy.
  ///
  /// - Parameters:
  ///   - step: counted from 0
  ///   - reductions: how often a plateau has lowered it
  public func learningRate(step: Int, stepsPerEpoch: Int, reductions: Int = 0) -> Double {
    let epoch = step / stepsPerEpoch
    let (constant, decaying): (Int, Int)
    switch length {
    case .epochs(let first, let rest): (constant, decaying) = (first, rest)
    case .steps: (constant, decaying) = (0, 0)
    }
    switch learningRatePolicy ?? (length.isInEpochs ? .linear : .constant) {
    case .constant: return learningRate
    // The PyTorch version's: rate * (1 - (epoch - constant) / (decaying + 1)), epochs counted from 1.
    case .linear: return learningRate * (1 - Double(max(0, epoch + 1 - constant)) / Double(decaying + 1))
    case .step(let every): return learningRate * pow(0.1, Double(epoch / every))
    case .plateau: return learningRate * pow(LearningRatePolicy.plateauFactor, Double(reductions))
    case .cosine:
      let share: Double
      switch length {
      case .epochs: share = Double(epoch) / Double(constant + decaying)
      case .steps(let steps): share = Double(step) / Double(steps)
      }
      return learningRate * (1 + cos(Double.pi * share)) / 2
    }
  }
}

extension TrainingOptions.Length {
  fileprivate var isInEpochs: Bool { if case .epochs = self { true } else { false } }
}

/// How the learning rate goes, as the PyTorch version names it.
public enum LearningRatePolicy: Sendable, Codable, Equatable {
  case constant
  /// Constant, then towards 0: see `TrainingOptions.Length`.
  case linear
  /// A tenth of it after every so many epochs.
  case step(every: Int)
  /// A fifth of it whenever the figure that the best checkpoint is chosen by has not become better by a hundredth for more
  /// than five validations.
  case plateau
  /// Half a cosine from the rate down to 0 (Loshchilov and Hutter 2017, without restarts), by the epoch or, where there
  /// are steps only, by the step.
  case cosine

  /// As reports have it.
  var name: String {
    switch self {
    case .constant: "constant"
    case .linear: "linear"
    case .step(let every): "a tenth after every \(every) epochs"
    case .plateau: "a fifth on every plateau"
    case .cosine: "cosine"
    }
  }

  static let plateauFactor = 0.2
  static let plateauThreshold = 0.01
  static let plateauPatience = 5

  func validate() throws(ModelError) {
    if case .step(let every) = self, every < 1 {
      throw .option("--learning-rate-step", "\(every) epochs are not above 0")
    }
  }
}
