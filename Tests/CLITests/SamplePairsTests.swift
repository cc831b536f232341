import Foundation
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
}
