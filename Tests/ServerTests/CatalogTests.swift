import Foundation
import Model
import Server
import Testing

/// Names of runs and models.
@Suite struct CatalogTests {
  private let folder: String

  init() throws {
    folder = NSTemporaryDirectory() + "pix2pix-catalog-\(UUID().uuidString)"
    for path in ["a/run", "b/run", "b/other", "empty", "pictures"] {
      try FileManager.default.createDirectory(atPath: "\(folder)/\(path)", withIntermediateDirectories: true)
    }
    for run in ["a/run", "b/run", "b/other"] {
      try "step,epoch,G_L1,learning_rate,ms_per_step\n".write(
        toFile: "\(folder)/\(run)/losses.csv", atomically: true, encoding: .utf8)
    }
    try Data().write(to: URL(fileURLWithPath: "\(folder)/pictures/x.png"))
  }

  @Test func runsAndFoldersOfRuns() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let catalog = try Catalog(["\(folder)/a/run", "\(folder)/b", "\(folder)/empty"])
    #expect(catalog.runs.map(\.name) == ["run", "other", "run 2"])
    #expect(catalog.run("run 2")?.path == "\(folder)/b/run")
    // Names are looked up, never joined into a path.
    for name in ["../a/run", "", "run/", "/", "b/run", "RUN"] { #expect(catalog.run(name) == nil, "\(name)") }
    #expect(catalog.models.isEmpty)
  }

  @Test func placesWithoutRuns() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for place in ["pictures", "nothing", "pictures/x.png"] {
      let error = try #require(throws: ModelError.self) { try Catalog(["\(folder)/\(place)"]) }
      #expect("\(error)".contains(place))
    }
  }
}
