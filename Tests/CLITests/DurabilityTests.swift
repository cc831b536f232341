import Foundation
import Images
import Model
import Testing

/// What is on the disk after a power cut or where it fails. `scripts/check-reliability` tries far more of it.
@Suite struct DurabilityTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static let strace = "/usr/bin/strace"

  /// A checkpoint that is said to be saved is certain: its folders' entries have been flushed, and the tables' rows.
  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: DurabilityTests.strace)))
  func whatIsSaidToBeSavedIsFlushed() throws {
    let (run, trace) = ("\(folder.path)/above/run", "\(folder.path)/trace")
    let outcome = try Program.run(
      ["train", "--data", try folder.writePairs("pairs"), "--out", run, "--steps", "2"] + tiny + onReference,
      shell:
        "exec \(Self.strace) -f -s 500 -o \(trace) -e trace=openat,mkdir,fsync,write,pwrite64 \"$0\" \"$@\"")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let lines = try String(contentsOfFile: trace, encoding: .utf8).split(separator: "\n").map(String.init)
    // The file behind each descriptor at its time.
    var files: [String: String] = [:]
    var unflushed: Set<String> = []
    var isSaid = false
    for line in lines {
      let call = line.drop { $0 != " " }.drop { $0 == " " }
      let argument =
        call.split(separator: "(").dropFirst().first?.split(separator: ",").first.map(String.init) ?? ""
      let quoted = line.split(separator: "\"").dropFirst().first.map(String.init) ?? ""
      let number = argument.split(separator: ")").first.map(String.init) ?? ""
      if call.hasPrefix("openat("), let result = line.components(separatedBy: "= ").last {
        files[result] = quoted
      } else if call.hasPrefix("mkdir("), line.hasSuffix("= 0") {
        unflushed.insert((quoted as NSString).deletingLastPathComponent)
      } else if call.hasPrefix("pwrite64("), files[number]?.hasSuffix(".csv") == true {
        unflushed.insert(files[number]!)
      } else if call.hasPrefix("fsync(") {
        unflushed.remove(files[number] ?? "")
      } else if call.hasPrefix("write(1, \"saved ") {
        isSaid = true
        #expect(unflushed.isEmpty)
      }
    }
    #expect(isSaid && files.values.contains("\(run)/losses.csv"))
  }

  /// What a power cut may have left of a table's end: zeros, half a row, and a row behind them.
  @Test func brokenRowsOfATableAreDropped() throws {
    let run = RunDirectory("\(folder.path)/run")
    let data =
      ["--data", try folder.writePairs("pairs"), "--steps", "40", "--save-every", "10"] + tiny + onReference
    #expect(try Program.run(["train", "--out", run.path, "--stop-after", "20"] + data).status == 0)
    let whole = try String(contentsOfFile: run.losses, encoding: .utf8)
    // As a row of step 20, were its last digits there.
    let half = whole.split(separator: "\n").last!.dropLast(2)
    try (whole + "\0\0\0\0\n30,1,2\n" + half).write(toFile: run.losses, atomically: false, encoding: .utf8)
    #expect(try Program.run(["train", "--out", run.path, "--resume"] + onReference).status == 0)
    let after = try String(contentsOfFile: run.losses, encoding: .utf8)
    #expect(after.hasPrefix(whole))
    #expect(after.split(separator: "\n").dropFirst().map { $0.prefix { $0 != "," } }.last == "40")
    let counts = Set(after.split(separator: "\n").map { $0.split(separator: ",").count })
    let steps = after.split(separator: "\n").dropFirst().compactMap { Int($0.prefix { $0 != "," }) }
    #expect(counts.count == 1 && steps == steps.sorted() && Set(steps).count == steps.count)
  }
}
