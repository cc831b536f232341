import Foundation
import Images
import Model
import Testing

/// `--json` and `--quiet`.
@Suite struct EventTests {
  private let folder: TemporaryFolder
  private var run: RunDirectory { RunDirectory("\(folder.path)/run") }

  init() throws { folder = try TemporaryFolder() }

  private struct Event {
    let name: String
    let fields: [String: Any]

    func integer(_ name: String) -> Int? { fields[name] as? Int }
    func text(_ name: String) -> String? { fields[name] as? String }
    func numbers(_ name: String) -> [String: Double] { fields[name] as? [String: Double] ?? [:] }
  }

  /// Every line of standard output is an object with its event's name.
  private func events(_ arguments: [String], status: Int32 = 0) throws -> [Event] {
    let outcome = try Program.run(arguments + ["--json"])
    #expect(outcome.status == status, "\(outcome.errors)")
    #expect(status == 0 ? outcome.errors.isEmpty : outcome.errorLines.count == 1, "\(outcome.errors)")
    #expect(outcome.output.isEmpty || outcome.output.hasSuffix("\n"))
    return try outcome.output.split(separator: "\n").map { line in
      let fields = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      return Event(name: try #require(fields?["event"] as? String), fields: fields ?? [:])
    }
  }

  private func training() throws -> [String] {
    try folder.writePairs("pairs/train")
    try folder.writePairs("pairs/val", count: 2)
    return [
      "train", "--data", "\(folder.path)/pairs", "--out", run.path, "--epochs", "8", "--save-every", "6",
    ]
      + tiny + onReference
  }

  private func table(_ path: String) throws -> [[String: String]] {
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
      .map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
    let header = try #require(lines.first)
    return lines.dropFirst().map { Dictionary(uniqueKeysWithValues: zip(header, $0)) }
  }

  @Test func aTrainingTellsWhatItWritesDown() throws {
    let events = try events(try training())
    let losses = try table(run.losses)
    let progress = events.filter { $0.name == "progress" }
    #expect(progress.compactMap { $0.integer("step") } == losses.compactMap { Int($0["step"] ?? "") })
    for (event, row) in zip(progress, losses) {
      #expect(event.integer("steps") == 24 && event.integer("epochs") == 8)
      let step = try #require(event.integer("step"))
      #expect(event.integer("epoch") == (step + 2) / 3)
      let values = event.numbers("losses")
      #expect(!values.isEmpty)
      for (name, value) in values { #expect(row[name] == String(format: "%.6f", value), "\(name)") }
      #expect(Double(row["learning_rate"] ?? "") == event.fields["learning_rate"] as? Double)
      for name in ["ms_per_step", "pictures_per_second", "seconds_left"] {
        #expect(event.fields[name] is Double, "\(name)")
      }
    }
    let validations = try table(run.validation)
    let validated = events.filter { $0.name == "validated" }
    #expect(validated.count == validations.count && validated.count == 8)
    for (event, row) in zip(validated, validations) {
      #expect(row["step"] == event.integer("step").map(String.init))
      #expect(row["epoch"] == event.integer("epoch").map(String.init))
      let figures = event.numbers("figures")
      #expect(figures[event.text("best") ?? ""] != nil && event.fields["is_best"] is Bool)
      for (name, value) in figures {
        // JSONSerialization reads the last of 17 digits now and then one off.
        let written = try #require(Double(row[name] ?? ""))
        #expect(abs(written - value) <= 1e-14 * abs(written), "\(name)")
      }
    }
    let saved = events.filter { $0.name == "saved" }.compactMap { $0.text("file") }
    #expect(saved.contains(run.checkpoint(step: 24)))
    let sampled = events.filter { $0.name == "sampled" }.compactMap { $0.text("file") }
    #expect(!sampled.isEmpty && sampled.allSatisfy { FileManager.default.fileExists(atPath: $0) })
    #expect(events.last?.name == "done")
    #expect(events.last?.text("checkpoint") == run.checkpoint(step: 24))
    #expect(events.last?.text("report") == run.report)
    #expect(events.contains { $0.name == "note" && $0.text("text")?.contains("3 pairs") == true })
  }

  @Test func aStopIsTheLastEvent() throws {
    let last = try events(try training() + ["--stop-after", "4"]).last
    #expect(last?.name == "stopped" && last?.text("checkpoint") == run.checkpoint(step: 4))
    #expect(last?.text("go_on")?.hasPrefix("pix2pix train --resume") == true)
    let failed = try events(["train", "--data", "\(folder.path)/none", "--out", "x"], status: 1)
    #expect(failed.isEmpty)
  }

  @Test func useTellsOfEachPicture() throws {
    #expect(try Program.run(try training() + ["--quiet"]).status == 0)
    let pictures = try folder.writePairs("pictures")
    try folder.write("pictures/broken.png", Data("no picture".utf8))
    let (model, out) = (["--model", run.path] + onReference, "\(folder.path)/odd \"name\"")
    let translated = try events(["translate", "--input", pictures, "--out", out] + model, status: 1)
    for (index, event) in translated.filter({ $0.name == "translated" }).enumerated() {
      #expect(event.text("input") == "\(pictures)/p\(index).png")
      #expect(event.text("output") == "\(out)/p\(index).png" && event.fields["ms"] is Double)
    }
    #expect(translated.map(\.name) == ["skipped", "translated", "translated", "translated", "done"])
    #expect(translated.last?.integer("pictures") == 3 && translated.last?.integer("skipped") == 1)

    let evaluated = try events(["evaluate", "--out", "\(folder.path)/evaluation"] + model)
    #expect(evaluated.filter { $0.name == "progress" }.compactMap { $0.integer("picture") } == [1, 2])
    #expect(evaluated.last?.name == "done" && evaluated.last?.integer("pictures") == 2)
    let figures = try #require(
      evaluated.first { $0.name == "evaluated" }?.fields["figures"] as? [String: [String: Double]])
    let file = try #require(
      try JSONSerialization.jsonObject(
        with: Data(contentsOf: URL(fileURLWithPath: "\(folder.path)/evaluation/figures.json")))
        as? [String: Any])
    #expect(file["figures"] as? [String: [String: Double]] == figures && figures["l1"] != nil)
  }

  /// A model that was trained without dropout has none in use.
  @Test(arguments: [([], "on"), (["--no-dropout"], "off")])
  func dropoutIsThatOfTheTraining(_ options: [String], _ dropout: String) throws {
    let small = try SmallModel(options)
    let translated = try events(
      ["translate", "--model", small.path, "--input", small.input, "--out", "\(folder.path)/picture.png"]
        + onReference)
    #expect(translated.last?.text("dropout") == dropout)
  }

  /// Equal pictures have an infinite PSNR.
  @Test func infinityIsAWord() throws {
    let pictures = try folder.writePairs("pictures")
    let evaluated = try events(["evaluate", "--outputs", pictures, "--targets", pictures])
      .first { $0.name == "evaluated" }
    let figures = evaluated?.fields["figures"] as? [String: [String: Any]]
    #expect(figures?["psnr"]?["value"] as? String == "inf")
  }

  @Test func othersTellWhatTheyMade() throws {
    let drawn = "\(folder.path)/drawn"
    let sample = try events(["sample-pairs", "--out", drawn, "--count", "10", "--size", "32"])
    #expect(sample.map(\.name) == ["done"] && sample[0].integer("train") == 9)
    #expect(try Program.run(try training() + ["--stop-after", "1"]).status == 0)
    let state = "\(folder.path)/latest_net_G.pth"
    let exported = try events(["export", "--model", run.path, "--format", "pth", "--out", state])
    #expect(exported.map(\.name) == ["done"] && exported[0].text("file") == state)
    let imported = try events(["import", state, "--out", "\(folder.path)/imported"])
    #expect(imported.first?.name == "network" && imported.last?.name == "done")
  }

  @Test func quietIsQuiet() throws {
    let (pictures, state) = (try folder.writePairs("pictures"), "\(folder.path)/latest_net_G.pth")
    let commands = [
      try training(),
      ["translate", "--model", run.path, "--input", pictures, "--out", "\(folder.path)/out"] + onReference,
      ["evaluate", "--model", run.path] + onReference,
      ["export", "--model", run.path, "--format", "pth", "--out", state],
      ["import", state, "--out", "\(folder.path)/imported"],
      ["sample-pairs", "--out", "\(folder.path)/drawn", "--count", "2", "--size", "32"],
    ]
    for command in commands {
      let outcome = try Program.run(command + ["--quiet"])
      #expect(
        outcome.status == 0 && outcome.output.isEmpty && outcome.errors.isEmpty, "\(command) \(outcome)")
      let both = try Program.run(command + ["--quiet", "--json"])
      expectFailure(both, "--quiet prints nothing", status: 64)
    }
    try folder.write("pictures/broken.png", Data("no picture".utf8))
    let skipping = try Program.run(commands[1] + ["--quiet"])
    expectFailure(skipping, "1 of 4 pictures could not be taken")
    let lines = skipping.errors.split(separator: "\n")
    #expect(skipping.output.isEmpty && lines.count == 2 && lines[0].hasPrefix("skipped: "), "\(lines)")
  }

  @Test func theNearestNameIsProposed() throws {
    #expect(try Program.run(try training() + ["--stop-after", "1"]).status == 0)
    let typo = "\(folder.path)/rum"
    let meant = "did you mean \(run.path)?"
    let (translate, evaluate) = (["translate", "--out", "x"] + onReference, ["evaluate"] + onReference)
    let pairs = "\(folder.path)/pairs"
    for (arguments, proposal) in [
      (translate + ["--model", typo, "--input", "x"], meant),
      (translate + ["--model", "\(typo)/checkpoints/step-1.safetensors", "--input", "x"], meant),
      (translate + ["--model", run.path, "--input", "\(folder.path)/PAIR"], "did you mean \(pairs)?"),
      (translate + ["--like", "\(pairs)/train/p0.pn"], "did you mean \(pairs)/train/p0.png?"),
      (evaluate + ["--model", run.path, "--scorer", typo], meant),
      (["train", "--out", "x", "--data", "\(folder.path)/pair"], "did you mean \(pairs)?"),
      (
        ["train", "--out", "x", "--data", pairs, "--targets", "\(folder.path)/pears"],
        "did you mean \(pairs)?"
      ),
      (["train", "--out", "x", "--data", pairs, "--from", typo] + onReference, meant),
      (["train", "--resume", "--out", typo], meant),
      (["train", "--out", "x", "--config", "\(run.path)/option.yaml"], "did you mean \(run.options)?"),
      (["import", "\(run.path)/option.yaml", "--out", "x"], "did you mean \(run.options)?"),
      (["export", "--model", typo, "--format", "pth", "--out", "x.pth"], meant),
      (["serve", typo] + onReference, meant),
    ] {
      expectFailure(try Program.run(arguments), "no such f", proposal)
    }
    expectFailure(try Program.run(["trian"]), "There is no command trian; did you mean train?", status: 64)
    expectFailure(try Program.run(["xyzzyxyzzy"]), "There is no command xyzzyxyzzy.", status: 64)
  }
}
