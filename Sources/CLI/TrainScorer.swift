import ArgumentParser
import Images
import Model

struct TrainScorer: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Trains a network that reads photographs, to score generated ones by what it finds in them.",
    discussion: """
      The scorer is a U-Net trained with a softmax cross-entropy to say of every pixel of a real photograph which class \
      its label map gives it. evaluate --scorer then lets it read generated pictures: the FCN-score of the paper, which \
      took an FCN-8s for it. How well it reads the real photographs is the most that generated ones can be given, so \
      that evaluate says both.

      --data holds photographs and --targets their label maps, with equal names and the folders train and val or \
      test. What is kept as best.safetensors is what read most pixels of the validation pairs right.

      Everything that train does is a scorer's, too: Ctrl-C and --resume, losses.csv, report.html.

      Examples:
        pix2pix train-scorer --data photos --targets labels --unlabelled '#000000' --size 128 --out scorer
        pix2pix evaluate --model run --scorer scorer/best.safetensors
      """)

  @Option(help: ArgumentHelp("Folder of photographs.", valueName: "dir"))
  var data: String?
  @Option(help: ArgumentHelp("Folder of label maps, matched by name.", valueName: "dir"))
  var targets: String?
  @Option(help: "What names a class in label maps: palette (a colour) or index (a gray level).")
  var labels = DataOptions.LabelKind.palette
  @Option(
    help: ArgumentHelp(
      "The colour of pixels that nobody labelled: they are neither learnt nor scored.", valueName: "#rrggbb"))
  var unlabelled: Colour?
  @Option(
    help: ArgumentHelp(
      "Folder of photographs to validate with, where --data has no val or test.", valueName: "dir"))
  var validationData: String?
  @Option(help: ArgumentHelp("Folder of their label maps.", valueName: "dir"))
  var validationTargets: String?
  @Option(help: ArgumentHelp("The scorer's folder.", valueName: "dir"))
  var out: String
  @Option(help: ArgumentHelp("Pixels on a side, or across and down. (default: 256)", valueName: "N|WxH"))
  var size: PictureSize?
  @Option(help: "Channels after the first convolution. (default: 64)")
  var ngf: Int?
  @Option(help: "Photographs per step. (default: 1)")
  var batchSize: Int?
  @Option(help: "Epochs in all; the learning rate falls in the second half. (default: 100)")
  var epochs: Int?
  @Option(help: "Adam's learning rate. (default: 0.0002)")
  var learningRate: Double?
  @Option(help: "Seed of weights, order, cuts and dropout. (default: 0)")
  var seed: UInt64?
  @OptionGroup var device: DeviceOptions
  @OptionGroup var kernels: KernelOptions
  @Flag(help: "Go on from the last checkpoint in --out.")
  var resume = false

  func validate() throws {
    guard resume || (data != nil && targets != nil) else {
      throw ValidationError("Missing --data and --targets (or --resume).")
    }
  }

  func run() throws {
    let directory = RunDirectory(out)
    let (options, checkpoint) = try resume ? resumedOptions() : (newOptions(directory), nil)
    try TrainingRun(
      options: options, directory: directory, checkpoint: checkpoint, device: device, kernels: kernels
    ).train(goOn: "pix2pix train-scorer --resume --out \(out)")
  }

  private func newOptions(_ directory: RunDirectory) throws -> TrainingOptions {
    guard directory.latestCheckpoint() == nil else {
      throw ModelError.file(out, "holds a run already; add --resume to go on with it, or name another folder")
    }
    var options = TrainingOptions()
    options.objective.kind = .crossEntropy
    options.network.output = options.objective.output
    if let size { options.network.size = size }
    options.network.levels = NetworkConfiguration.standardLevels(options.network.size)
    if let ngf { options.network.ngf = ngf }
    try pictures.set(&options)
    if let batchSize { options.batchSize = batchSize }
    if let seed { options.seed = seed }
    options.length = .epochs(constant: 50, decaying: 50)
    applyChangeable(&options)
    if try options.validationPairs() != nil { options.best = "pixel_accuracy" }
    return options
  }

  /// The options of train that say where the pairs are and what they are.
  private var pictures: DataOptions {
    get throws {
      let values = [
        ("data", data), ("targets", targets), ("validation-data", validationData),
        ("validation-targets", validationTargets), ("target-format", labels.rawValue),
        ("unlabelled", unlabelled?.description),
      ]
      return try DataOptions.parse(values.compactMap { name, value in value.map { "--\(name)=\($0)" } })
    }
  }

  private func resumedOptions() throws -> (TrainingOptions, (Checkpoint, path: String)) {
    let fixed: [(String, Bool)] = [
      ("--unlabelled", unlabelled != nil), ("--size", size != nil), ("--ngf", ngf != nil),
      ("--batch-size", batchSize != nil), ("--seed", seed != nil),
    ]
    if let (given, _) = fixed.first(where: \.1) {
      throw ModelError.option(given, "belongs to the run and cannot change when it is resumed; leave it out")
    }
    let path = try RunDirectory.checkpoint(of: out)
    let checkpoint = try Checkpoint(path: path)
    var options = checkpoint.options
    guard options.objective.kind == .crossEntropy else {
      throw ModelError.file(path, "is no scorer; go on with it by train --resume")
    }
    if let data { options.data = data }
    if let targets { options.targets = targets }
    if let validationData { options.validationData = validationData }
    if let validationTargets { options.validationTargets = validationTargets }
    applyChangeable(&options)
    return (options, (checkpoint, path))
  }

  private func applyChangeable(_ options: inout TrainingOptions) {
    // Wrapping, since absurd numbers are refused later, with the other options.
    if let epochs { options.length = .epochs(constant: epochs &- epochs / 2, decaying: epochs / 2) }
    if let learningRate { options.learningRate = learningRate }
    if let precision = device.precision { options.precision = precision }
  }
}
