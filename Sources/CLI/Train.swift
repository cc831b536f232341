import ArgumentParser
import Images
import Metrics
import Model
import Tape

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Trains on pairs of pictures, and resumes where a run stopped.",
    discussion: """
      Pairs lie in one folder of side-by-side pictures (A left, B right), or in folders A and B with the same \
      names, each with train, val or test below or above; or inputs in --data and targets in --targets. PNG and \
      JPEG. The run's folder gets checkpoints, losses.csv, validation.csv, samples/*.png and report.html.

      Ctrl-C writes a checkpoint and stops. --resume goes on from the last one with the run's own options; only \
      --steps, --epochs, --learning-rate, --learning-rate-policy, --precision, --recompute, --best, --scorer and the intervals \
      may be changed then.

      Validation takes the figures of `pix2pix evaluate`, and --best names one of them: \
      \(FigureKind.ofPictures.map(\.key).joined(separator: ", ")); accuracies and IOU where targets are label maps, MS-SSIM for \
      sizes from \(StructuralSimilarity.minimumMultiScaleSide) on; with --scorer also \
      \(ScorerScore.outputKinds.map(\.key).joined(separator: ", ")).

      --epochs N keeps the learning rate for the first half and lets it fall linearly to 0 in the second; \
      --steps N keeps it throughout; --learning-rate-policy changes either.

      Examples:
        pix2pix train --data facades --direction BtoA --out run
        pix2pix train --data photos-and-labels --size 128 --ngf 32 --ndf 32 --epochs 20 --out run
        pix2pix train --data labels --targets photos --out run --device 0
        pix2pix train --data photographs --task colorize --out run
        pix2pix train --data maps --targets photos --labels palette --size 500x375 --out run
        pix2pix train --data labels --targets photos --gan-loss wgan --gradient-penalty 10 --norm instance --out run
        pix2pix train --resume --out run
      """)

  @OptionGroup(title: "Pictures") var pictures: DataOptions
  @Option(help: ArgumentHelp("The run's folder.", valueName: "dir"))
  var out: String
  @OptionGroup(title: "Networks") var network: NetworkOptions
  @OptionGroup(title: "Objective") var objective: ObjectiveOptions
  @Option(help: "Pictures per step. (default: 1)")
  var batchSize: Int?
  @Option(help: "Epochs in all; the rate falls in the second half. (default: 200)")
  var epochs: Int?
  @Option(help: "How many of the epochs the rate falls in. (default: half)")
  var decayEpochs: Int?
  @Option(help: "Steps in all, at a constant rate, instead of --epochs.")
  var steps: Int?
  @Option(help: "Adam's learning rate. (default: 0.0002)")
  var learningRate: Double?
  @Option(
    help: "constant, linear, step, plateau or cosine. (default: linear over epochs, constant over steps)")
  var learningRatePolicy: PolicyName?
  @Option(help: "For --learning-rate-policy step: epochs until a tenth of the rate is left. (default: 50)")
  var learningRateStep: Int?
  @Option(name: .customLong("init"), help: "normal, xavier, kaiming or orthogonal. (default: normal)")
  var initialization: Initialization?
  @Flag(help: "Do not cut and flip the pictures at random.")
  var noJitter = false
  @Option(help: "Seed of weights, order, cuts and dropout. (default: 0)")
  var seed: UInt64?
  @Flag(
    inversion: .prefixedNo,
    help: ArgumentHelp(
      "Make activations again in the backward pass instead of keeping them. (default: no)",
      discussion:
        "For large pictures: about half the memory at 1024 x 1024, and every result the same bit for bit."))
  var recompute: Bool?
  @Option(
    help: ArgumentHelp(
      "Refuse to train if more of the device's memory is needed. (default: all it has)", valueName: "GiB"))
  var memoryLimit: Double?
  @OptionGroup var device: DeviceOptions
  @OptionGroup var kernels: KernelOptions
  @Flag(help: "Go on from the last checkpoint in --out.")
  var resume = false
  @Option(help: "Steps from checkpoint to checkpoint. (default: an epoch)")
  var saveEvery: Int?
  @Option(help: "Steps from sample strip to sample strip. (default: an epoch)")
  var sampleEvery: Int?
  @Option(
    help: ArgumentHelp(
      "Epochs from validation to validation; never when 0. (default: 1)", valueName: "epochs"))
  var validateEvery: Int?
  @Option(
    help: ArgumentHelp(
      "The figure that best.safetensors is kept by, and a plateau of the learning rate measured. (default: l1)",
      valueName: "figure"))
  var best: String?
  @Option(
    help: ArgumentHelp(
      "What train-scorer made: validate by the FCN-score, too, for runs whose inputs are label maps.",
      valueName: "run|file"))
  var scorer: String?
  @Option(help: "Checkpoints kept besides the best. (default: 3)")
  var keep: Int?
  @Option(help: "Stop after so many steps of this session, as Ctrl-C would.")
  var stopAfter: Int?

  func validate() throws {
    guard steps == nil || epochs == nil else { throw ValidationError("Give --steps or --epochs, not both.") }
    guard steps == nil || decayEpochs == nil else {
      throw ValidationError("--decay-epochs goes with --epochs; --steps keeps the rate constant.")
    }
    guard memoryLimit.map({ $0 > 0 && $0 <= 1e6 }) ?? true else {
      throw ValidationError("--memory-limit \(memoryLimit ?? 0) is not above 0 and at most 1000000 GiB.")
    }
    guard learningRateStep == nil || learningRatePolicy == .step else {
      throw ValidationError("--learning-rate-step goes with --learning-rate-policy step.")
    }
    guard decayEpochs == nil || learningRatePolicy ?? .linear == .linear else {
      throw ValidationError("--decay-epochs goes with --learning-rate-policy linear.")
    }
    guard pictures.data != nil || resume else { throw ValidationError("Missing --data (or --resume).") }
  }

  func run() throws {
    let directory = RunDirectory(out)
    let (options, checkpoint) = try resume ? resumedOptions(directory) : (newOptions(directory), nil)
    try TrainingRun(
      options: options, directory: directory, checkpoint: checkpoint, memoryLimit: memoryLimit,
      device: device, kernels: kernels
    ).train(stopAfter: stopAfter, goOn: "pix2pix train --resume --out \(out)")
  }

  private func newOptions(_ directory: RunDirectory) throws -> TrainingOptions {
    guard directory.latestCheckpoint() == nil else {
      throw ModelError.file(out, "holds a run already; add --resume to go on with it, or name another folder")
    }
    var options = TrainingOptions()
    options.objective = objective.value
    options.network = network.configuration(for: options.objective)
    options.initialization = initialization ?? .normal
    options.batchSize = batchSize ?? 1
    options.poolSize = objective.pool ?? 0
    try pictures.set(&options)
    options.jitter = !noJitter
    options.seed = seed ?? 0
    applyChangeable(&options)
    return options
  }

  /// The run's own options, with those that may change.
  private func resumedOptions(
    _ directory: RunDirectory
  ) throws -> (TrainingOptions, (Checkpoint, path: String)) {
    let others: [(String, Bool)] = [
      ("--batch-size", batchSize != nil), ("--init", initialization != nil),
      ("--no-jitter", noJitter), ("--seed", seed != nil),
    ]
    if let given = (network.given + objective.given + pictures.given + others.filter(\.1).map(\.0)).first {
      throw ModelError.option(
        given, "belongs to the run and cannot change when it is resumed; leave it out")
    }
    let path = try RunDirectory.checkpoint(of: out)
    let checkpoint = try Checkpoint(path: path)
    var options = checkpoint.options
    if let data = pictures.data { options.data = data }
    if let targets = pictures.targets { options.targets = targets }
    if let folder = pictures.validationData { options.validationData = folder }
    if let folder = pictures.validationTargets { options.validationTargets = folder }
    applyChangeable(&options)
    return (options, (checkpoint, path))
  }

  private func applyChangeable(_ options: inout TrainingOptions) {
    if let steps { options.length = .steps(steps) }
    if let epochs {
      let decaying = decayEpochs ?? epochs / 2
      // Wrapping, since absurd numbers are refused later, with the other options.
      options.length = .epochs(constant: epochs &- decaying, decaying: decaying)
    } else if let decayEpochs, case .epochs(let constant, let decaying) = options.length {
      options.length = .epochs(constant: constant + decaying &- decayEpochs, decaying: decayEpochs)
    }
    if let learningRate { options.learningRate = learningRate }
    if let learningRatePolicy {
      options.learningRatePolicy = learningRatePolicy.policy(step: learningRateStep ?? 50)
    }
    if let precision = device.precision { options.precision = precision }
    if let recompute { options.recompute = recompute }
    if let saveEvery { options.saveEvery = saveEvery }
    if let sampleEvery { options.sampleEvery = sampleEvery }
    if let keep { options.keep = keep }
    if let best { options.best = best }
    if let scorer { options.scorer = scorer }
    if let validateEvery { options.validateEvery = validateEvery }
  }
}

extension Direction: ExpressibleByArgument {}

/// A learning rate's policy, without what else it needs.
enum PolicyName: String, ExpressibleByArgument, CaseIterable {
  case constant, linear, step, plateau, cosine

  func policy(step: Int) -> LearningRatePolicy {
    switch self {
    case .constant: .constant
    case .linear: .linear
    case .step: .step(every: step)
    case .plateau: .plateau
    case .cosine: .cosine
    }
  }
}
