import Foundation
import Model
import Tape
import Testing

/// Another implementation's runs, which lie beside the checkout on machines that have them.
@Suite struct GoldenTests {
  static let cases: [String] = {
    let beside = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("shared/golden").path
    let folder = ProcessInfo.processInfo.environment["PIX2PIX_GOLDEN"] ?? beside
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.sorted().map { "\(folder)/\($0)/golden.safetensors" }
      .filter { FileManager.default.fileExists(atPath: $0) }
  }()

  @Test(arguments: cases) func referenceIsWithinBounds(_ path: String) throws {
    let golden = try Golden(path: path)
    let result = try GoldenVerification(golden, ReferenceExecutor(golden.step.recording))
    for row in result.rows where !row.passes {
      Issue.record("\(row.kind) \(row.name): \(row.relativeError), bound \(row.bound)")
    }
    for kind in GoldenVerification.Kind.allCases { #expect(result.worst(kind) != nil, "no \(kind)") }
    #expect(result.steps >= 3)
  }

  @Test func missingDescriptionIsNamed() throws {
    let folder = try TemporaryFolder()
    let path = "\(folder.path)/golden.safetensors"
    let error = try modelError { _ = try Golden(path: path) }
    #expect(error.description.hasPrefix("\(folder.path)/golden.json: no such file"))
  }
}
