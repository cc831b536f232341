import Foundation
import Model
import Testing

/// What `train` says about memory, and `--recompute`.
@Suite struct MemoryTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func train(_ run: String, _ arguments: [String]) throws -> Outcome {
    try Program.run(["train", "--out", "\(folder.path)/\(run)"] + arguments)
  }

  @Test func saysWhatItNeedsAndRefusesWhatDoesNotFit() throws {
    let data = ["--data", try folder.writePairs("pairs"), "--steps", "1", "--batch-size", "2"] + tiny
    let fits = try train("fits", data + ["--memory-limit", "1"])
    #expect(fits.status == 0, "\(fits.errors)")
    let line = try #require(fits.errors.split(separator: "\n").first { $0.hasPrefix("needs ") })
    for part in ["GiB on the device: weights ", "Adam's moments ", "gradients ", "activations "] {
      #expect(line.contains(part), "\(line)")
    }
    let refused = try train("refused", data + ["--memory-limit", "0.0001"])
    expectFailure(
      refused, "training needs 0.0", "(--memory-limit 0.0001)", "--recompute needs ",
      "less is needed with a smaller --batch-size, --size or --ngf")
    expectFailure(
      try train("refused", data + ["--memory-limit", "0.0001", "--recompute"]),
      "; less is needed with a smaller --batch-size, --size or --ngf")
    expectFailure(
      try train("refused", data + ["--memory-limit", "0.0001", "--device", "reference"]),
      "on the reference, the computer has ")
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/refused"))
  }

  /// The same bytes but for the option itself, and the option stays with the run.
  @Test(arguments: ["auto", "reference"]) func recomputingGivesTheSameCheckpoint(_ device: String) throws {
    let data = ["--data", try folder.writePairs("pairs"), "--device", device] + tiny
    for (run, flags) in [("kept", []), ("again", ["--recompute"])] {
      let outcome = try train(run, data + ["--steps", "2"] + flags)
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(try train(run, ["--resume", "--steps", "4", "--device", device]).status == 0)
    }
    let paths = ["kept", "again"].map { RunDirectory("\(folder.path)/\($0)").checkpoint(step: 4) }
    let files = try paths.map { try Safetensors(path: $0) }
    #expect(files[0].entries == files[1].entries)
    let options = try paths.map { try Checkpoint(path: $0).options.recompute }
    #expect(options == [false, true])
    #expect(
      try train("again", ["--resume", "--steps", "5", "--no-recompute", "--device", device]).status == 0)
    #expect(
      try Checkpoint(path: RunDirectory("\(folder.path)/again").checkpoint(step: 5)).options.recompute
        == false)
  }

  /// A process that takes more addresses than it may would end by a signal, in any step.
  @Test(arguments: [
    ("reference", 150_000, "too little memory"), ("reference", 300_000, "(ulimit -v) leaves 0."),
    ("auto", 400_000, "(ulimit -v) leaves 0."),
  ])
  func limitsOfAddressesAreKnownBeforeTheFirstStep(_ device: String, _ kibibytes: Int, _ words: String) throws
  {
    let data = ["--data", try folder.writePairs("pairs"), "--steps", "2", "--device", device] + tiny
    let outcome = try Program.run(
      ["train", "--out", "\(folder.path)/run"] + data, shell: "ulimit -v \(kibibytes)")
    expectFailure(outcome, words)
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/run"))
  }
}
