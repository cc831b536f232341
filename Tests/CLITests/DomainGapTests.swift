import Foundation
import Images
import Testing

/// domain-gap on small pictures whose labels can be read from their grays.
@Suite struct DomainGapTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static let colours: [[UInt8]] = [[200, 0, 0], [0, 200, 0], [0, 0, 200], [0, 0, 0]]

  /// Bands of three classes and of pixels that nobody labelled, which a picture shows as grays with some texture.
  ///
  /// - Parameters:
  ///   - number: another picture for each, of one kind
  ///   - isYellow: takes blue away
  ///   - table: the colour of each class
  private func write(
    _ name: String, _ number: Int, isYellow: Bool = false, table: [[UInt8]] = colours
  ) throws {
    let side = 32
    // Multiplied as Knuth does, so that neighbours have nothing in common.
    let place = Int((UInt64(number + 1) * 2_654_435_761) % (1 << 32) >> 8)
    var (picture, labels): ([UInt8], [UInt8]) = ([], [])
    for pixel in 0..<side * side {
      let (x, y) = (pixel % side, pixel / side)
      let label = (x + y * (place % 3) + place / 3 % 44) / 11 % 4
      labels += table[label]
      let gray = UInt8(30 + 50 * label + 7 * ((x ^ y) % 3))
      picture += [gray, gray, isYellow ? gray - 25 : gray]
    }
    for (folder, samples) in [("pictures", picture), ("labels", labels)] {
      try self.folder.write(
        "\(name)/\(folder)/p\(number).png",
        Picture(width: side, height: side, channels: 3, samples: .eight(samples)))
    }
  }

  private func folders(_ generated: String, _ real: String) -> [String] {
    ["--generated", "\(folder.path)/\(generated)/pictures", "--real", "\(folder.path)/\(real)/pictures"]
  }

  private func labels(_ generated: String, _ real: String) -> [String] {
    [
      "--generated-labels", "\(folder.path)/\(generated)/labels", "--labels",
      "\(folder.path)/\(real)/labels",
    ]
  }

  private struct Event: Decodable {
    struct Figure: Decodable, Equatable {
      let value: Double
      let lower: Double?
      let upper: Double?
      let pictures: Int
    }
    let event: String
    let figures: [String: Figure]?
    let features: String?
    let recompressed: Bool?
    let text: String?
  }

  /// The events of a run with `--json`, which must go well.
  private func events(_ arguments: [String]) throws -> [Event] {
    let outcome = try Program.run(["domain-gap", "--json"] + arguments + onReference)
    #expect(outcome.status == 0, "\(outcome.errors)")
    return try outcome.output.split(separator: "\n").map {
      try JSONDecoder().decode(Event.self, from: Data($0.utf8))
    }
  }

  private struct Figures: Decodable { let figures: [String: Event.Figure] }

  private func kept(_ out: String) throws -> [String: Event.Figure] {
    try JSONDecoder().decode(
      Figures.self, from: Data(contentsOf: URL(fileURLWithPath: "\(out)/figures.json"))
    ).figures
  }

  @Test func discrepancy() throws {
    for number in 0..<60 {
      try write("a", number)
      try write("b", number + 60)
      try write("yellow", number + 60, isYellow: true)
    }
    let out = "\(folder.path)/out"
    let near = try events(folders("a", "b") + ["--out", out])
    let measured = try #require(near.first { $0.event == "measured" })
    let figures = try #require(measured.figures)
    let d = try #require(figures["domain_discrepancy"])
    #expect(d.pictures == 120 && (0...0.3).contains(d.value), "\(d)")
    #expect(Set(figures.keys) == ["domain_error", "domain_discrepancy"])
    #expect(measured.features?.hasPrefix("thumbnails") == true && measured.recompressed == false)
    #expect(try kept(out) == figures && near.last?.event == "done")
    // Its own file is replaced.
    let far = try events(folders("a", "yellow") + ["--out", out]).compactMap(\.figures)
    #expect(far.first?["domain_discrepancy"]?.value == 2)
    #expect(try kept(out) == far.first)
    // Another seed halves the pictures in another way; the same one does not.
    let arguments = folders("a", "b")
    let other = try events(arguments + ["--seed", "5"]).compactMap(\.figures)
    #expect(other.first != figures)
    #expect(try events(arguments + ["--seed", "5"]).compactMap(\.figures) == other)
  }

  /// A JPEG of another size among the pictures: all go through the same, and the command says so.
  @Test func unlikeFiles() throws {
    for number in 0..<20 { for name in ["a", "b"] { try write(name, number) } }
    let jpeg = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("ImagesTests/Fixtures/jpeg_420.jpg")
    try folder.write("a/pictures/photograph.jpg", Data(contentsOf: jpeg))
    let found = try events(folders("a", "b"))
    let notes = found.filter { $0.event == "note" }.compactMap(\.text)
    #expect(
      notes.contains {
        $0.hasPrefix(
          "1 of the 21 generated pictures and 0 of the 20 real pictures are JPEGs: all pictures are encoded as JPEG once more"
        )
      }, "\(notes)")
    #expect(notes.contains { $0.contains("all are brought to 32x32") }, "\(notes)")
    #expect(found.first { $0.event == "measured" }?.recompressed == true)
    let text = try Program.run(["domain-gap"] + folders("a", "b") + onReference)
    #expect(
      text.errors.contains("encoded as JPEG once more") && text.output.contains("d, discrepancy from 0 to 2"))
  }

  /// Scorers are trained on the pictures that are compared: of one size, and through one JPEG. A file of the user's where a scorer
  /// would be trained ends it before.
  @Test func scorersSeeTheSamePictures() throws {
    for number in 0..<20 { for name in ["a", "b"] { try write(name, number) } }
    let jpeg = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("ImagesTests/Fixtures/jpeg_420.jpg")
    try folder.write("a/pictures/photograph.jpg", Data(contentsOf: jpeg))
    try folder.write("a/labels/photograph.png", Picture(contentsOf: "\(folder.path)/a/labels/p0.png"))
    try folder.write("out/scorer-of-generated/losses.csv", Data("mine".utf8))
    let out = "\(folder.path)/out"
    let outcome = try Program.run(
      ["domain-gap"] + folders("a", "b") + labels("a", "b") + onReference + [
        "--unlabelled", "#000000", "--size", "32", "--ngf", "4", "--epochs", "1", "--out", out,
      ])
    expectFailure(outcome, "scorer-of-generated/losses.csv", "was not written by this program")
    var seen = 0
    for (name, side) in [("generated", "a"), ("real", "b")] {
      let sources = try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/\(side)/pictures")
        .sorted()
      for (place, source) in sources.enumerated() {
        let file = String(format: "%@-%06d.png", name, place)
        guard FileManager.default.fileExists(atPath: "\(out)/trained-on-both/pictures/\(file)") else {
          continue
        }
        seen += 1
        let expected = try Picture(contentsOf: "\(folder.path)/\(side)/pictures/\(source)")
          .resized(width: 32, height: 32, method: .bicubic).throughJPEG(quality: 75, path: source)
        #expect(try Picture(contentsOf: "\(out)/trained-on-both/pictures/\(file)") == expected, "\(file)")
        let map = (source as NSString).deletingPathExtension + ".png"
        #expect(
          FileManager.default.contents(atPath: "\(out)/trained-on-both/labels/\(file)")
            == FileManager.default.contents(atPath: "\(folder.path)/\(side)/labels/\(map)"), "\(file)")
        if name == "generated" {
          #expect(
            FileManager.default.contentsEqual(
              atPath: "\(out)/trained-on-both/pictures/\(file)",
              andPath: "\(out)/trained-on-generated/pictures/\(file)"), "\(file)")
        }
      }
    }
    // Half of 21 and half of 20.
    #expect(seen == 20)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: "\(out)/trained-on-generated/pictures").count == 10)
  }

  /// A generator that exchanges two classes whose pictures are distributed alike: no classifier sees it, and the joint error does.
  @Test func exchangedClasses() throws {
    var exchanged = Self.colours
    exchanged.swapAt(0, 1)
    for number in 0..<24 {
      try write("generated", number, table: exchanged)
      try write("real", number + 24)
    }
    var (out, arguments): (String, [String]) = ("", [])
    var stopped: Outcome
    var attempts = 0
    repeat {
      attempts += 1
      out = "\(folder.path)/gap-\(attempts)"
      arguments =
        folders("generated", "real") + labels("generated", "real") + [
          "--unlabelled", "#000000", "--size", "32", "--ngf", "4", "--epochs", "20", "--learning-rate",
          "0.002",
          "--out", out,
        ]
      stopped = try stop(arguments)
      // On a busy machine it may come to its end before it is told to stop.
    } while stopped.status == 0 && attempts < 10
    #expect(stopped.status == 143 && stopped.output.contains("\"event\":\"stopped\""), "\(stopped.errors)")
    let found = try events(arguments)
    #expect(found.contains { $0.event == "note" && $0.text?.hasPrefix("going on from") == true })
    let figures = try #require(found.first { $0.event == "measured" }?.figures)
    func value(_ key: String) throws -> Double { try #require(figures[key]).value }
    // Halves of 24 pictures of each side are held out.
    #expect(figures["target_error"]?.pictures == 12 && figures["joint_error"]?.pictures == 24)
    let (source, target, joint) = (
      try value("source_error"), try value("target_error"), try value("joint_error")
    )
    // Guessing errs on two thirds. Measured: 0.033.
    #expect(source <= 0.1)
    #expect(figures["domain_discrepancy"]?.value == 0)
    // Two of three classes are called by the other's name. Measured: 0.593 and 0.629; with equal classes both would be near 0.
    #expect(target >= 0.5)
    #expect(joint >= 0.5)
    #expect(try joint == value("joint_source_error") + value("joint_target_error"))
    let bound = try value("domain_bound")
    #expect(abs(bound - (source + (try value("domain_discrepancy")) / 2 + joint)) <= 1e-12)
    #expect(target <= bound)
    let interval = try #require(figures["source_error"])
    #expect(try #require(interval.lower) <= source && source <= #require(interval.upper))
    try expectErrors(figures, ofScorersIn: out)

    // Once more: nothing is trained, and the figures are the same.
    let again = try events(arguments)
    #expect(
      again.first { $0.event == "measured" }?.figures == figures && !again.contains { $0.event == "saved" })
    #expect(try kept(out) == figures)
    let seeds = ["--seed", "1"]
    expectFailure(
      try Program.run(["domain-gap"] + arguments + seeds + onReference), "is not of these pictures")
    expectFailure(
      try Program.run(["domain-gap"] + arguments + ["--epochs", "21"] + onReference),
      "scorer-of-generated: holds a scorer of other options (--epochs 20, not 21)")
  }

  /// evaluate says the same of the scorers on the pictures that they were not trained on.
  private func expectErrors(_ figures: [String: Event.Figure], ofScorersIn out: String) throws {
    for (side, generated) in [("generated", "source"), ("real", "target")] {
      let trained = Set(
        try FileManager.default.contentsOfDirectory(atPath: "\(out)/trained-on-both/pictures"))
      let heldOut = "held-out-\(side)"
      let names = try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/\(side)/pictures")
      for (place, name) in names.sorted().enumerated()
      where !trained.contains("\(side)-\(String(format: "%06d", place)).png") {
        let picture = URL(fileURLWithPath: "\(folder.path)/\(side)/pictures/\(name)")
        try folder.write("\(heldOut)/\(name)", Data(contentsOf: picture))
      }
      for (scorer, key) in [("generated", "\(generated)_error"), ("both", "joint_\(generated)_error")] {
        let evaluated = "\(folder.path)/evaluated-\(key)"
        let outcome = try Program.run(
          [
            "evaluate", "--outputs", "\(folder.path)/\(heldOut)", "--targets", "\(folder.path)/\(heldOut)",
            "--scorer", "\(out)/scorer-of-\(scorer)", "--label-maps", "\(folder.path)/\(side)/labels",
            "--out",
            evaluated,
          ] + onReference)
        #expect(outcome.status == 0, "\(outcome.errors)")
        let theirs = try #require(evaluatedFigures(evaluated)["scorer_pixel_accuracy"])
        let ours = try #require(figures[key])
        #expect(ours.pictures == theirs.pictures && abs(1 - ours.value - theirs.value) <= 1e-15, "\(key)")
      }
    }
  }

  /// The figures of evaluate, among which a PSNR may be infinite.
  private func evaluatedFigures(_ out: String) throws -> [String: Event.Figure] {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return try decoder.decode(
      Figures.self, from: Data(contentsOf: URL(fileURLWithPath: "\(out)/figures.json"))
    ).figures
  }

  /// The first scorer's training, stopped by a signal that no shell has its background jobs ignore, as it has Ctrl-C's.
  private func stop(_ arguments: [String]) throws -> Outcome {
    let running = try Program.start(["domain-gap", "--json"] + arguments + onReference)
    #expect(running.wait { running.output.contains("\"step\":20,") })
    running.signal(SIGTERM)
    return try running.wait()
  }

  @Test func refusals() throws {
    for number in 0..<20 {
      try write("real", number)
      if number < 19 { try write("few", number) }
    }
    func refused(_ arguments: [String], _ parts: String..., status: Int32 = 1) throws {
      let outcome = try Program.run(["domain-gap"] + arguments + onReference)
      #expect(outcome.status == status, "\(outcome.errors)")
      for part in parts { #expect(outcome.errorLines.first?.contains(part) == true, "\(outcome.errors)") }
    }
    let alike = folders("real", "real")
    try refused(
      folders("few", "real"), "--generated:", "has 19 pictures, and 20 are the fewest",
      "a held-out half of 9 says nothing")
    try refused(folders("real", "few"), "--real:", "19 pictures")
    try refused(folders("none", "real"), "none/pictures: no such folder")
    try refused(["--generated", folder.path, "--real", folder.path], "holds no pictures")
    let out = ["--out", "\(folder.path)/out"]
    let both = labels("real", "real")
    try refused(alike + Array(both.suffix(2)) + out, "--labels needs --generated-labels", status: 64)
    try refused(alike + Array(both.prefix(2)) + out, "--generated-labels needs --labels", status: 64)
    try refused(alike + both, "--labels needs --out", status: 64)
    try refused(alike + ["--epochs", "3"], "--epochs goes with --labels", status: 64)
    try refused(alike + ["--scorer", "x", "--feature-network", "y"], "different networks", status: 64)
    try refused(
      alike + labels("few", "real") + out, "pictures without a partner of the same name", "p19")
    try refused(
      alike + both + out + ["--unlabelled", "#010101"], "#010101 is not one of the label maps' colours")
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/out"))
    // A foreign file of the results' name.
    try folder.write("foreign/figures.json", Data("{}".utf8))
    try refused(
      alike + ["--out", "\(folder.path)/foreign"], "figures.json", "was not written by this program")
    // A run's folder, and a folder of other pictures.
    try folder.write("other/trained-on-generated/pictures/mine.png", pattern(32, 32))
    try refused(alike + both + ["--out", "\(folder.path)/other"], "mine.png", "is not of these pictures")
  }

  @Test func unreadablePicture() throws {
    for number in 0..<21 { for name in ["a", "b"] { try write(name, number) } }
    try folder.write("a/pictures/p3.png", Data("no picture".utf8))
    let outcome = try Program.run(["domain-gap"] + folders("a", "b") + onReference)
    #expect(outcome.status == 1 && outcome.output.contains("d, discrepancy"), "\(outcome.errors)")
    #expect(outcome.errors.contains("skipped: ") && outcome.errors.contains("p3.png"))
    #expect(outcome.errorLines == ["Error: 1 of 42 pictures could not be taken; see above"])
  }

  /// A scorer's features, and a scorer that does not know the label maps' classes.
  @Test func scorers() throws {
    let other: [[UInt8]] = [[9, 9, 9], [0, 200, 0], [0, 0, 200], [0, 0, 0]]
    for number in 0..<20 {
      try write("a", number)
      try write("b", number + 20, isYellow: true)
      try write("c", number, table: other)
    }
    let scorer = "\(folder.path)/scorer"
    let trained = try Program.run(
      [
        "train-scorer", "--data", "\(folder.path)/a/pictures", "--targets", "\(folder.path)/a/labels",
        "--unlabelled", "#000000", "--size", "32", "--ngf", "4", "--epochs", "1", "--out", scorer,
      ] + onReference)
    #expect(trained.status == 0, "\(trained.errors)")
    let found = try events(folders("a", "b") + ["--scorer", scorer])
    let measured = try #require(found.first { $0.event == "measured" })
    #expect(measured.features == "means of the maps that the last layer of \(scorer) reads")
    // Measured: 1.96, of features that hardly learnt anything.
    #expect(try #require(measured.figures?["domain_discrepancy"]).value >= 1.8)
    let arguments = ["domain-gap"] + folders("c", "b") + labels("c", "b") + onReference
    expectFailure(
      try Program.run(arguments + ["--scorer", scorer, "--out", "\(folder.path)/out"]), "--scorer: ",
      "has other classes than the label maps, which show #090909 beside")
    expectFailure(
      try Program.run(
        ["domain-gap"] + folders("a", "b") + labels("a", "b") + onReference + [
          "--scorer", scorer, "--unlabelled", "#c80000", "--out", "\(folder.path)/out",
        ]), "--unlabelled: ", "was trained with #000000 for unlabelled pixels")
  }
}
