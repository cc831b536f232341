import Foundation
import Model
import Testing

/// `pix2pix tune` and `--choices`.
@Suite struct TuningTests {
  private let folder: TemporaryFolder
  /// Of these tests alone: what they tune is nobody else's.
  private var cache: String { "export PIX2PIX_CACHE='\(folder.path)/cache'" }

  init() throws {
    folder = try TemporaryFolder()
    // Compiled programs are everybody's.
    let programs = try #require(Program.environment["PIX2PIX_CACHE"]) + "/programs"
    try FileManager.default.createDirectory(atPath: programs, withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: try folder.makeFolder("cache") + "/programs", withDestinationPath: programs)
  }

  private func run(_ arguments: [String]) throws -> Outcome { try Program.run(arguments, shell: cache) }

  @Test func tunesPrintsPinsAndDeletes() throws {
    expectFailure(try run(["tune", "--print"]), "--print", "run pix2pix tune first")
    let tuned = try run(["tune", "--seconds", "0.5"] + tiny)
    #expect(tuned.status == 0 && tuned.output.contains("passes tuned"), "\(tuned.errors)")
    let printed = try run(["tune", "--print"])
    #expect(printed.status == 0)
    let rows = printed.output.split(separator: "\n").filter { $0.contains(" lanes ") }
    #expect(rows.count > 20 && tuned.output.hasPrefix("\(rows.count) passes tuned"))

    let file = "\(folder.path)/pinned.json"
    #expect(try run(["tune", "--pin", file]).status == 0)
    let verified = try run(["verify", "--choices", file] + tiny)
    #expect(verified.status == 0, "\(verified.errors)")
    let deleted = try run(["tune", "--delete"])
    #expect(deleted.output.hasPrefix("deleted 1 record of "))
    expectFailure(try run(["tune", "--pin", file]), "--pin", "run pix2pix tune first")
    expectFailure(try run(["tune", "--print", "--delete"]), "--print, --delete and --pin", status: 64)
  }

  /// A file with one choice, other than the default, for the tiny model.
  private func pin(_ name: String, _ variant: String) throws -> String {
    let pass = "transposed 16>3 4x4 s2 p1 16x16>32x32 n1 lanes output"
    return try folder.write(
      name, Data(#"{"device": "any", "deviceClass": "cpu", "variants": {"\#(pass)": "\#(variant)"}}"#.utf8))
  }

  /// A variant of that pass that streams: its default takes dot products. Its tile depends on the machine's registers.
  private func streamVariant(_ network: [String]) throws -> String {
    let unknown = try pin("none.json", "none")
    let errors = try run(["verify", "--choices", unknown] + network).errors
    let listed = try #require(errors.split(separator: "there are ").last).split(separator: ", ")
    return String(try #require(listed.first { $0.hasPrefix("stream ") }))
  }

  @Test func pinnedRunsAreEqualAndRemembered() throws {
    let data = try folder.writePairs("pairs")
    let tiny = ["--size", "32", "--ngf", "8", "--ndf", "4"]
    let other = try streamVariant(tiny)
    let choices = try pin("other.json", other)
    func train(_ name: String, _ arguments: [String]) throws {
      let outcome = try run(["train", "--out", "\(folder.path)/\(name)"] + arguments)
      #expect(outcome.status == 0, "\(outcome.errors)")
    }
    func checkpoint(_ name: String) throws -> Data {
      try Data(
        contentsOf: URL(fileURLWithPath: RunDirectory("\(folder.path)/\(name)").checkpoint(step: 4)))
    }
    let settings = ["--data", data, "--steps", "4"] + tiny
    try train("first", settings + ["--choices", choices])
    try train("second", settings + ["--choices", choices])
    try train("stopped", settings + ["--choices", choices, "--stop-after", "2"])
    try train("stopped", ["--resume"])
    try train("default", settings)
    let first = try checkpoint("first")
    #expect(try checkpoint("second") == first)
    #expect(try checkpoint("stopped") == first)
    // Another order of sums: if the choice were not taken, these would be equal.
    #expect(try checkpoint("default") != first)
    for name in ["first", "stopped"] {
      let kernels = try String(contentsOfFile: "\(folder.path)/\(name)/kernels.json", encoding: .utf8)
      #expect(kernels.contains("\"\(other)\""))
    }
  }

  @Test func badFiles() throws {
    let verify = ["verify"] + ["--size", "32", "--ngf", "8", "--ndf", "4"]
    let unknown = try pin("unknown.json", "stream 5x5x5")
    expectFailure(
      try run(verify + ["--choices", unknown]), "unknown.json", "transposed 16>3", "\"stream 5x5x5\"")
    expectFailure(try run(verify + ["--choices", "/none.json"]), "/none.json", "no such file")
    let garbage = try folder.write("garbage.json", Data("[]".utf8))
    expectFailure(try run(verify + ["--choices", garbage]), "garbage.json", "tune --pin")
    let noPass = try folder.write(
      "pass.json", Data(#"{"device": "", "deviceClass": "cpu", "variants": {"pooling": "x"}}"#.utf8))
    expectFailure(try run(verify + ["--choices", noPass]), "pass.json", "\"pooling\" is no pass")
  }

  /// The kernels that a run remembers are no reason to lose the run.
  @Test(arguments: ["", "{\"a\":", "[]", "{\"device\": 1}", "\u{0}\u{0}"])
  func runsGoOnWithoutTheirKernels(_ content: String) throws {
    let out = "\(folder.path)/run"
    let settings = ["--data", try folder.writePairs("pairs"), "--steps", "4"] + tiny
    #expect(try run(["train", "--out", out, "--stop-after", "2"] + settings).status == 0)
    let kernels = "\(out)/kernels.json"
    let before = try Data(contentsOf: URL(fileURLWithPath: kernels))
    try Data(content.utf8).write(to: URL(fileURLWithPath: kernels))
    let resumed = try run(["train", "--out", out, "--resume"])
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(
      resumed.errors.contains("\(kernels): ") && resumed.errors.contains("may differ"), "\(resumed.errors)")
    // What may be another program's stays; where there was nothing, the run's kernels are kept again.
    let after = try Data(contentsOf: URL(fileURLWithPath: kernels))
    #expect(after == (content.isEmpty ? before : Data(content.utf8)))
  }
}
