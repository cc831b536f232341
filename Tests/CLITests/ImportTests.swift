import Foundation
import Images
import Model
import Testing

/// Models that come from and go to PyTorch's files, and trainings that begin with them. `scripts/check-pytorch-files` has
/// PyTorch itself on the other side.
@Suite struct ImportTests {
  private let folder: TemporaryFolder
  private let pairs: String
  private var run: RunDirectory { RunDirectory("\(folder.path)/run") }

  init() throws {
    folder = try TemporaryFolder()
    pairs = try folder.writePairs("pairs")
  }

  private func train(_ options: [String] = []) throws {
    _ = try Program.done(
      ["train", "--data", pairs, "--out", run.path, "--steps", "3"] + tiny + onReference + options)
  }

  private func export(_ network: String = "G", of run: String? = nil) throws -> String {
    let path = "\(folder.path)/\(network).pth"
    _ = try Program.done(
      ["export", "--model", run ?? self.run.path, "--format", "pth", "--network", network, "--out", path])
    return path
  }

  /// The tensors of a network of a checkpoint, but for counts.
  private func tensors(_ path: String) throws -> [String: [Float]] {
    let file = try Safetensors(path: path)
    var tensors: [String: [Float]] = [:]
    for name in file.entries.keys where !name.hasPrefix("adam.") { tensors[name] = file[floats: name] }
    return tensors
  }

  @Test(arguments: [
    (["--dropout"], []), (["--no-dropout"], ["--no-dropout", "--generator", "resnet-6", "--patch", "1"]),
    (["--norm", "instance"], ["--norm", "instance", "--patch", "16", "--objective", "gan+l1"]),
    ([], ["--norm", "instance", "--affine", "--spectral-norm"]),
    ([], ["--generator", "encoder-decoder", "--upsampling", "resize"]),
  ]) func aModelComesBack(_ answers: [String], _ options: [String]) throws {
    try train(options)
    let copy = RunDirectory("\(folder.path)/imported")
    _ = try Program.done(
      ["import", try export(), "--discriminator", try export("D"), "--out", copy.path, "--size", "32"]
        + answers)
    let (old, new) = (run.checkpoint(step: 3), copy.checkpoint(step: 0))
    let (before, after) = (try tensors(old), try tensors(new))
    #expect(Set(after.keys) == Set(before.keys))
    #expect(before.keys.filter { before[$0] != after[$0] }.isEmpty)
    let (trained, imported) = (try Checkpoint(path: old).options, try Checkpoint(path: new).options)
    #expect(imported.network == trained.network)
    #expect(imported.objective.isConditional == trained.objective.isConditional)
    for (run, out) in [(run.path, "a.png"), (copy.path, "b.png")] {
      _ = try Program.done(
        [
          "translate", "--model", run, "--input", "\(pairs)/p0.png", "--side", "A", "--dropout", "off",
          "--out", "\(folder.path)/\(out)",
        ] + onReference)
    }
    #expect(
      FileManager.default.contentsEqual(atPath: "\(folder.path)/a.png", andPath: "\(folder.path)/b.png"))
  }

  @Test func whatLeavesNoTraceIsAskedFor() throws {
    try train(["--size", "64", "--levels", "6"])
    let path = try export()
    expectFailure(
      try Program.run(["import", path, "--out", "\(folder.path)/imported"]), "--dropout", "leaves no trace",
      path)
    expectFailure(
      try Program.run(["import", path, "--dropout", "--norm", "instance", "--out", "\(folder.path)/imported"]
      ),
      "has batch norms")
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/imported"))
    expectFailure(
      try Program.run(["import", try export("D"), "--out", "\(folder.path)/imported"]), "is a discriminator")
  }

  @Test func anImportedRunBeginsOthersAndDoesNotGoOn() throws {
    try train()
    let imported = "\(folder.path)/imported"
    _ = try Program.done(["import", try export(), "--out", imported])
    expectFailure(try Program.run(["train", "--resume", "--out", imported]), "was imported", "train --from")
    expectFailure(
      try Program.run([
        "export", "--model", imported, "--format", "pth", "--network", "D", "--out", "\(folder.path)/x.pth",
      ]),
      "holds no network D")
    expectFailure(try Program.run(["import", try export(), "--out", imported]), "holds a run already")
  }

  // MARK: - Fine-tuning

  private func tune(_ options: [String], from model: String? = nil) throws -> Outcome {
    try Program.run(
      [
        "train", "--data", pairs, "--from", model ?? run.path, "--out", "\(folder.path)/tuned", "--steps",
        "1",
        "--no-jitter", "--validate-every", "0",
      ] + onReference + options)
  }

  private var tuned: Checkpoint {
    get throws { try Checkpoint(path: RunDirectory("\(folder.path)/tuned").checkpoint(step: 1)) }
  }

  /// Networks are the model's without a word; a step of the smallest rate leaves the weights as they were.
  @Test func aTrainingBeginsWithTheWeights() throws {
    try train(["--norm", "instance", "--patch", "16"])
    let outcome = try tune(["--learning-rate", "1e-30"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.contains("G begins with the") && outcome.errors.contains("D begins with the"))
    let model = try Checkpoint(path: run.checkpoint(step: 3)).options
    #expect(try tuned.options.network == model.network)
    var (before, after) = (
      try tensors(run.checkpoint(step: 3)),
      try tensors(RunDirectory("\(folder.path)/tuned").checkpoint(step: 1))
    )
    // Beside such a step, 0 is not nothing.
    for tensor in before.keys {
      before[tensor] = before[tensor]?.map { abs($0) < 1e-20 ? 0 : $0 }
      after[tensor] = after[tensor]?.map { abs($0) < 1e-20 ? 0 : $0 }
    }
    let changed = before.keys.filter { before[$0] != after[$0] }
    #expect(changed.isEmpty && before.count == after.count, "\(changed.sorted())")
  }

  /// Another size changes no weight of a U-Net; a discriminator that does not fit begins anew.
  @Test func anotherSizeAndAnotherDiscriminator() throws {
    try train()
    let outcome = try tune(["--size", "64", "--ndf", "6"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.errors.contains("D begins anew"))
    #expect(try tuned.options.network.levels == 5)
    #expect(try tuned.options.network.size == PictureSize(square: 64))
    // A run that began with another resumes like any.
    let resumed = try Program.run(
      ["train", "--resume", "--steps", "2", "--out", "\(folder.path)/tuned"] + onReference)
    #expect(resumed.status == 0, "\(resumed.errors)")
  }

  /// Pairs are not made by the model's task where targets are given, and its kinds give way to others.
  @Test func otherKindsOfPicturesAreTaken() throws {
    let photographs = try folder.writePairs("photographs", width: 32)
    let colorizing = "\(folder.path)/colorizing"
    _ = try Program.done(
      ["train", "--data", photographs, "--task", "colorize", "--out", colorizing, "--steps", "1"] + tiny
        + onReference)
    func tuned(_ options: [String], _ out: String) throws -> Outcome {
      try Program.run(
        [
          "train", "--from", colorizing, "--out", "\(folder.path)/\(out)", "--steps", "1", "--validate-every",
          "0",
        ]
          + onReference + options)
    }
    let same = try tuned(["--data", photographs], "same")
    #expect(same.status == 0, "\(same.errors)")
    // Colours to colours are other networks than lightness to chroma.
    expectFailure(
      try tuned(["--data", photographs, "--targets", photographs], "other"), "has the shape", "differ")
    let gray = try tuned(["--data", photographs, "--task", "edges"], "edges")
    expectFailure(gray, "has the shape", "differ")
    // What a run began with need not be there when it goes on.
    try FileManager.default.removeItem(atPath: colorizing)
    let resumed = try Program.run(
      ["train", "--resume", "--steps", "2", "--out", "\(folder.path)/same"] + onReference)
    #expect(resumed.status == 0, "\(resumed.errors)")
  }

  @Test func anotherGeneratorIsRefused() throws {
    try train()
    expectFailure(try tune(["--ngf", "5"]), run.checkpoint(step: 3), "has the shape", "differ")
    expectFailure(try tune([], from: "\(folder.path)/none"), "no such file")
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/tuned"))
  }
}
