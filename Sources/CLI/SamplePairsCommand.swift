import ArgumentParser
import Foundation
import Images
import Model
import SamplePairs

struct SamplePairsCommand: TalkingCommand {
  static let configuration = CommandConfiguration(
    commandName: "sample-pairs",
    abstract:
      "Draws a paired data set, of building fronts or of shapes, for a first training without a download.",
    discussion: """
      Of --kind fronts each file shows a rendered front (A, left) beside its label map in the colours of the CMP facades (B, right), \
      so that labels to photo is --direction BtoA. With --layout folders, fronts go into the folder A and label maps into \
      B, for --labels palette and for tasks that take photographs alone.

      Of --kind shapes each file shows the outline of a shape (A) beside the shape in a random colour (B). The outline does \
      not tell the colour, so that an input has many right outputs, which a model may draw or not. --target-samples N \
      writes N of them of each pair, its own target first, into the folder target-samples as NAME-1 to NAME-N, where \
      evaluate --target-samples reads them.

      Every tenth pair goes to val, the others to train. The same seed draws the same bytes on every machine.

      Examples:
        pix2pix sample-pairs --out pairs --count 200 --size 128
        pix2pix sample-pairs --out pairs --count 400 --size 256 --seed 7
        pix2pix sample-pairs --out pairs --count 800 --size 128 --layout folders
        pix2pix sample-pairs --kind shapes --out shapes --count 1200 --size 32 --target-samples 8
      """)

  enum Kind: String, ExpressibleByArgument, CaseIterable {
    case fronts, shapes
  }

  enum Layout: String, ExpressibleByArgument, CaseIterable {
    case pairs, folders
  }

  @Option(help: ArgumentHelp("Folder for the pairs.", valueName: "dir"), completion: .directory)
  var out: String
  @Option(help: "fronts (building fronts with label maps) or shapes (outlines with filled shapes).")
  var kind = Kind.fronts
  @Option(help: "Number of pairs.", transform: OptionRange.from(1, to: 1_000_000).value)
  var count = 200
  @Option(
    help: "Pixels on a side of each half, from 32 to 1024.", transform: OptionRange.from(32, to: 1024).value)
  var size = 256
  @Option(help: "Other numbers draw other pairs.", transform: OptionRange.all.value)
  var seed: UInt64 = 0
  @Option(help: "pairs (both sides in one picture) or folders (a folder for each side).")
  var layout = Layout.pairs
  @Option(
    help: "Right outputs of each input, of --kind shapes, into the folder target-samples of --out.",
    transform: OptionRange.from(2, to: 1000).value)
  var targetSamples: Int?
  @OptionGroup var output: OutputOptions
  @OptionGroup var terminal: TerminalOptions

  func validate() throws {
    guard targetSamples == nil || kind == .shapes else {
      throw ValidationError("--target-samples goes with --kind shapes: a label map has one front.")
    }
  }

  func run() throws {
    let clock = ContinuousClock()
    let start = clock.now
    let validation = count / 10
    // Foreign files are found before the first pair is drawn.
    try output.check(
      (0..<count).flatMap { index in sides.map { path($0, index) } + samplePaths(index) })
    for side in sides + (targetSamples == nil ? [] : [Self.sampleFolder]) {
      for split in validation > 0 ? ["train", "val"] : ["train"] { try makeFolder("\(out)\(side)/\(split)") }
    }
    let progress = PictureProgress(of: count, isEvent: false)
    for index in 0..<count {
      let pair = draw(index)
      let pictures =
        switch layout {
        case .pairs: [Self.sideBySide(pair.a, pair.b, size: size)]
        case .folders: [pair.a, pair.b].map { Self.picture($0, width: size, height: size) }
        }
      for (side, picture) in zip(sides, pictures) {
        try picture.write(to: path(side, index), replacing: output.replacing)
      }
      for (sample, path) in samplePaths(index).enumerated() {
        let samples = ShapeRenderer(size: size, seed: seed).filled(index, sample: sample)
        try Self.picture(samples, width: size, height: size).write(to: path, replacing: output.replacing)
      }
      progress.show(done: index + 1)
    }
    Terminal.endProgress()
    let seconds = (clock.now - start) / .seconds(1)
    Terminal.say(
      CommandEvent(
        "done",
        [
          ("folder", .text(out)), ("train", .integer(count - validation)), ("val", .integer(validation)),
          ("size", .integer(size)), ("seconds", .number(seconds)),
        ],
        text:
          "\(out): \(count - validation) pairs in train, \(validation) in val, \(size) x \(size) each half, "
          + String(format: "%.1f s", seconds)))
  }

  /// The bytes of both sides of a pair.
  private func draw(_ index: Int) -> (a: [UInt8], b: [UInt8]) {
    switch kind {
    case .fronts:
      let pair = FacadeRenderer(size: size, seed: seed).pair(index)
      return (pair.photo, pair.labels)
    case .shapes:
      let renderer = ShapeRenderer(size: size, seed: seed)
      return (renderer.outline(index), renderer.filled(index))
    }
  }

  private static let sampleFolder = "/target-samples"

  /// The files of a pair's right outputs; none where they are not asked for.
  private func samplePaths(_ index: Int) -> [String] {
    guard let targetSamples else { return [] }
    let file = path(Self.sampleFolder, index)
    let stem = (file as NSString).deletingPathExtension
    return SampleNames.names(of: stem, targetSamples).map { "\($0).png" }
  }

  /// What follows --out in the names of a side's files.
  private var sides: [String] {
    switch layout {
    case .pairs: [""]
    case .folders: ["/A", "/B"]
    }
  }

  private func path(_ side: String, _ index: Int) -> String {
    let digits = String(index)
    let name = String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    return "\(out)\(side)/\(index % 10 == 9 ? "val" : "train")/\(name).png"
  }

  private static func sideBySide(_ a: [UInt8], _ b: [UInt8], size: Int) -> Picture {
    var samples: [UInt8] = []
    samples.reserveCapacity(6 * size * size)
    for y in 0..<size {
      let row = 3 * size * y..<3 * size * (y + 1)
      samples += a[row]
      samples += b[row]
    }
    return picture(samples, width: 2 * size, height: size)
  }

  private static func picture(_ samples: [UInt8], width: Int, height: Int) -> Picture {
    Picture(width: width, height: height, channels: 3, samples: .eight(samples))
  }
}
