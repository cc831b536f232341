import Foundation
import Images
import Model
import Testing

#if Protobuf
  /// What the program says of models and events for other programs; `scripts/check-onnx` and `scripts/check-tensorboard` have
  /// these read them.
  @Suite struct ExportTests {
    private let folder: TemporaryFolder
    private var run: String { "\(folder.path)/run" }
    private var model: String { "\(folder.path)/deep/model.onnx" }

    init() throws { folder = try TemporaryFolder() }

    private func train(_ arguments: [String] = []) throws {
      let outcome = try Program.run(
        ["train", "--data", try folder.writePairs("pairs"), "--out", run, "--steps", "2"] + tiny + onReference
          + arguments)
      #expect(outcome.status == 0, "\(outcome.errors)")
    }

    private func export(_ arguments: String...) throws -> Outcome {
      try Program.run(["export", "--model", run, "--format", "onnx", "--out", model] + arguments)
    }

    @Test func exportSaysWhatItWrote() throws {
      try train()
      let outcome = try export()
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.output.contains("sides that are multiples of 32, from 32 on"), "\(outcome.output)")
      #expect(outcome.output.contains("which is instance normalisation; dropout off"), "\(outcome.output)")
      let bytes = try Data(contentsOf: URL(fileURLWithPath: model))
      #expect(bytes.count > 100_000)
      // The same again, the same bytes.
      #expect(try export().status == 0)
      #expect(try Data(contentsOf: URL(fileURLWithPath: model)) == bytes)
    }

    @Test func exportRefusesWhatItCannotDo() throws {
      try train(["--norm", "instance"])
      expectFailure(try export("--norm-statistics", "running"), "--norm-statistics", "use batch")
      #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/deep"))
      try folder.write("deep/model.onnx", Data("mine".utf8))
      expectFailure(try export(), model, "was not written by this program")
      #expect(try export("--overwrite").status == 0)
      let misnamed = try Program.run([
        "export", "--model", run, "--format", "onnx", "--out", "\(folder.path)/model.pb",
      ])
      expectFailure(misnamed, "does not end in .onnx", status: 64)
    }

    /// A file for every session.
    @Test func eventsLieBesideTheRunsFiles() throws {
      try train(["--tensorboard", "--stop-after", "1"])
      let resumed = try Program.run(["train", "--resume", "--tensorboard", "--out", run] + onReference)
      #expect(resumed.status == 0, "\(resumed.errors)")
      let names = try FileManager.default.contentsOfDirectory(atPath: run)
      #expect(names.filter { $0.hasPrefix("events.out.tfevents.") }.count == 2, "\(names)")
    }
  }
#else
  /// A program without swift-protobuf.
  @Suite struct ExportTests {
    @Test func saysHowToBuildWithIt() throws {
      let folder = try TemporaryFolder()
      let out = ["--out", "\(folder.path)/x.onnx"]
      let missing = "swift build -c release --product pix2pix"
      expectFailure(try Program.run(["export", "--model", "run", "--format", "onnx"] + out), "onnx", missing)
      expectFailure(
        try Program.run(["train", "--data", folder.path, "--tensorboard"] + out), "--tensorboard", missing)
    }
  }
#endif
