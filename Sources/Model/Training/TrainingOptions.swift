import ImageMetrics
import Images
import Tape

/// Everything a training run was asked for. Checkpoints carry it, so that a resumed run needs no option.
public struct TrainingOptions: Sendable, Codable, Equatable {
  /// How long to train.
  public enum Length: Sendable, Codable, Equatable {
    /// With a linear policy the rate is constant for `constant` epochs, then falls towards 0 for `decaying` ones.
    case epochs(constant: Int, decaying: Int)
    /// Steps in all.
    case steps(Int)
  }

  public var network = NetworkConfiguration()
  public var batchSize = 1
  public var objective = Objective()
  /// The cycle's weights of a training without pairs; nil where pictures have pairs.
  public var unpaired: CycleGAN.Weights?
  /// The weights of the codes' losses of a training with latent codes; nil without.
  public var codeLosses: BicycleGAN.Weights?
  /// The teacher that the generator learns to draw like; nil without one.
  public var distillation: Distillation?
  /// Earlier outputs that the discriminator may be shown.
  public var poolSize = 0
  public var initialization = Initialization.normal
  /// The run or checkpoint whose weights the run begins with.
  public var from: String?
  public var learningRate = Schedule.standardLearningRate
  /// The policy of the rate; when nil, linear over epochs and constant over steps.
  public var learningRatePolicy: LearningRatePolicy?
  public var length = Length.epochs(constant: 100, decaying: 100)
  /// The kinds of pictures asked for.
  public var kinds = PictureKinds()
  /// The pictures' planes, from the kinds asked for and the pictures themselves: see `readFormat`.
  public var format = PairFormat.rgb
  /// The folder of pairs, of inputs when `targets` is set, or of photographs where the format makes pairs of them.
  public var data = ""
  /// Folders of further inputs; their planes follow those of the first.
  public var moreInputs: [String] = []
  /// The folder of pictures with the weight of each pixel of a target.
  public var weights: String?
  /// The folder of targets, where inputs and targets have a folder each.
  public var targets: String?
  /// Folders of validation pairs, where they are not the data folder's own.
  public var validationData: String?
  public var validationTargets: String?
  /// The side of a pair that is the input.
  public var direction = Direction.aToB
  /// Resize to 286/256 of the size, cut at random and flip.
  public var jitter = true
  public var seed: UInt64 = 0
  /// The precision of convolutions; when nil, the device's usual one.
  public var precision: Precision?
  /// The backward pass computes activations again instead of keeping them: less memory for more time.
  public var recompute = false
  /// Steps from checkpoint to checkpoint; every epoch when nil.
  public var saveEvery: Int?
  /// Steps from sample strip to sample strip; every epoch when nil.
  public var sampleEvery: Int?
  /// Checkpoints kept besides the best.
  public var keep = 3
  /// The key of the figure that chooses the best checkpoint.
  public var best = FigureKind.l1.key
  /// The run or checkpoint of a scorer, for further figures of validation.
  public var scorer: String?
  /// The file of a feature network, for distances between drawn and true pictures in validation.
  public var featureNetwork: String?
  /// Epochs from validation to validation; the last step is validated, too. 0 means never.
  public var validateEvery = 1

  public init() {}

  /// Whether translation drops, too: dropout is the noise of a model that draws and was trained with it; a model that names
  /// classes has none.
  public var drawsWithDropout: Bool { network.dropout && objective.output == .pictures }

  /// The policy in force: without one asked for, linear over epochs and constant over steps.
  public var policy: LearningRatePolicy { learningRatePolicy ?? (epochs == nil ? .constant : .linear) }

  /// The options of a training without pairs where none says otherwise: those of CycleGAN's PyTorch version.
  public static let unpairedDefaults = {
    var options = TrainingOptions()
    options.takeUnpairedDefaults()
    return options
  }()

  /// The options whose defaults are others without pairs, with their values.
  public var unpairedSummary: String {
    let names = ["--generator", "--norm", "--gan-loss", "--pool", "--lambda-cycle", "--lambda-identity"]
    let values = names.map { "\($0.dropFirst(2)) \(Self.row($0).text(self))" }
    return "a CycleGAN, \(values.joined(separator: ", ")), dropout \(network.dropout.word)"
  }

  /// The options of a training with latent codes where none says otherwise: those of BicycleGAN's PyTorch version.
  public static let latentDefaults = {
    var options = TrainingOptions()
    options.takeLatentDefaults()
    return options
  }()

  /// The options whose defaults are others with latent codes, with their values.
  public var latentSummary: String {
    let names = [
      "--objective", "--gan-loss", "--norm", "--scales", "--batch-size", "--init", "--best", "--lambda-l1",
      "--lambda-latent",
      "--lambda-kl",
    ]
    let values = names.map { "\($0.dropFirst(2)) \(Self.row($0).text(self))" }
    return "a BicycleGAN, \(values.joined(separator: ", ")), dropout \(network.dropout.word)"
  }

  /// Pictures from this side on have a generator of nine residual blocks, as in the CycleGAN paper; smaller ones of six.
  static let sideOfNineBlocks = 256

  /// The figure that the best checkpoint is chosen by where none is asked for.
  var usualBest: String {
    (isUnpaired ? Self.unpairedDefaults : hasCodes ? Self.latentDefaults : TrainingOptions()).best
  }

  mutating func takeUnpairedDefaults() {
    unpaired = CycleGAN.Weights()
    (network.generator, network.norm, network.dropout) = (.resnet9, .instance, false)
    (objective.kind, objective.ganLoss, poolSize) = (.gan, .lsgan, 50)
    best = FigureKind.cycleNoisy.key
  }

  mutating func takeLatentDefaults() {
    (network.latent, codeLosses) = (LatentCode(), BicycleGAN.Weights())
    (network.norm, network.dropout, network.scales) = (.instance, false, 2)
    (objective.kind, objective.ganLoss, objective.pixelWeight) = (.ganL1, .lsgan, 10)
    (batchSize, initialization) = (2, .xavier)
    best = FigureKind.l1Encoded.key
  }
}

// MARK: - As options

extension TrainingOptions {
  /// Epochs in all; nil where steps are counted. Setting it lets the rate fall in the second half.
  public internal(set) var epochs: Int? {
    get { if case .epochs(let constant, let decaying) = length { constant &+ decaying } else { nil } }
    // Wrapping, since absurd numbers are refused later, with the other options.
    set { if let newValue { length = .epochs(constant: newValue &- newValue / 2, decaying: newValue / 2) } }
  }

  /// The epochs that the rate falls in, of those there are in all.
  var decayEpochs: Int? {
    get { if case .epochs(_, let decaying) = length { decaying } else { nil } }
    set {
      if let newValue, let epochs { length = .epochs(constant: epochs &- newValue, decaying: newValue) }
    }
  }

  /// Steps in all; nil where epochs are counted.
  var steps: Int? {
    get { if case .steps(let steps) = length { steps } else { nil } }
    set { if let newValue { length = .steps(newValue) } }
  }

  /// The policy asked for, without its interval.
  var policyName: LearningRatePolicy.Name? {
    get { learningRatePolicy?.name }
    set { learningRatePolicy = newValue.map(LearningRatePolicy.init) }
  }

  /// The interval of the policy "step".
  var policyInterval: Int? {
    get { if case .step(let every) = learningRatePolicy { every } else { nil } }
    set { if let newValue, policyName == .step { learningRatePolicy = .step(every: newValue) } }
  }

  /// Whether pictures have no pairs: the model is a CycleGAN, which translates in both directions.
  public internal(set) var isUnpaired: Bool {
    get { unpaired != nil }
    set { unpaired = newValue ? unpaired ?? CycleGAN.Weights() : nil }
  }

  /// The cycle's weights, for their options; setting them without `--unpaired`, where they are refused, changes nothing.
  var cycleWeights: CycleGAN.Weights {
    get { unpaired ?? CycleGAN.Weights() }
    set { if unpaired != nil { unpaired = newValue } }
  }

  /// Whether the generator takes latent codes: the model is a BicycleGAN.
  public var hasCodes: Bool { network.latent != nil }

  /// The numbers of a code; nil without codes.
  var codeLength: Int? {
    get { network.latent?.length }
    set {
      guard let newValue else { return }
      network.latent = LatentCode(length: newValue, place: network.latent?.place ?? LatentCode().place)
      codeLosses = codeLosses ?? BicycleGAN.Weights()
    }
  }

  /// Where the generator takes codes; setting it without `--latent`, where it is refused, changes nothing.
  var codePlace: LatentCode.Place {
    get { network.latent?.place ?? LatentCode().place }
    set { network.latent?.place = newValue }
  }

  /// The weights of the codes' losses, for their options; setting them without `--latent`, where they are refused, changes
  /// nothing.
  var codeWeights: BicycleGAN.Weights {
    get { codeLosses ?? BicycleGAN.Weights() }
    set { if codeLosses != nil { codeLosses = newValue } }
  }

  /// The run or checkpoint of the teacher.
  public internal(set) var teacherPath: String? {
    get { distillation?.teacher }
    set {
      guard let newValue else {
        distillation = nil
        return
      }
      distillation = distillation ?? Distillation(teacher: newValue)
      distillation?.teacher = newValue
    }
  }

  /// The weights of a teacher's terms, for their options; setting them without a teacher, where they are refused, changes
  /// nothing.
  var teacherWeights: Distillation.Weights {
    get { distillation?.weights ?? Distillation.Weights() }
    set { distillation?.weights = newValue }
  }

  /// The task that makes pairs of photographs.
  var task: PhotographTask? {
    get { if case .photographs(let task) = format { task } else { nil } }
    set { if let newValue { format = .photographs(newValue) } }
  }
}

extension Initialization: OptionValue {}
