import Foundation
import Images
import Testing

/// What `pix2pix check` prints, and how it ends.
@Suite struct CheckTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func nothingWrong() throws {
    for index in 0..<60 {
      let split = index < 50 ? "train" : "val"
      for side in ["A", "B"] {
        let picture = pattern(16, 16, index + (side == "A" ? 0 : 60))
        try folder.write("\(split)/\(side)/\(index).png", picture)
      }
    }
    let sheet = "\(folder.path)/sheet.png"
    let outcome = try Program.run(["check", "--data", folder.path, "--sheet", sheet])
    #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
    let lines = outcome.output.split(separator: "\n")
    #expect(
      lines == [
        "pairs that can be read: 50 in train, 10 in val, 0 in test; nothing wrong or odd was found",
        "look: \(sheet)",
      ])
    #expect(try Picture(contentsOf: sheet).width == 1632)
  }

  @Test func worstFirst() throws {
    for name in ["photos/a", "photos/b", "labels/a", "labels/c"] {
      try folder.write("\(name).png", pattern(16, 16, name.count + Int(name.utf8.last!)))
    }
    let arguments = ["check", "--data", "\(folder.path)/labels", "--targets", "\(folder.path)/photos"]
    for direction in ["AtoB", "BtoA"] {
      let outcome = try Program.run(arguments + ["--direction", direction])
      #expect(outcome.status == 1 && outcome.errors.isEmpty, "\(outcome.errors)")
      let lines = outcome.output.split(separator: "\n").map(String.init)
      #expect(lines.map { $0.prefix(7) } == ["wrong  ", "odd    ", "hint   ", "pairs t"])
      #expect(lines[0].contains("only in \(folder.path)/labels: c.png"))
      #expect(lines[0].contains("only in \(folder.path)/photos: b.png"))
    }
  }

  @Test func aSheetThatCannotBeWritten() throws {
    try folder.writePairs("data")
    try folder.write("file", Data("x".utf8))
    let outcome = try Program.run(
      ["check", "--data", "\(folder.path)/data", "--sheet", "\(folder.path)/file/sheet.png"])
    expectFailure(outcome, "\(folder.path)/file: is no folder")
  }
}
