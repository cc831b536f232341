import Foundation
import Model
import Testing

/// YAML files of options: `--config`, and the options.yaml that every run writes.
@Suite struct ConfigTests {
  private let folder: TemporaryFolder
  private let pairs: String

  init() throws {
    folder = try TemporaryFolder()
    pairs = try folder.writePairs("pairs")
  }

  private func train(_ config: String, _ options: [String] = [], out: String = "run") throws -> Outcome {
    let path = try folder.write("config.yaml", Data(config.utf8))
    return try Program.run(
      ["train", "--config", path, "--out", "\(folder.path)/\(out)"] + onReference + options)
  }

  private func options(_ run: String = "run") throws -> TrainingOptions {
    let path = try #require(RunDirectory("\(folder.path)/\(run)").latestCheckpoint())
    return try Checkpoint(path: path).options
  }

  private var small: String {
    "data: \(pairs)\nsize: 32\nngf: 4\nndf: 4\nsteps: 1\nvalidate-every: 0\n"
  }

  @Test func optionsComeFromTheFile() throws {
    let outcome = try train(
      small
        + "# a remark\nlearning-rate: 1e-4\nno-jitter: true\ndropout: false\nspectral-norm: yes\nminimax: off\n"
    )
    #expect(outcome.status == 0, "\(outcome.errors)")
    let options = try options()
    #expect(options.network.ngf == 4 && options.network.spectralNorm && !options.network.dropout)
    #expect(options.learningRate == 1e-4 && !options.jitter && !options.objective.minimax)
  }

  @Test func theCommandLineWins() throws {
    let outcome = try train(small + "dropout: false\nseed: 5\n", ["--ngf", "5", "--dropout", "--seed=6"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let options = try options()
    #expect(
      options.network.ngf == 5 && options.network.ndf == 4 && options.network.dropout && options.seed == 6)
  }

  /// Also where it says the same by another option.
  @Test func theCommandLineWinsOverWhatItExcludes() throws {
    let outcome = try train(small, ["--epochs", "1"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try options().epochs == 1)
    // Within one of the two, both are too many.
    let both = try train(small + "epochs: 3\n", out: "both")
    #expect(both.status == 64 && both.errors.contains("give it or --epochs, not both"), "\(both.errors)")
  }

  /// Paths in a run's own file lead to the same places from any working directory.
  @Test func aRunsFileWorksAnywhere() throws {
    let there = "cd '\(folder.path)'"
    let begun = try Program.run(
      ["train", "--data", "pairs", "--out", "run", "--steps", "1", "--validate-every", "0"] + tiny
        + onReference,
      shell: there)
    #expect(begun.status == 0, "\(begun.errors)")
    let again = try Program.run(
      ["train", "--config", "\(folder.path)/run/options.yaml", "--out", "\(folder.path)/again"] + onReference,
      shell: "cd /")
    #expect(again.status == 0, "\(again.errors)")
  }

  @Test func listsAreGivenItemByItem() throws {
    let config = small + "input: [\(pairs), '\(pairs)']\ninput-format:\n  - rgb\n  - gray\n  - rgb\n"
    let outcome = try train(config)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try options().network.inputChannels == 3 + 1 + 3)
  }

  @Test(arguments: [
    ("ngff: 4", "line 7: train has no option ngff; did you mean ngf?"),
    ("learning_rate: 4", "line 7: train has no option learning_rate; did you mean learning-rate?"),
    ("qqqqqqqqqqqq: 4", "line 7: train has no option qqqqqqqqqqqq"),
    ("config: other.yaml", "line 7: train has no option config"),
    ("batch-size: 0", "line 7: batch-size: 0 is not"), ("gan-loss: hing", "line 7: gan-loss: "),
    ("ngf: 5", "ngf stands there twice"), ("epochs:", "line 7: epochs has no value"),
    ("epochs: {a: 1}", "line 7: epochs has no value"), ("epochs: [1, 2]", "line 7: epochs takes one value"),
    ("affine: maybe", "line 7: affine is true or false"), ("? [1]\n: 2", "line 7: is no option's name"),
    ("a: b: c", "is no YAML: line 7"), ("seed: *nothing", "is no YAML"),
  ]) func errorsNameTheLine(_ line: String, _ words: String) throws {
    expectFailure(try train(small + line + "\n"), "\(folder.path)/config.yaml", words)
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/run"))
  }

  @Test func otherFilesAreRefused() throws {
    expectFailure(try train("just words"), "is no mapping")
    expectFailure(try train(String(repeating: "#", count: 1 << 20) + "\n\n"), "has more than")
    expectFailure(
      try Program.run(["train", "--config", "\(folder.path)/none.yaml", "--out", "x"]), "none.yaml",
      "no such file")
    // Aliases of aliases, a billion words if they were followed.
    let bomb =
      "a: &a [x,x]\n" + (0..<30).map { "b\($0): &b\($0) [*\($0 == 0 ? "a" : "b\($0 - 1)"),*a]\n" }.joined()
    #expect(try train(bomb).status == 1)
  }

  /// A run's own file begins another with the same options, and so the same checkpoint.
  @Test func aRunWritesItsOptions() throws {
    let first = try train(
      small
        + "generator: resnet-6\nnorm: instance\naffine: true\nno-dropout: true\nlambda-ssim: 0.5\nnoise: \"gaussian:2\"\n"
    )
    #expect(first.status == 0, "\(first.errors)")
    let written = "\(folder.path)/run/options.yaml"
    let again = try Program.run(
      ["train", "--config", written, "--out", "\(folder.path)/again"] + onReference)
    #expect(again.status == 0, "\(again.errors)")
    let paths = try ["run", "again"].map {
      try #require(RunDirectory("\(folder.path)/\($0)").latestCheckpoint())
    }
    #expect(FileManager.default.contentsEqual(atPath: paths[0], andPath: paths[1]))
    #expect(FileManager.default.contentsEqual(atPath: written, andPath: "\(folder.path)/again/options.yaml"))
    // The user's own file of that name is not replaced.
    let foreign = try folder.write("mine/options.yaml", Data("ngf: 4\n".utf8))
    expectFailure(
      try train(small, out: "mine"), foreign, "was not written by this program")
  }

  /// Words that YAML would take for something else.
  @Test func oddPathsComeBack() throws {
    let odd = ["a: b #c", "é \"q\" \\ 'x'", "- dash", "true"]
    for name in odd {
      let data = try folder.writePairs(name)
      let outcome = try Program.run(
        [
          "train", "--data", data, "--out", "\(folder.path)/odd", "--overwrite", "--steps", "1",
          "--validate-every", "0",
        ]
          + tiny + onReference)
      #expect(outcome.status == 0, "\(outcome.errors)")
      let again = try Program.run(
        ["train", "--config", "\(folder.path)/odd/options.yaml", "--out", "\(folder.path)/odd-again"]
          + onReference)
      #expect(again.status == 0, "\(again.errors)")
      #expect(try options("odd-again").data == data)
      for run in ["odd", "odd-again"] { try FileManager.default.removeItem(atPath: "\(folder.path)/\(run)") }
    }
  }
}
