import Tape

/// The losses of both networks.
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

  /// The loss of the discriminator's logits, and the generator's against it.
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
  /// The generator minimises log(1 - D), the discriminator's gain, instead of -log D.
  public var minimax = false
  /// Weights of the adversarial and of the pixel loss.
  public var lambdaGAN: Float = 1
  public var pixelWeight: Float = 100
  /// Weights of the terms that compare pictures, without those that are left out.
  private var termWeights: [String: Float] = [:]
  /// Weight of the difference between the discriminator's maps of output and target (Wang et al. 2018).
  public var lambdaFeatureMatching: Float = 0
  /// Weight of the discriminator's gradient penalty (Gulrajani et al. 2017).
  public var gradientPenalty: Float = 0

  public init() {}

  /// The weight of a picture's term by the term's name, `PictureTerm.loss`; 0 leaves it out.
  public subscript(weightOf term: String) -> Float {
    get { termWeights[term, default: 0] }
    set { termWeights[term] = newValue == 0 ? nil : newValue }
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

  /// The distance of output and target, where the loss has one.
  public var pixelDistance: PixelDistance? {
    switch kind {
    case .l1, .cganL1, .ganL1: .l1
    case .l2: .l2
    case .gan, .cgan, .crossEntropy: nil
    }
  }

  /// The generator's last layer.
  public var output: GeneratorOutput { kind == .crossEntropy ? .logits : .pictures }

  /// A loss of logits, and its sign in the sum.
  struct Term {
    let kind: LogitLossKind
    let sign: Float
  }

  /// The discriminator's loss of the logits of real pictures, or of fakes.
  func judging(real: Bool) -> Term {
    switch ganLoss {
    case .bce: Term(kind: .crossEntropy(target: real ? 1 : 0), sign: 1)
    case .lsgan: Term(kind: .squared(target: real ? 1 : 0), sign: 1)
    case .hinge: Term(kind: .hinge(sign: real ? 1 : -1), sign: 1)
    case .wgan: Term(kind: .linear, sign: real ? -1 : 1)
    }
  }

  /// The generator's loss of the logits of its pictures.
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
}

extension Objective.Kind: OptionValue {}
extension Objective.GANLoss: OptionValue {}
