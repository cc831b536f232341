import ArgumentParser
import CLBackend
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

      As in the paper, norms use the statistics of the picture at hand and dropout stays on.

      Examples:
        pix2pix translate --model run --input labels --out pictures
        pix2pix translate --model run/best.safetensors --input map.png --out pictures --dropout off
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

  @Option(help: ArgumentHelp("A run's folder or a checkpoint.", valueName: "run|file"))
  var model: String
  @Option(
    help: ArgumentHelp(
      "A picture or a folder of them (PNG, JPEG, NPY); once for each input that the model takes, matched by name.",
      valueName: "file|dir"))
  var input: [String]
  @Option(help: ArgumentHelp("Folder for the translated pictures.", valueName: "dir"))
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
  @Option(help: "Pictures from each input, with noise and dropout of their own, and their mean distance.")
  var samples = 1
  @Option(help: "Bits of a channel, 8 or 16. (default: the input's)")
  var bitDepth: Int?
  @Option(
    help: ArgumentHelp(
      "Translate in strips of so many rows. (default: only pictures too large for the device's memory)",
      valueName: "rows"))
  var strips: Int?
  @Option(
    help: ArgumentHelp(
      "Memory to use on the device; larger pictures are translated in strips. (default: all)",
      valueName: "GiB"))
  var memoryLimit: Double?
  @OptionGroup var device: DeviceOptions
  @OptionGroup var kernels: KernelOptions

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
    guard (1...1000).contains(samples) else {
      throw ValidationError("--samples \(samples) is not from 1 to 1000.")
    }
    guard bitDepth.map({ $0 == 8 || $0 == 16 }) ?? true else {
      throw ValidationError("--bit-depth \(bitDepth ?? 0) is neither 8 nor 16.")
    }
    guard strips.map({ $0 > 0 }) ?? true else {
      throw ValidationError("--strips \(strips ?? 0) is not above 0.")
    }
    guard memoryLimit.map({ $0 > 0 && $0 <= 1e6 }) ?? true else {
      throw ValidationError("--memory-limit \(memoryLimit ?? 0) is not above 0 and at most 1000000 GiB.")
    }
  }

  func run() throws {
    let path = try RunDirectory.checkpoint(of: model)
    let checkpoint = try Checkpoint(path: path)
    let files = try inputs()
    let translator = try Translator(
      (checkpoint, path), statistics: normStatistics, dropout: try dropoutChoice(), size: size
    ) { try executor(for: $0) }
    let fileExtension = translator.options.format.target.fileExtension
    let clock = ContinuousClock()
    let start = clock.now
    var distances: [Double] = []
    for (index, files) in files.enumerated() {
      let inputs = try files.map { Translator.Input(try half(of: Picture(contentsOf: $0), $0), path: $0) }
      let name = Self.name(of: files[0])
      let bitDepth = self.bitDepth ?? inputs[0].picture.bitDepth
      var pictures: [Picture] = []
      for sample in 0..<samples {
        let picture = try translator.translate(inputs, index: index, sample: sample, bitDepth: bitDepth)
        // Made with the first picture, so that a failure leaves no empty folder.
        try makeFolder(out)
        let suffix = samples == 1 ? "" : "-\(sample + 1)"
        try picture.write(to: "\(out)/\(name)\(suffix).\(fileExtension)")
        if samples > 1 { pictures.append(picture) }
      }
      if samples > 1 {
        let distance = Translator.diversity(pictures)
        distances.append(distance)
        tell(
          line: "\(name): \(samples) samples, \(String(format: "%.3f", distance)) of 255 apart in the mean")
      }
    }
    let seconds = (clock.now - start) / .seconds(1)
    let count = files.count * samples
    if !distances.isEmpty {
      let mean = distances.reduce(0, +) / Double(distances.count)
      tell(
        line: String(format: "diversity: %.3f of 255, the mean L1 distance of two samples of one input", mean)
      )
    }
    tell(
      line: String(
        format: "%d %@ in %@, %.1f ms each; norm statistics %@, dropout %@, from %@", count,
        count == 1 ? "picture" : "pictures", out, 1e3 * seconds / Double(count),
        normStatistics.rawValue, dropout ?? (checkpoint.options.drawsWithDropout ? "on" : "off"), path))
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

  private static func name(of file: String) -> String {
    ((file as NSString).lastPathComponent as NSString).deletingPathExtension
  }

  /// The files of each input, in the order of the first.
  private func inputs() throws -> [[String]] {
    let lists = try input.map(files)
    guard lists.count > 1 else { return lists[0].map { [$0] } }
    let others = lists.dropFirst().map {
      Dictionary($0.map { (Self.name(of: $0), $0) }) { first, _ in first }
    }
    return try lists[0].map { file in
      try [file]
        + zip(input.dropFirst(), others).map { folder, files in
          // Single files need no equal names.
          if lists[0].count == 1, files.count == 1, let only = files.values.first { return only }
          guard let other = files[Self.name(of: file)] else {
            throw ModelError.file(folder, "has no picture \(Self.name(of: file)), which \(input[0]) has")
          }
          return other
        }
    }
  }

  private func files(_ input: String) throws -> [String] {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: input, isDirectory: &isFolder) else {
      throw ModelError.file(input, "no such file or folder")
    }
    guard isFolder.boolValue else { return [input] }
    let files = try PairSource.somePictures(in: input)
    var stems: [String: String] = [:]
    for file in files {
      let stem = Self.name(of: file)
      if let other = stems.updateValue(file, forKey: stem) {
        throw ModelError.file(input, "\(other) and \(file) have one name but for its end; rename one")
      }
    }
    return files
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
