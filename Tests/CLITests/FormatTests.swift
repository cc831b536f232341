import Foundation
import Images
import Model
import Testing

/// Whole runs on pictures of every kind: trained, gone on with, translated at the size of the training, at their own and in
/// strips.
@Suite struct FormatTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A picture of smooth waves.
  private static func waves(
    _ size: PictureSize, channels: Int, sixteen: Bool = false, hasAlpha: Bool? = nil, phase: Double
  ) -> Picture {
    let values = (0..<size.area * channels).map { index in
      let (pixel, channel) = (index / channels, index % channels)
      let (x, y) = (Double(pixel % size.width), Double(pixel / size.width))
      return 0.5 + 0.5 * sin(x / 5 + Double(channel) + phase) * cos(y / 7 - phase)
    }
    return Picture(
      width: size.width, height: size.height, channels: channels,
      samples: sixteen
        ? .sixteen(values.map { UInt16(($0 * 65535).rounded()) })
        : .eight(values.map { UInt8(($0 * 255).rounded()) }),
      hasAlpha: hasAlpha)
  }

  /// A label map of three classes, as colours or as gray levels 0, 1, 2.
  private static func labels(_ size: PictureSize, colours: Bool, phase: Double) -> Picture {
    let table: [[UInt8]] = colours ? [[0, 0, 0], [200, 30, 30], [30, 30, 200]] : [[0], [1], [2]]
    let samples = (0..<size.area).flatMap { pixel -> [UInt8] in
      let wave = sin(Double(pixel % size.width) / 6 + phase) + cos(Double(pixel / size.width) / 5)
      return table[wave < -0.5 ? 0 : wave < 0.5 ? 1 : 2]
    }
    return Picture(
      width: size.width, height: size.height, channels: colours ? 3 : 1, samples: .eight(samples))
  }

  private func write(_ picture: Picture, _ name: String) throws {
    let path = "\(folder.path)/\(name).\(picture.isColour ? "png" : "npy")"
    try FileManager.default.createDirectory(
      atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try picture.write(to: path)
  }

  /// What a run is given: pictures for each folder, by a number, and options.
  struct Case: Sendable, CustomStringConvertible {
    let description: String
    let options: [String]
    /// The options that name folders of inputs in training, beside --targets.
    var folders = ["--data": "inputs"]
    let pictures: @Sendable (_ folder: String, _ number: Int) -> Picture?
    /// Of the translated pictures.
    var channels = 3
    var bitDepth = 8
    var inputs = ["inputs"]
    /// The reference, which has no kernels to compile for every new size, unless a case is for the device.
    var device = "reference"
  }

  /// Of samples, 1 being the whole range.
  private static func largestDifference(_ a: Picture, _ b: Picture) -> Double {
    func largest<S: FixedWidthInteger>(_ a: [S], _ b: [S]) -> Double {
      zip(a, b).map { abs(Double($0) - Double($1)) / Double(S.max) }.max() ?? .nan
    }
    return switch (a.samples, b.samples) {
    case (.eight(let a), .eight(let b)) where a.count == b.count: largest(a, b)
    case (.sixteen(let a), .sixteen(let b)) where a.count == b.count: largest(a, b)
    default: .nan
    }
  }

  private static let odd = PictureSize(width: 50, height: 37)

  static let cases: [Case] = [
    Case(
      description: "no square", options: ["--size", "50x37"],
      pictures: { folder, number in
        waves(odd, channels: 3, phase: Double(number) + (folder == "inputs" ? 0 : 1))
      }, device: "auto"),
    Case(
      description: "gray, 16 bits", options: ["--size", "40"],
      pictures: { folder, number in
        waves(odd, channels: 1, sixteen: true, phase: Double(number) + (folder == "inputs" ? 0 : 1))
      }, channels: 1, bitDepth: 16),
    Case(
      description: "colours and alpha",
      options: ["--size", "32x48", "--input-format", "rgba", "--target-format", "rgba"],
      pictures: { folder, number in waves(odd, channels: 4, phase: Double(number)) }, channels: 4),
    Case(
      description: "arrays of five channels to arrays of two", options: ["--size", "40x32"],
      pictures: { folder, number in
        waves(
          odd, channels: folder == "inputs" ? 5 : 2, sixteen: true, hasAlpha: false, phase: Double(number))
      }, channels: 2, bitDepth: 16),
    Case(description: "label maps of colours", options: ["--size", "50x37", "--labels", "palette"]) {
      folder, number in
      folder == "inputs"
        ? labels(odd, colours: true, phase: Double(number)) : waves(odd, channels: 3, phase: Double(number))
    },
    Case(description: "label maps of indices", options: ["--size", "32", "--labels", "index"]) {
      folder, number in
      folder == "inputs"
        ? labels(odd, colours: false, phase: Double(number)) : waves(odd, channels: 3, phase: Double(number))
    },
    Case(
      description: "two inputs and weights",
      options: ["--size", "48x32", "--input-format", "gray", "--input-format", "rgb"],
      folders: ["--data": "inputs", "--input": "more", "--weights": "weights"],
      pictures: { folder, number in
        waves(odd, channels: folder == "inputs" || folder == "weights" ? 1 : 3, phase: Double(number))
      }, inputs: ["inputs", "more"]),
    Case(
      description: "colours of photographs", options: ["--size", "50x37", "--task", "colorize"],
      folders: ["--data": "targets"],
      pictures: { folder, number in
        folder == "targets" ? waves(odd, channels: 3, phase: Double(number)) : nil
      }, inputs: ["targets"]),
    Case(
      description: "edges of photographs",
      options: ["--size", "32", "--task", "edges", "--generator", "resnet-6", "--objective", "l1"],
      folders: ["--data": "targets"],
      pictures: { folder, number in
        folder == "targets" ? waves(odd, channels: 3, phase: Double(number)) : nil
      }, inputs: ["targets"]),
  ]

  @Test(arguments: cases) func trainedAndTranslated(_ testCase: Case) throws {
    for name in ["inputs", "targets", "more", "weights"] {
      for number in 0..<3 {
        guard let picture = testCase.pictures(name, number) else { continue }
        try write(picture, "\(name)/\(number < 2 ? "train" : "val")/p\(number)")
      }
    }
    let isTask = testCase.options.contains("--task")
    var arguments = ["train", "--ngf", "4", "--ndf", "4", "--patch", "16"] + testCase.options
    for (option, name) in testCase.folders { arguments += [option, "\(folder.path)/\(name)"] }
    if !isTask { arguments += ["--targets", "\(folder.path)/targets"] }
    func run(_ arguments: [String]) throws {
      let outcome = try Program.run(arguments + ["--device", testCase.device])
      #expect(outcome.status == 0, "\(testCase): \(outcome.errors)")
    }
    let (straight, resumed) = ("\(folder.path)/straight", "\(folder.path)/resumed")
    try run(arguments + ["--steps", "6", "--out", straight])
    try run(arguments + ["--steps", "3", "--out", resumed])
    try run(["train", "--resume", "--steps", "6", "--out", resumed])
    let ends = [straight, resumed].map {
      FileManager.default.contents(atPath: RunDirectory($0).checkpoint(step: 6))
    }
    #expect(ends[0] != nil && ends[0] == ends[1])

    func translated(_ name: String, _ more: String...) throws -> Picture {
      let out = "\(folder.path)/\(name)"
      let inputs = testCase.inputs.flatMap { ["--input", "\(folder.path)/\($0)/val"] }
      try run(["translate", "--model", straight, "--out", out] + inputs + more)
      let files = try FileManager.default.contentsOfDirectory(atPath: out)
      let file = try #require(files.first)
      #expect(files.count == 1 && ["p2.png", "p2.npy"].contains(file))
      return try Picture(contentsOf: "\(out)/\(file)")
    }
    let picture = try translated("whole")
    #expect(picture.channels == testCase.channels && picture.bitDepth == testCase.bitDepth)
    let own = try translated("own", "--size", "own")
    #expect(own.size == Self.odd)
    // The same but for what rounding makes of the last bit.
    let strips = try translated("strips", "--size", "own", "--strips", "8")
    let difference = Self.largestDifference(own, strips)
    #expect(difference <= 1 / 255, "\(testCase): \(difference)")
    let evaluation = try Program.run(["evaluate", "--model", straight, "--device", testCase.device])
    #expect(evaluation.status == 0 && evaluation.output.contains("SSIM"), "\(testCase): \(evaluation.errors)")
  }

  /// Noise makes samples differ; without noise and dropout they would be equal, which is said.
  @Test func samples() throws {
    for number in 0..<2 {
      try write(Self.waves(Self.odd, channels: 3, phase: Double(number)), "inputs/p\(number)")
      try write(Self.waves(Self.odd, channels: 3, phase: Double(number) + 1), "targets/p\(number)")
    }
    for (noise, differ) in [(["--noise", "gaussian"], true), ([], false)] {
      let run = "\(folder.path)/run-\(differ)"
      let trained = try Program.run(
        [
          "train", "--data", "\(folder.path)/inputs", "--targets", "\(folder.path)/targets", "--size", "32",
          "--ngf", "4", "--ndf", "4", "--steps", "3", "--no-dropout", "--out", run, "--device", "reference",
        ] + noise)
      #expect(trained.status == 0, "\(trained.errors)")
      let out = "\(folder.path)/out-\(differ)"
      let outcome = try Program.run([
        "translate", "--model", run, "--input", "\(folder.path)/inputs", "--samples", "3", "--out", out,
        "--device", "reference",
      ])
      guard differ else {
        expectFailure(outcome, "--samples: the model has neither codes, noise nor dropout")
        #expect(!FileManager.default.fileExists(atPath: out))
        continue
      }
      #expect(outcome.status == 0, "\(outcome.errors)")
      let samples = (1...3).map { FileManager.default.contents(atPath: "\(out)/p0-\($0).png") }
      #expect(samples.allSatisfy { $0 != nil } && Set(samples).count == 3)
      #expect(!outcome.output.contains("diversity: 0.000"), "\(outcome.output)")
    }
  }
}
