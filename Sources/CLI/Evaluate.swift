import ArgumentParser
import CLBackend
import Foundation
import Images
import Metrics
import Model
import Tape

struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Says how good pictures are: figures that compare them with their targets.",
    discussion: """
      Either of a model, on pairs that it was not trained on (by default what the run validated on: val, else test), \
      or of two folders of pictures with equal names, whoever made them.

      Always: L1, MSE and PSNR over samples of 0 to 255, SSIM, MS-SSIM (pictures from \
      \(StructuralSimilarity.minimumMultiScaleSide) pixels on a side), and how far the histograms of CIE L, a and b \
      over all pictures intersect (unless they are arrays of other channels than colours). Where targets are label \
      maps, that is palette PNGs or pictures of at most \(TargetSurvey.mostLabelColours) distinct colours in all: \
      per-pixel accuracy, per-class accuracy and class IOU, each output pixel taken for the nearest of the palette's \
      colours. With training targets: the share of outputs that are nearer to one of them than to their own target, \
      reduced to 32 x 32. With --scorer: the FCN-score, which is how well the labels that outputs were made from can \
      be read from them again, beside how well from the targets, and the Fréchet distance of the scorer's features \
      (for each map that its last layer reads the mean over pixels). With feature vectors of any network, or with a \
      VGG to make them of outputs and targets (--feature-network): their Fréchet distance.

      Intervals are 95 % bootstrap intervals over pictures: they say what other pictures would change, not another \
      training.

      A model's pictures are made as translate makes them and compared at the model's size, targets resized as for \
      training.

      Examples:
        pix2pix evaluate --model run
        pix2pix evaluate --model run --scorer scorer/best.safetensors
        pix2pix evaluate --model run/best.safetensors --data facades --split test --out evaluation
        pix2pix evaluate --outputs pictures --targets photos/val --train-targets photos/train
        pix2pix evaluate --outputs labels --targets true-labels --palette palette.png --unlabelled '#404080'
        pix2pix evaluate --output-features a.safetensors --target-features b.safetensors
        pix2pix evaluate --model run --feature-network vgg16.safetensors

      PyTorch writes such a network by
        safetensors.torch.save_file(torchvision.models.vgg16(weights="DEFAULT").state_dict(), "vgg16.safetensors")
      Its features of a picture are the means over all pixels of its last maps, behind the last pooling (512 numbers), \
      of the picture at its size, normalised by ImageNet's mean and standard deviation.
      """)

  @Option(help: ArgumentHelp("A run's folder or a checkpoint.", valueName: "run|file"))
  var model: String?
  @Option(
    help: ArgumentHelp(
      "Folder of pairs, or of inputs when --targets is given. (default: what the run was trained with)",
      valueName: "dir"))
  var data: String?
  @Option(help: ArgumentHelp("Folder of pictures to compare with the targets.", valueName: "dir"))
  var outputs: String?
  @Option(
    help: ArgumentHelp("Folder of targets, matched by name with --outputs or --data.", valueName: "dir"))
  var targets: String?
  @Option(help: "train, val or test. (default: val, else test; folders without splits whole with --outputs)")
  var split: Split?
  @Option(
    help: ArgumentHelp(
      "Classes of label maps: a palette PNG's colours, or the distinct colours of a folder's pictures. (default: the targets')",
      valueName: "file|dir"))
  var palette: String?
  @Option(
    help: ArgumentHelp(
      "The palette's colour in targets of pixels that nobody labelled: they are left out.",
      valueName: "#rrggbb"))
  var unlabelled: Colour?
  @Option(
    help: ArgumentHelp(
      "Folder of training targets, to find outputs that repeat them. (default: those the model was trained on)",
      valueName: "dir"))
  var trainTargets: String?
  @Option(
    help: ArgumentHelp(
      "What train-scorer made: let it read outputs and targets, and compare with the label maps that the outputs were made from.",
      valueName: "run|file"))
  var scorer: String?
  @Option(
    help: ArgumentHelp(
      "Folder of the label maps for --scorer, matched by name. (default: the model's inputs)",
      valueName: "dir"))
  var labelMaps: String?
  @Option(
    help: ArgumentHelp(
      "Feature vectors of outputs: a safetensors file with one F32 tensor [pictures, features].",
      valueName: "file"))
  var outputFeatures: String?
  @Option(help: ArgumentHelp("Feature vectors of targets, by the same network.", valueName: "file"))
  var targetFeatures: String?
  @Option(
    help: ArgumentHelp(
      "Network for the Fréchet distance between features of outputs and targets: torchvision's VGG-11, 13, 16 or 19, with or without batch norm, as safetensors.",
      valueName: "file"))
  var featureNetwork: String?
  @Option(
    help: ArgumentHelp(
      "Folder for figures.json, per-picture.csv and, of a model, pictures/.", valueName: "dir"))
  var out: String?
  @Option(help: "Seed of the bootstrap's draws.")
  var seed: UInt64 = 0
  @OptionGroup var device: DeviceOptions
  @OptionGroup var kernels: KernelOptions

  func validate() throws {
    guard (outputFeatures == nil) == (targetFeatures == nil) else {
      throw ValidationError("--output-features and --target-features go together.")
    }
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
        ("--feature-network", featureNetwork),
      ]
      if let (name, _) = others.first(where: { $0.1 != nil }) {
        throw ValidationError("\(name) goes with --model or --outputs.")
      }
    }
    guard outputs == nil || targets != nil else { throw ValidationError("--outputs needs --targets.") }
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
    var report = EvaluationReport()
    if let outputFeatures, let targetFeatures {
      report.figures.append(try Self.frechetDistance(outputFeatures, targetFeatures))
    }
    if model != nil || outputs != nil { try comparePictures(&report) }
    print(report.table)
    for line in report.memorized { note(line) }
    if let out { try report.write(to: out) }
  }

  /// Adds the figures of pictures to those of features.
  private func comparePictures(_ report: inout EvaluationReport) throws {
    let checkpoint = try model.map(Self.checkpoint)
    let source = try pairs(checkpoint?.0.options)
    let targets = try TargetSurvey(source, needsEqualSizes: checkpoint == nil)
    var evaluation = PictureEvaluation(source: source, seed: seed)
    evaluation.format = checkpoint?.0.options.format
    evaluation.labels = try labelClasses(targets, evaluation.format)
    evaluation.training = try trainingTargets(checkpoint?.0.options)
    if let out {
      try makeFolder(out)
      if checkpoint != nil { evaluation.pictures = "\(out)/pictures" }
    }
    func executor(_ recording: Recording) throws -> any Executor {
      try device.executor(for: recording, kernels, sharesRooms: true, tunes: true)
    }
    if let checkpoint {
      evaluation.translator = try Translator(checkpoint) { try executor($0.recording) }
    }
    if let scorer {
      evaluation.scorer = try Scorer(try Self.checkpoint(scorer), makeExecutor: executor)
      evaluation.labelMaps = try labelMaps.map { try source.paths(in: $0, split: split ?? .val) }
    }
    evaluation.features = try featureNetwork.map { path in
      try FeatureComparison(
        network: FeatureNetwork(path: path, makeExecutor: executor), path: path, count: source.count)
    }
    let figures = report.figures
    report = try evaluation.report()
    report.figures += figures
    for line in report.remarks { note(line) }
  }

  private static func checkpoint(_ model: String) throws -> (Checkpoint, path: String) {
    let path = try RunDirectory.checkpoint(of: model)
    return (try Checkpoint(path: path), path)
  }

  /// The held-out pairs: input and target of a model, or outputs, in the place of inputs, and targets.
  private func pairs(_ trained: TrainingOptions?) throws -> PairSource {
    guard let trained else {
      return try PairSource(inputs: outputs ?? "", targets: targets ?? "", split: split ?? .train)
    }
    var options = trained
    if let data { (options.data, options.targets, options.validationData) = (data, targets, nil) }
    if let split {
      options.validationData = nil
      guard let source = try options.pairs(of: split) else {
        throw ModelError.option("--split", "\(options.data) has no split \(split.rawValue)")
      }
      return source
    }
    guard let source = try options.validationPairs() else {
      throw ModelError.option(
        "--split", "\(options.data) has neither val nor test; give --split train, or other pairs with --data")
    }
    return source
  }

  /// The classes, where targets are label maps; nil where they are not.
  private func labelClasses(_ targets: TargetSurvey, _ format: PairFormat?) throws -> LabelClasses? {
    // What a model was not taught is not asked either.
    let drawn = format?.labelClasses
    let labels =
      if let palette {
        try LabelClasses(namedPalette(palette), ignoring: drawn?.ignoredColour)
      } else {
        drawn ?? targets.labelClasses
      }
    guard let unlabelled else { return labels }
    guard var labels else {
      throw ModelError.option(
        "--unlabelled", "the targets are no label maps; give their colours with --palette")
    }
    guard let index = labels.palette.colours.firstIndex(of: unlabelled) else {
      let known = labels.palette.colours.map(\.description).joined(separator: " ")
      throw ModelError.option("--unlabelled", "\(unlabelled) is none of the palette's colours: \(known)")
    }
    labels.ignored = index
    return labels
  }

  /// The classes that --palette names.
  private func namedPalette(_ path: String) throws -> Palette {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw ModelError.file(path, "no such file or folder")
    }
    if !isFolder.boolValue, let colours = try Picture(contentsOf: path).palette { return Palette(colours) }
    let files = isFolder.boolValue ? try PairSource.pictures(in: path) : [path]
    guard !files.isEmpty else {
      throw ModelError.file(path, "holds no pictures (\(PairSource.extensionList))")
    }
    return try Palette(coloursOf: files)
  }

  /// Reduced training targets; none where nothing is known of a training.
  private func trainingTargets(
    _ trained: TrainingOptions?
  ) throws -> [(name: String, thumbnail: Memorization.Thumbnail)] {
    if let trainTargets {
      let files = try PairSource.pictures(in: trainTargets)
      guard !files.isEmpty else {
        throw ModelError.file(trainTargets, "holds no pictures (\(PairSource.extensionList))")
      }
      return try mapInParallel(over: files.indices) { index in
        let name = ((files[index] as NSString).lastPathComponent as NSString).deletingPathExtension
        return (name, Memorization.Thumbnail(try Picture(contentsOf: files[index])))
      }
    }
    guard let trained else { return [] }
    guard FileManager.default.fileExists(atPath: trained.data) else {
      note(
        "\(trained.data), which the model was trained on, is not here: whether it repeats its training targets is not measured; say where they are with --train-targets"
      )
      return []
    }
    let source = try trained.trainingPairs()
    return try mapInParallel(over: source.pairs.indices) { index in
      (source.pairs[index].name, Memorization.Thumbnail(try source.pairs[index].load().target))
    }
  }

  private static func frechetDistance(_ outputs: String, _ targets: String) throws -> Figure {
    let (a, b) = (try Features(path: outputs), try Features(path: targets))
    guard a.dimension == b.dimension else {
      throw ModelError.file(
        targets, "has \(b.dimension) features a picture where \(outputs) has \(a.dimension); use one network")
    }
    if let remark = a.remark(beside: b) { note(remark) }
    return try .frechetDistance(a, b, source: outputs)
  }
}

extension Split: ExpressibleByArgument {}
extension Colour: ExpressibleByArgument {
  /// "#rrggbb", with or without "#".
  public init?(argument: String) { self.init(argument) }
}

extension Features {
  /// Reads a safetensors file of one F32 tensor [vectors, features].
  fileprivate init(path: String) throws(ModelError) {
    let file = try SafetensorsFile(path: path)
    guard file.entries.count == 1, let (name, entry) = file.entries.first, entry.isFloat32,
      entry.shape.count == 2, entry.shape[0] >= 2, entry.shape[1] >= 1,
      let values = try file.floats(name)
    else {
      throw .file(path, "is not one F32 tensor [vectors, features] of at least 2 vectors")
    }
    guard values.allSatisfy(\.isFinite) else { throw .file(path, "\(name) holds NaN or infinite values") }
    self.init(count: entry.shape[0], dimension: entry.shape[1], values: values.map(Double.init))
  }
}
