import ArgumentParser
import Files
import Foundation
import ImageMetrics
import Images
import Model
import Tape

struct ExperimentCommand: TalkingCommand {
  static let configuration = CommandConfiguration(
    commandName: "experiment",
    abstract: "Trains the rows of the paper's tables with equal budgets, and writes the tables.",
    discussion: """
      paper-losses is table 1 of Isola et al. 2017 (L1, GAN, cGAN, L1+GAN, L1+cGAN), paper-patches table 2 (discriminators \
      of 1x1, 16x16, 70x70 and 286x286 pixels), paper-generators table 3 (encoder-decoder and U-Net). Every row is trained \
      on the same pairs for the same number of steps from the same seed, and judged by its last checkpoint on the \
      validation pairs; nothing is chosen by its figures. Rows that tables share are trained once.

      With --scorer, which train-scorer makes, rows get the FCN-score that the paper's tables have; the paper's numbers \
      (Cityscapes at 256 x 256) stand beside them.

      --out gets a run's folder for each row in rows/, and NAME.md, NAME.csv and report.html, which are written after \
      every row. The same command goes on where it was stopped.

      Examples:
        pix2pix experiment paper-losses --data labels --targets photos --size 128 --epochs 20 --scorer scorer --out losses
        pix2pix experiment paper-losses paper-patches paper-generators --data pairs --direction BtoA --out tables
      """)

  /// What all rows have in common.
  enum Rows: RowList {
    static let rows =
      TrainingOptions.rows("--size", "--ngf", "--ndf", "--batch-size") + [
        TrainingOptions.row("--epochs").renamed(
          help: "Epochs of every row; the learning rate falls in the second half.")
      ] + TrainingOptions.rows("--learning-rate", "--seed", "--no-jitter")

    static let defaults = {
      var options = TrainingOptions()
      options.keep = 1
      return options
    }()
  }

  @Argument(help: "paper-losses, paper-patches or paper-generators; several in one go.")
  var experiments: [Experiment]
  @OptionGroup(title: "Pictures") var pictures: RowOptions<PictureRows>
  @Option(help: ArgumentHelp("The experiments' folder.", valueName: "dir"), completion: .directory)
  var out: String
  @Option(
    help: ArgumentHelp("What train-scorer made, for the FCN-score.", valueName: "run|file"),
    completion: .file())
  var scorer: String?
  @Option(
    help: ArgumentHelp(
      "Folder of the label maps for --scorer, matched by name. (default: the inputs)", valueName: "dir"),
    completion: .directory)
  var labelMaps: String?
  @OptionGroup(title: "Every row") var budget: RowOptions<Rows>
  @OptionGroup var device: DeviceOptions
  @OptionGroup var kernels: KernelOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var terminal: TerminalOptions
  @OptionGroup var config: ConfigOptions

  private var given: [GivenOption] { pictures.given + budget.given + device.given }

  func validate() throws {
    guard !experiments.isEmpty else {
      throw ValidationError(
        "Missing an experiment: \(Experiment.allCases.map(\.rawValue).joined(separator: ", ")).")
    }
    guard try !TrainingOptions(Rows.defaults, given: given).data.isEmpty else {
      throw ValidationError("Missing --data.")
    }
    guard scorer != nil || labelMaps == nil else { throw ValidationError("--label-maps goes with --scorer.") }
  }

  func run() throws {
    let experiments = Experiment.allCases.filter(self.experiments.contains)
    try output.check(
      experiments.flatMap { name in ["md", "csv", "png"].map { "\(out)/\(name.rawValue).\($0)" } }
        + ["\(out)/report.html"])
    let base = try baseOptions()
    guard let validation = try base.validationPairs() else {
      throw ModelError.option(
        "--data",
        "\(base.data) has neither val nor test to judge rows by; say where they are with --validation-data")
    }
    let scorer = try self.scorer.map { path in
      try Scorer(RunDirectory.readCheckpoint(of: path)) { try executor($0) }
    }
    let labelMaps = try labelMaps.map { try validation.paths(in: $0, split: .val) }
    if let scorer {
      // What cannot be read is said before the first row is trained.
      let first =
        try labelMaps.map { (try Picture(contentsOf: $0[0]), $0[0]) }
        ?? {
          let input = try validation.pairs[0].pictures().inputs[0]
          return (input.picture, input.path)
        }()
      _ = try scorer.labels(of: first.0, path: first.1)
    }
    guard RunDirectory(out).latestCheckpoint() == nil else {
      throw ModelError.file(out, "holds a run; name another folder for experiments")
    }
    try makeFolder(out)
    let lock = try FolderLock(out)
    defer { withExtendedLifetime(lock) {} }
    let shown = Self.shown(of: validation)
    var results: [Experiment.Variant: RowResult] = [:]
    let variants = Experiment.variants(of: experiments)
    // Each row's options are looked at before any row takes its time.
    let runs = try variants.map { try run(of: $0, base) }
    for (index, (variant, run)) in zip(variants, runs).enumerated() {
      Self.sayRow(index + 1, of: variants.count, variant.name)
      if let run { try run.train() }
      let directory = RunDirectory("\(out)/rows/\(variant.name)", replacing: output.replacing)
      let translator = try Translator(RunDirectory.readCheckpoint(of: directory.path)) {
        try executor($0.recording)
      }
      var evaluation = PictureEvaluation(source: validation, seed: 0)
      (evaluation.translator, evaluation.scorer, evaluation.labelMaps) = (translator, scorer, labelMaps)
      evaluation.onProgress = PictureProgress(of: validation.count).show
      let report = try evaluation.report()
      Terminal.endProgress()
      try report.write(to: "\(directory.path)/evaluation", replacing: output.replacing)
      results[variant] = RowResult(
        figures: Dictionary(uniqueKeysWithValues: report.figures.map { ($0.kind.key, $0) }),
        pictures: try shown.map { try translator.translate(validation.pairs[$0], index: $0) })
      try write(experiments, results, base, TrainingPlan(base, pairs: try base.trainingPairs().count))
    }
    Terminal.say(
      CommandEvent("done", [("report", .text("\(out)/report.html"))], text: "look: \(out)/report.html"))
  }

  private static func sayRow(_ row: Int, of rows: Int, _ name: String) {
    Terminal.say(
      CommandEvent(
        "row", [("row", .integer(row)), ("rows", .integer(rows)), ("name", .text(name))],
        text: "row \(row) of \(rows): \(name)", tone: .remark))
  }

  /// A row that was trained and judged.
  private struct RowResult {
    var figures: [String: Figure]
    /// Of the validation pairs that are shown.
    var pictures: [(inputs: [Picture], output: Picture, target: Picture)]
  }

  private func executor(_ recording: Recording) throws -> any Executor {
    try device.executor(for: recording, kernels, .use, tunes: true)
  }

  // MARK: Rows

  /// What all rows have in common.
  private func baseOptions() throws -> TrainingOptions {
    var options = try TrainingOptions(Rows.defaults, given: given)
    for remark in try options.readFormat() { warn(remark) }
    try options.validate()
    return options
  }

  /// The training that a row needs yet; nil where it has been done.
  private func run(of variant: Experiment.Variant, _ base: TrainingOptions) throws -> TrainingRun? {
    var options = base
    try variant.apply(to: &options)
    do {
      try options.validate()
    } catch {
      throw ModelError.option(
        "--size", "the row \(variant.name) cannot be trained at \(options.network.size); give a larger size")
    }
    let directory = RunDirectory("\(out)/rows/\(variant.name)", replacing: output.replacing)
    return try TrainingRun(options: options, directory: directory, device: device, kernels: kernels)
      .goingOn(of: "a row")
  }

  // MARK: Results

  /// Rows of the sheets.
  private static let shownCount = 6

  private static func shown(of validation: PairSource) -> [Int] {
    let count = min(shownCount, validation.count)
    return (0..<count).map { $0 * validation.count / count }
  }

  /// The figures of the paper's tables, then those that every pair of pictures has.
  private static let columns: [ExperimentTable.Column] = [
    .init(key: "scorer_pixel_accuracy", title: "per-pixel accuracy") { $0.pixelAccuracy },
    .init(key: "scorer_class_accuracy", title: "per-class accuracy") { $0.classAccuracy },
    .init(key: "scorer_class_iou", title: "class IOU") { $0.classIOU },
    .init(key: "scorer_frechet_distance", title: "Fréchet (scorer)"),
    .init(key: "l1", title: "L1"),
    .init(key: "ssim", title: "SSIM"),
    .init(key: "histogram_intersection_l", title: "hist. L"),
    .init(key: "histogram_intersection_a", title: "hist. a"),
    .init(key: "histogram_intersection_b", title: "hist. b"),
  ]

  private func write(
    _ experiments: [Experiment], _ results: [Experiment.Variant: RowResult], _ base: TrainingOptions,
    _ plan: TrainingPlan
  ) throws {
    let network = base.network
    let budget =
      "Every row: \(plan.epochs) epochs of \(plan.stepsPerEpoch) steps with batches of \(base.batchSize), \(network.size) pixels, "
      + "ngf \(network.ngf), ndf \(network.ndf), Adam at \(base.learningRate), seed \(base.seed); "
      + "judged by the last checkpoint on \(results.values.first?.figures["l1"]?.count ?? 0) pairs that were not trained on. "
      + "The paper's numbers are of Cityscapes at 256 x 256 and another scorer: orders can be compared, levels cannot."
    var sections: [ExperimentReport.Section] = []
    for experiment in experiments {
      var rows = experiment.rows.map { row in
        ExperimentTable.Row(
          title: row.title,
          values: (results[row.variant]?.figures ?? [:]).mapValues { .init($0) }, published: row.published)
      }
      if let truth = results.values.first.map({ Self.groundTruth($0.figures) }), !truth.isEmpty {
        rows.append(
          .init(
            title: ExperimentTable.groundTruth, values: truth, published: Experiment.publishedGroundTruth))
      }
      let table = ExperimentTable(title: experiment.title, columns: Self.columns, rows: rows, budget: budget)
      let path = "\(out)/\(experiment.rawValue)"
      try OutputFile.write(table.markdown.utf8, to: "\(path).md", replacing: output.replacing)
      try OutputFile.write(table.csv.utf8, to: "\(path).csv", replacing: output.replacing)
      sections.append(try section(table, experiment, results))
    }
    let report = ExperimentReport(
      title: "The paper's experiments on \(base.targets ?? base.data)", budget: budget, sections: sections)
    try OutputFile.write(report.html().utf8, to: "\(out)/report.html", replacing: output.replacing)
  }

  /// What the scorer reads from the real pictures, which is the same whatever was trained.
  private static func groundTruth(_ figures: [String: Figure]) -> [String: ExperimentTable.Value] {
    var values: [String: ExperimentTable.Value] = [:]
    for name in ["pixel_accuracy", "class_accuracy", "class_iou"] {
      if let figure = figures["scorer_targets_\(name)"] { values["scorer_\(name)"] = .init(figure) }
    }
    return values
  }

  private func section(
    _ table: ExperimentTable, _ experiment: Experiment, _ results: [Experiment.Variant: RowResult]
  ) throws -> ExperimentReport.Section {
    let rows = experiment.rows.compactMap { row in results[row.variant].map { (row.title, $0) } }
    guard let first = rows.first?.1.pictures else {
      return ExperimentReport.Section(table: table, columns: [], sheet: nil)
    }
    let sheet = first.indices.map { index in
      first[index].inputs + rows.map { $0.1.pictures[index].output } + [first[index].target]
    }
    let columns = first[0].inputs.map { _ in "input" } + rows.map(\.0) + [ExperimentTable.groundTruth]
    let path = "\(out)/\(experiment.rawValue).png"
    try Picture.sheet(sheet.map { $0.map { $0.rgb().eightBit() } }).write(
      to: path, replacing: output.replacing)
    guard let png = FileManager.default.contents(atPath: path) else {
      throw ModelError.file(path, "cannot be read again")
    }
    return ExperimentReport.Section(table: table, columns: columns, sheet: .embedded(png: [UInt8](png)))
  }
}

extension ExperimentTable.Value {
  fileprivate init(_ figure: Figure) {
    self.init(value: figure.value, lower: figure.interval?.lower, upper: figure.interval?.upper)
  }
}

extension Experiment: ExpressibleByArgument {}
