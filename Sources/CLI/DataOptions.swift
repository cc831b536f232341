import ArgumentParser
import Images
import Model

/// Which pictures to train on, and what they are to the networks.
struct DataOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Folder of pairs, of inputs when --targets is given, or of photographs when --task is.",
      valueName: "dir"))
  var data: String?
  @Option(help: ArgumentHelp("Folder of targets, matched with --data by name.", valueName: "dir"))
  var targets: String?
  @Option(
    help: ArgumentHelp(
      "Folder of further inputs, matched by name; may be given several times.", valueName: "dir"))
  var input: [String] = []
  @Option(
    help: ArgumentHelp(
      "Folder of pictures that say how much each pixel of a target counts, white 1 and black 0.",
      valueName: "dir"))
  var weights: String?
  @Option(
    help: ArgumentHelp("Folder of validation pairs, where --data has no val or test.", valueName: "dir"))
  var validationData: String?
  @Option(
    help: ArgumentHelp("Folder of validation targets, matched with --validation-data.", valueName: "dir"))
  var validationTargets: String?
  @Option(help: "AtoB or BtoA. (default: AtoB)")
  var direction: Direction?
  @Option(
    help: ArgumentHelp(
      "Inputs are label maps, a plane to each class: palette (a class is a colour) or index (a gray level).",
      valueName: "kind"))
  var labels: LabelKind?
  @Option(
    help: ArgumentHelp(
      "What inputs are: gray, rgb, rgba, lightness, palette, index or channels (as many planes as files have channels, whatever they mean); once for each folder of inputs. (default: gray, rgb or, of arrays, channels, as the first picture is)",
      valueName: "format"))
  var inputFormat: [FormatName] = []
  @Option(help: ArgumentHelp("What targets are. (default: as for inputs)", valueName: "format"))
  var targetFormat: FormatName?
  @Option(
    help: ArgumentHelp(
      "The colour in targets' label maps of pixels that nobody labelled: nothing is learnt of them.",
      valueName: "#rrggbb"))
  var unlabelled: Colour?
  @Option(
    help: ArgumentHelp(
      "Make pairs of photographs: \(PhotographTask.forms).", valueName: "task"))
  var task: PhotographTask?

  /// Label maps by what names a class.
  enum LabelKind: String, ExpressibleByArgument, CaseIterable {
    case palette, index
  }

  /// A format, without the palette that it may need.
  enum FormatName: String, ExpressibleByArgument, CaseIterable {
    case gray, rgb, rgba, lightness, palette, index, channels
  }

  func validate() throws {
    guard task == nil || (targets == nil && input.isEmpty && labels == nil && inputFormat.isEmpty) else {
      throw ValidationError(
        "--task makes inputs of photographs; leave out --targets, --input, --labels and formats.")
    }
    guard labels == nil || inputFormat.isEmpty else {
      throw ValidationError("Give --labels or --input-format, not both.")
    }
    guard unlabelled == nil || targetFormat == .palette || targetFormat == .index else {
      throw ValidationError("--unlabelled goes with --target-format palette or index.")
    }
    guard inputFormat.isEmpty || inputFormat.count == 1 + input.count else {
      throw ValidationError("Give --input-format once for each of \(1 + input.count) inputs, or not at all.")
    }
  }

  /// Which options that belong to a run were given.
  var given: [String] {
    [
      ("--direction", direction != nil), ("--input", !input.isEmpty), ("--weights", weights != nil),
      ("--labels", labels != nil), ("--input-format", !inputFormat.isEmpty),
      ("--target-format", targetFormat != nil), ("--unlabelled", unlabelled != nil), ("--task", task != nil),
    ].filter(\.1).map(\.0)
  }

  /// Sets what a new run's options say of its data.
  func set(_ options: inout TrainingOptions) throws {
    options.data = data ?? ""
    options.targets = targets
    options.moreInputs = input
    options.weights = weights
    options.validationData = validationData
    options.validationTargets = validationTargets
    options.direction = direction ?? .aToB
    options.format = try task.map { .photographs($0) } ?? pictureFormat(options)
    options.network.inputChannels = options.format.inputChannels
    options.network.outputChannels = options.format.targetChannels
  }

  /// The format of pairs, by the options or the pictures themselves.
  private func pictureFormat(_ options: TrainingOptions) throws -> PairFormat {
    let pairs = try options.trainingPairs().pairs
    let names: [FormatName?] =
      labels.map { [$0 == .palette ? .palette : .index] + input.map { _ in nil } }
      ?? (inputFormat.isEmpty ? [FormatName?](repeating: nil, count: 1 + input.count) : inputFormat)
    let first = try pairs[0].pictures()
    let inputs = try zip(names, first.inputs).enumerated().map { index, pair in
      try format(pair.0, of: pair.1) { try pairs.map { try $0.inputPath(index) } }
    }
    let target = try withoutUnlabelled(
      format(targetFormat, of: first.target) { try pairs.map { try $0.targetPath() } })
    return .pictures(inputs: inputs, target: target)
  }

  private func withoutUnlabelled(_ format: PlaneFormat) throws -> PlaneFormat {
    guard let unlabelled, case .labels(let palette) = format else { return format }
    guard let rest = palette.without(unlabelled) else {
      let known = palette.colours.map(\.description).joined(separator: " ")
      throw ModelError.option("--unlabelled", "\(unlabelled) is not one of the label maps' colours: \(known)")
    }
    return .labels(rest)
  }

  private func format(
    _ name: FormatName?, of first: PairFiles.FilePicture, paths: () throws -> [String]
  ) throws -> PlaneFormat {
    switch name {
    case nil where !first.picture.isColour: .channels(first.picture.channels)
    case nil: first.picture.channels < 3 && !first.picture.isPalette ? .gray : .rgb
    case .channels: .channels(first.picture.channels)
    case .gray: .gray
    case .rgb: .rgb
    case .rgba: .rgba
    case .lightness: .lightness
    case .palette:
      first.picture.isPalette
        ? .labels(try Palette(ofPNG: first.path)) : .labels(try Palette(coloursOf: try paths()))
    case .index: .labels(try Palette(indicesOf: try paths()))
    }
  }
}

extension PairFiles {
  /// The file that is all of an input.
  fileprivate func inputPath(_ index: Int) throws -> String {
    if index > 0 { return moreInputs[index - 1] }
    guard case .twoFiles(let input, _) = location else { throw Self.notAlone(self) }
    return input
  }

  /// The file that is all of the target.
  fileprivate func targetPath() throws -> String {
    guard case .twoFiles(_, let target) = location else { throw Self.notAlone(self) }
    return target
  }

  private static func notAlone(_ pair: PairFiles) -> ModelError {
    .option(
      "--labels",
      "\(pair.name) is a pair in one picture; classes are counted in label maps that have a folder of their own"
    )
  }
}

extension PhotographTask: ExpressibleByArgument {}

extension Colour: ExpressibleByArgument {
  /// "#rrggbb", with or without "#".
  public init?(argument: String) { self.init(argument) }
}
