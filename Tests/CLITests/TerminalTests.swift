import Foundation
import Images
import Model
import Testing

/// The program in a terminal: colours, and a bar that fits.
@Suite(.enabled(if: PseudoTerminal.isThere)) struct TerminalTests {
  private let folder: TemporaryFolder
  private let escape = "\u{1B}"

  init() throws { folder = try TemporaryFolder() }

  private func training(_ run: String = "run") throws -> [String] {
    let pairs = try folder.writePairs("pairs/train")
    try folder.writePairs("pairs/val", count: 2)
    return [
      "train", "--data", (pairs as NSString).deletingLastPathComponent, "--out", "\(folder.path)/\(run)",
    ]
      + ["--steps", "8", "--save-every", "4"] + tiny + onReference
  }

  /// What was drawn over, from the beginnings of lines.
  private func drawn(_ text: String) -> [String] {
    text.split { $0 == "\r" || $0 == "\n" }.map(String.init)
  }

  @Test(arguments: [8, 20, 40, 80, 200]) func theBarFits(_ columns: Int) throws {
    let (status, text) = try PseudoTerminal.run(try training(), columns: columns)
    #expect(status == 0, "\(text)")
    let bars = drawn(text).filter { $0.contains("%") && !$0.contains("\(folder.path)") }
    #expect(!bars.isEmpty && bars.allSatisfy { $0.count < columns }, "\(bars)")
    let last = try #require(bars.last { $0.contains("100%") })
    #expect(last.contains("left") == (columns >= 20), "\(last)")
    #expect(last.contains("step 8/8") == (columns >= 40), "\(last)")
    #expect(last.hasPrefix("[=") == (columns >= 40), "\(last)")
    #expect(last.contains("G_L1") == (columns >= 200), "\(last)")
    // It stands on one line, and is gone at the end.
    #expect(!text.contains("left\n"))
    let run = RunDirectory("\(folder.path)/run")
    let end = "\(escape)[32mdone:\(escape)[0m \(run.checkpoint(step: 8))\nlook: \(run.report)\n"
    #expect(text.hasSuffix(end), "\(text)")
    #expect(text.contains("\(escape)[32msaved\(escape)[0m \(run.checkpoint(step: 4))\n"))
  }

  @Test func coloursCanBeForbidden() throws {
    let (status, text) = try PseudoTerminal.run(try training(), variables: ["NO_COLOR": "1"])
    #expect(status == 0 && !text.contains(escape), "\(text)")
    #expect(text.contains("\r[=") && text.contains("\ndone: ") == false && text.contains("done: "))
  }

  @Test func aDumbTerminalGetsLines() throws {
    let (status, text) = try PseudoTerminal.run(try training(), variables: ["TERM": "dumb"])
    #expect(status == 0 && !text.contains(escape) && !text.contains("\r"), "\(text)")
    #expect(text.contains("step 8/8  ") && text.contains(" pictures/s  "))
  }

  @Test func errorsAreRedAndWarningsYellow() throws {
    let red = "\(escape)[1;31mError:\(escape)[0m "
    for arguments in [
      ["train", "--out", "x", "--data", "\(folder.path)/none"], ["train", "--nogo"], ["translat"],
    ] {
      #expect(try PseudoTerminal.run(arguments).text.hasPrefix(red))
      let plain = try PseudoTerminal.run(arguments, variables: ["NO_COLOR": "1"]).text
      #expect(plain.hasPrefix("Error: ") && !plain.contains(escape))
    }
    #expect(try Program.run(try training()).status == 0)
    let pictures = try folder.writePairs("pictures")
    let broken = try folder.write("pictures/broken.png", Data("no picture".utf8))
    let (status, text) = try PseudoTerminal.run(
      ["translate", "--model", "\(folder.path)/run", "--input", pictures, "--out", "\(folder.path)/out"]
        + onReference)
    #expect(status == 1)
    #expect(text.contains("\(escape)[33mskipped: \(broken): is "), "\(text)")
    #expect(text.contains("\r[=") && text.contains("picture 4/4  ") && text.contains(red), "\(text)")
    let evaluated = try PseudoTerminal.run(["evaluate", "--model", "\(folder.path)/run"] + onReference)
    #expect(evaluated.status == 0 && evaluated.text.contains("picture 2/2  "), "\(evaluated.text)")
  }

  @Test func helpHasNoColours() throws {
    for arguments in [["--help"], ["train", "--help"]] {
      #expect(try !PseudoTerminal.run(arguments).text.contains(escape))
    }
  }
}
