import ArgumentParser
import ImageMetrics
import Images
import Interchange
import Model

struct Train: TalkingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Trains on pairs of pictures, and resumes where a run stopped.",
    discussion: HelpScope.discussion(
      """
      Pairs lie in one folder of side-by-side pictures (A left, B right), in folders A and B with the same names, or \
      with inputs in --data and targets in --targets; without pairs (--unpaired) in trainA and trainB. Ctrl-C writes a \
      checkpoint and stops.
      """,
      examples: """
        Examples:
          pix2pix train --data facades --direction BtoA --out run
          pix2pix train --data labels --targets photos --size 128 --out run
          pix2pix train --data photographs --task colorize --out run
          pix2pix train --unpaired --data horses-and-zebras --out run
          pix2pix train --resume --out run
        """,
      more: more))

  private static let more = """
    Each folder may have train, val or test below or above. Files are PNG, JPEG and NPY. The run's folder gets \
    checkpoints, losses.csv, validation.csv, samples/*.png, options.yaml and report.html.

    --resume goes on from the last checkpoint with the run's own options; these may be changed then: \
    \(TrainingOptions.rows.filter(\.mayChange).map(\.name).joined(separator: ", ")).

    Validation takes the figures of `pix2pix evaluate`, and --best names one of them: \
    \(FigureKind.ofPictures.map(\.key).joined(separator: ", ")); accuracies and IOU where targets are label maps, MS-SSIM for \
    sizes from \(StructuralSimilarity.minimumMultiScaleSide) on; with --scorer also \
    \(ScorerScore.outputKinds.map(\.key).joined(separator: ", ")); with --feature-network \
    \(FigureKind.frechetDistance.key) and \(FigureKind.kernelDistance.key). Without pairs it takes \
    \(FigureKind.ofCycles.map(\.key).joined(separator: ", ")) and, with --feature-network, \
    \(FigureKind.ofDomains.map(\.key).joined(separator: ", ")).

    --unpaired takes \(UnpairedSource.layouts). By default it is \(TrainingOptions.unpairedDefaults.unpairedSummary); \
    resnet-6 below 256 pixels.

    --epochs N keeps the learning rate for the first half and lets it fall linearly to 0 in the second; \
    --steps N keeps it throughout; --learning-rate-policy changes either.

    More examples:
      pix2pix train --data labels --targets photos --out run --device 0
      pix2pix train --data maps --targets photos --labels palette --size 500x375 --out run
      pix2pix train --data labels --targets photos --gan-loss wgan --gradient-penalty 10 --norm instance --out run
      pix2pix train --data winter --from run --learning-rate 5e-5 --epochs 20 --out fine-tuned
      pix2pix train --data labels --targets photos --tensorboard --out run
    """

  @OptionGroup(title: "Pictures") var pictures: RowOptions<PictureRows>
  @Option(help: ArgumentHelp("The run's folder.", valueName: "dir"), completion: .directory)
  var out: String
  @OptionGroup(title: "Networks") var network: NetworkOptions
  @OptionGroup(title: "Objective") var objective: ObjectiveOptions
  @OptionGroup(title: "Training") var training: RowOptions<TrainingRows>
  @Option(
    help: ArgumentHelp(
      "Refuse to train if more of the device's memory is needed. (default: all it has)", valueName: "GiB",
      visibility: .rare),
    transform: memoryLimits.value)
  var memoryLimit: Double?
  @OptionGroup var device: DeviceOptions
  @OptionGroup var kernels: KernelOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var terminal: TerminalOptions
  @OptionGroup var config: ConfigOptions
  @Flag(
    help: ArgumentHelp(
      "Hold the kernels to the CPU reference before the first step, as at their first use with a driver.",
      visibility: .rare))
  var selfTest = false
  @Flag(
    help:
      "Write events for TensorBoard, too. Give it again with --resume, which does not remember it."
  )
  var tensorboard = false
  @Flag(help: "Go on from the last checkpoint in --out.")
  var resume = false
  @Option(
    help: ArgumentHelp(
      "Stop after so many steps of this session, as Ctrl-C would.", valueName: "steps", visibility: .rare),
    transform: OptionRange.above(0).value)
  var stopAfter: Int?

  private var given: [GivenOption] {
    pictures.given + network.given + objective.given + training.given + device.given
  }

  func validate() throws {
    if resume { return }
    guard try !TrainingOptions(given: given).data.isEmpty else {
      throw ValidationError("Missing --data (or --resume).")
    }
  }

  func run() throws {
    if tensorboard { try BuildTrait.protobuf.require(for: "--tensorboard") }
    let directory = RunDirectory(out, replacing: output.replacing)
    let (options, checkpoint) =
      try resume ? directory.resumedRun(with: given) : (taught(newOptions(directory)), nil)
    try TrainingRun(
      options: options, directory: directory, checkpoint: checkpoint, memoryLimit: memoryLimit,
      device: device, kernels: kernels, selfTest: selfTest, tensorBoard: tensorboard
    ).train(stopAfter: stopAfter, goOn: "pix2pix train --resume")
  }

  /// The options with what the teacher's file says, where there is a teacher.
  private func taught(_ options: TrainingOptions) throws -> TrainingOptions {
    var options = options
    for remark in try options.readTeacher() { warn(remark) }
    return options
  }

  private func newOptions(_ directory: RunDirectory) throws -> TrainingOptions {
    let asked = try TrainingOptions(given: given)
    guard let path = asked.from else {
      let options = try directory.newRun(asked)
      try options.validate()
      if options.isUnpaired { note("--unpaired: \(options.unpairedSummary)") }
      if options.hasCodes { note("--latent: \(options.latentSummary)") }
      return options
    }
    let model = try RunDirectory.readCheckpoint(of: path).0.options
    var options = try TrainingOptions(beginningWith: model, given: given)
    try options.refuseMisuse(of: given)
    options = try directory.newRun(options)
    try options.takeClasses(of: model)
    return options
  }
}

extension RunDirectory {
  /// A new run's options, with the format of its pictures.
  ///
  /// - Throws: `ModelError.file` when the folder holds a run already.
  func newRun(_ options: TrainingOptions) throws -> TrainingOptions {
    try requireTeacherElsewhere(options)
    guard latestCheckpoint() == nil else { throw RunDirectory.holdsRun(path) }
    guard !PictureFolder.exists("\(path)/rows") else {
      throw ModelError.file(path, "holds experiments; name another folder for a run")
    }
    var options = options
    for remark in try options.readFormat() { warn(remark) }
    return options
  }

  /// The last checkpoint, and the run's own options with those given that may change.
  func resumedRun(with given: [GivenOption]) throws -> (TrainingOptions, (Checkpoint, path: String)?) {
    let (checkpoint, path) = try RunDirectory.readCheckpoint(of: path)
    guard !checkpoint.options.data.isEmpty else {
      throw ModelError.file(
        self.path,
        "was imported and never trained; begin a run with it: train --from \(ShellText.quoted(self.path))")
    }
    let options = try checkpoint.options.resumed(with: given)
    try options.requirePlaces()
    try options.refuseMisuse(of: given)
    return (options, (checkpoint, path))
  }
}

extension TrainingOptions {
  /// The options of a training whose step alone is recorded, and its teacher's networks read.
  ///
  /// - Parameter batchSize: where it is not the networks' usual one
  init(ofStep given: [GivenOption], batchSize: Int?) throws {
    try self.init(given: given)
    for remark in try readTeacher(comparesFormats: false) { warn(remark) }
    if let batchSize { self.batchSize = batchSize }
  }
}
