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
      Every picture of --input is written to --out under its own name, as PNG, at the model's size. The model's \
      options come from its checkpoint. A run's folder means its last checkpoint; RUN/best.safetensors is the one \
      with the lowest validation L1.

      As in the paper, norms use the statistics of the picture at hand and dropout stays on.

      Examples:
        pix2pix translate --model run --input labels --out pictures
        pix2pix translate --model run/best.safetensors --input map.png --out pictures --dropout off
        pix2pix translate --model run --input facades/val --side B --out pictures
      """)

  /// Which half of side-by-side pictures is the input.
  enum Side: String, ExpressibleByArgument, CaseIterable {
    case whole
    case a = "A"
    case b = "B"
  }

  @Option(help: ArgumentHelp("A run's folder or a checkpoint.", valueName: "run|file"))
  var model: String
  @Option(help: ArgumentHelp("A picture or a folder of them (PNG, JPEG).", valueName: "file|dir"))
  var input: String
  @Option(help: ArgumentHelp("Folder for the translated pictures.", valueName: "dir"))
  var out: String
  @Option(help: "The part of each picture that is the input: whole, or half A or B of side-by-side pairs.")
  var side = Side.whole
  @Option(
    help:
      "Where norms take their statistics: batch (the picture at hand) or running (averages from training).")
  var normStatistics = NormStatistics.batch
  @Option(help: "on, off, or a seed of its own: other pictures from the same input.")
  var dropout = "on"
  @OptionGroup var device: DeviceOptions
  @OptionGroup var kernels: KernelOptions

  private func dropoutChoice() throws -> Translator.Dropout {
    switch dropout {
    case "on": return .on
    case "off": return .off
    default:
      guard let seed = UInt64(dropout) else {
        throw ValidationError("--dropout \(dropout) is neither on, off nor a seed (a whole number).")
      }
      return .seeded(seed)
    }
  }

  func validate() throws {
    _ = try dropoutChoice()
  }

  func run() throws {
    let path = try RunDirectory.checkpoint(of: model)
    let checkpoint = try Checkpoint(path: path)
    let files = try inputs()
    let translator = try Translator(
      (checkpoint, path), statistics: normStatistics, dropout: try dropoutChoice()
    ) { try device.executor(for: $0, kernels, sharesRooms: true, tunes: true) }
    do {
      try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
    } catch {
      throw ModelError.file(out, "cannot be made: is a file in the way, or is the disk full or read-only?")
    }
    let clock = ContinuousClock()
    let start = clock.now
    for (index, file) in files.enumerated() {
      let picture = try half(of: Picture(contentsOf: file), file)
      let name = ((file as NSString).lastPathComponent as NSString).deletingPathExtension
      try translator.translate(picture, index: index).writePNG(to: "\(out)/\(name).png")
    }
    let seconds = (clock.now - start).seconds
    print(
      String(
        format: "%d %@ in %@, %.1f ms each; norm statistics %@, dropout %@, from %@", files.count,
        files.count == 1 ? "picture" : "pictures", out, 1e3 * seconds / Double(files.count),
        normStatistics.rawValue, dropout, path))
  }

  private func inputs() throws -> [String] {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: input, isDirectory: &isFolder) else {
      throw ModelError.file(input, "no such file or folder")
    }
    guard isFolder.boolValue else { return [input] }
    let files = try PairSource.pictures(in: input)
    guard !files.isEmpty else { throw ModelError.file(input, "holds no pictures (png, jpg, jpeg)") }
    var stems: [String: String] = [:]
    for file in files {
      let stem = ((file as NSString).lastPathComponent as NSString).deletingPathExtension
      if let other = stems.updateValue(file, forKey: stem) {
        throw ModelError.file(input, "\(other) and \(file) would both become \(stem).png; rename one")
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
