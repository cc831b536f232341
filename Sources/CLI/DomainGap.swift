import ArgumentParser
import CLBackend
import Files
import ImageMetrics
import Images
import Model
import Tape

struct DomainGapCommand: TalkingCommand {
  static let configuration = CommandConfiguration(
    commandName: "domain-gap",
    abstract: "Measures how far generated pictures are from real ones, for those who train on them.",
    discussion: """
      Reports the terms of a bound of domain adaptation (Ben-David et al. 2010), and claims nothing: no loss of a training, \
      the cycle loss among them, guarantees any of them. docs/DOMAIN_GAP.md says what they mean.

      err is the error of a classifier that tells generated from real pictures, on pictures that it was not trained on \
      (a half when it cannot), and d = 2 (1 - 2 err). It sees thumbnails of 32 x 32 pixels, or the features of \
      --feature-network or --scorer.

      With label maps of both sides, two scorers are trained in --out, as train-scorer does, each on half of the \
      pictures: one on generated ones, whose share of wrong pixels on the held-out half is e_S on generated and e_T on \
      real pictures, and one on both sides, whose two shares sum to e*. The same command goes on where it was stopped.

      Pictures of other sizes are brought to one size. Where there are JPEGs, all pictures go through one JPEG, since \
      a classifier would see nothing else.

      Examples:
        pix2pix domain-gap --generated pictures --real photos/val
        pix2pix domain-gap --generated pictures --real photos/val --feature-network vgg16.safetensors
        pix2pix domain-gap --generated pictures --generated-labels labels/train --real photos/val --labels labels/val \
      --unlabelled '#000000' --size 128 --epochs 40 --out gap
      """)

  /// The options of the scorers that are trained, and the seed of all that is drawn.
  enum Rows: RowList {
    static let rows = [
      TrainingOptions.row("--target-format").renamed(
        "--label-format",
        help: "What names a class in label maps: palette (a colour) or index (a gray level).",
        choices: PictureKinds.Labels.choices),
      TrainingOptions.row("--unlabelled").renamed(
        help: "The colour of pixels that nobody labelled: they are neither learnt nor scored."),
      TrainingOptions.row("--size"),
      TrainingOptions.row("--ngf").renamed(help: "Channels after the first convolution."),
      TrainingOptions.row("--batch-size").renamed(help: "Pictures per step."),
      TrainingOptions.row("--epochs"), TrainingOptions.row("--learning-rate"), seed,
    ]

    static let seed = TrainingOptions.row("--seed").renamed(help: "Seed of halves and of scorers.")

    static let defaults = {
      var options = TrainScorer.Rows.defaults
      options.keep = 1
      return options
    }()
  }

  @Option(help: ArgumentHelp("Folder of generated pictures.", valueName: "dir"), completion: .directory)
  var generated: String
  @Option(help: ArgumentHelp("Folder of real pictures.", valueName: "dir"), completion: .directory)
  var real: String
  @Option(
    help: ArgumentHelp("Folder of the real pictures' label maps, matched by name.", valueName: "dir"),
    completion: .directory)
  var labels: String?
  @Option(
    help: ArgumentHelp("Folder of the generated pictures' label maps, matched by name.", valueName: "dir"),
    completion: .directory)
  var generatedLabels: String?
  @Option(
    help: ArgumentHelp(
      "Network whose features are told apart: torchvision's VGG-11, 13, 16 or 19, with or without batch norm, as safetensors.",
      valueName: "file"), completion: .file())
  var featureNetwork: String?
  @Option(
    help: ArgumentHelp("A scorer made by train-scorer whose features are told apart.", valueName: "run|file"),
    completion: .file())
  var scorer: String?
  @Option(
    help: ArgumentHelp("Folder for figures.json and, with label maps, the scorers.", valueName: "dir"),
    completion: .directory)
  var out: String?
  @OptionGroup(title: "Scorers") var training: RowOptions<Rows>
  @OptionGroup var device: DeviceOptions
  @OptionGroup var kernels: KernelOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var terminal: TerminalOptions
  @OptionGroup var config: ConfigOptions

  private var given: [GivenOption] { training.given + device.given }

  func validate() throws {
    guard labels == nil || generatedLabels != nil else {
      throw ValidationError("--labels needs --generated-labels: scorers are trained on both sides.")
    }
    guard generatedLabels == nil || labels != nil else {
      throw ValidationError("--generated-labels needs --labels: scorers are trained on both sides.")
    }
    guard featureNetwork == nil || scorer == nil else {
      throw ValidationError(
        "--feature-network and --scorer are different networks, whose features cannot be compared; give one.")
    }
    guard labels == nil || out != nil else {
      throw ValidationError("--labels needs --out, the folder that scorers are trained in.")
    }
    if labels == nil, let other = training.given.first(where: { $0.row.name != Rows.seed.name }) {
      throw ValidationError("\(other.row.name) goes with --labels.")
    }
    _ = try TrainingOptions(Rows.defaults, given: given)
  }

  func run() throws {
    var options = try TrainingOptions(Rows.defaults, given: given)
    if let out { try output.check(["\(out)/figures.json"]) }
    var skipped = SkippedPictures()
    func pictures(_ path: String, _ labels: String?, _ name: String) throws -> DomainPictures {
      let pictures = try DomainPictures(path, labels: labels, name: name)
      for remark in pictures.remarks { warn(remark) }
      for error in pictures.unreadable { skipped.skip(error) }
      return pictures
    }
    let sides = (
      generated: try pictures(generated, generatedLabels, "generated"),
      real: try pictures(real, labels, "real")
    )
    try sides.generated.requireEnough()
    try sides.real.requireEnough()
    let gap = DomainGap(generated: sides.generated, real: sides.real, seed: options.seed)
    for remark in gap.preparation.remarks { note(remark) }
    let scorer = try self.scorer.map { path in
      (try Scorer(RunDirectory.readCheckpoint(of: path), makeExecutor: executor), path: path)
    }
    let features = try self.features(scorer)
    if labels != nil {
      let palette = try gap.classes(
        options.kinds.target == .index ? .index : .palette, unlabelled: options.kinds.unlabelled, of: scorer)
      options.format = .pictures(inputs: [.rgb], target: .labels(palette))
      options.network.inputChannels = options.format.inputChannels
      options.network.outputChannels = options.format.targetChannels
      try options.validate()
    }
    let lock = try prepareFolder()
    defer { withExtendedLifetime(lock) {} }
    // Scorers are looked at before anything takes time.
    let runs = try labels == nil ? [] : DomainGap.Training.allCases.map { try run($0, gap, options) }

    note(
      "comparing \(gap.generated.count) generated with \(gap.real.count) real pictures by \(features.words)")
    var report = EvaluationReport()
    report.figures = try gap.discrepancy(by: features, onProgress: PictureProgress(of: gap.count).show)
    Terminal.endProgress()
    if labels != nil { try addErrors(to: &report, gap, runs) }
    sayFigures(report, gap, features)
    if let out { try report.write(to: out, replacing: output.replacing) }
    Terminal.say(
      CommandEvent(
        "done",
        [("pictures", .integer(gap.count)), ("skipped", .integer(skipped.count))]
          + (out.map { [("folder", .text($0))] } ?? [])))
    try skipped.end(of: gap.count + skipped.count)
  }

  private func executor(_ recording: Recording) throws -> any Executor {
    try device.executor(for: recording, kernels, .use, tunes: true)
  }

  private func features(_ scorer: (Scorer, path: String)?) throws -> DomainFeatures {
    if let featureNetwork {
      return .network(
        try FeatureNetwork(path: featureNetwork, makeExecutor: executor), path: featureNetwork)
    }
    return scorer.map { .scorer($0.0, path: $0.path) } ?? .thumbnails
  }

  /// Takes the right to write --out where scorers are trained there.
  private func prepareFolder() throws -> FolderLock? {
    guard let out, labels != nil else { return nil }
    guard RunDirectory(out).latestCheckpoint() == nil else {
      throw ModelError.file(out, "holds a run; name another folder")
    }
    try makeFolder(out)
    return try FolderLock(out)
  }

  // MARK: Scorers

  private func directory(_ training: DomainGap.Training) -> RunDirectory {
    RunDirectory("\(out ?? "")/scorer-of-\(training.rawValue)", replacing: output.replacing)
  }

  /// The training that a scorer needs yet; nil where it has been done.
  private func run(
    _ training: DomainGap.Training, _ gap: DomainGap, _ base: TrainingOptions
  ) throws -> TrainingRun? {
    var options = base
    let folders = try gap.writeTrainingPairs(of: training, to: "\(out ?? "")/trained-on-\(training.rawValue)")
    (options.data, options.targets) = (folders.pictures, folders.labels)
    var run = TrainingRun(
      options: options, directory: directory(training), device: device, kernels: kernels)
    run.command = "pix2pix train-scorer"
    run.rows = TrainScorer.Rows.rows
    run.defaults = TrainScorer.Rows.defaults
    return try run.goingOn(of: "a scorer")
  }

  private func addErrors(
    to report: inout EvaluationReport, _ gap: DomainGap, _ runs: [TrainingRun?]
  ) throws {
    var errors: [Figure] = []
    for (index, (training, run)) in zip(DomainGap.Training.allCases, runs).enumerated() {
      Terminal.say(
        CommandEvent(
          "scorer",
          [
            ("scorer", .integer(index + 1)), ("scorers", .integer(runs.count)),
            ("name", .text(training.rawValue)),
          ],
          text:
            "scorer \(index + 1) of \(runs.count): trained on half of \(training == .both ? "both sides" : "the generated pictures")",
          tone: .remark))
      try run?.train()
      let scorer = try Scorer(
        RunDirectory.readCheckpoint(of: directory(training).path), makeExecutor: executor)
      let kinds: (FigureKind, FigureKind) =
        training == .generated ? (.sourceError, .targetError) : (.jointSourceError, .jointTargetError)
      let found = try gap.errors(
        of: scorer, kinds, onProgress: PictureProgress(of: gap.heldOutCount).show)
      Terminal.endProgress()
      errors += [found.generated, found.real]
    }
    let values = Dictionary(
      uniqueKeysWithValues: (report.figures + errors).map { ($0.kind, $0.value) })
    func value(_ kind: FigureKind) -> Double { values[kind] ?? .nan }
    let joint = value(.jointSourceError) + value(.jointTargetError)
    let bound = DomainBound(
      sourceError: value(.sourceError), discrepancy: value(.domainDiscrepancy), jointError: joint)
    report.figures +=
      errors + [
        Figure(.jointError, value: joint, count: gap.heldOutCount),
        Figure(.domainBound, value: bound.value, count: gap.heldOutCount),
      ]
  }

  private func sayFigures(_ report: EvaluationReport, _ gap: DomainGap, _ features: DomainFeatures) {
    Terminal.result(
      CommandEvent(
        "measured",
        [
          ("figures", Figure.fields(report.figures)), ("features", .text(features.words)),
          ("recompressed", .flag(gap.preparation.compresses)),
        ],
        text: "\(Table(["figure", "value", "95 % interval", "pictures"], report.rows))"))
    note(
      report.figures.contains { $0.kind == .domainBound }
        ? "the sum is an estimate and bounds nothing: d is of one classifier, e* of one scorer (docs/DOMAIN_GAP.md)"
        : "d is of one classifier: a better one may tell more apart (docs/DOMAIN_GAP.md)")
  }
}
