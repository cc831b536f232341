import Foundation
import Model
import Testing

/// What stands around the program harms neither its work nor its files.
@Suite struct ProcessSetupTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func arguments(_ run: String) throws -> [String] {
    ["train", "--data", try folder.writePairs("pairs"), "--out", run, "--steps", "8"] + tiny + onReference
  }

  /// Everything that an undisturbed run writes, too: the same checkpoint, and nothing foreign in the log.
  private func expectWhole(_ run: String) throws {
    let straight = "\(folder.path)/straight"
    if !FileManager.default.fileExists(atPath: straight) {
      #expect(try Program.run(try arguments(straight)).status == 0)
    }
    let checkpoints = try [run, straight].map {
      try Data(contentsOf: URL(fileURLWithPath: RunDirectory($0).checkpoint(step: 8)))
    }
    #expect(checkpoints[0] == checkpoints[1])
    let losses = try [run, straight].map { run in
      try String(contentsOfFile: RunDirectory(run).losses, encoding: .utf8).split(separator: "\n")
        // The last column is the time.
        .map { $0.split(separator: ",").dropLast().joined(separator: ",") }
    }
    #expect(losses[0] == losses[1] && losses[0].count > 1)
  }

  /// Standard input, output and error that are full or closed, and a reader that goes away.
  @Test func trainingNeedsNobodyWhoReads() throws {
    let fifo = "\(folder.path)/fifo"
    let places = [
      "exec > /dev/full", "exec 2> /dev/full", "exec > /dev/full 2>&1", "exec >&-", "exec 2>&-", "exec <&-",
      "exec <&- >&- 2>&-", "mkfifo '\(fifo)'; head -n 1 < '\(fifo)' > /dev/null & exec > '\(fifo)' 2>&1",
    ]
    for (index, place) in places.enumerated() {
      let run = "\(folder.path)/run\(index)"
      #expect(try Program.run(try arguments(run), shell: place).status == 0, "\(place)")
      try expectWhole(run)
    }
  }

  /// What a command exists to print must arrive.
  @Test(arguments: [
    ["--help"], ["--version"], ["help", "train"], ["evaluate", "--help"], ["devices"], ["devices", "--json"],
    ["verify", "--list"] + tiny,
  ])
  func resultsThatAreLostAreAnError(_ arguments: [String]) throws {
    expectFailure(
      try Program.run(arguments, shell: "exec > /dev/full"),
      "standard output cannot be written: No space left")
    #expect(try Program.run(arguments).status == 0)
  }

  /// What a command makes as files is there, whoever reads the line about it.
  @Test func filesNeedNobodyWhoReads() throws {
    let (run, pairs) = ("\(folder.path)/run", "\(folder.path)/drawn")
    #expect(try Program.run(try arguments(run) + ["--noise", "gaussian"]).status == 0)
    let translate = ["translate", "--model", run, "--input", "\(folder.path)/pairs/p0.png"] + onReference
    for (command, files) in [
      (translate + ["--out", "\(folder.path)/one"], ["one/p0.png"]),
      (translate + ["--samples", "2", "--out", "\(folder.path)/two"], ["two/p0-1.png", "two/p0-2.png"]),
      (["sample-pairs", "--count", "2", "--size", "32", "--out", pairs], ["drawn/train/00001.png"]),
    ] {
      #expect(try Program.run(command, shell: "exec > /dev/full 2>&1").status == 0, "\(command)")
      for file in files {
        #expect(FileManager.default.fileExists(atPath: "\(folder.path)/\(file)"), "\(file)")
      }
    }
  }

  /// As jobs in the background and under nohup.
  @Test(arguments: [("INT", SIGINT), ("HUP", SIGHUP)])
  func aSignalThatIsIgnoredStaysIgnored(_ name: String, _ number: Int32) throws {
    let run = RunDirectory("\(folder.path)/run")
    let long = ["--steps", "1000000", "--save-every", "5", "--sample-every", "1000000"]
    let running = try Program.start(
      ["train", "--data", try folder.writePairs("pairs"), "--out", run.path] + tiny + onReference + long,
      shell: "trap '' \(name)")
    #expect(running.wait { !run.checkpointSteps().isEmpty })
    running.signal(number)
    let step = run.checkpointSteps().last ?? 0
    #expect(running.wait { (run.checkpointSteps().last ?? 0) >= step + 10 })
    running.signal(SIGTERM)
    #expect(try running.wait().status == 128 + SIGTERM)
  }
}
