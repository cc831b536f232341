import Foundation
import Images
import Model
import Testing

/// Damaged and foreign checkpoints, and what translating makes of good ones.
@Suite struct CheckpointTests {
  private let folder: TemporaryFolder
  private var run: RunDirectory { RunDirectory("\(folder.path)/run") }

  init() throws { folder = try TemporaryFolder() }

  private func trained(_ arguments: [String] = tiny) throws -> String {
    let data = try folder.writePairs("pairs")
    let outcome = try Program.run(
      ["train", "--data", data, "--out", run.path, "--steps", "3"] + onReference + arguments)
    #expect(outcome.status == 0, "\(outcome.errors)")
    return run.checkpoint(step: 3)
  }

  // MARK: Damage

  private static let weight = "model.model.0.weight"

  /// A whole checkpoint with a change made to its contents.
  private static func changed(
    _ whole: Data, _ change: (inout Safetensors) -> Void
  ) throws -> Data {
    let folder = try TemporaryFolder()
    var tensors = try Safetensors(path: try folder.write("x.safetensors", whole))
    change(&tensors)
    return tensors.data()
  }

  private static func options(_ from: String, _ to: String) -> (inout Safetensors) -> Void {
    { $0.metadata["options"] = $0.metadata["options"]?.replacingOccurrences(of: from, with: to) }
  }

  private static func damages(_ whole: Data) throws -> [(Data, String)] {
    var absurd = whole
    absurd.replaceSubrange(0..<8, with: Data(repeating: 0xff, count: 8))
    var foreign = Safetensors()
    foreign.set("layer.weight", [2], [1, 2])
    return [
      (whole.dropLast(10), "the file is cut short"), (whole.prefix(100), "its header claims"),
      (Data(), "0 bytes are too few"), (Data("This is no checkpoint.".utf8), "not a whole safetensors file"),
      (absurd, "its header claims 18446744073709551615 bytes"),
      (foreign.data(), "no checkpoint of pix2pix"),
      (try changed(whole) { $0.set(weight, [1, 1], [1]) }, "\(weight) has the shape"),
      (try changed(whole) { $0.set(weight, scalar: 1) }, "\(weight) has the shape"),
      (
        try changed(whole) { $0.set(weight, [4, 3, 4, 4], [.nan] + [Float](repeating: 0, count: 191)) }, "NaN"
      ),
      (try changed(whole) { $0.entries[weight] = nil }, "\(weight): it belongs to another architecture"),
      (
        try changed(whole) { $0.metadata["format"] = "pix2pix checkpoint 1" }, "is a \"pix2pix checkpoint 1\""
      ),
      (try changed(whole) { $0.metadata["format"] = "pix2pix checkpoint 9" }, "pix2pix checkpoint 9"),
      (try changed(whole) { $0.metadata["options"] = "{}" }, "no options or progress"),
      (try changed(whole) { $0.metadata["progress"] = nil }, "no options or progress"),
      (try changed(whole, options("\"ngf\":4", "\"ngf\":8")), "has the shape"),
      (try changed(whole, options("\"ngf\":4", "\"ngf\":-1")), "its options are out of range: --ngf: -1"),
      (
        try changed(whole, options("\"width\":32", "\"width\":3")),
        "its options are out of range: --size: 3x32"
      ),
    ]
  }

  @Test func translateRefuses() throws {
    let path = try trained()
    for (bytes, message) in try Self.damages(Data(contentsOf: URL(fileURLWithPath: path))) {
      let file = try folder.write("damaged.safetensors", bytes)
      let outcome = try Program.run(
        ["translate", "--model", file, "--input", "\(folder.path)/pairs", "--out", "\(folder.path)/out"]
          + onReference)
      expectFailure(outcome, "\(file): ", message)
      #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/out"))
    }
  }

  /// The damaged file stays as it is, for whoever wants to look at it.
  @Test func resumeRefuses() throws {
    let path = try trained()
    for (bytes, message) in try Self.damages(Data(contentsOf: URL(fileURLWithPath: path))) {
      try bytes.write(to: URL(fileURLWithPath: path))
      let outcome = try Program.run(["train", "--resume", "--out", run.path, "--steps", "5"] + onReference)
      expectFailure(outcome, "\(path): ", message)
      #expect(run.checkpointSteps() == [3])
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes)
    }
  }

  // MARK: Translating

  /// Translates and returns the pictures' bytes by name.
  private func translate(_ model: String, _ input: String, _ arguments: [String] = []) throws -> [String:
    Data]
  {
    let out = "\(folder.path)/out-\(UUID().uuidString)"
    let outcome = try Program.run(
      ["translate", "--model", model, "--input", input, "--out", out] + arguments)
    #expect(outcome.status == 0, "\(outcome.errors)")
    var files: [String: Data] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: out) {
      files[name] = try Data(contentsOf: URL(fileURLWithPath: "\(out)/\(name)"))
    }
    return files
  }

  @Test func picturesUnderTheirOwnNames() throws {
    let model = try trained()
    let input = try folder.makeFolder("input")
    try folder.write("input/one.png", pattern(40, 90))
    try folder.write("input/Two words.2.png", pattern(32, 32, 2))
    let jpeg = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("ImagesTests/Fixtures/jpeg_444.jpg")
    try folder.write("input/photo.JPG", try Data(contentsOf: jpeg))
    try folder.write("input/notes.txt", Data("no picture".utf8))
    let all = try translate(run.path, input)
    #expect(Set(all.keys) == ["one.png", "Two words.2.png", "photo.png"])
    for (name, bytes) in all {
      let picture = try Picture(contentsOf: try folder.write("back/\(name)", bytes))
      #expect(picture.width == 32 && picture.height == 32 && picture.channels == 3)
    }
    #expect(all["one.png"] != all["photo.png"])
    // A run's folder means its last checkpoint, and a file may be given alone.
    #expect(try translate(model, "\(input)/one.png", ["--dropout", "off"]).keys.sorted() == ["one.png"])
  }

  /// Dropout needs a U-Net of six levels; five have no level that drops.
  @Test func dropoutAndStatistics() throws {
    let model = try trained(["--size", "64", "--ngf", "4", "--ndf", "4"])
    let input = try folder.writePairs("wide", count: 1)
    func picture(_ arguments: String...) throws -> Data {
      try #require(try translate(model, input, ["--side", "A"] + arguments)["p0.png"])
    }
    let off = try picture("--dropout", "off")
    #expect(try picture("--dropout", "off") == off)
    let first = try picture("--dropout", "1")
    #expect(try picture("--dropout", "1") == first)
    #expect(try picture("--dropout", "2") != first)
    #expect(try picture() != off)
    let running = try picture("--dropout", "off", "--norm-statistics", "running")
    #expect(running != off)
    #expect(try picture("--dropout", "off", "--norm-statistics", "running") == running)
    #expect(try picture("--dropout", "off", "--device", "reference").count > 0)
  }

  @Test func sidesDiffer() throws {
    let model = try trained()
    let sides = try ["A", "B", "whole"].map {
      try translate(model, "\(folder.path)/pairs", ["--side", $0, "--dropout", "off"] + onReference)["p1.png"]
    }
    #expect(!sides.contains(nil) && Set(sides).count == 3)
  }

  @Test func inputsRefused() throws {
    let model = try trained(tiny + ["--norm", "instance"])
    let input = try folder.makeFolder("input")
    let none = "\(folder.path)/none"
    func refused(_ path: String, _ arguments: [String] = [], out: String? = nil) throws -> Outcome {
      try Program.run(
        ["translate", "--model", model, "--input", path, "--out", out ?? "\(folder.path)/out"] + onReference
          + arguments)
    }
    expectFailure(try refused(none), "\(none): no such file or folder")
    expectFailure(try refused(input), "\(input): holds no pictures")
    let odd = try folder.write("input/a.png", pattern(33, 32))
    expectFailure(try refused(input, ["--side", "A"]), "\(odd): is 33 pixels wide, an odd number")
    expectFailure(try refused(input, ["--norm-statistics", "running"]), "--norm-statistics: ", "instance")
    expectFailure(try refused(input, out: odd), "\(odd): is read by --input")
    try folder.write("input/a.jpg", Data("x".utf8))
    expectFailure(try refused(input), "would both become")
    let text = try folder.write("text.png", Data("x".utf8))
    expectFailure(try refused(text), "\(text): ")
    expectFailure(
      try Program.run(["translate", "--model", none, "--input", odd, "--out", none]), "\(none): no such file")
    expectFailure(
      try Program.run(["translate", "--model", input, "--input", odd, "--out", none]),
      "\(input): holds no checkpoint")
  }
}
