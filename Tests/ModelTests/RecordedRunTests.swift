import Foundation
import Model
import Testing

/// Runs as their files tell them.
@Suite struct RecordedRunTests {
  private let folder: TemporaryFolder
  private let now = Date(timeIntervalSince1970: 1_800_000_000)

  init() throws { folder = try TemporaryFolder() }

  private func write(_ name: String, _ lines: [String], age: Double = 0) throws {
    let path = "\(folder.path)/\(name)"
    try lines.map { $0 + "\n" }.joined().write(toFile: path, atomically: true, encoding: .utf8)
    try FileManager.default.setAttributes(
      [.modificationDate: now.addingTimeInterval(-age)], ofItemAtPath: path)
  }

  private let header = "step,epoch,time,event,steps,steps_per_epoch,process,device,losses,detail"
  private let start =
    "0,0.0000,2027-01-15T08:00:00Z,started,100,20,7,\"GPU; 2\",G_L1:reconstruction D_real:discriminator,"

  private func losses(_ steps: [Int]) -> [String] {
    ["step,epoch,G_L1,D_real,learning_rate,ms_per_step"]
      + steps.map { "\($0),\(Double($0) / 20),\(100 - $0).5,0.25,0.0002,\($0).00" }
  }

  private func run() -> RecordedRun {
    var run = RecordedRun(folder.path)
    run.update(now: now)
    return run
  }

  @Test func aRunUnderWayOnAnotherMachine() throws {
    try write("history.csv", [header, start], age: 4)
    try write("losses.csv", losses([10, 20, 30]), age: 4)
    let run = run()
    #expect(run.state == .running)
    #expect(run.step == 30 && run.totalSteps == 100 && run.epoch == 1.5)
    #expect(run.millisecondsPerStep == 20)
    #expect(abs(run.secondsLeft! - 1.4) < 1e-9)
    #expect(run.plan?.losses == [LossKind("G_L1", .reconstruction), LossKind("D_real", .discriminator)])
    #expect(run.values(ofLoss: "G_L1").map(\.value) == [90.5, 80.5, 70.5])
    #expect(run.report(title: "x").lossKinds.map(\.family) == [.reconstruction, .discriminator])
  }

  /// Without a lock and without news a run was killed; with an end it has the end's state.
  @Test(
    arguments: [
      ("", RecordedRun.State.killed), ("100,5.0,2027-01-15T08:00:09Z,finished,,,,,,", .finished),
      ("40,2.0,2027-01-15T08:00:09Z,stopped,,,,,,", .stopped),
      ("40,2.0,2027-01-15T08:00:09Z,diverged,,,,,,\"G_L1 became NaN, or so\"", .diverged),
      ("40,2.0,2027-01-15T08:00:09Z,failed,,,,,,no disk", .failed),
    ]) func ends(_ line: String, _ state: RecordedRun.State) throws
  {
    try write("history.csv", [header, start] + (line.isEmpty ? [] : [line]), age: 3600)
    try write("losses.csv", losses([10, 20]), age: 3600)
    #expect(run().state == state)
    #expect(run().secondsLeft == nil)
  }

  /// The reason of an end is in quotes where it holds commas or quotes.
  @Test(arguments: [
    ("no disk", "no disk"), (#""no disk, no ""end""""#, #"no disk, no "end""#), (#""""#, ""), (#"""#, #"""#),
  ]) func reason(_ field: String, _ reason: String) throws {
    try write("history.csv", [header, start, "40,2.0,2027-01-15T08:00:09Z,failed,,,,,,\(field)"], age: 3600)
    #expect(run().history.last?.detail == reason)
  }

  /// Strips are spread over the run, never more than asked for.
  @Test func strips() {
    for count in 0..<40 {
      let steps = (0..<count).map { 10 * $0 }
      #expect(TrainingReport.spread(steps, most: 0).isEmpty)
      for most in 1..<12 {
        let shown = TrainingReport.spread(steps, most: most)
        #expect(shown.count <= most && (shown.count > most / 2 || shown == steps), "\(most) of \(count)")
        #expect(shown == steps.filter(shown.contains))
        #expect(shown.last == steps.last)
        #expect(most < 2 || shown.first == steps.first)
      }
    }
  }

  @Test func aRunThatWasResumed() throws {
    let resumed = start.replacingOccurrences(of: "started", with: "resumed")
      .replacingOccurrences(of: "0,0.0000,", with: "20,1.0000,")
    try write("history.csv", [header, start, resumed], age: 5)
    try write("losses.csv", losses([10, 20]), age: 5)
    #expect(run().state == .starting)
    try write("losses.csv", losses([10, 20, 30]), age: 5)
    #expect(run().state == .running)
    #expect(run().history.map(\.kind) == [.started, .resumed])
  }

  /// Lines that come are read on; a table that is begun anew is read anew.
  @Test func follows() throws {
    try write("history.csv", [header, start])
    try write("losses.csv", losses([10, 20]))
    var run = run()
    let before = run.fingerprint
    let handle = try #require(FileHandle(forWritingAtPath: "\(folder.path)/losses.csv"))
    try handle.seekToEnd()
    // Half a line is none yet.
    try handle.write(contentsOf: Data("30,1.5,70.5,0.25".utf8))
    run.update(now: now)
    #expect(run.step == 20 && run.fingerprint == before)
    try handle.write(contentsOf: Data(",0.0002,20.00\n".utf8))
    run.update(now: now)
    #expect(run.step == 30 && run.fingerprint != before)
    #expect(run.values(ofLoss: "G_L1").map(\.step) == [10, 20, 30])
    try write("losses.csv", losses([10]))
    run.update(now: now)
    #expect(run.step == 10)
    #expect(run.values(ofLoss: "G_L1").map(\.step) == [10])
  }

  /// What no run writes is left out, and nothing ends the program.
  @Test(
    arguments: [
      "", "x", "-1,0,2027-01-15T08:00:00Z,started,1,1,1,,,", "1,0,yesterday,finished,,,,,,",
      "1,0,2027-01-15T08:00:00Z,exploded,,,,,,", "1,0,2027-01-15T08:00:00Z,started,,,,,,",
      "1,0,2027-01-15T08:00:00Z,started,9,0,1,,,",
    ])
  func brokenHistory(_ line: String) throws {
    try write("history.csv", [header, line], age: 100)
    try write(
      "losses.csv", ["step,epoch,G_L1,learning_rate,ms_per_step", "nan,1,2,3,4", ",,,,", "10,0.5,1,0,1"])
    let run = run()
    #expect(run.history.isEmpty)
    #expect(run.step == 10)
  }

  @Test func bestFigures() throws {
    try write(
      "validation.csv", ["step,epoch,l1,psnr,unknown", "20,1,30.5,12,1", "40,2,28.5,11,1", "60,3,nan,13,1"])
    let run = run()
    #expect(run.figures.map(\.key) == ["l1", "psnr"])
    #expect(run.values(of: .l1).map(\.epoch) == [1, 2, 3])
    #expect(run.bestFigure == .l1)
  }

  @Test func comparedCurvesShareTheirPlaces() {
    let curves = [[10.0, 20, 30], [5, 10, 40]]
    let places = RunComparison.places(curves)
    #expect(places == [5, 10, 20, 30, 40])
    let values = RunComparison.values([(10, 1), (20, 2), (30, 3)], at: places)
    #expect(values[0].isNaN && values[4].isNaN)
    #expect(Array(values[1...3]) == [1, 2, 3])
    // Between two places a curve keeps its value.
    #expect(RunComparison.values([(5, 1), (10, 2), (40, 3)], at: places) == [1, 2, 2, 2, 3])
    let many = RunComparison.places([(0..<5000).map(Double.init)])
    #expect(many.count == LossChart.maximumPoints && many.first == 0 && many.last == 4999)
  }
}
