import Foundation
import Images
import Testing

/// Texts and files in PNGs, beside a picture that stays the same.
@Suite struct PNGExtrasTests {
  private let picture = Picture(
    width: 3, height: 2, channels: 3, samples: .eight((0..<18).map { UInt8($0 * 14) }))

  private func inFile<T>(_ bytes: [UInt8], _ body: (String) throws -> T) throws -> T {
    let path = NSTemporaryDirectory() + "pix2pix-extras-\(UUID().uuidString).png"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return try body(path)
  }

  @Test func comeBack() throws {
    let extras = PNGExtras(
      texts: ["pix2pix recipe": "{\"größe\": 7}", "Software": "pix2pix"], sources: [[], [1, 0, 2], [255]])
    let file = try extras.file(picture, path: "x")
    #expect(try inFile(file) { try PNGExtras(contentsOf: $0) } == extras)
    #expect(try Picture(decoding: file, path: "x") == picture)
    #expect(try inFile(file) { try Picture(contentsOf: $0) } == picture)
  }

  @Test func aPlainFileHasNone() throws {
    let file = try picture.file(.png, path: "x")
    #expect(try inFile(file) { try PNGExtras(contentsOf: $0) } == PNGExtras())
    #expect(try PNGExtras().file(picture, path: "x") == file)
  }

  /// Another program wrote the text: `iTXt` by hand, with a language and a translated keyword.
  @Test func textsOfOthers() throws {
    let file = try picture.file(.png, path: "x")
    func with(_ content: [UInt8], crc: [UInt8]? = nil) throws -> PNGExtras {
      let body = Array("iTXt".utf8) + content
      let count = UInt32(content.count)
      let length = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: count >> $0) }
      let chunk = length + body + (crc ?? self.crc(of: body))
      return try inFile(file.dropLast(12) + chunk + file.suffix(12)) { try PNGExtras(contentsOf: $0) }
    }
    let text = Array("Title\0\0\0de\0Titel\0Haus".utf8)
    #expect(try with(text).texts == ["Title": "Haus"])
    // A wrong sum, a compressed one, one that ends too early, one that is no UTF-8.
    #expect(try with(text, crc: [0, 0, 0, 0]).texts.isEmpty)
    #expect(try with(Array("Title\0\u{1}\0de\0Titel\0Haus".utf8)).texts.isEmpty)
    for end in 0..<17 { #expect(try with(Array(text[..<end])).texts["Title"] != "Haus") }
    #expect(try with(Array("Title\0\0\0\0\0".utf8) + [0xff]).texts.isEmpty)
  }

  /// The definition in the PNG specification's annex, by its table.
  private func crc(of bytes: [UInt8]) -> [UInt8] {
    let table = (0..<256).map { number -> UInt32 in
      (0..<8).reduce(UInt32(number)) { value, _ in value & 1 == 1 ? 0xedb8_8320 ^ (value >> 1) : value >> 1 }
    }
    let sum = bytes.reduce(UInt32.max) { table[Int(($0 ^ UInt32($1)) & 0xff)] ^ ($0 >> 8) } ^ .max
    return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: sum >> $0) }
  }

  @Test func brokenFiles() throws {
    let file = try PNGExtras(texts: ["a": "b"], sources: [[1, 2, 3]]).file(picture, path: "x")
    for end in stride(from: 8, to: file.count - 12, by: 3) {
      #expect(throws: ImageError.self) { try inFile(Array(file[..<end])) { try PNGExtras(contentsOf: $0) } }
    }
    #expect(throws: ImageError.self) { try inFile([1, 2, 3]) { try PNGExtras(contentsOf: $0) } }
  }
}
