import ArgumentParser
import Model

struct TrainScorer: TalkingCommand {
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

  /// The options of train, about photographs and their label maps.
  enum Rows: RowList {
    static let rows = [
      TrainingOptions.row("--data").renamed(help: "Folder of photographs."),
      TrainingOptions.row("--targets").renamed(help: "Folder of label maps, matched by name."),
      TrainingOptions.row("--target-format").renamed(
        "--labels", help: "What names a class in label maps: palette (a colour) or index (a gray level).",
        choices: PictureKinds.Labels.choices),
      TrainingOptions.row("--unlabelled").renamed(
        help: "The colour of pixels that nobody labelled: they are neither learnt nor scored."),
      TrainingOptions.row("--validation-data").renamed(
        help: "Folder of photographs to validate with, where --data has no val or test."),
      TrainingOptions.row("--validation-targets").renamed(help: "Folder of their label maps."),
      TrainingOptions.row("--size"),
      TrainingOptions.row("--ngf").renamed(help: "Channels after the first convolution."),
      TrainingOptions.row("--batch-size").renamed(help: "Photographs per step."),
      TrainingOptions.row("--epochs"), TrainingOptions.row("--learning-rate"), TrainingOptions.row("--seed"),
    ]

    static let defaults = {
      var options = TrainingOptions()
      options.objective.kind = .crossEntropy
      options.kinds.target = .palette
      options.length = .epochs(constant: 50, decaying: 50)
      return options
    }()
  }

  @OptionGroup(title: "Training") var scorer: RowOptions<Rows>
  @Option(help: ArgumentHelp("The scorer's folder.", valueName: "dir"), completion: .directory)
  var out: String
  @OptionGroup var device: DeviceOptions
  @OptionGroup var kernels: KernelOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var terminal: TerminalOptions
  @OptionGroup var config: ConfigOptions
  @Flag(help: "Go on from the last checkpoint in --out.")
  var resume = false

  private var given: [GivenOption] { scorer.given + device.given }

  func validate() throws {
    if resume { return }
    let options = try TrainingOptions(Rows.defaults, given: given)
    guard !options.data.isEmpty, options.targets != nil else {
      throw ValidationError("Missing --data and --targets (or --resume).")
    }
  }

  func run() throws {
    let directory = RunDirectory(out, replacing: output.replacing)
    let (options, checkpoint) = try resume ? resumed(directory) : (newOptions(directory), nil)
    try TrainingRun(
      options: options, directory: directory, checkpoint: checkpoint, device: device, kernels: kernels,
      rows: Rows.rows, defaults: Rows.defaults, command: "pix2pix train-scorer"
    ).train(goOn: "pix2pix train-scorer --resume")
  }

  private func newOptions(_ directory: RunDirectory) throws -> TrainingOptions {
    var options = try directory.newRun(TrainingOptions(Rows.defaults, given: given))
    if try options.validationPairs() != nil { options.best = "pixel_accuracy" }
    return options
  }

  private func resumed(
    _ directory: RunDirectory
  ) throws -> (TrainingOptions, (Checkpoint, path: String)?) {
    let (options, checkpoint) = try directory.resumedRun(with: given)
    guard options.objective.kind == .crossEntropy else {
      throw ModelError.file(checkpoint?.path ?? out, "is no scorer; go on with it by train --resume")
    }
    return (options, checkpoint)
  }
}
