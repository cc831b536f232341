import Files
import Foundation
import Images
import Model
import Testing

/// No command replaces a file that the program did not write.
@Suite struct OverwriteTests {
  private let folder: TemporaryFolder
  private let data: String
  private let model: String

  init() throws {
    folder = try TemporaryFolder()
    data = try folder.writePairs("pairs/train")
    try folder.write("pairs/val/v0.png", pattern(64, 32, 9))
    model = "\(folder.path)/model"
    let outcome = try Program.run(
      ["train", "--data", "\(folder.path)/pairs", "--out", model, "--steps", "2"] + tiny + onReference)
    #expect(outcome.status == 0, "\(outcome.errors)")
  }

  private struct Case: CustomTestStringConvertible {
    /// Without `--out`.
    let command: [String]
    /// Files below `--out` that the command writes.
    let files: [String]
    /// `--out` itself is the file.
    var option = "--out"
    var testDescription: String { command[0] }
  }

  private var cases: [Case] {
    let train = ["--data", "\(folder.path)/pairs", "--steps", "1"] + tiny + onReference
    return [
      Case(
        command: ["train"] + train,
        files: [
          "losses.csv", "validation.csv", "report.html", "kernels.json", "best.safetensors",
          "samples/step-00000001.png", "samples/step-00000077.png",
        ]),
      Case(
        command: ["translate", "--model", model, "--input", data] + onReference, files: ["p0.png", "p2.png"]),
      Case(
        command: ["evaluate", "--model", model] + onReference,
        files: ["figures.json", "per-picture.csv", "pictures/v0.png"]),
      Case(
        command: ["sample-pairs", "--count", "10", "--size", "32"],
        files: ["train/00000.png", "train/00008.png", "val/00009.png"]),
      Case(command: ["check", "--data", "\(folder.path)/pairs"], files: ["sheet.png"], option: "--sheet"),
      Case(
        command: ["translate", "--model", model, "--input", "\(data)/p0.png"] + onReference,
        files: ["one.png"],
        option: "--out"),
    ]
  }

  private func arguments(_ testCase: Case, _ out: String) -> [String] {
    let isFile = testCase.files.count == 1
    return testCase.command + [testCase.option, isFile ? "\(out)/\(testCase.files[0])" : out]
  }

  @Test func foreignFilesStay() throws {
    for (index, testCase) in cases.enumerated() {
      for file in testCase.files {
        let out = "\(folder.path)/out-\(index)-\((file as NSString).lastPathComponent)"
        let name = "\(String(out.dropFirst(folder.path.count + 1)))/\(file)"
        let path = try folder.write(name, Data("theirs".utf8))
        let outcome = try Program.run(arguments(testCase, out))
        expectFailure(outcome, path, "--overwrite")
        #expect(FileManager.default.contents(atPath: path) == Data("theirs".utf8))
        // Nothing was made beside it.
        let left = try FileManager.default.subpathsOfDirectory(atPath: out).filter { !name.contains($0) }
        #expect(left == [], "\(testCase.command)")
        #expect(
          try Program.run(arguments(testCase, out) + ["--overwrite"]).status == 0, "\(testCase.command)")
        guard file != "kernels.json", !file.contains("77") else { continue }
        #expect(FileManager.default.contents(atPath: path) != Data("theirs".utf8), "\(path)")
      }
    }
  }

  /// Commands that need an OpenCL device, and files of any name.
  @Test func foreignProgramsAndPinsStay() throws {
    let network = ["--size", "32", "--ngf", "4", "--ndf", "4"]
    let programs = "\(folder.path)/programs"
    #expect(try Program.run(["programs", "--out", programs] + network).status == 0)
    let name = try #require(FileManager.default.contentsOfDirectory(atPath: programs).sorted().last)
    #expect(try Program.run(["programs", "--out", programs] + network).status == 0)
    try folder.write("programs/\(name)", Data("theirs".utf8))
    expectFailure(
      try Program.run(["programs", "--out", programs] + network), "\(programs)/\(name)", "--overwrite")
    #expect(FileManager.default.contents(atPath: "\(programs)/\(name)") == Data("theirs".utf8))
  }

  @Test func ownFilesAreWrittenAgain() throws {
    for (index, testCase) in cases.enumerated() where testCase.command[0] != "train" {
      let out = try folder.makeFolder("out-\(index)")
      for _ in 0..<2 {
        let outcome = try Program.run(arguments(testCase, out))
        #expect(outcome.status == 0, "\(testCase.command): \(outcome.errors)")
      }
    }
  }

  /// A run that was killed before its first checkpoint is begun again by the same command.
  @Test func aRunWithoutCheckpointIsBegunAgain() throws {
    let out = "\(folder.path)/again"
    let train =
      ["train", "--data", "\(folder.path)/pairs", "--steps", "2", "--out", out] + tiny + onReference
    #expect(try Program.run(train).status == 0)
    try FileManager.default.removeItem(atPath: "\(out)/checkpoints")
    try FileManager.default.removeItem(atPath: "\(out)/best.safetensors")
    let outcome = try Program.run(train)
    #expect(outcome.status == 0, "\(outcome.errors)")
  }

  /// By its own path, through a link to the folder, as a hard link, and where the inputs are the program's own.
  @Test func inputsAreNotReplaced() throws {
    let pictures = try folder.makeFolder("mine")
    try folder.write("mine/a.png", pattern(32, 32))
    let original = try Data(contentsOf: URL(fileURLWithPath: "\(pictures)/a.png"))
    try FileManager.default.createSymbolicLink(atPath: "\(folder.path)/link", withDestinationPath: "mine")
    try folder.makeFolder("hard")
    #expect(link("\(pictures)/a.png", "\(folder.path)/hard/a.png") == 0)
    for out in [pictures, "\(pictures)/../mine/.", "\(folder.path)/link", "\(folder.path)/hard"] {
      let outcome = try Program.run(
        ["translate", "--model", model, "--input", pictures, "--out", out] + onReference)
      expectFailure(outcome, "--input", "--out", "--overwrite")
      #expect(try Data(contentsOf: URL(fileURLWithPath: "\(pictures)/a.png")) == original)
    }
    let outcome = try Program.run(
      ["translate", "--model", model, "--input", pictures, "--out", pictures, "--overwrite"] + onReference)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try Data(contentsOf: URL(fileURLWithPath: "\(pictures)/a.png")) != original)
  }

  @Test func oneTrainingAtATime() throws {
    let run = RunDirectory("\(folder.path)/busy")
    func command(_ more: [String]) -> [String] {
      ["train", "--data", "\(folder.path)/pairs", "--out", run.path] + tiny + onReference + more
    }
    let first = try Program.start(command(["--steps", "1000000", "--sample-every", "1000000"]))
    #expect(first.wait { FileManager.default.fileExists(atPath: run.losses) })
    try FileManager.default.createSymbolicLink(atPath: "\(folder.path)/alias", withDestinationPath: "busy")
    for name in ["busy", "alias"] {
      let second = try Program.run(
        ["train", "--data", "\(folder.path)/pairs", "--out", "\(folder.path)/\(name)", "--steps", "1"] + tiny
          + onReference)
      #expect(second.status == 1)
      let line = second.errorLines.first ?? ""
      #expect(line.contains("another process") || line.contains("holds a run already"), "\(second.errors)")
    }
    first.signal(SIGKILL)
    _ = try first.wait()
    // The lock of a process that died does not count.
    let resumed = try Program.run(
      ["train", "--resume", "--out", run.path, "--stop-after", "1"] + onReference)
    #expect(resumed.status == 0 || resumed.errors.contains("holds no checkpoint"), "\(resumed.errors)")
  }
}
