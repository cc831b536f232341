import Foundation
import Images
import Model
import Server
import Testing

@Suite struct LabelNamesTests {
  private func read(_ text: String) throws -> [Colour: String] {
    let path = NSTemporaryDirectory() + "pix2pix-names-\(UUID().uuidString).txt"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return try LabelNames.read(path)
  }

  @Test func allForms() throws {
    let names = try read(
      "// CamVid\n#804080 road\n\n64 128 64\tAnimal or\u{20}cart\r\n7 sky\n255 128 0 a 4\n")
    let expected = [
      "#804080": "road", "#408040": "Animal or cart", "#070707": "sky", "#ff8000": "a 4",
    ]
    #expect(Dictionary(uniqueKeysWithValues: names.map { ($0.key.description, $0.value) }) == expected)
  }

  @Test(arguments: ["#80408 road", "road", "#804080", "256 0 0 x", "7", "1 2 3"])
  func brokenLinesAreNamed(_ line: String) throws {
    let error = try #require(throws: ModelError.self) { try read("#000000 black\n\(line)\n") }
    #expect("\(error)".contains("line 2"), "\(error)")
  }
}
