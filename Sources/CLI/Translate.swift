import ArgumentParser
import CLBackend
import Files
import Foundation
import Images
import Model
import Tape

struct Translate: ParsableCommand {
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
        pix2pix translate --model run --input labels --samples 5 --out pictures
      """)

  /// The input's part of a picture.
  enum Side: String, ExpressibleByArgument, CaseIterable {
    case whole
    case a = "A"
    case b = "B"
  }

  @Option(help: ArgumentHelp("A run's folder or a checkpoint.", valueName: "run|file"), completion: .file())
  var model: String
  @Option(
    help: ArgumentHelp(
      "A picture or a folder of them (PNG, JPEG, NPY); once for each input that the model takes, matched by name.",
      valueName: "file|dir"), completion: .file())
  var input: [String]
  @Option(
    help: ArgumentHelp(
      "Folder for the translated pictures, or the file for the only one (.png, or .npy).",
      valueName: "dir|file"), completion: .file())
  var out: String
  @Option(help: "The part of each picture that is the input: whole, or half A or B of side-by-side pairs.")
  var side = Side.whole
  @Option(
    help:
      "Statistics of norms: batch (the picture at hand) or running (averages from training).")
  var normStatistics = NormStatistics.batch
  @Option(
    help:
      "on, off, or a seed of its own: other pictures from the same input. (default: on; off for a model of classes)"
  )
  var dropout: String?
  @Option(help: "trained (pictures are resized to the size of the training) or own (every picture's).")
  var size = Translator.Size.trained
  @Option(
    help: "Pictures from each input, with noise and dropout of their own, and their mean distance.",
    transform: OptionRange.from(1, to: 1000).value)
  var samples = 1
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
  @OptionGroup var device: DeviceOptions
  @OptionGroup var kernels: KernelOptions
  @OptionGroup var output: OutputOptions

  private func dropoutChoice() throws -> Translator.Dropout? {
    switch dropout {
    case "on": return .on
    case "off": return .off
    case let dropout?:
      guard let seed = UInt64(dropout) else {
        throw ValidationError("--dropout \(dropout) is neither on, off nor a seed (a whole number).")
      }
      return .seeded(seed)
    case nil: return nil
    }
  }

  func validate() throws {
    _ = try dropoutChoice()
    guard !input.isEmpty else { throw ValidationError("Missing --input.") }
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
    let (checkpoint, path) = try RunDirectory.readCheckpoint(of: model)
    var skipped = SkippedPictures()
    let inputs = try inputs(&skipped)
    let total = inputs.count + skipped.count
    let format = checkpoint.options.format
    guard inputs.allSatisfy({ $0.count == format.inputCount }) else {
      throw ModelError.option(
        "--input", "the model takes \(format.inputCount) pictures at a time, not \(self.input.count)")
    }
    let jobs = try jobs(inputs, format.target)
    try output.check(jobs.flatMap(\.outputs), inputs: inputs.flatMap(\.self))
    let translator = try Translator(
      (checkpoint, path), statistics: normStatistics, dropout: try dropoutChoice(), size: size
    ) { try executor(for: $0) }
    let clock = ContinuousClock()
    let start = clock.now
    var (done, distances): (Int, [Double]) = (0, [])
    for job in jobs {
      do {
        let distance = try translate(job, translator)
        done += samples
        if let distance { distances.append(distance) }
      } catch  where total > 1 && isAboutPicture(error) {
        skipped.skip(error)
      }
    }
    let seconds = (clock.now - start) / .seconds(1)
    if !distances.isEmpty {
      let mean = distances.reduce(0, +) / Double(distances.count)
      tell(
        line: String(format: "diversity: %.3f of 255, the mean L1 distance of two samples of one input", mean)
      )
    }
    tell(
      line: String(
        format: "%d %@ in %@, %.1f ms each; norm statistics %@, dropout %@, from %@", done,
        done == 1 ? "picture" : "pictures", out, 1e3 * seconds / Double(max(done, 1)),
        normStatistics.rawValue, dropout ?? (checkpoint.options.drawsWithDropout ? "on" : "off"), path))
    try skipped.end(of: total)
  }

  /// Translates a picture as often as there are samples of it.
  ///
  /// - Returns: the samples' mean distance; nil of one
  private func translate(_ job: Job, _ translator: Translator) throws -> Double? {
    let inputs = try job.files.map { Translator.Input(try half(of: Picture(contentsOf: $0), $0), path: $0) }
    let bitDepth = self.bitDepth ?? inputs[0].picture.bitDepth
    var pictures: [Picture] = []
    for (sample, output) in job.outputs.enumerated() {
      let picture = try translator.translate(inputs, index: job.index, sample: sample, bitDepth: bitDepth)
      guard samples == 1 || translator.isRandom else {
        throw ModelError.option(
          "--samples",
          "the model has neither noise nor dropout in use, so that all samples are equal; leave it out")
      }
      // Made with the first picture, so that a failure leaves no empty folder.
      try makeFolder(OutputFile.folder(of: output))
      try picture.write(to: output, replacing: self.output.replacing)
      if samples > 1 { pictures.append(picture) }
    }
    guard samples > 1 else { return nil }
    let distance = Translator.diversity(pictures)
    tell(
      line: "\(job.name): \(samples) samples, \(String(format: "%.3f", distance)) of 255 apart in the mean")
    return distance
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

  /// The whole picture on the device where its memory allows, strips of it otherwise.
  private func executor(for step: any TrainingStep) throws -> any Executor {
    func small(_ recording: Recording) throws -> any Executor {
      try device.executor(for: recording, kernels, .use)
    }
    if let strips { return StripExecutor(step.recording, rows: strips, makeExecutor: small) }
    if case .openCL(let chosen, _) = try device.choose() {
      let whole = try OpenCLExecutor(
        step.recording, on: chosen, device.complete(.use, for: step.recording, on: chosen, kernels))
      let need = try whole.memoryNeed(step.allSections)
      let (description, framing) = (chosen.description, step.translations[0].framing)
      let available = min(description.globalMemory, memoryLimit.map { Int($0 * Double(1 << 30)) } ?? .max)
      if need.total > available || need.largestBuffer > description.maxAllocation {
        // A strip's need grows with its rows, weights aside; half of the memory leaves room for the rows beside it.
        let share = Double(available) / 2 / Double(need.total)
        let rows = max(16, Int(share * Double(framing.padded.height)) / 16 * 16)
        note(
          "\(framing.size) needs \(gibibytes(need.total)) in one piece, there are \(gibibytes(available)): in strips of \(rows) rows"
        )
        return StripExecutor(step.recording, rows: rows, makeExecutor: small)
      }
    }
    return try device.executor(for: step.recording, kernels, .use, tunes: true)
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
      throw ModelError.file(input, "no such file or folder")
    }
    guard isFolder.boolValue else { return [input] }
    let folder = try PictureFolder.some(in: input)
    if let leftOut = folder.leftOut { note(leftOut) }
    if isFirst {
      for error in folder.unnameableErrors { skipped.skip(error) }
    }
    return folder.pictures
  }

  /// The pictures with their outputs.
  private func jobs(_ inputs: [[String]], _ target: PlaneFormat) throws -> [Job] {
    if let file = try outputFile(inputs, target) { return [Job(index: 0, files: inputs[0], outputs: [file])] }
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
    guard inputs.count == 1, samples == 1 else {
      throw ModelError.option(
        "--out", "\(out) names one picture, and there are \(inputs.count * samples); name a folder")
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
