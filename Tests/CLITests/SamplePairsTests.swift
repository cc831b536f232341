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

  /// Outlines and shapes, and several right outputs of each input, which evaluate reads.
  @Test func shapes() throws {
    let folder = try TemporaryFolder()
    let out = "\(folder.path)/shapes"
    let outcome = try Program.run([
      "sample-pairs", "--kind", "shapes", "--out", out, "--count", "10", "--size", "32", "--target-samples",
      "3",
    ])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let names = try FileManager.default.contentsOfDirectory(atPath: "\(out)/target-samples/val").sorted()
    #expect(names == (1...3).map { "00009-\($0).png" })
    let pair = try Picture(contentsOf: "\(out)/val/00009.png")
    let target = pair.cropped(x: 32, y: 0, width: 32, height: 32)
    let samples = try names.map { try Picture(contentsOf: "\(out)/target-samples/val/\($0)") }
    #expect(samples[0] == target && samples[1] != target && samples[2] != samples[1])
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: "\(out)/target-samples/train").count == 27)
    // Right outputs as outputs: nothing has collapsed.
    try folder.write("targets/00009.png", target)
    let evaluated = try Program.run([
      "evaluate", "--outputs", "\(out)/target-samples/val", "--targets", "\(folder.path)/targets",
      "--samples", "3",
      "--target-samples", "\(out)/target-samples", "--json",
    ])
    #expect(evaluated.output.contains("\"l1_collapse_ratio\":{\"value\":1"), "\(evaluated.output)")
    expectFailure(
      try Program.run(["sample-pairs", "--out", out, "--target-samples", "3"]), "--target-samples goes with",
      status: 64)
  }
}
