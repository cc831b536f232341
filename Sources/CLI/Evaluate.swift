import ArgumentParser
import CLBackend
import Foundation
import ImageMetrics
import Images
import Model
import Tape

struct Evaluate: TalkingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures pictures against their targets.",
    discussion: """
      The pictures are a model's, on pairs that it was not trained on (by default the run's validation pairs: val, else \
      test), or those of a folder, beside targets of equal names in another.

      Always: L1, MSE and PSNR over samples of 0 to 255, SSIM, MS-SSIM (pictures from \
      \(StructuralSimilarity.minimumMultiScaleSide) pixels on a side), and how far the histograms of CIE L, a and b \
      over all pictures intersect (unless they are arrays of other channels than colours). Where targets are label \
      maps, that is palette PNGs or pictures of at most \(TargetSurvey.mostLabelColours) distinct colours in all: \
      per-pixel accuracy, per-class accuracy and class IOU, each output pixel taken for the nearest of the palette's \
      colours. With training targets: the share of outputs that are nearer to one of them than to their own target, \
      reduced to 32 x 32. With --scorer: the FCN-score, the same three figures for the labels that the scorer reads from \
      outputs and from targets, and the Fréchet distance of its features (the mean over pixels of each map that its last \
      layer reads). With feature vectors of any network, or with a VGG to make them of outputs and targets \
      (--feature-network): their Fréchet distance. With the weights of LPIPS' channels, too (--lpips-weights): LPIPS 0.1 \
      of outputs and targets, from \(LPIPS.smallestSide) pixels on a side.

      With --samples K, that many outputs of each input, which noise or dropout make differ: the mean distance of all \
      pairs of them (diversity), and the least of their distances from the target (best of K), by L1 and, with \
      --lpips-weights, by LPIPS. All other figures are the first sample's. Diversity alone may be noise; where it is of \
      the right kind, best of K falls with K. With several right outputs of each input (--target-samples): their \
      diversity, and the collapse ratio, the outputs' over it. Near 0, samples are all alike.

      With --teacher, a larger model of the same kind: L1 to its pictures (drawn without dropout), SSIM with them, the \
      energy of high spatial frequencies as a share of the teacher's, and what either model costs: parameters, \
      multiply-adds, and milliseconds for a picture on the device, measured in turn.

      Intervals are 95 % bootstrap intervals over pictures, or inputs, of \(Bootstrap.resamples) resamples: the spread for other pictures, not for another training.

      A model's pictures are made as translate makes them and compared at the model's size, targets resized as for \
      training.

      Examples:
        pix2pix evaluate --model run
        pix2pix evaluate --model run --scorer scorer/best.safetensors
        pix2pix evaluate --model small --teacher big/best.safetensors
        pix2pix evaluate --model run/best.safetensors --data facades --split test --out evaluation
        pix2pix evaluate --outputs pictures --targets photos/val --train-targets photos/train
        pix2pix evaluate --outputs labels --targets true-labels --palette palette.png --unlabelled '#404080'
        pix2pix evaluate --output-features a.safetensors --target-features b.safetensors
        pix2pix evaluate --model run --feature-network vgg16.safetensors
        pix2pix evaluate --model run --samples 10 --feature-network vgg16.safetensors --lpips-weights lpips-vgg.safetensors
        pix2pix evaluate --outputs pictures --targets photos/val --samples 5

      PyTorch writes such a network by
        safetensors.torch.save_file(torchvision.models.vgg16(weights="DEFAULT").state_dict(), "vgg16.safetensors")
      Its features of a picture are the means over all pixels of its last maps, behind the last pooling (512 numbers), \
      of the picture at its size, normalised by ImageNet's mean and standard deviation. LPIPS reads VGG-16 or AlexNet. \
      Its weights are in the Python package lpips, from which PyTorch writes them by
        safetensors.torch.save_file(torch.load("lpips/weights/v0.1/vgg.pth"), "lpips-vgg.safetensors")
      """)

  @Option(help: ArgumentHelp("A run's folder or a checkpoint.", valueName: "run|file"), completion: .file())
  var model: String?
  @Option(
    help: ArgumentHelp(
      "Folder of pairs, or of inputs when --targets is given. (default: what the run was trained with)",
      valueName: "dir"), completion: .directory)
  var data: String?
  @Option(
    help: ArgumentHelp("Folder of pictures to compare with the targets.", valueName: "dir"),
    completion: .directory)
  var outputs: String?
  @Option(
    help: ArgumentHelp("Folder of targets, matched by name with --outputs or --data.", valueName: "dir"),
    completion: .directory)
  var targets: String?
  @Option(help: "AtoB or BtoA, of a model that was trained without pairs. (default: AtoB)")
  var direction: Direction?
  @Option(help: "train, val or test. (default: val, else test; folders without splits whole with --outputs)")
  var split: Split?
  @Option(
    help: ArgumentHelp(
      "Classes of label maps: a palette PNG's colours, or the distinct colours of a folder's pictures. (default: the targets')",
      valueName: "file|dir"), completion: .file())
  var palette: String?
  @Option(
    help: ArgumentHelp(
      "The palette's colour of pixels that nobody labelled: they are left out.",
      valueName: "#rrggbb"))
  var unlabelled: Colour?
  @Option(
    help: ArgumentHelp(
      "Folder of training targets, to find outputs that repeat them. (default: those the model was trained on)",
      valueName: "dir"), completion: .directory)
  var trainTargets: String?
  @Option(
    help: ArgumentHelp(
      "A scorer made by train-scorer: it reads outputs and targets, to be compared with the label maps behind the outputs.",
      valueName: "run|file"), completion: .file())
  var scorer: String?
  @Option(
    help: ArgumentHelp(
      "A model to compare the pictures and the cost of --model with, such as the one that it learnt from.",
      valueName: "run|file"), completion: .file())
  var teacher: String?
  @Option(
    help: ArgumentHelp(
      "Folder of the label maps for --scorer, matched by name. (default: the model's inputs)",
      valueName: "dir"), completion: .directory)
  var labelMaps: String?
  @Option(
    help: ArgumentHelp(
      "Feature vectors of outputs: a safetensors file with one F32 tensor [pictures, features].",
      valueName: "file"), completion: .file())
  var outputFeatures: String?
  @Option(
    help: ArgumentHelp("Feature vectors of targets, by the same network.", valueName: "file"),
    completion: .file())
  var targetFeatures: String?
  @Option(
    help: ArgumentHelp(
      "Network for the Fréchet distance between features of outputs and targets: torchvision's VGG-11, 13, 16 or 19, with or without batch norm, or AlexNet, as safetensors.",
      valueName: "file"), completion: .file())
  var featureNetwork: String?
  @Option(
    help: ArgumentHelp(
      "Weights of LPIPS for --feature-network, VGG-16 or AlexNet: a safetensors file of the package lpips' (lin0.model.1.weight and so on), or ones, its baseline.",
      valueName: "file|ones"), completion: .file())
  var lpipsWeights: String?
  @Option(
    help:
      "Outputs of each input, whose distances are measured; with --outputs, pictures NAME-1, NAME-2 and so on of a target NAME, as translate --samples writes them.",
    transform: OptionRange.from(2, to: 1000).value)
  var samples: Int?
  @Option(
    help: ArgumentHelp(
      "Folder of several right outputs of each input, NAME-1, NAME-2 and so on, for the collapse ratio of --samples.",
      valueName: "dir"), completion: .directory)
  var targetSamples: String?
  @Option(
    help: ArgumentHelp(
      "Folder for figures.json, per-picture.csv and, of a model, pictures/.", valueName: "dir"),
    completion: .directory)
  var out: String?
  @Option(help: "Seed of the bootstrap's draws.", transform: OptionRange.all.value)
  var seed: UInt64 = 0
  @OptionGroup var device: DeviceOptions
  @OptionGroup var kernels: KernelOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var terminal: TerminalOptions

  func validate() throws {
    guard (outputFeatures == nil) == (targetFeatures == nil) else {
      throw ValidationError("--output-features and --target-features go together.")
    }
    guard model != nil || direction == nil else { throw ValidationError("--direction goes with --model.") }
    guard model != nil || teacher == nil else { throw ValidationError("--teacher goes with --model.") }
    guard model == nil || outputs == nil else {
      throw ValidationError("Give --model or --outputs, not both.")
    }
    if model == nil && outputs == nil {
      guard outputFeatures != nil else {
        throw ValidationError("Missing --model, or --outputs and --targets.")
      }
      let others: [(String, String?)] = [
        ("--data", data), ("--targets", targets), ("--palette", palette), ("--train-targets", trainTargets),
        ("--split", split?.rawValue), ("--unlabelled", unlabelled?.description), ("--scorer", scorer),
        ("--feature-network", featureNetwork), ("--samples", samples?.description),
        ("--target-samples", targetSamples), ("--lpips-weights", lpipsWeights),
      ]
      if let (name, _) = others.first(where: { $0.1 != nil }) {
        throw ValidationError("\(name) goes with --model or --outputs.")
      }
    }
    guard outputs == nil || targets != nil else { throw ValidationError("--outputs needs --targets.") }
    guard lpipsWeights == nil || featureNetwork != nil else {
      throw ValidationError("--lpips-weights needs --feature-network, whose maps they weigh.")
    }
    guard targetSamples == nil || samples != nil else {
      throw ValidationError("--target-samples needs --samples, which they are compared with.")
    }
    guard scorer != nil || labelMaps == nil else { throw ValidationError("--label-maps goes with --scorer.") }
    guard outputs == nil || scorer == nil || labelMaps != nil else {
      throw ValidationError("--scorer with --outputs needs --label-maps, what the outputs were made from.")
    }
    guard outputs == nil || data == nil else {
      throw ValidationError("--data goes with --model; --outputs needs no inputs.")
    }
    guard model == nil || targets == nil || data != nil else {
      throw ValidationError("--targets with --model needs --data, the folder of inputs.")
    }
  }

  func run() throws {
    var files: FeatureComparison?
    if let outputFeatures, let targetFeatures {
      files = try FeatureComparison(outputFile: outputFeatures, targetFile: targetFeatures)
    }
    if let out { try output.check(EvaluationReport.files.map { "\(out)/\($0)" }) }
    var (skipped, count) = (SkippedPictures(), 0)
    // Measured behind the pictures.
    var costs: (() throws -> (student: TeacherComparison.Cost, teacher: TeacherComparison.Cost))?
    var report =
      if model != nil || outputs != nil {
        try comparePictures(&skipped, &count, &costs)
      } else {
        EvaluationReport()
      }
    if let files { try report.add(files) }
    for line in report.remarks { warn(line) }
    Terminal.result(
      CommandEvent(
        "evaluated", [("figures", Figure.fields(report.figures))],
        text: "\(Table(["figure", "value", "95 % interval", "pictures"], report.rows))"))
    for line in report.memorized { note(line) }
    if let costs = try costs?() { Self.say(costs) }
    if let out { try report.write(to: out, replacing: output.replacing) }
    Terminal.say(
      CommandEvent(
        "done",
        [("pictures", .integer(report.pictures.count)), ("skipped", .integer(skipped.count))]
          + (out.map { [("folder", .text($0))] } ?? [])))
    try skipped.end(of: count)
  }

  private static func say(_ costs: (student: TeacherComparison.Cost, teacher: TeacherComparison.Cost)) {
    let (own, other) = (costs.student, costs.teacher)
    func row(
      _ name: String, _ text: (TeacherComparison.Cost) -> String, _ value: (TeacherComparison.Cost) -> Double
    )
      -> [String]
    {
      [name, text(own), text(other), String(format: "%.3g", value(own) / value(other))]
    }
    func fields(_ cost: TeacherComparison.Cost) -> JSONValue {
      .object([
        ("parameters", .integer(cost.parameters)), ("multiply_adds", .number(cost.multiplyAdds)),
        ("ms_per_picture", .number(cost.milliseconds)),
      ])
    }
    let table = Table(
      ["cost", "model", "teacher", "ratio"],
      [
        row("parameters", { "\($0.parameters)" }, { Double($0.parameters) }),
        row("multiply-adds per picture", { String(format: "%.3g", $0.multiplyAdds) }, \.multiplyAdds),
        row("ms per picture", { String(format: "%.4g", $0.milliseconds) }, \.milliseconds),
      ])
    Terminal.result(
      CommandEvent("costs", [("model", fields(own)), ("teacher", fields(other))], text: "\(table)"))
  }

  private func comparePictures(
    _ skipped: inout SkippedPictures, _ count: inout Int,
    _ costs: inout (() throws -> (student: TeacherComparison.Cost, teacher: TeacherComparison.Cost))?
  ) throws -> EvaluationReport {
    let checkpoint = try model.map { try RunDirectory.readCheckpoint(of: $0, translating: direction) }
    let trained = checkpoint?.0.options
    var further = FurtherPictures()
    let found =
      if let trained {
        try trained.heldOutPairs(data: data, targets: targets, split: split)
      } else if let samples {
        try further.findSamples(
          outputs: outputs ?? "", targets: targets ?? "", samples: samples, split: split ?? .train)
      } else {
        try PairSource(
          .twoFolders(inputs: outputs ?? "", targets: targets ?? ""), split: split ?? .train)
      }
    for remark in found.remarks { warn(remark) }
    let survey = try TargetSurvey(found, needsEqualSizes: checkpoint == nil)
    count = found.count + found.unreadable.count
    for error in survey.unreadable { skipped.skip(error) }
    var source = survey.readable
    if let targetSamples {
      further.targets = try source.targetSamples(in: targetSamples, split: split ?? .val)
    }
    source = try further.readable(of: source, hasModel: checkpoint != nil, &skipped)
    var maps = try labelMaps.map { try source.paths(in: $0, split: split ?? .val) }
    if let paths = maps {
      // A label map that cannot be read leaves its pair out.
      let whole = source.pairs.indices.filter { index in
        do throws(ImageError) {
          _ = try Picture(contentsOf: paths[index])
          return true
        } catch {
          skipped.skip(error)
          return false
        }
      }
      source = PairSource(pairs: whole.map { source.pairs[$0] }, remarks: source.remarks)
      maps = whole.map { paths[$0] }
      guard !whole.isEmpty else { throw ModelError.option("--label-maps", "none of them can be read") }
    }
    let folders = [labelMaps, trainTargets, palette, targetSamples].compactMap(\.self).compactMap {
      try? PictureFolder($0, subfolders: PairSource.splitNames)
    }
    for folder in folders { if let leftOut = folder.leftOut { warn(leftOut) } }
    var evaluation = PictureEvaluation(source: source, seed: seed)
    evaluation.labels = try .judging(
      survey, format: trained?.format, palette: palette, unlabelled: unlabelled)
    let training = try trainingTargets(trained)
    evaluation.training = training.targets
    count += training.targets.count + training.unreadable.count
    for error in training.unreadable { skipped.skip(error) }
    evaluation.replacing = output.replacing
    evaluation.samples = samples ?? 1
    (evaluation.sampleFiles, evaluation.targetSamples) = (further.samples, further.targets)
    func executor(_ recording: Recording) throws -> any Executor {
      try device.executor(for: recording, kernels, .use, tunes: true)
    }
    evaluation.translator = try checkpoint.map { try Translator($0) { try executor($0.recording) } }
    if samples != nil { try evaluation.translator?.requireSamples() }
    if let teacher, let translator = evaluation.translator {
      let comparison = try TeacherComparison(translator, path: teacher) { try executor($0.recording) }
      (evaluation.teacher, costs) = (comparison, comparison.costs)
    }
    if let scorer {
      evaluation.scorer = try Scorer(RunDirectory.readCheckpoint(of: scorer), makeExecutor: executor)
      evaluation.labelMaps = maps
    }
    if let featureNetwork {
      let network = try FeatureNetwork(path: featureNetwork, makeExecutor: executor)
      evaluation.lpips = try lpipsWeights.map {
        try LPIPS(network, weights: $0 == "ones" ? .ones : .file($0))
      }
      // LPIPS compares a single picture, too.
      if evaluation.lpips == nil || source.count > 1 {
        evaluation.features = try FeatureCollector(
          network: network, path: featureNetwork, count: source.count)
      }
      if let size = trained?.network.size, evaluation.lpips != nil {
        try LPIPS.check(size, name: model ?? "")
      }
    }
    // Last, so that a refusal leaves no folder.
    if let out {
      if let trained {
        let folder = "\(out)/pictures"
        evaluation.pictureFolder = folder
        let files = PictureEvaluation.files(
          of: source, samples: evaluation.samples, in: folder, trained.format)
        try output.check(
          files, inputs: source.pairs.flatMap { $0.moreInputs + [$0.inputFile, $0.targetFile] }, of: "--data")
        try output.check(
          files, inputs: (maps ?? []) + folders.flatMap(\.pictures) + [palette].compactMap(\.self),
          of: "--label-maps, --train-targets, --target-samples or --palette")
      }
      try makeFolder(out)
    }
    evaluation.onProgress = PictureProgress(of: source.count).show
    defer { Terminal.endProgress() }
    return try evaluation.report()
  }

  /// Pictures of pairs beside their inputs and targets, by the pairs' names.
  private struct FurtherPictures {
    /// Of `--samples` with `--outputs`, but for each pair's first.
    var samples: [String: [String]] = [:]
    /// Of `--target-samples`.
    var targets: [String: [String]] = [:]

    /// The pairs of targets and their first samples.
    mutating func findSamples(
      outputs: String, targets: String, samples: Int, split: Split
    ) throws -> PairSource {
      let found = try PairSource.ofSamples(
        outputs: outputs, targets: targets, samples: samples, split: split)
      self.samples = found.others
      return found.source
    }

    /// The pairs all of whose pictures can be read; the others are skipped.
    func readable(
      of source: PairSource, hasModel: Bool, _ skipped: inout SkippedPictures
    ) throws -> PairSource {
      var source = source
      // A model's targets are resized.
      for (files, areOfTargetSize) in [(samples, true), (targets, !hasModel)] where !files.isEmpty {
        let (rest, errors) = try source.readable(with: files, areOfTargetSize: areOfTargetSize)
        if rest.pairs.isEmpty, let first = errors.first { throw first }
        for error in errors { skipped.skip(error) }
        source = rest
      }
      return source
    }
  }

  /// Reduced training targets, and the errors of those that cannot be read; none for pictures of unknown origin.
  private func trainingTargets(
    _ trained: TrainingOptions?
  ) throws -> (targets: [Memorization.TrainingTarget], unreadable: [ImageError]) {
    if let trainTargets { return try Memorization.trainingTargets(in: trainTargets) }
    guard let trained else { return ([], []) }
    guard FileManager.default.fileExists(atPath: trained.data) else {
      warn(
        "\(trained.data), which the model was trained on, is not here: whether it repeats its training targets is not measured; say where they are with --train-targets"
      )
      return ([], [])
    }
    return Memorization.trainingTargets(of: try trained.trainingTargets())
  }
}

extension Figure {
  /// Figures as programs read them, in the fields of figures.json.
  static func fields(_ figures: [Figure]) -> JSONValue {
    .object(
      figures.map { figure in
        let interval: [(String, JSONValue)] =
          figure.interval.map { [("lower", .number($0.lower)), ("upper", .number($0.upper))] } ?? []
        return (
          figure.kind.key,
          .object([("value", .number(figure.value))] + interval + [("pictures", .integer(figure.count))])
        )
      })
  }
}

extension Split: ExpressibleByArgument {}

extension Colour: ExpressibleByArgument {
  /// "#rrggbb", with or without "#".
  public init?(argument: String) { self.init(argument) }
}
