import Tape

/// What the networks are trained on.
public struct Objective: Sendable, Codable, Equatable {
  /// The terms of the generator's loss, by the names of the paper (Isola et al. 2017, table 1).
  public enum Kind: String, Sendable, Codable, CaseIterable {
    case cganL1 = "cgan+l1"
    case l1
    case l2
    /// The discriminator sees the output without the input.
    case gan
    case cgan
    case ganL1 = "gan+l1"
    /// The generator draws no picture but says of each pixel which class it shows: semantic segmentation.
    case crossEntropy = "cross-entropy"
  }

  /// What the discriminator's logits are for.
  public enum GANLoss: String, Sendable, Codable, CaseIterable {
    /// Binary cross-entropy (Goodfellow et al. 2014).
    case bce
    /// Least squares (Mao et al. 2017).
    case lsgan
    /// Hinge (Lim and Ye 2017).
    case hinge
    /// The difference of means, an estimate of Wasserstein's distance (Arjovsky et al. 2017).
    case wgan
  }

  public var kind = Kind.cganL1
  public var ganLoss = GANLoss.bce
  /// Whether the generator minimises what the discriminator maximises, log(1 - D), rather than -log D.
  public var minimax = false
  /// Weights of the adversarial and of the pixel loss.
  public var lambdaGAN: Float = 1
  public var lambdaL1: Float = 100
  /// Weight of 1 - SSIM of output and target (Wang et al. 2004).
  public var lambdaSSIM: Float = 0
  /// Weight of the difference of their edges: of the differences of neighbouring pixels.
  public var lambdaEdges: Float = 0
  /// Weight of the difference of what the discriminator's layers make of them (Wang et al. 2018).
  public var lambdaFeatureMatching: Float = 0
  /// Weight of the discriminator's gradient penalty (Gulrajani et al. 2017).
  public var gradientPenalty: Float = 0

  public init() {}

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    try values.decode(into: &kind, .kind)
    try values.decode(into: &ganLoss, .ganLoss)
    try values.decode(into: &minimax, .minimax)
    try values.decode(into: &lambdaGAN, .lambdaGAN)
    try values.decode(into: &lambdaL1, .lambdaL1)
    try values.decode(into: &lambdaSSIM, .lambdaSSIM)
    try values.decode(into: &lambdaEdges, .lambdaEdges)
    try values.decode(into: &lambdaFeatureMatching, .lambdaFeatureMatching)
    try values.decode(into: &gradientPenalty, .gradientPenalty)
  }

  /// Whether there is a discriminator.
  public var isAdversarial: Bool {
    switch kind {
    case .cganL1, .gan, .cgan, .ganL1: true
    case .l1, .l2, .crossEntropy: false
    }
  }

  /// Whether the discriminator sees the input beside the output.
  public var isConditional: Bool { kind == .cgan || kind == .cganL1 }

  /// What is taken of the difference between output and target; nil where nothing is.
  public var pixelDistance: PixelDistance? {
    switch kind {
    case .l1, .cganL1, .ganL1: .l1
    case .l2: .l2
    case .gan, .cgan, .crossEntropy: nil
    }
  }

  /// What the generator has to end in.
  public var output: GeneratorOutput { kind == .crossEntropy ? .logits : .pictures }

  /// A loss of logits, and what it counts in the sum: its sign.
  struct Term {
    let kind: LogitLossKind
    let sign: Float
  }

  /// What the discriminator minimises of logits of real pictures, or of fakes.
  func judging(real: Bool) -> Term {
    switch ganLoss {
    case .bce: Term(kind: .crossEntropy(target: real ? 1 : 0), sign: 1)
    case .lsgan: Term(kind: .squared(target: real ? 1 : 0), sign: 1)
    case .hinge: Term(kind: .hinge(sign: real ? 1 : -1), sign: 1)
    case .wgan: Term(kind: .linear, sign: real ? -1 : 1)
    }
  }

  /// What the generator minimises of the logits of its pictures.
  var fooling: Term {
    switch ganLoss {
    case .bce:
      minimax ? Term(kind: .crossEntropy(target: 0), sign: -1) : Term(kind: .crossEntropy(target: 1), sign: 1)
    case .lsgan: Term(kind: .squared(target: 1), sign: 1)
    case .hinge, .wgan: Term(kind: .linear, sign: -1)
    }
  }

  /// The paper halves the discriminator's objective, to slow it down beside the generator. A Wasserstein critic is to
  /// be ahead, and its penalty's weight is one beside the whole.
  var judgingWeight: Float { ganLoss == .wgan ? 1 : 0.5 }

  /// Throws `ModelError.option` naming the first option that is out of range.
  public func validate() throws(ModelError) {
    func require(_ condition: Bool, _ option: String, _ reason: String) throws(ModelError) {
      guard condition else { throw .option(option, reason) }
    }
    let weights = [
      ("--lambda-gan", lambdaGAN), ("--lambda-l1", lambdaL1), ("--lambda-ssim", lambdaSSIM),
      ("--lambda-edges", lambdaEdges), ("--lambda-feature-matching", lambdaFeatureMatching),
      ("--gradient-penalty", gradientPenalty),
    ]
    for (name, weight) in weights {
      try require(weight.isFinite && weight >= 0, name, "\(weight) is not a finite number from 0 on")
    }
    try require(
      !isAdversarial || lambdaGAN > 0, "--lambda-gan",
      "0 leaves nothing of --objective \(kind.rawValue)'s GAN")
    try require(
      isAdversarial || kind == .crossEntropy || lambdaL1 > 0, "--lambda-l1",
      "0 leaves nothing of --objective \(kind.rawValue)")
    try require(
      !minimax || (isAdversarial && ganLoss == .bce), "--minimax",
      "goes with a GAN of --gan-loss bce, whose generator has two losses")
    for (name, weight) in [("--lambda-ssim", lambdaSSIM), ("--lambda-edges", lambdaEdges)] {
      try require(
        output == .pictures || weight == 0, name,
        "compares pictures, and --objective cross-entropy draws none")
    }
    for (name, weight) in weights.suffix(2) {
      try require(isAdversarial || weight == 0, name, "--objective \(kind.rawValue) has no discriminator")
    }
  }
}
