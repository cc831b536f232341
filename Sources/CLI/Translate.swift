import ArgumentParser
import CLBackend
import Files
import Foundation
import Images
import Model
import Tape

struct Translate: TalkingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Translates pictures with a trained model.",
    discussion: """
      Every picture of --input is written to --out under its own name, as PNG (as NPY where the model draws \
      channels), at the model's size. The model's options come from its checkpoint. A run's folder means its last \
      checkpoint; RUN/best.safetensors is the one with the best validation.

      A picture that cannot be read is named and left out; the others are translated, and the exit code is 1. Files that \
      this program did not write are not replaced.

      As in the paper, norms use the statistics of the picture at hand and dropout stays on.

      Examples:
        pix2pix translate --model run --input labels --out pictures
        pix2pix translate --model run/best.safetensors --input map.png --out picture.png --dropout off
        pix2pix translate --model run --input facades/val --side B --out pictures
        pix2pix translate --model run --input photograph.jpg --size own --out pictures
        pix2pix translate --model run --input zebras --direction BtoA --out horses
        pix2pix translate --model run --input labels --samples 5 --out pictures
        pix2pix translate --model run --input edges --encode photo.png --out pictures
        pix2pix translate --like picture.png --out again.png

      --recipe writes into each PNG how it was made, with the input's file; the page of pix2pix serve does so, too. --like \
      makes such a picture again, or, with --input, another one in the same way.
      """)

  /// The input's part of a picture.
  enum Side: String, ExpressibleByArgument, CaseIterable {
    case whole
    case a = "A"
    case b = "B"
  }

  @Option(help: ArgumentHelp("A run's folder or a checkpoint.", valueName: "run|file"), completion: .file())
  var model: String?
  @Option(
    help: ArgumentHelp(
      "A picture or a folder of them (PNG, JPEG, NPY); once for each input that the model takes, matched by name.",
      valueName: "file|dir"), completion: .file())
  var input: [String] = []
  @Option(
    help: ArgumentHelp(
      "Folder for the translated pictures, or the file for the only one (.png, or .npy).",
      valueName: "dir|file"), completion: .file())
  var out: String
  @Option(
    help:
      "AtoB or BtoA, of a model that was trained without pairs. (default: AtoB; a model of pairs has its own)"
  )
  var direction: Direction?
  @Option(help: "The part of each picture that is the input: whole, or half A or B of side-by-side pairs.")
  var side = Side.whole
  @Option(
    help:
      "Statistics of norms: batch (the picture at hand) or running (averages from training). (default: batch)"
  )
  var normStatistics: NormStatistics?
  @Option(
    help:
      "on, off, or a seed of its own: other pictures from the same input. (default: on; off for a model of classes)"
  )
  var dropout: String?
  @Option(
    help:
      "trained (pictures are resized to the size of the training) or own (every picture's). (default: trained)"
  )
  var size: Translator.Size?
  @Option(
    help:
      "Pictures from each input, with codes, noise and dropout of their own, and their mean distance. (default: 1)",
    transform: OptionRange.from(1, to: 1000).value)
  var samples: Int?
  @Option(
    help: ArgumentHelp(
      "A picture that says which of an input's many translations to draw, by its latent code; of a model trained with --latent.",
      valueName: "file"), completion: .file())
  var encode: String?
  @Option(
    help: "Bits of a channel, 8 or 16. (default: the input's)", transform: OptionRange.oneOf(8, 16).value)
  var bitDepth: Int?
  @Option(
    help: ArgumentHelp(
      "Translate in strips of so many rows. (default: only pictures too large for the device's memory)",
      valueName: "rows"),
    transform: OptionRange.above(0).value)
  var strips: Int?
  @Option(
    help: ArgumentHelp(
      "Memory to use on the device; larger pictures are translated in strips. (default: all)",
      valueName: "GiB"),
    transform: memoryLimits.value)
  var memoryLimit: Double?
  @Flag(help: "Write into each PNG how it was made, with its input's file.")
  var recipe = false
  @Option(
    help: ArgumentHelp("A PNG with a recipe: make it again.", valueName: "file"), completion: .file())
  var like: String?
  @OptionGroup var device: DeviceOptions
  @OptionGroup var kernels: KernelOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup var terminal: TerminalOptions

  func validate() throws {
    if let dropout { _ = try Translator.Dropout(argument: dropout) }
    if like != nil {
      let others = [
        "--dropout": dropout != nil, "--norm-statistics": normStatistics != nil, "--size": size != nil,
        "--direction": direction != nil, "--samples": samples != nil, "--bit-depth": bitDepth != nil,
        "--side": side != .whole, "--encode": encode != nil,
      ]
      if let other = others.filter(\.value).keys.min() {
        throw ValidationError("\(other) is decided by the picture of --like; leave it out.")
      }
      return
    }
    guard model != nil else { throw ValidationError("Missing --model.") }
    guard !input.isEmpty else { throw ValidationError("Missing --input.") }
    guard encode == nil || samples == nil else {
      throw ValidationError("--encode gives all pictures one code; leave out --samples.")
    }
    guard side == .whole || input.count == 1 else {
      throw ValidationError("--side cuts the pictures of one --input.")
    }
  }

  /// A picture to be translated, its files in the order of the inputs.
  private struct Job {
    var index: Int
    var files: [String]
    /// A file for each sample.
    var outputs: [String]

    var name: String { PictureFolder.stem(files[0]) }
  }

  func run() throws {
    if let like { return try remake(like) }
    let (checkpoint, path) = try RunDirectory.readCheckpoint(of: model ?? "", translating: direction)
    var skipped = SkippedPictures()
    let inputs = try inputs(&skipped)
    let total = inputs.count + skipped.count
    let format = checkpoint.options.format
    guard inputs.allSatisfy({ $0.count == format.inputCount }) else {
      throw ModelError.option(
        "--input", "the model takes \(format.inputCount) pictures at a time, not \(self.input.count)")
    }
    let jobs = try jobs(inputs, format.target)
    try output.check(jobs.flatMap(\.outputs), inputs: inputs.flatMap(\.self) + [encode].compactMap(\.self))
    let translator = try Translator(
      (checkpoint, path), statistics: normStatistics ?? .batch,
      dropout: try dropout.map(Translator.Dropout.init(argument:)), size: size ?? .trained
    ) { try translationDevice.executor(for: $0) }
    let code = try encode.map { try translator.encode(.init(Picture(contentsOf: $0), path: $0)) }
    let recipe = try self.recipe ? recipe(checkpoint, path, code) : nil
    let clock = ContinuousClock()
    let start = clock.now
    var (done, distances): (Int, [Double]) = (0, [])
    let progress = PictureProgress(of: jobs.count, isEvent: false)
    for job in jobs {
      do {
        let distance = try translate(job, translator, code, recipe)
        done += samples ?? 1
        if let distance { distances.append(distance) }
      } catch  where total > 1 && isAboutPicture(error) {
        skipped.skip(error)
      }
      progress.show(done: job.index + 1)
    }
    Terminal.endProgress()
    sayDone(
      done, skipped.count, distances, milliseconds: 1e3 * ((clock.now - start) / .seconds(1)),
      checkpoint.options, path)
    try skipped.end(of: total)
  }

  /// - Parameters:
  ///   - distances: of each picture's samples
  ///   - milliseconds: of all pictures together
  private func sayDone(
    _ done: Int, _ skipped: Int, _ distances: [Double], milliseconds: Double, _ options: TrainingOptions,
    _ path: String
  ) {
    if !distances.isEmpty {
      let mean = distances.reduce(0, +) / Double(distances.count)
      Terminal.say(
        CommandEvent(
          "diversity", [("distance", .number(mean))],
          text: String(
            format: "diversity: %.3f of 255, the mean L1 distance of two samples of one input", mean)))
    }
    let each = milliseconds / Double(max(done, 1))
    let statistics = (normStatistics ?? .batch).rawValue
    let dropout = self.dropout ?? (options.drawsWithDropout ? "on" : "off")
    Terminal.say(
      CommandEvent(
        "done",
        [
          ("pictures", .integer(done)), ("skipped", .integer(skipped)), ("out", .text(out)),
          ("ms_per_picture", .number(each)), ("norm_statistics", .text(statistics)),
          ("dropout", .text(dropout)), ("checkpoint", .text(path)),
        ],
        text: String(
          format: "%d %@ in %@, %.1f ms each; norm statistics %@, dropout %@, from %@", done,
          done == 1 ? "picture" : "pictures", out, each, statistics, dropout, path)))
  }

  /// Translates a picture as often as there are samples of it.
  ///
  /// - Returns: the samples' mean distance; nil of one
  private func translate(
    _ job: Job, _ translator: Translator, _ code: [Float]?, _ recipe: Recipe?
  ) throws -> Double? {
    let samples = samples ?? 1
    var stopwatch = Stopwatch()
    let inputs = try job.files.map { Translator.Input(try half(of: Picture(contentsOf: $0), $0), path: $0) }
    let bitDepth = self.bitDepth ?? inputs[0].picture.bitDepth
    var pictures: [Picture] = []
    for (sample, output) in job.outputs.enumerated() {
      let picture = try translator.translate(
        inputs, index: job.index, sample: sample, code: code, bitDepth: bitDepth)
      if samples > 1 { try translator.requireSamples() }
      // Made with the first picture, so that a failure leaves no empty folder.
      try makeFolder(OutputFile.folder(of: output))
      if var recipe, output.hasSuffix(".png") {
        (recipe.index, recipe.sample, recipe.bitDepth) = (job.index, sample, bitDepth)
        let file = try recipe.file(
          of: picture, inputs: try job.files.map { try RegularFile.contents($0) }, path: output)
        try OutputFile.write(file, to: output, replacing: self.output.replacing, syncsFolder: false)
      } else {
        try picture.write(to: output, replacing: self.output.replacing)
      }
      Self.sayTranslated(job.files, output, milliseconds: stopwatch.lap())
      if samples > 1 { pictures.append(picture) }
    }
    guard samples > 1 else { return nil }
    let distance = Translator.diversity(pictures)
    Terminal.say(
      CommandEvent(
        "samples",
        [("input", .text(job.files[0])), ("samples", .integer(samples)), ("distance", .number(distance))],
        text: "\(job.name): \(samples) samples, \(String(format: "%.3f", distance)) of 255 apart in the mean")
    )
    return distance
  }

  /// Programs are told of each picture, people see their number.
  static func sayTranslated(_ inputs: [String], _ output: String, milliseconds: Double) {
    let more = inputs.dropFirst().map { JSONValue.text($0) }
    Terminal.say(
      CommandEvent(
        "translated",
        [("input", .text(inputs[0]))] + (more.isEmpty ? [] : [("more_inputs", .list(more))])
          + [("output", .text(output)), ("ms", .number(milliseconds))]))
  }

  /// Whether an error keeps one picture from being translated and not the others.
  private func isAboutPicture(_ error: any Error) -> Bool {
    switch error {
    case ImageError.file: false
    case is ImageError, ModelError.file: true
    // The network is made anew for each size.
    case is OpenCLError: size == .own
    default: false
    }
  }

  // MARK: Inputs and outputs

  /// The files of each picture, in the order of the first input.
  private func inputs(_ skipped: inout SkippedPictures) throws -> [[String]] {
    let lists = try input.enumerated().map { try files($1, isFirst: $0 == 0, &skipped) }
    guard lists.count > 1 else { return lists[0].map { [$0] } }
    return try lists[0].map { file in
      try [file]
        + zip(input.dropFirst(), lists.dropFirst()).map { folder, files in
          // Single files need no equal names.
          if lists[0].count == 1, files.count == 1, let only = files.first { return only }
          guard let other = files.first(where: { PictureFolder.belong(together: $0, file) }) else {
            throw ModelError.file(
              folder, "has no picture \(PictureFolder.stem(file)), which \(input[0]) has")
          }
          return other
        }
    }
  }

  /// - Parameter isFirst: of the inputs, whose pictures give their names to the outputs
  private func files(_ input: String, isFirst: Bool, _ skipped: inout SkippedPictures) throws -> [String] {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: input, isDirectory: &isFolder) else {
      throw FileError(input, missing: .either)
    }
    guard isFolder.boolValue else { return [input] }
    let folder = try PictureFolder.some(in: input)
    if let leftOut = folder.leftOut { warn(leftOut) }
    if isFirst {
      for error in folder.unnameableErrors { skipped.skip(error) }
    }
    return folder.pictures
  }

  /// The pictures with their outputs.
  private func jobs(_ inputs: [[String]], _ target: PlaneFormat) throws -> [Job] {
    if let file = try outputFile(inputs, target) { return [Job(index: 0, files: inputs[0], outputs: [file])] }
    let samples = samples ?? 1
    var (jobs, sources): ([Job], [String: String]) = ([], [:])
    for (index, files) in inputs.enumerated() {
      let names = (1...samples).map { PictureFolder.stem(files[0]) + (samples == 1 ? "" : "-\($0)") }
      let outputs = names.map { "\(out)/\($0).\(target.fileExtension)" }
      for output in outputs {
        if let other = sources.updateValue(files[0], forKey: output) {
          throw ModelError.file(
            input[0], "\(other) and \(files[0]) would both become \(output); rename one")
        }
      }
      jobs.append(Job(index: index, files: files, outputs: outputs))
    }
    return jobs
  }

  /// `--out` where it names a file: the only picture's.
  private func outputFile(_ inputs: [[String]], _ target: PlaneFormat) throws -> String? {
    let ending = (out as NSString).pathExtension.lowercased()
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: out, isDirectory: &isFolder)
    guard PictureFolder.extensions.contains(ending), !(exists && isFolder.boolValue) else { return nil }
    let count = inputs.count * (samples ?? 1)
    guard count == 1 else {
      throw ModelError.option("--out", "\(out) names one picture, and there are \(count); name a folder")
    }
    guard ending == target.fileExtension else {
      throw ModelError.option(
        "--out", "\(out): pictures of this model are written as .\(target.fileExtension)")
    }
    return out
  }

  private func half(of picture: Picture, _ file: String) throws -> Picture {
    guard side != .whole else { return picture }
    guard picture.width.isMultiple(of: 2) else {
      throw ModelError.file(file, "is \(picture.width) pixels wide, an odd number: it has no halves A and B")
    }
    let half = picture.width / 2
    return picture.cropped(x: side == .a ? 0 : half, y: 0, width: half, height: picture.height)
  }
}

extension NormStatistics: ExpressibleByArgument {}
extension Translator.Size: ExpressibleByArgument {}
