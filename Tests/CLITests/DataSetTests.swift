import Foundation
import Images
import Model
import Testing

/// Data sets as users have them: what can be known of all pictures is known before a training.
@Suite struct DataSetTests {
  private let folder: TemporaryFolder
  private var run: String { "\(folder.path)/run" }

  init() throws { folder = try TemporaryFolder() }

  private func train(_ arguments: [String], _ steps: [String] = ["--steps", "2"]) throws -> Outcome {
    try Program.run(["train", "--out", run] + tiny + onReference + arguments + steps)
  }

  private var options: TrainingOptions {
    get throws { try RunDirectory.readCheckpoint(of: run).0.options }
  }

  private static func map(_ levels: [UInt8]) -> Picture {
    Picture(
      width: 32, height: 32, channels: 1, samples: .eight((0..<1024).map { levels[$0 / 8 % levels.count] }))
  }

  private func writeSides(_ count: Int = 3) throws -> [String] {
    for index in 0..<count {
      try folder.write("a/p\(index).png", pattern(32, 32, index))
      try folder.write("b/p\(index).png", pattern(32, 32, index + 5))
    }
    return ["--data", "\(folder.path)/a", "--targets", "\(folder.path)/b"]
  }

  // MARK: Kinds

  /// Whichever file sorts first, of either side.
  @Test(arguments: ["a", "b"], [0, 2]) func oneGrayPictureDecidesNothing(side: String, place: Int) throws {
    let data = try writeSides()
    try folder.write("\(side)/p\(place).png", pattern(32, 32, 1).gray())
    let outcome = try train(data)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try options.format == .rgb)
    #expect(
      outcome.errors.contains("1 of the 3 \(side == "a" ? "inputs" : "targets") is gray"), "\(outcome.errors)"
    )
  }

  @Test func graySidesAreGray() throws {
    let data = try writeSides()
    for index in 0..<3 { try folder.write("b/p\(index).png", pattern(32, 32, index).gray()) }
    #expect(try train(data).status == 0)
    #expect(try options.format == .pictures(inputs: [.rgb], target: .gray))
  }

  /// With levels that only validation shows.
  @Test func levelsOfMasksAreClasses() throws {
    for index in 0..<2 {
      try folder.write("a/train/p\(index).png", Self.map([0, 255]))
      try folder.write("b/train/p\(index).png", pattern(32, 32, index))
    }
    try folder.write("a/val/v.png", Self.map([0, 128]))
    try folder.write("b/val/v.png", pattern(32, 32, 7))
    let data = ["--data", "\(folder.path)/a", "--targets", "\(folder.path)/b", "--labels", "index"]
    let outcome = try train(data)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try options.network.inputChannels == 3)
  }

  @Test func tooManyLevelsNameTheOption() throws {
    let data = try writeSides()
    for index in 0..<3 { try folder.write("a/p\(index).png", Self.map((0..<90).map { UInt8($0 * 2) })) }
    expectFailure(
      try train(data + ["--labels", "index"]), "--labels: ", "\(folder.path)/a/p0.png", "90 gray levels", "64"
    )
  }

  /// The pixels of all files, not the first file alone, say which colours there are.
  @Test func coloursOfAllLabelMapsAreClasses() throws {
    let data = try writeSides()
    let colours: [[UInt8]] = [[200, 0, 0], [0, 200, 0], [0, 0, 200], [250, 250, 0]]
    for index in 0..<3 {
      let samples = (0..<1024).flatMap { colours[$0 / 8 % 2 == 0 ? index : index + 1] }
      try folder.write(
        "b/p\(index).png", Picture(width: 32, height: 32, channels: 3, samples: .eight(samples)))
    }
    let outcome = try train(data + ["--target-format", "palette"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try options.network.outputChannels == 4)
  }

  @Test func arraysOfOtherChannelsAreNamed() throws {
    let data = try writeSides()
    for (index, channels) in [5, 5, 4].enumerated() {
      let samples = [UInt8](repeating: 9, count: 1024 * channels)
      try FileManager.default.removeItem(atPath: "\(folder.path)/a/p\(index).png")
      try Picture(width: 32, height: 32, channels: channels, samples: .eight(samples), hasAlpha: false)
        .write(to: "\(folder.path)/a/p\(index).npy")
    }
    expectFailure(try train(data), "\(folder.path)/a/p2.npy: has 4 channels where 5 are read")
  }

  // MARK: What is left out

  @Test func whatIsLeftOutIsSaidByAll() throws {
    let data = try writeSides()
    try folder.write("a/x.webp", Data("x".utf8))
    try folder.write("b/city/y.png", pattern(32, 32, 9))
    let said = ["a: 1 file is left out (1 .webp)", "b: the subfolder city is not looked into"]
    func expectSaid(_ outcome: Outcome, _ lines: [String]) {
      #expect(outcome.status == 0, "\(outcome.errors)")
      for line in lines {
        #expect((outcome.errors + outcome.output).contains("\(folder.path)/\(line)"), "\(outcome.errors)")
      }
    }
    expectSaid(
      try train(
        data + ["--validation-data", "\(folder.path)/a", "--validation-targets", "\(folder.path)/b"]), said)
    expectSaid(try Program.run(["check"] + data), said)
    let translate = ["translate", "--model", run, "--input", "\(folder.path)/a", "--out", "\(folder.path)/o"]
    expectSaid(try Program.run(translate + onReference), [said[0]])
    expectSaid(
      try Program.run(["evaluate", "--outputs", "\(folder.path)/a", "--targets", "\(folder.path)/b"]), said)
  }

  // MARK: Validation that is not there

  @Test(arguments: ["val", "test"], [[], ["--validate-every", "0"]])
  func aSplitWithoutPairsKeepsNobodyFromTraining(split: String, more: [String]) throws {
    try folder.writePairs("data/train")
    try folder.makeFolder("data/\(split)")
    let outcome = try train(["--data", "\(folder.path)/data"] + more)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(
      outcome.errors.contains("data/\(split) holds no pictures; there is nothing to validate with"),
      "\(outcome.errors)")
  }

  @Test func halfASplitKeepsNobodyFromTraining() throws {
    for side in ["A", "B"] {
      for index in 0..<2 { try folder.write("data/train/\(side)/p\(index).png", pattern(32, 32, index)) }
    }
    try folder.write("data/test/A/q.png", pattern(32, 32, 4))
    let outcome = try train(["--data", "\(folder.path)/data"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.contains("test/A has no partner"), "\(outcome.errors)")
  }

  @Test func damagedValidationMattersWhereItIsUsed() throws {
    try folder.writePairs("data/train")
    try folder.writePairs("data/val", count: 2)
    try folder.write("data/val/p1.png", Data())
    let data = ["--data", "\(folder.path)/data"]
    expectFailure(try train(data), "val/p1.png: is damaged")
    #expect(!FileManager.default.fileExists(atPath: run))
    let outcome = try train(data + ["--validate-every", "0"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.contains("val/p1.png: is damaged"), "\(outcome.errors)")
  }

  // MARK: Pictures that fail

  /// Headers are whole: the pixels fail when their turn comes.
  @Test func aPictureThatFailsLaterEndsTheRunWithACheckpoint() throws {
    let data = try folder.writePairs("data", count: 12)
    let path = "\(data)/p3.png"
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    var damaged = whole
    damaged[whole.count / 2] ^= 0x55
    try damaged.write(to: URL(fileURLWithPath: path))
    let outcome = try train(["--data", data, "--seed", "5"], ["--epochs", "3", "--save-every", "1000"])
    expectFailure(outcome, "\(path): is damaged or incomplete")
    let step = try #require(RunDirectory(run).checkpointSteps().last)
    #expect((1...11).contains(step) && outcome.output.contains("go on: pix2pix train --resume --out \(run)"))
    try whole.write(to: URL(fileURLWithPath: path))
    #expect(try Program.run(["train", "--resume", "--out", run] + onReference).status == 0)
  }

  @Test func badPicturesAreSkippedAndCounted() throws {
    let data = try writeSides()
    #expect(try train(data).status == 0)
    try folder.write("a/p1.png", Data())
    try folder.write("a/p3.png", Data("no picture".utf8))
    let out = "\(folder.path)/o"
    let translated = try Program.run(
      ["translate", "--model", run, "--input", "\(folder.path)/a", "--out", out] + onReference)
    expectFailure(translated, "2 of 4 pictures")
    for name in ["p1", "p3"] {
      #expect(translated.errors.contains("skipped: \(folder.path)/a/\(name).png: is"))
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: out).sorted() == ["p0.png", "p2.png"])
    try FileManager.default.removeItem(atPath: "\(folder.path)/a/p3.png")
    for arguments in [
      ["--model", run, "--split", "train"],
      ["--outputs", "\(folder.path)/a", "--targets", "\(folder.path)/b"],
    ] {
      let evaluated = try Program.run(["evaluate"] + arguments + onReference)
      expectFailure(evaluated, "1 of ", " pictures could not be taken")
      #expect(evaluated.errors.contains("skipped: \(folder.path)/a/p1.png: is damaged"))
      #expect(evaluated.output.contains("L1"))
    }
  }

  // MARK: Names and sizes

  /// Names may hold what a terminal obeys; a message stays a line.
  @Test func namesAreShownHarmlessly() throws {
    try folder.write("a/new\nline\u{1B}[31m.png", Data("x".utf8))
    let outcome = try train(["--data", "\(folder.path)/a"])
    expectFailure(outcome, "a/new\\nline\\x1b[31m.png: is not a PNG")
    #expect(!outcome.errors.contains("\u{1B}"))
  }

  @Test func namesBelongTogetherInAllCommands() throws {
    for index in 0..<2 {
      for (side, name) in [("a", "p\(index).png"), ("b", "P\(index).PNG"), ("c", "p\(index).Png")] {
        try folder.write("\(side)/\(name)", pattern(32, 32, index))
      }
    }
    let inputs = ["--input", "\(folder.path)/c"]
    let outcome = try train(["--data", "\(folder.path)/a", "--targets", "\(folder.path)/b"] + inputs)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let translated = try Program.run(
      ["translate", "--model", run, "--input", "\(folder.path)/a", "--out", "\(folder.path)/o"] + inputs
        + onReference)
    #expect(translated.status == 0, "\(translated.errors)")
  }

  /// Below the size that the network begins at, on either side, down to a pixel.
  @Test func smallPicturesAtTheirOwnSize() throws {
    #expect(try train(writeSides()).status == 0)
    let sizes = [(31, 40), (40, 31), (9, 8), (1, 1), (33, 32)]
    for (index, (width, height)) in sizes.enumerated() {
      try folder.write("small/\(index).png", pattern(width, height, index))
    }
    let outcome = try Program.run(
      [
        "translate", "--model", run, "--input", "\(folder.path)/small", "--size", "own", "--out",
        "\(folder.path)/o",
      ]
        + onReference)
    #expect(outcome.status == 0, "\(outcome.errors)")
    for (index, (width, height)) in sizes.enumerated() {
      let picture = try Picture(contentsOf: "\(folder.path)/o/\(index).png")
      #expect((picture.width, picture.height) == (width, height))
    }
  }

  @Test func onePictureMayNameItsFile() throws {
    #expect(try train(writeSides()).status == 0)
    func translate(_ input: String, _ out: String, _ more: [String] = []) throws -> Outcome {
      try Program.run(
        ["translate", "--model", run, "--input", "\(folder.path)/\(input)", "--out", "\(folder.path)/\(out)"]
          + more
          + onReference)
    }
    #expect(try translate("a/p0.png", "new/one.png").status == 0)
    #expect(try Picture(contentsOf: "\(folder.path)/new/one.png").width == 32)
    expectFailure(try translate("a", "two.png"), "--out: ", "two.png", "3")
    expectFailure(try translate("a/p0.png", "one.jpg"), "--out: ", "one.jpg", ".png")
    try folder.makeFolder("named.png")
    #expect(try translate("a", "named.png").status == 0)
    expectFailure(
      try Program.run(["check", "--data", "\(folder.path)/a", "--sheet", "\(folder.path)/s.jpg"]), "--sheet",
      ".png",
      status: 64)
  }

  // MARK: Going on

  @Test func aRunFindsItsPicturesFromElsewhere() throws {
    try folder.writePairs("here/data")
    try folder.makeFolder("there")
    func inFolder(_ name: String, _ arguments: [String]) throws -> Outcome {
      try Program.run(arguments + onReference, shell: "cd '\(folder.path)/\(name)'")
    }
    let begun = try inFolder("here", ["train", "--data", "data", "--out", run, "--steps", "2"] + tiny)
    #expect(begun.status == 0, "\(begun.errors)")
    #expect(try inFolder("there", ["train", "--resume", "--out", run, "--steps", "3"]).status == 0)
    #expect(try inFolder("there", ["evaluate", "--model", run, "--split", "train"]).status == 0)
    try FileManager.default.moveItem(atPath: "\(folder.path)/here/data", toPath: "\(folder.path)/there/moved")
    let lost = try inFolder("there", ["train", "--resume", "--out", run, "--steps", "4"])
    expectFailure(lost, "--data: ", "\(folder.path)/here/data", "say where it is now")
    let found = try inFolder("there", ["train", "--resume", "--out", run, "--steps", "4", "--data", "moved"])
    #expect(found.status == 0, "\(found.errors)")
  }

  /// A checkpoint that is damaged names the one before it, for whoever reads the run.
  @Test func theCheckpointBeforeADamagedOne() throws {
    let data = ["--data", try folder.writePairs("data")]
    #expect(try train(data + ["--save-every", "1"], ["--steps", "3"]).status == 0)
    let directory = RunDirectory(run)
    try Data().write(to: URL(fileURLWithPath: directory.checkpoint(step: 3)))
    let whole = try Data(contentsOf: URL(fileURLWithPath: directory.checkpoint(step: 2)))
    try whole.prefix(whole.count - 9).write(to: URL(fileURLWithPath: directory.checkpoint(step: 2)))
    for command in [
      ["train", "--resume", "--out", run], ["evaluate", "--model", run, "--split", "train"],
      ["translate", "--model", run, "--input", data[1], "--out", "\(folder.path)/o"],
    ] {
      expectFailure(
        try Program.run(command + onReference), directory.checkpoint(step: 3), directory.checkpoint(step: 1),
        "remove")
    }
  }
}
