import Foundation
import Images
import Testing

/// Files that no honest program writes.
@Suite struct HostileFileTests {
  private func error(_ bytes: [UInt8]) throws -> String {
    try #require(throws: ImageError.self) { _ = try Picture(decoding: bytes, path: "a") }.description
  }

  private func npy(_ type: String, _ shape: String) -> [UInt8] {
    let header = Array("{'descr': '\(type)', 'fortran_order': False, 'shape': \(shape), }".utf8)
    return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.count & 255), UInt8(header.count >> 8)] + header
  }

  /// Words of a file come without line breaks and without what a terminal would obey.
  @Test func wordsInErrors() throws {
    let escape = "\u{1b}[31m\n\0\u{9b}"
    for bytes in [
      npy(escape, "(2, 2)"), npy("|u1", "(2, \(escape))"), npy(String(repeating: "x", count: 9000), "(2, 2)"),
      npy("|u1", "(\(String(repeating: "1, ", count: 9000)))"),
    ] {
      let text = try error(bytes)
      #expect(text.utf8.count < 1000)
      #expect(text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }, "\(text)")
    }
    var png = TestPNG()
    png.before = TestPNG.chunk("A\u{1b}\n\0", [])
    #expect(try error(png.bytes()).contains("with the chunk A\u{fffd}\u{fffd}\u{fffd}"))
  }
}
