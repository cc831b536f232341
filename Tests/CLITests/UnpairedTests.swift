import Foundation
import Images
import Testing

/// A model without pairs, used as its users do: both directions of every command.
@Suite struct UnpairedTests {
  private let folder: TemporaryFolder
  private var run: String { "\(folder.path)/run" }

  /// Pictures of A are smooth, of B striped; the model has seen them twice.
  init() throws {
    folder = try TemporaryFolder()
    for number in 0..<3 {
      try folder.write("data/trainA/a\(number).png", pattern(32, 32, number))
      try folder.write("data/trainB/b\(number).png", pattern(40, 32, number + 5))
    }
    try folder.write("input.png", pattern(32, 32, 4))
    try Program.done(
      ["train", "--unpaired", "--data", "\(folder.path)/data", "--out", run, "--steps", "2"] + tiny
        + onReference)
  }

  private func translate(_ name: String, _ options: [String], of model: String? = nil) throws -> Data {
    try Program.done(
      [
        "translate", "--model", model ?? run, "--input", "\(folder.path)/input.png", "--out",
        "\(folder.path)/\(name)",
      ]
        + options + onReference)
    return try folder.bytes(name)
  }

  @Test func directions() throws {
    let plain = try translate("plain.png", [])
    #expect(try translate("there.png", ["--direction", "AtoB"]) == plain)
    let back = try translate("back.png", ["--direction", "BtoA"])
    #expect(back != plain)
    // A recipe knows its direction.
    _ = try translate("told.png", ["--direction", "BtoA", "--recipe"])
    try Program.done(
      ["translate", "--like", "\(folder.path)/told.png", "--out", "\(folder.path)/again.png"] + onReference)
    #expect(try folder.bytes("again.png") == back)
  }

  /// Both generators and both judges out and in again: the same pictures in both directions.
  @Test func comesBackFromPyTorchsFiles() throws {
    func export(_ network: String) throws -> String {
      let path = "\(folder.path)/\(network).pth"
      try Program.done(["export", "--model", run, "--format", "pth", "--network", network, "--out", path])
      return path
    }
    let copy = "\(folder.path)/copy"
    try Program.done([
      "import", try export("G_A"), "--back", try export("G_B"), "--discriminator", try export("D_B"),
      "--back-discriminator", try export("D_A"), "--norm", "instance", "--size", "32", "--out", copy,
    ])
    for direction in ["AtoB", "BtoA"] {
      let options = ["--direction", direction]
      #expect(
        try translate("\(direction).png", options) == translate("copy-\(direction).png", options, of: copy))
    }
    expectFailure(
      try Program.run([
        "export", "--model", run, "--format", "pth", "--network", "D", "--out", "\(folder.path)/d.pth",
      ]),
      "holds no network D; it holds G_A, G_B, D_B, D_A")
    // A judge in a generator's place, and a generator of another width on the way back.
    expectFailure(
      try Program.run([
        "import", try export("G_A"), "--back", try export("D_A"), "--norm", "instance", "--out",
        "\(folder.path)/x",
      ]),
      "D_A.pth: has no model.1.weight")
  }

  @Test func isJudgedByPairs() throws {
    for number in 0..<2 {
      try folder.write("pairs/A/\(number).png", pattern(32, 32, number))
      try folder.write("pairs/B/\(number).png", pattern(32, 32, number + 5))
    }
    func evaluate(_ options: [String]) throws -> String {
      try Program.done(
        ["evaluate", "--model", run, "--data", "\(folder.path)/pairs", "--split", "train"] + options
          + onReference
      ).output
    }
    #expect(try evaluate([]) == evaluate(["--direction", "AtoB"]))
    #expect(try evaluate(["--direction", "BtoA"]) != evaluate([]))
    expectFailure(
      try Program.run(["evaluate", "--model", run] + onReference),
      "--data: the model was trained without pairs")
  }

  @Test func theDirectionOfPairsIsTheirs() throws {
    let small = try SmallModel()
    expectFailure(
      try Program.run(
        [
          "translate", "--model", small.path, "--input", small.input, "--direction", "BtoA", "--out",
          "\(folder.path)/x.png",
        ]
          + onReference),
      "--direction: the model was trained with pairs and translates AtoB alone")
    expectFailure(
      try Program.run(
        [
          "train", "--unpaired", "--from", small.path, "--data", "\(folder.path)/data", "--out",
          "\(folder.path)/x",
        ] + onReference),
      "--from: the model was trained with pairs; leave out --unpaired")
  }
}
