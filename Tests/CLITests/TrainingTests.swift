import Foundation
import Images
import Model
import Testing

/// Whole runs: what they leave behind, and that they can be repeated and gone on with.
@Suite struct TrainingTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func checkpoint(_ run: String, _ step: Int) -> String {
    RunDirectory("\(folder.path)/\(run)").checkpoint(step: step)
  }

  private func bytes(_ run: String, _ step: Int) throws -> Data {
    try Data(contentsOf: URL(fileURLWithPath: checkpoint(run, step)))
  }

  @discardableResult
  private func train(_ run: String, _ arguments: [String]) throws -> Outcome {
    let outcome = try Program.run(["train", "--out", "\(folder.path)/\(run)"] + arguments)
    #expect(outcome.status == 0, "\(outcome.errors)")
    return outcome
  }

  /// Three pairs to train on and two to validate with.
  private func writeData() throws -> String {
    try folder.writePairs("data/train")
    try folder.writePairs("data/val", count: 2)
    return "\(folder.path)/data"
  }

  // MARK: Determinism

  @Test(arguments: ["auto", "reference"]) func sameSeedSameBytes(_ device: String) throws {
    let common = ["--data", try writeData(), "--device", device, "--steps", "40"] + tiny
    for run in ["one", "two"] { try train(run, common + ["--seed", "7"]) }
    try train("other", common + ["--seed", "8"])
    #expect(try bytes("one", 40) == bytes("two", 40))
    #expect(try bytes("one", 40) != bytes("other", 40))
    let best = try ["one", "two"].map {
      try Data(contentsOf: URL(fileURLWithPath: RunDirectory("\(folder.path)/\($0)").best))
    }
    #expect(best[0] == best[1])
  }

  @Test(arguments: ["auto", "reference"]) func resumedEqualsStraight(_ device: String) throws {
    let on = ["--device", device]
    let data = ["--data", try folder.writePairs("pairs")] + on
    try train("straight", data + tiny + ["--steps", "40"])
    try train("resumed", data + tiny + ["--steps", "25"])
    #expect(try bytes("resumed", 25) != bytes("straight", 40))
    try train("resumed", ["--resume", "--steps", "40"] + on)
    #expect(try bytes("resumed", 40) == bytes("straight", 40))
  }

  /// The learning rate's fall and the best validation go on as if nothing had happened.
  @Test func stoppedEqualsStraight() throws {
    let data = ["--data", try writeData(), "--epochs", "6", "--batch-size", "2"] + tiny + onReference
    // Three pairs make one batch of two in an epoch.
    try train("straight", data)
    let outcome = try train("resumed", data + ["--stop-after", "4"])
    #expect(outcome.output.contains("stopped at \(checkpoint("resumed", 4))"))
    try train("resumed", ["--resume"] + onReference)
    #expect(try bytes("resumed", 6) == bytes("straight", 6))
    let validations = try ["straight", "resumed"].map {
      try String(contentsOfFile: "\(folder.path)/\($0)/validation.csv", encoding: .utf8)
    }
    #expect(validations[0] == validations[1])
    #expect(validations[0].split(separator: "\n").count == 7)
  }

  /// Killed again and again right after a checkpoint, a run still ends where the undisturbed one does.
  @Test func killedEqualsStraight() throws {
    let data = ["--data", try folder.writePairs("pairs")] + tiny + onReference
    let settings = ["--save-every", "5", "--sample-every", "60"]
    let killed = RunDirectory("\(folder.path)/killed")
    // However late the signal comes, there are steps left.
    var arguments = ["train", "--out", killed.path] + data + settings + ["--steps", "1000000"]
    var last = 0
    for _ in 0..<3 {
      let running = try Program.start(arguments)
      _ = running.wait { (killed.checkpointSteps().last ?? 0) > last }
      running.signal(SIGKILL)
      #expect(try running.wait().status == -SIGKILL)
      let reached = try #require(killed.checkpointSteps().last)
      #expect(reached > last)
      last = reached
      arguments = ["train", "--out", killed.path, "--resume"] + onReference
    }
    let steps = last + 12
    try train("killed", ["--resume", "--steps", "\(steps)"] + onReference)
    try train("straight", data + settings + ["--steps", "\(steps)"])
    #expect(try bytes("killed", steps) == bytes("straight", steps))
    let rows = try String(contentsOfFile: killed.losses, encoding: .utf8).split(separator: "\n").dropFirst()
    let logged = rows.compactMap { $0.split(separator: ",").first.flatMap { Int($0) } }
    #expect(logged.count == rows.count && zip(logged, logged.dropFirst()).allSatisfy(<))
    #expect(logged.last == steps)
    let names = try FileManager.default.subpathsOfDirectory(atPath: killed.path)
    #expect(!names.contains { $0.hasSuffix(".tmp") })
  }

  // MARK: Stopping

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP]) func interrupted(_ signal: Int32) throws {
    let run = RunDirectory("\(folder.path)/run")
    let data = try folder.writePairs("pairs")
    let long = ["--steps", "1000000", "--save-every", "1000000", "--sample-every", "1000000"]
    let running = try Program.start(["train", "--data", data, "--out", run.path] + tiny + long)
    #expect(running.wait { running.output.contains("epoch 1/") })
    running.signal(signal)
    let outcome = try running.wait()
    #expect(outcome.status == 128 + signal && outcome.errorLines.isEmpty, "\(outcome.errors)")
    #expect(
      outcome.errors.contains("\nstopping after this step, with a checkpoint; once more ends at once\n"))
    let step = try #require(run.checkpointSteps().last)
    #expect(outcome.output.contains("stopped at \(run.checkpoint(step: step))\n"))
    #expect(outcome.output.contains("go on: pix2pix train --resume --out \(run.path)\n"))
    try train("run", ["--resume", "--steps", "\(step + 2)"])
    #expect(run.checkpointSteps().last == step + 2)
  }

  /// The command that is printed, pasted into a shell, goes on on the same device, whatever the folder is called.
  @Test(arguments: ["plain", "my run", "it's \"quoted\"", "-dash", "$HOME `date`", "*", "Größe"])
  func goesOnAsPrinted(_ name: String) throws {
    let data = try folder.writePairs("pairs")
    let outcome = try Program.run(
      [
        "train", "--data", data, "--out=\(name)", "--steps", "2", "--stop-after", "1", "--memory-limit",
        "1.5",
      ] + tiny
        + onReference, shell: "cd '\(folder.path)'")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let line = try #require(outcome.output.split(separator: "\n").last { $0.hasPrefix("go on: pix2pix ") })
    #expect(line.hasSuffix(" --device reference --memory-limit 1.5"))
    let shell = Process()
    shell.executableURL = URL(fileURLWithPath: "/bin/sh")
    shell.arguments = ["-c", "'\(Program.path)' \(line.dropFirst("go on: pix2pix ".count)) > /dev/null 2>&1"]
    shell.currentDirectoryURL = URL(fileURLWithPath: folder.path)
    try shell.run()
    shell.waitUntilExit()
    #expect(shell.terminationStatus == 0)
    #expect(RunDirectory("\(folder.path)/\(name)").checkpointSteps() == [1, 2])
  }

  /// More steps than there are numbers are as many as there are left.
  @Test func stopsAfterTheEnd() throws {
    let arguments = ["--data", try folder.writePairs("pairs")] + tiny + onReference
    try train("run", arguments + ["--steps", "4", "--stop-after", "2"])
    let most = ["--stop-after", "\(Int.max)"]
    let outcome = try train("run", ["--resume"] + onReference + most)
    #expect(outcome.output.contains("done: \(checkpoint("run", 4))"))
  }

  @Test func keepsWhatItWasTold() throws {
    let data = try writeData()
    try train(
      "run", ["--data", data, "--steps", "12", "--save-every", "2", "--keep", "2"] + tiny + onReference)
    let run = RunDirectory("\(folder.path)/run")
    #expect(run.checkpointSteps() == [10, 12])
    for path in [run.best, run.report, run.losses, run.validation] {
      #expect(FileManager.default.fileExists(atPath: path), "\(path)")
    }
    #expect(run.sampleSteps() == [3, 6, 9, 12])
    let strip = try Picture(contentsOf: run.sample(step: 12))
    #expect(strip.width >= 3 * 32 && strip.height >= 2 * 32)
  }

  /// With such a weight of L1, the squares that Adam adds up leave Float after a few steps.
  @Test func divergenceKeepsTheLastGoodCheckpoint() throws {
    let run = RunDirectory("\(folder.path)/run")
    let outcome = try Program.run(
      ["train", "--data", try folder.writePairs("pairs"), "--out", run.path, "--steps", "100"]
        + ["--lambda-l1", "1e21", "--save-every", "1", "--sample-every", "100"] + tiny + onReference)
    expectFailure(outcome, "NaN or infinite by step ", "lower --learning-rate")
    let last = try #require(run.checkpointSteps().last)
    #expect(last < 100 && outcome.errors.contains("by step \(last + 1);"))
    // Reading refuses NaN.
    #expect(try Checkpoint(path: run.checkpoint(step: last)).progress.step == last)
  }

  // MARK: Refusals

  @Test func refusesToMixRuns() throws {
    let data = try folder.writePairs("pairs")
    let run = "\(folder.path)/run"
    let new = ["train", "--data", data, "--out", run, "--steps", "2"] + tiny + onReference
    #expect(try Program.run(new).status == 0)
    let before = try bytes("run", 2)
    expectFailure(try Program.run(new), "\(run): holds a run already; add --resume")
    for option in [
      ["--size", "64"], ["--ngf", "8"], ["--norm", "none"], ["--batch-size", "2"], ["--seed", "1"],
      ["--direction", "BtoA"], ["--lambda-l1", "1"], ["--no-jitter"], ["--levels", "4"],
    ] {
      let outcome = try Program.run(
        ["train", "--resume", "--out", run, "--steps", "4"] + onReference + option)
      let new = option.count > 1 ? option[1] : "off"
      expectFailure(outcome, "\(option[0]): the run has ", ", not \(new); a resumed run cannot change it")
    }
    expectFailure(
      try Program.run(["train", "--resume", "--out", run] + onReference), "has done 2 of 2 steps already")
    let empty = try folder.makeFolder("empty")
    expectFailure(try Program.run(["train", "--resume", "--out", empty]), "\(empty): holds no checkpoint")
    expectFailure(try Program.run(["train", "--resume", "--out", "\(run)2"]), "\(run)2: no such file")
    #expect(try bytes("run", 2) == before)
    // The run's own values say nothing new.
    let own = tiny + onReference + ["--levels", "5", "--seed", "0", "--dropout", "--objective", "cgan+l1"]
    try train("run", ["--resume", "--steps", "3"] + own)
    #expect(try Checkpoint(path: checkpoint("run", 3)).options.length == .steps(3))
    expectFailure(
      try Program.run(["train", "--resume", "--out", run, "--decay-epochs", "2"]), "--decay-epochs: ",
      status: 64)
  }

  /// Options of all kinds, from the command line to the checkpoint.
  @Test func optionsAreKept() throws {
    let run = "\(folder.path)/run"
    for side in ["inputs", "more", "targets", "weights"] {
      for index in 0..<3 { try folder.write("\(side)/p\(index).png", pattern(32, 32, index)) }
    }
    var expected = TrainingOptions()
    expected.data = "\(folder.path)/inputs"
    expected.targets = "\(folder.path)/targets"
    expected.moreInputs = ["\(folder.path)/more"]
    expected.weights = "\(folder.path)/weights"
    expected.kinds.inputs = [.gray, .rgba]
    expected.format = .pictures(inputs: [.gray, .rgba], target: .rgb)
    expected.network.size = 32
    (expected.network.inputChannels, expected.network.outputChannels) = (5, 3)
    (expected.network.levels, expected.network.ngf, expected.network.ndf) = (3, 4, 4)
    expected.network.discriminatorLayers = 1
    (expected.network.norm, expected.network.affine, expected.network.dropout) = (.instance, true, false)
    expected.network.noiseChannels = 2
    (expected.objective.kind, expected.objective.ganLoss) = (.ganL1, .hinge)
    expected.objective.pixelWeight = 12.5
    expected.objective[weightOf: "G_edges"] = 2
    (expected.poolSize, expected.jitter, expected.seed) = (3, false, 7)
    (expected.length, expected.learningRatePolicy) = (.epochs(constant: 1, decaying: 0), .step(every: 4))
    (expected.recompute, expected.keep, expected.best) = (true, 2, "l1")
    try train(
      "run",
      [
        "--data", expected.data, "--targets", "\(folder.path)/targets", "--input", "\(folder.path)/more",
        "--weights", "\(folder.path)/weights", "--input-format", "gray", "--input-format", "rgba", "--levels",
        "3",
        "--patch", "16", "--norm", "instance", "--affine", "--no-dropout", "--noise", "gaussian:2",
        "--objective", "gan+l1", "--gan-loss", "hinge", "--lambda-l1=12.5", "--lambda-edges", "2", "--pool",
        "3",
        "--no-jitter", "--seed", "7", "--epochs", "1", "--learning-rate-policy", "step",
        "--learning-rate-step", "4", "--recompute", "--keep", "2", "--device", "reference",
      ] + tiny)
    let options = try Checkpoint(path: checkpoint("run", 3)).options
    #expect(options == expected, "\(options)")
    let report = try String(contentsOfFile: RunDirectory(run).report, encoding: .utf8)
    for text in ["<td>12.5</td>", "<td>gaussian:2</td>", "<td>7</td>"] {
      #expect(report.contains(text), "\(text)")
    }
  }

  /// `--help` fits a screen, and says where the rest is.
  @Test func helpBeginsWithWhatMostPeopleNeed() throws {
    let help = try Program.run(["train", "--help"]).output
    #expect(help.split(separator: "\n", omittingEmptySubsequences: false).count <= 80)
    for option in ["--data", "--out", "--size", "--epochs", "--resume", "--help-all"] {
      #expect(help.contains("  \(option) "), "\(option)")
    }
    #expect(!help.contains("--gradient-penalty"))
    // What is left out of help is no less an option, also for the parser's own description of itself.
    #expect(try Program.run(["train", "--experimental-dump-help"]).output.contains("gradient-penalty"))
  }

  /// All of the help lists every option, its words and its default.
  @Test func helpListsEveryOption() throws {
    let help = try Program.run(["train", "--help-all"]).output.split(whereSeparator: \.isWhitespace)
      .joined(separator: " ")
    for row in TrainingOptions.rows {
      let name = row.form == .flagPair ? "\(row.name)/--no-\(row.name.dropFirst(2))" : row.name
      let value = row.form == .value || row.form == .list ? " <\(row.valueName)>" : ""
      #expect(help.contains(" \(name)\(value) \(row.help)"), "\(row.name)")
      if let text = row.defaultText() { #expect(help.contains("default: \(text))"), "\(row.name)") }
    }
  }

  /// A limit on the size of files stands for the full disk: writing stops in the middle in both.
  @Test func fullDiskKeepsTheOldCheckpoint() throws {
    let data = try folder.writePairs("pairs")
    try train("run", ["--data", data, "--steps", "2"] + tiny + onReference)
    let before = try bytes("run", 2)
    let run = RunDirectory("\(folder.path)/run")
    // In blocks of 512 bytes. SIGXFSZ ends nothing before write can fail.
    let limit = "ulimit -f \(before.count / 512 - 1)"
    let outcome = try Program.run(
      ["train", "--resume", "--out", run.path, "--steps", "6", "--save-every", "3", "--keep", "1"]
        + onReference,
      shell: limit)
    // The first that fails is tried again; where the last fails, so does the run.
    #expect(outcome.errors.contains("\(checkpoint("run", 3)): cannot be written: "), "\(outcome.errors)")
    expectFailure(
      outcome, "\(checkpoint("run", 6)): cannot be written: ",
      "the last good checkpoint is \(checkpoint("run", 2))")
    #expect(run.checkpointSteps() == [2])
    #expect(try bytes("run", 2) == before)
    let names = try FileManager.default.subpathsOfDirectory(atPath: run.path)
    #expect(!names.contains { $0.hasSuffix(".tmp") })
    try train("run", ["--resume", "--steps", "6"] + onReference)
    #expect(run.checkpointSteps().last == 6)
  }
}
