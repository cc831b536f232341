import Foundation
import Images
import Testing

/// A model with latent codes, used as its users do.
@Suite struct LatentTests {
  private let folder: TemporaryFolder
  private var run: String { "\(folder.path)/run" }
  private var input: String { "\(folder.path)/input.png" }

  init() throws {
    folder = try TemporaryFolder()
    for number in 0..<4 {
      try folder.write("data/train/\(number).png", pattern(64, 32, number))
      try folder.write("data/val/\(number).png", pattern(64, 32, number + 5))
    }
    try folder.write("input.png", pattern(32, 32, 4))
    try folder.write("target.png", pattern(32, 32, 9))
    try Program.done(
      ["train", "--latent", "4", "--data", "\(folder.path)/data", "--out", run, "--steps", "2"] + tiny
        + onReference)
  }

  private func translate(_ name: String, _ options: [String]) throws -> Data {
    try Program.done(
      ["translate", "--model", run, "--input", input, "--out", "\(folder.path)/\(name)"] + options
        + onReference)
    return try folder.bytes(name)
  }

  @Test func samplesAndCodes() throws {
    let plain = try translate("plain.png", [])
    #expect(try translate("again.png", []) == plain)
    let outcome = try Program.done(
      ["translate", "--model", run, "--input", input, "--out", "\(folder.path)/samples", "--samples", "3"]
        + onReference)
    let samples = try (1...3).map { try folder.bytes("samples/input-\($0).png") }
    #expect(samples[0] == plain && Set(samples).count == 3)
    #expect(outcome.output.contains("diversity: "))
    // The code of a picture, kept by a recipe.
    let target = "\(folder.path)/target.png"
    let encoded = try translate("encoded.png", ["--encode", target])
    #expect(encoded != plain)
    _ = try translate("told.png", ["--encode", target, "--recipe"])
    try Program.done(
      ["translate", "--like", "\(folder.path)/told.png", "--out", "\(folder.path)/made.png"] + onReference)
    #expect(try folder.bytes("made.png") == encoded)
    // The encoder sees the picture whole where the generator takes strips.
    #expect(try translate("strips.png", ["--encode", target, "--strips", "8"]) == encoded)
    expectFailure(
      try Program.run(
        ["translate", "--model", run, "--input", input, "--encode", target, "--out", target] + onReference),
      "target.png")
  }

  /// Figures of codes are those of the training's last validation, which saw the same checkpoint and pairs.
  @Test func figuresOfCodes() throws {
    let out = "\(folder.path)/figures"
    try Program.done(["evaluate", "--model", run, "--samples", "2", "--out", out] + onReference)
    struct File: Decodable {
      struct Value: Decodable { var value: Double }
      var figures: [String: Value]
    }
    let file = try JSONDecoder().decode(File.self, from: folder.bytes("figures/figures.json"))
    let table = try String(contentsOfFile: "\(run)/validation.csv", encoding: .utf8).split(separator: "\n")
    let names = table[0].split(separator: ",").map(String.init)
    let values = table[table.count - 1].split(separator: ",")
    for key in ["l1", "l1_encoded", "l1_diversity", "code_recovery"] {
      let column = try #require(names.firstIndex(of: key), "\(names)")
      let expected = try #require(Double(values[column]))
      let value = try #require(file.figures[key]).value
      // Measured: 0; validation.csv has all digits.
      #expect(abs(value - expected) <= 1e-14 * expected, "\(key): \(value), \(expected)")
    }
    let rows = String(decoding: try folder.bytes("figures/per-picture.csv"), as: UTF8.self).split(
      separator: "\n")
    #expect(rows[0].contains("l1_encoded,code_recovery") && rows.count == 5)
  }

  @Test func refusals() throws {
    let out = "\(folder.path)/x.png"
    let small = try SmallModel()
    expectFailure(
      try Program.run(
        ["translate", "--model", small.path, "--input", small.input, "--encode", input, "--out", out]
          + onReference),
      "--encode: \(small.path)")
    expectFailure(
      try Program.run(
        ["translate", "--model", run, "--input", input, "--encode", "\(folder.path)/none.png", "--out", out]
          + onReference),
      "none.png")
    let both = try Program.run(
      ["translate", "--model", run, "--input", input, "--encode", input, "--samples", "2", "--out", out]
        + onReference)
    #expect(both.status == 64 && both.errors.contains("leave out --samples"))
    expectFailure(
      try Program.run(
        [
          "train", "--latent", "4", "--from", small.path, "--data", "\(folder.path)/data", "--out",
          "\(folder.path)/x",
        ]
          + onReference),
      "--from: the model was trained without latent codes; leave out --latent")
    expectFailure(
      try Program.run(
        [
          "train", "--latent", "4", "--batch-size", "3", "--data", "\(folder.path)/data", "--out",
          "\(folder.path)/x",
        ] + onReference), "--batch-size: 3 is odd")
  }

  /// Commands that record a step alone take the batch that codes need, and refuse another in one line.
  @Test func batchesOfSteps() throws {
    let step = ["--latent", "4"] + tiny
    try Program.done(["verify"] + step + onReference)
    expectFailure(
      try Program.run(["verify", "--batch-size", "3"] + step + onReference), "--batch-size: 3 is odd")
  }

  /// A profile has a line for each layer and each kernel, the codes' among them.
  @Test func profiles() throws {
    let lines = try Program.done(
      ["benchmark", "--step", "--no-check", "--repeats", "1", "--profile", "--latent", "4"] + tiny
    ).errors.split(separator: "\n")
    for name in [
      "layer (′ backward) ", "G.conv1 ", "E.code ", "operation/kernel ", "Gaussian KL/gaussian_kl ",
    ] {
      #expect(lines.contains { $0.hasPrefix(name) }, "\(name) is not in \(lines)")
    }
    #expect(!lines.contains { $0.contains("\\n") })
  }

  /// A model goes on with other pictures, with its codes.
  @Test func fineTuning() throws {
    let outcome = try Program.done(
      [
        "train", "--from", run, "--data", "\(folder.path)/data", "--out", "\(folder.path)/tuned", "--steps",
        "2", "--size",
        "32",
      ] + onReference)
    // The codes' options go with the model's codes.
    try Program.done(
      [
        "train", "--from", run, "--data", "\(folder.path)/data", "--out", "\(folder.path)/other", "--steps",
        "1", "--size",
        "32", "--lambda-kl", "0.1",
      ] + onReference)
    expectFailure(
      try Program.run(
        [
          "train", "--from", run, "--data", "\(folder.path)/data", "--out", "\(folder.path)/none", "--size",
          "32", "--latent",
          "8",
        ] + onReference),
      "--latent: the model of --from takes codes of 4 numbers at all, not 8 at all; leave it out")
    let small = try SmallModel()
    let misuse = try Program.run(
      [
        "train", "--from", small.path, "--data", "\(folder.path)/data", "--out", "\(folder.path)/none",
        "--lambda-kl",
        "0.1",
      ] + onReference)
    #expect(misuse.status == 64 && misuse.errors.contains("--lambda-kl: goes with --latent"))
    for network in ["G", "E", "D", "D2"] {
      #expect((outcome.output + outcome.errors).contains("\(network) begins with the "))
    }
  }
}
