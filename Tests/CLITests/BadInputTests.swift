import Foundation
import Images
import Testing

/// Whatever a data set holds, training ends in one line that names the file or folder at fault.
@Suite struct BadInputTests {
  private let folder: TemporaryFolder
  private var out: String { "\(folder.path)/run" }

  init() throws { folder = try TemporaryFolder() }

  private func train(_ data: String, _ more: [String] = ["--steps", "3"] + onReference) throws -> Outcome {
    try Program.run(["train", "--data", data, "--out", out] + tiny + more)
  }

  // MARK: Folders

  @Test func missingFolder() throws {
    expectFailure(try train("\(folder.path)/none"), "\(folder.path)/none: no such folder")
    #expect(!FileManager.default.fileExists(atPath: out))
  }

  @Test func fileForFolder() throws {
    let file = try folder.write("data", Data())
    expectFailure(try train(file), "\(file): is not a folder")
  }

  @Test func emptyFolder() throws {
    let data = try folder.makeFolder("data")
    expectFailure(try train(data), "\(data): no pictures")
  }

  @Test func unmatchedPairs() throws {
    for name in ["A/both", "B/both", "A/left", "B/right"] {
      try folder.write("data/\(name).png", pattern(32, 32))
    }
    let data = "\(folder.path)/data"
    let outcome = try train(data)
    expectFailure(outcome, "only in \(data)/A: left.png", "only in \(data)/B: right.png")
    #expect(!outcome.errors.contains("both.png"))
  }

  @Test func batchLargerThanData() throws {
    let data = try folder.writePairs("data", count: 2)
    expectFailure(
      try train(data, ["--batch-size", "3"]), "--batch-size: 3 is more than the 2 pairs in \(data)")
  }

  @Test func runFolderIsAFile() throws {
    let data = try folder.writePairs("data", count: 1)
    try folder.write("run", Data("x".utf8))
    expectFailure(try train(data), "\(out)")
  }

  // MARK: Pictures

  private static let jpeg = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("ImagesTests/Fixtures/jpeg_444.jpg")

  private static func png() throws -> Data {
    let folder = try TemporaryFolder()
    return try Data(contentsOf: URL(fileURLWithPath: try folder.write("x.png", pattern(64, 32))))
  }

  /// The bytes of a PNG's IHDR with another size; its CRC is right, so that the size is what is judged.
  private static func claiming(_ width: UInt32, _ height: UInt32) throws -> Data {
    var header = Data("IHDR".utf8)
    for number in [width, height] { withUnsafeBytes(of: number.bigEndian) { header.append(contentsOf: $0) } }
    header.append(contentsOf: [8, 2, 0, 0, 0])
    var crc = UInt32.max
    for byte in header {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
    }
    var data = try png()
    data.replaceSubrange(12..<29, with: header)
    withUnsafeBytes(of: (~crc).bigEndian) { data.replaceSubrange(29..<33, with: $0) }
    return data
  }

  struct Damaged: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var file: String
    var message: String
    var bytes: @Sendable () throws -> Data

    init(_ name: String, _ file: String, _ message: String, _ bytes: @escaping @Sendable () throws -> Data) {
      (testDescription, self.file, self.message, self.bytes) = (name, file, message, bytes)
    }
  }

  private static let damaged: [Damaged] = [
    Damaged("truncated JPEG", "p.jpg", "is damaged or incomplete: the file ends too early") {
      let whole = try Data(contentsOf: jpeg)
      return whole.prefix(whole.count * 2 / 3)
    },
    Damaged("truncated PNG", "p.png", "is damaged or incomplete") { try png().dropLast(100) },
    Damaged("wrong CRC", "p.png", "is damaged or incomplete: IDAT: CRC error") {
      var data = try png()
      data[data.count - 16] ^= 1
      return data
    },
    Damaged("text", "p.png", "is not a PNG, JPEG or NPY") { Data("I am no picture".utf8) },
    Damaged("empty", "p.jpg", "p.jpg") { Data() },
    Damaged("one pixel", "p.png", "too small to train on") {
      let folder = try TemporaryFolder()
      return try Data(contentsOf: URL(fileURLWithPath: try folder.write("x.png", pattern(2, 1))))
    },
    Damaged("enormous", "p.png", "its header claims 20000x20000 pixels") { try claiming(20000, 20000) },
    Damaged("odd width", "p.png", "its width 65 is odd") {
      let folder = try TemporaryFolder()
      return try Data(contentsOf: URL(fileURLWithPath: try folder.write("x.png", pattern(65, 32))))
    },
  ]

  /// The damaged picture is the only one, so it is met before training starts.
  @Test(arguments: damaged) func damagedPicture(_ damaged: Damaged) throws {
    let file = try folder.write("data/\(damaged.file)", try damaged.bytes())
    expectFailure(try train("\(folder.path)/data"), "\(file): ", damaged.message)
  }

  /// The damaged picture is met while training, on the thread that loads.
  @Test(arguments: damaged) func damagedPictureLater(_ damaged: Damaged) throws {
    let data = try folder.writePairs("data", count: 2)
    let file = try folder.write(
      "data/\(damaged.file.replacingOccurrences(of: "p.", with: "z."))", try damaged.bytes())
    let outcome = try train(data)
    expectFailure(outcome, "\(file): ", damaged.message.replacingOccurrences(of: "p.jpg", with: "z.jpg"))
  }

  @Test func danglingLink() throws {
    let data = try folder.makeFolder("data")
    try FileManager.default.createSymbolicLink(
      atPath: "\(data)/p.png", withDestinationPath: "\(data)/none")
    expectFailure(try train(data), "\(data)/p.png: cannot be read: ")
  }

  @Test func folderNamedAsPicture() throws {
    let data = try folder.makeFolder("data")
    try folder.makeFolder("data/p.png")
    expectFailure(try train(data), "\(data)/p.png")
  }

  // MARK: Options

  private static let failing: [[String]] = [
    ["--size", "31"], ["--size", "0"], ["--size", "64x20000"], ["--batch-size", "0"],
    ["--learning-rate", "0"],
    ["--learning-rate", "nan"], ["--steps", "0"], ["--ngf", "0"], ["--ndf", "513"], ["--levels", "9"],
    ["--scales", "9"], ["--keep", "0"], ["--save-every", "0"], ["--sample-every", "0"],
    ["--lambda-l1", "inf"], ["--learning-rate=-1"], ["--ngf=-9223372036854775808"], ["--levels=-1"],
    ["--steps=-5"], ["--keep=-1"], ["--scales=-9223372036854775808"],
  ]

  @Test(arguments: failing) func optionOutOfRange(_ option: [String]) throws {
    let data = try folder.writePairs("data", count: 1)
    let given = Set(option.map { $0.components(separatedBy: "=")[0] })
    // Each option is given once, so that the bad value is the only one.
    var arguments = ["train", "--data", data, "--out", out]
    for (name, value) in [("--size", "32"), ("--ngf", "4"), ("--ndf", "4"), ("--steps", "2")]
    where !given.contains(name) { arguments += [name, value] }
    let name = option[0].components(separatedBy: "=")[0]
    let outcome = try Program.run(arguments + option)
    // A value that no run can have is wrong usage; --levels 9 is one that this size cannot have.
    if outcome.status == 64 {
      let value = option.last?.components(separatedBy: "=").last ?? ""
      expectFailure(outcome, "The value '\(value)' is invalid for '\(name) <", " is not ", status: 64)
    } else {
      expectFailure(outcome, "\(name): ")
      #expect(name == "--levels")
    }
    #expect(!FileManager.default.fileExists(atPath: out))
  }

  @Test func epochsOutOfRange() throws {
    let data = try folder.writePairs("data", count: 1)
    let most = "9223372036854775807"
    for epochs in [["0"], [most], [most, "--decay-epochs=-1"], [most, "--decay-epochs", most]] {
      expectFailure(
        try Program.run(["train", "--data", data, "--out", out] + tiny + ["--epochs"] + epochs), "--epochs",
        "is not from 1 to 1000000", status: 64)
    }
    for (decaying, status) in [("-1", Int32(64)), ("5", 1)] {
      expectFailure(
        try Program.run(
          ["train", "--data", data, "--out", out, "--epochs", "4", "--decay-epochs", decaying] + tiny),
        "--decay-epochs", "\(decaying) is ", status: status)
    }
  }

  private static let misused: [[String]] = [
    ["nonsense"], ["train", "--nonsense", "--out", "x"], ["train", "--data", "x"], ["train", "--out", "x"],
    ["train", "--data", "x", "--out", "x", "--steps", "1", "--epochs", "1"],
    ["train", "--data", "x", "--out", "x", "--steps", "1", "--decay-epochs", "1"],
    ["train", "--data", "x", "--out", "x", "--size", "large"],
    ["train", "--data", "x", "--out", "x", "--direction", "sideways"],
    ["train", "--data", "x", "--out", "x", "--patch", "9"],
    ["train", "--data", "x", "--out", "x", "--noise", "gaussian:0"],
    ["train", "--data", "x", "--out", "x", "--task", "colorize", "--targets", "x"],
    ["train", "--data", "x", "--out", "x", "--task", "nothing"],
    ["train", "--data", "x", "--out", "x", "--labels", "index", "--input-format", "rgb"],
    ["train", "--data", "x", "--out", "x", "--input", "y", "--input-format", "rgb"],
    ["train", "--data", "x", "--out", "x", "--learning-rate-step", "3"],
    ["train", "--data", "x", "--out", "x", "--unlabelled", "#000000"],
    ["train", "--data", "x", "--out", "x", "--ngf", "1.5"], ["train-scorer", "--data", "x", "--out", "x"],
    ["train-scorer", "--data", "x", "--targets", "x", "--labels", "rgb", "--out", "x"],
    ["train-scorer", "--data", "x", "--targets", "x", "--levels", "5", "--out", "x"],
    ["domain-gap", "--generated", "x"], ["domain-gap", "--generated", "x", "--real", "x", "--labels", "x"],
    ["domain-gap", "--generated", "x", "--real", "x", "--ngf", "8"],
    ["domain-gap", "--generated", "x", "--real", "x", "--ndf", "8"],
    ["experiment", "paper-losses", "--out", "x"],
    ["translate", "--model", "x", "--input", "x"], ["devices", "--nonsense"], ["benchmark"],
    ["translate", "--model", "x", "--input", "x", "--out", "x", "--dropout", "maybe"],
    ["translate", "--model", "x", "--input", "x", "--input", "y", "--side", "A", "--out", "x"],
    ["benchmark", "--layer", "conv99"], ["benchmark", "--layer", "conv8", "--no-check"],
    ["verify", "--size", "x"], ["verify", "--precision", "fp16"],
    ["verify", "--against", "x", "--precision", "tf32"],
    ["verify", "--vector-width", "8", "--gpu-kernels"],
    ["benchmark", "--layer", "conv8", "--vector-width", "8", "--gpu-kernels"],
  ]

  /// A command line that makes no sense is told from a failure by its exit code.
  @Test(arguments: misused) func usageError(_ arguments: [String]) throws {
    let outcome = try Program.run(arguments)
    expectFailure(outcome, status: 64)
    #expect(outcome.errors.contains("Usage: pix2pix") && outcome.output.isEmpty)
    if arguments[0] != "nonsense" {
      #expect(outcome.errors.contains("See 'pix2pix \(arguments[0]) --help'"))
    }
  }

  /// The option and its value are the last two words.
  private static let outOfRange: [[String]] = [
    ["train", "--data", "x", "--out", "x", "--learning-rate", "-1"],
    ["train", "--data", "x", "--out", "x", "--stop-after", "0"],
    ["train", "--data", "x", "--out", "x", "--memory-limit", "nan"],
    ["train", "--data", "x", "--out", "x", "--batch-size", "99999999999999999999"],
    ["train-scorer", "--data", "x", "--targets", "x", "--out", "x", "--epochs", "0"],
    ["domain-gap", "--generated", "x", "--real", "x", "--epochs", "0"],
    ["translate", "--model", "x", "--input", "x", "--out", "x", "--samples", "0"],
    ["translate", "--model", "x", "--input", "x", "--out", "x", "--bit-depth", "10"],
    ["translate", "--model", "x", "--input", "x", "--out", "x", "--strips", "0"],
    ["translate", "--model", "x", "--input", "x", "--out", "x", "--memory-limit", "0"],
    ["evaluate", "--model", "x", "--seed", "-1"], ["tune", "--seconds", "nan"],
    ["tune", "--batch-size", "0"],
    ["verify", "--batch-size", "257"], ["verify", "--bound", "0"], ["verify", "--vector-width", "5"],
    ["benchmark", "--layer", "conv8", "--repeats", "0"],
    ["benchmark", "--layer", "conv8", "--repeats", "99999999999999999999"],
    ["sample-pairs", "--out", "x", "--count", "0"], ["sample-pairs", "--out", "x", "--size", "31"],
    ["programs", "--out", "x", "--compute-units", "0"],
  ]

  /// A number out of its range is said in the same words by all options of all commands.
  @Test(arguments: outOfRange) func rangeError(_ arguments: [String]) throws {
    let outcome = try Program.run(arguments)
    let (option, value) = (arguments[arguments.count - 2], arguments[arguments.count - 1])
    expectFailure(
      outcome, "The value '\(value)' is invalid for '\(option) <", ">': \(value) is not ", status: 64)
    #expect(outcome.errors.contains("See 'pix2pix \(arguments[0]) --help'"))
  }

  /// Options that make no sense together, where only the command itself can tell.
  @Test func lateUsageErrorsNameTheCommand() throws {
    let data = try folder.writePairs("data", count: 1)
    #expect(try Program.run(["train", "--data", data, "--out", out, "--steps", "1"] + tiny).status == 0)
    let outcome = try Program.run(["train", "--resume", "--out", out, "--decay-epochs", "1"])
    expectFailure(outcome, "--decay-epochs: goes with --epochs", status: 64)
    #expect(outcome.errors.contains("Usage: pix2pix train "))
    #expect(outcome.errors.contains("See 'pix2pix train --help'"))
  }

  /// Every option of every command that is given a shell's variable that is not set.
  @Test(arguments: [
    ["train", "--data", "", "--out", "x"], ["train", "--data", "x", "--out", ""], ["train", "--out="],
    ["train", "--data", "x", "--out", "x", "--targets", ""], ["train", "--resume", "--out", ""],
    ["train", "--data", "x", "--out", "x", "--scorer="],
    ["translate", "--model", "", "--input", "x", "--out", "x"],
    ["translate", "--model", "x", "--input", "", "--out", "x"], ["evaluate", "--outputs", ""],
    ["domain-gap", "--generated", ""],
    ["check", "--data", "x", "--sheet", ""], ["verify", "--against", ""], ["benchmark", "--layer="],
    ["devices", ""], ["sample-pairs", "--out", ""], ["programs", "--out", ""], ["tune", "--pin", ""],
  ])
  func emptyValue(_ arguments: [String]) throws {
    let name = arguments.last == "" ? arguments[arguments.count - 2] : arguments.last ?? ""
    let given = arguments.firstIndex(of: "").map { arguments[$0 - 1] } ?? String(name.dropLast())
    expectFailure(
      try Program.run(arguments), given.hasPrefix("--") ? "\(given) has an empty value" : "an empty value",
      status: 64)
  }

  @Test func missingDevice() throws {
    let data = try folder.writePairs("data", count: 1)
    expectFailure(try train(data, ["--device", "99"]), "\"99\"")
    #expect(!FileManager.default.fileExists(atPath: out))
    expectFailure(try Program.run(["benchmark", "--layer", "conv8", "--device", "99"]), "\"99\"")
    expectFailure(try Program.run(["verify", "--device", "99"] + tiny), "\"99\"")
  }

  /// The tests' device is a CPU, which has fp32 only.
  @Test func missingPrecision() throws {
    let data = try folder.writePairs("data", count: 1)
    expectFailure(try train(data, ["--precision", "bf16"]), "--precision bf16")
    #expect(!FileManager.default.fileExists(atPath: out))
    expectFailure(try Program.run(["verify", "--precision", "tf32"] + tiny), "possible there: fp32")
    expectFailure(
      try Program.run(["verify", "--precision", "tf32", "--device", "reference"] + tiny), "fp32 only")
    #expect(try Program.run(["verify", "--precision", "fp32"] + tiny).status == 0)
  }
}
