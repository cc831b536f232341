import Foundation
import Images
import Testing

@Suite struct SamplePairsTests {
  /// Every tenth pair is for validation; fewer pairs make no empty val, which train would refuse.
  @Test(arguments: [(6, [6]), (11, [10, 1])]) func splits(_ count: Int, _ expected: [Int]) throws {
    let folder = try TemporaryFolder()
    let outcome = try Program.run([
      "sample-pairs", "--out", folder.path, "--count", "\(count)", "--size", "32",
    ])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let files = FileManager.default
    let splits = try files.contentsOfDirectory(atPath: folder.path).sorted()
    #expect(splits == Array(["train", "val"].prefix(expected.count)))
    let counts = try splits.map { try files.contentsOfDirectory(atPath: "\(folder.path)/\($0)").count }
    #expect(counts == expected)
    let checked = try Program.run(["check", "--data", folder.path])
    #expect(checked.status == 0, "\(checked.output)")
  }

  /// Both layouts draw the same pairs.
  @Test func layouts() throws {
    let folder = try TemporaryFolder()
    for layout in ["pairs", "folders"] {
      let outcome = try Program.run([
        "sample-pairs", "--out", "\(folder.path)/\(layout)", "--count", "10", "--size", "32", "--layout",
        layout,
      ])
      #expect(outcome.status == 0, "\(outcome.errors)")
    }
    for name in ["train/00003.png", "val/00009.png"] {
      let pair = try Picture(contentsOf: "\(folder.path)/pairs/\(name)")
      let sides = try ["A", "B"].map { try Picture(contentsOf: "\(folder.path)/folders/\($0)/\(name)") }
      for (x, side) in zip([0, 32], sides) {
        #expect(pair.cropped(x: x, y: 0, width: 32, height: 32) == side, "\(name)")
      }
    }
    let checked = try Program.run(["check", "--data", "\(folder.path)/folders", "--direction", "BtoA"])
    #expect(checked.status == 0, "\(checked.output)")
  }
}
