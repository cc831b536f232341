import Foundation
import Images
import Model
import Testing

/// Scorers and experiments, as whole runs on small pictures whose labels can be read from their colours.
@Suite struct ScorerTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    for number in 0..<6 {
      let split = number < 4 ? "train" : "val"
      let (photograph, labels) = Self.pair(number)
      try folder.write("photos/\(split)/p\(number).png", photograph)
      try folder.write("labels/\(split)/p\(number).png", labels)
    }
  }

  /// Bands of three classes and of pixels that nobody labelled, which a photograph shows as grays with some texture.
  private static func pair(_ number: Int) -> (photograph: Picture, labels: Picture) {
    let (side, table) = (32, [[200, 0, 0], [0, 200, 0], [0, 0, 200], [0, 0, 0]] as [[UInt8]])
    var (photograph, labels): ([UInt8], [UInt8]) = ([], [])
    for pixel in 0..<side * side {
      let (x, y) = (pixel % side, pixel / side)
      let label = (x + y * (number % 3) + 5 * number) / 11 % 4
      labels += table[label]
      photograph += [UInt8](repeating: UInt8(30 + 60 * label + 7 * ((x ^ y) % 3)), count: 3)
    }
    return (
      Picture(width: side, height: side, channels: 3, samples: .eight(photograph)),
      Picture(width: side, height: side, channels: 3, samples: .eight(labels))
    )
  }

  @discardableResult
  private func run(_ arguments: String...) throws -> Outcome {
    let outcome = try Program.run(arguments + ["--device", "reference"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    return outcome
  }

  private var photos: String { "\(folder.path)/photos" }
  private var labels: String { "\(folder.path)/labels" }

  private func trainScorer() throws -> String {
    let scorer = "\(folder.path)/scorer"
    try run(
      "train-scorer", "--data", photos, "--targets", labels, "--unlabelled", "#000000", "--size", "32",
      "--ngf",
      "4", "--epochs", "30", "--learning-rate", "0.002", "--out", scorer)
    return scorer
  }

  private struct Figures: Decodable {
    struct Value: Decodable { let value: Double }
    let figures: [String: Value]
  }

  private func figures(_ folder: String) throws -> [String: Double] {
    let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/figures.json"))
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return try decoder.decode(Figures.self, from: data).figures.mapValues(\.value)
  }

  @Test func readsPhotographs() throws {
    let scorer = try trainScorer()
    let out = "\(folder.path)/evaluation"
    // Outputs that are the photographs themselves, and outputs that are another photograph.
    for (name, source) in [("same", 0), ("other", 1)] {
      for number in 4..<6 {
        let (photograph, _) = Self.pair(number + source)
        try folder.write("\(name)/p\(number).png", photograph)
      }
      try run(
        "evaluate", "--outputs", "\(folder.path)/\(name)", "--targets", "\(photos)/val", "--scorer", scorer,
        "--label-maps", labels, "--out", "\(out)-\(name)")
    }
    let (same, other) = (try figures("\(out)-same"), try figures("\(out)-other"))
    for key in ["pixel_accuracy", "class_accuracy", "class_iou"] {
      let (output, target) = (try #require(same["scorer_\(key)"]), same["scorer_targets_\(key)"])
      #expect(output == target, "\(key)")
      // The classes can be read from the grays; measured: 0.89 for the least, class IOU. Guessing gives a third.
      #expect(output >= 0.8, "\(key): \(output)")
      let wrong = try #require(other["scorer_\(key)"])
      #expect(wrong < output - 0.3, "\(key): \(wrong)")
    }
    #expect(abs(try #require(same["scorer_frechet_distance"])) <= 1e-9)
    #expect(try #require(other["scorer_frechet_distance"]) > 1e-3)

    // A scorer is a model like others: it draws label maps, and these have the accuracy that it was given above.
    try run("evaluate", "--model", scorer, "--out", out)
    let own = try figures(out)
    for key in ["pixel_accuracy", "class_accuracy", "class_iou"] {
      #expect(own[key] == same["scorer_\(key)"], "\(key)")
    }
    try run("translate", "--model", scorer, "--input", "\(photos)/val", "--out", "\(folder.path)/maps")
    let map = try Picture(contentsOf: "\(folder.path)/maps/p4.png")
    let known: Set<[UInt8]> = [[200, 0, 0], [0, 200, 0], [0, 0, 200]]
    guard case .eight(let samples) = map.samples else { throw ModelError.training("a map of 16 bits") }
    #expect(
      Set(stride(from: 0, to: samples.count, by: 3).map { Array(samples[$0..<$0 + 3]) }).isSubset(of: known))
  }

  /// Validation says of a checkpoint what evaluate says of it, and the best one is kept by that.
  @Test func validates() throws {
    let (scorer, run) = (try trainScorer(), "\(folder.path)/run")
    try self.run(
      "train", "--data", labels, "--targets", photos, "--size", "32", "--ngf", "4", "--ndf", "4", "--patch",
      "16",
      "--epochs", "2", "--scorer", scorer, "--best", "scorer_class_iou", "--out", run)
    // A resume needs to be told of nothing.
    try self.run("train", "--resume", "--epochs", "4", "--out", run)
    let rows = try String(contentsOfFile: "\(run)/validation.csv", encoding: .utf8).split(separator: "\n")
      .map { $0.split(separator: ",").map(String.init) }
    #expect(rows.count == 5)
    for key in ["scorer_pixel_accuracy", "scorer_class_accuracy", "scorer_class_iou"] {
      let column = try #require(rows[0].firstIndex(of: key))
      let measured = rows.dropFirst().compactMap { Double($0[column]) }
      for (model, expected) in [(run, measured.last), ("\(run)/best.safetensors", measured.max())] {
        try self.run("evaluate", "--model", model, "--scorer", scorer, "--out", "\(run)/evaluation")
        let value = try figures("\(run)/evaluation")[key]
        if model == run || key == "scorer_class_iou" { #expect(value == expected, "\(model) \(key)") }
      }
    }
  }

  /// A scorer's options are refused or taken on as a run's are.
  @Test func resumesWithItsOwnOptions() throws {
    let scorer = try trainScorer()
    let resume = ["train-scorer", "--resume", "--out", scorer, "--device", "reference"]
    for (option, run) in [
      (["--labels", "index"], "palette"), (["--ngf", "8"], "4"), (["--seed", "1"], "0"),
    ] {
      expectFailure(
        try Program.run(resume + option), "\(option[0]): the run has \(run), not \(option[1]);")
    }
    try run(
      "train-scorer", "--resume", "--out", scorer, "--labels", "palette", "--unlabelled", "#000000",
      "--epochs", "31")
  }

  @Test func badScorers() throws {
    let pairs = [
      "--data", labels, "--targets", photos, "--size", "32", "--ngf", "4", "--ndf", "4", "--patch", "16",
    ]
    let model = "\(folder.path)/model"
    let trained = try Program.run(
      ["train"] + pairs + ["--steps", "1", "--out", model, "--device", "reference"])
    #expect(trained.status == 0, "\(trained.errors)")
    expectFailure(
      try Program.run(["evaluate", "--model", model, "--scorer", model, "--device", "reference"]),
      "is no scorer")
    expectFailure(
      try Program.run([
        "train-scorer", "--data", photos, "--targets", labels, "--unlabelled", "#010101", "--out",
        "\(folder.path)/x",
      ]),
      "#010101 is not one of the label maps' colours: #000000 #0000c8 #00c800 #c80000")
    expectFailure(
      try Program.run([
        "train", "--data", labels, "--targets", photos, "--objective", "cross-entropy", "--out",
        "\(folder.path)/x",
      ]),
      "add --target-format palette or index")
  }

  /// Table 3 with a scorer; the second time nothing is trained, and the files are the same.
  @Test func experiment() throws {
    let (scorer, out) = (try trainScorer(), "\(folder.path)/tables")
    let arguments = [
      "experiment", "paper-generators", "--data", labels, "--targets", photos, "--size", "32", "--ngf", "4",
      "--ndf",
      "4", "--epochs", "2", "--scorer", scorer, "--out", out, "--device", "reference",
    ]
    func files() -> [Data?] {
      ["paper-generators.md", "paper-generators.csv", "report.html", "rows/l1/evaluation/per-picture.csv"].map
      {
        FileManager.default.contents(atPath: "\(out)/\($0)")
      }
    }
    let first = try Program.run(arguments)
    #expect(first.status == 0 && first.output.contains("step 8/8"), "\(first.errors)")
    let made = files()
    #expect(made.allSatisfy { $0 != nil })
    let again = try Program.run(arguments)
    #expect(again.status == 0 && !again.output.contains("step"), "\(again.output)")
    #expect(files() == made)
    let table = String(decoding: try #require(made[0]), as: UTF8.self)
    for row in ["| encoder-decoder (L1) | 0.", "| U-Net (L1+cGAN) | 0.", "| ground truth | 0."] {
      #expect(table.contains(row), "\(table)")
    }
    #expect(!table.contains("–  |") && table.contains("Every row: 2 epochs of 4 steps"))
    // Other options are another experiment.
    expectFailure(
      try Program.run(arguments + ["--seed", "1"]), "holds a row of other options (--seed 0, not 1)")
    // What cannot be trained is said before anything is.
    expectFailure(
      try Program.run(["experiment", "paper-patches"] + arguments.dropFirst(2)),
      "the row cgan+l1-patch-286 cannot be trained")
  }
}
