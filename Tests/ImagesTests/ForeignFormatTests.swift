import Images
import Testing

/// Files of other formats are recognised by their content, and called by their name.
@Suite struct ForeignFormatTests {
  private static let box: [UInt8] = [0, 0, 0, 24] + Array("ftyp".utf8)

  @Test(
    arguments: [
      ("WebP", Array("RIFF".utf8) + [1, 2, 3, 4] + Array("WEBPVP8 ".utf8)), ("GIF", Array("GIF89a".utf8)),
      ("TIFF", [0x49, 0x49, 0x2a, 0, 8, 0, 0, 0]), ("TIFF", [0x4d, 0x4d, 0, 0x2a, 0, 0, 0, 8]),
      ("BMP", Array("BM".utf8) + [UInt8](repeating: 0, count: 12) + [40, 0, 0, 0, 1]),
      ("HEIC", box + Array("heic".utf8) + [0, 0, 0, 0] + Array("mif1heic".utf8)),
      ("HEIC", box + Array("mif1".utf8) + [0, 0, 0, 0] + Array("mif1heic".utf8)),
      ("AVIF", box + Array("mif1".utf8) + [0, 0, 0, 0] + Array("mif1avif".utf8)),
      ("JPEG 2000", [0, 0, 0, 12, 0x6a, 0x50, 0x20, 0x20, 0x0d, 0x0a, 0x87, 0x0a]),
      ("JPEG 2000", [0xff, 0x4f, 0xff, 0x51]), ("JPEG XL", [0xff, 0x0a, 0x10]),
      ("JPEG XL", [0, 0, 0, 12, 0x4a, 0x58, 0x4c, 0x20, 0x0d, 0x0a, 0x87, 0x0a]), ("PSD", Array("8BPS".utf8)),
      ("PNM", Array("P6\n4 4 255\n".utf8)), ("SVG", Array("<?xml version='1.0'?>\n<svg>".utf8)),
      ("HTML", Array("<!DOCTYPE html>".utf8)), ("ZIP", [0x50, 0x4b, 3, 4]),
      ("Git LFS", Array("version https://git-lfs.github.com/spec/v1".utf8)),
    ] as [(String, [UInt8])]) func named(_ name: String, _ start: [UInt8]) throws
  {
    for bytes in [start, start + [UInt8](repeating: 0x55, count: 5000)] {
      let error = try #require(throws: ImageError.self) { try Picture(decoding: bytes, path: "x/a.png") }
      guard case .notAPicture("x/a.png", _?) = error else {
        Issue.record("\(error)")
        continue
      }
      let text = error.description
      #expect(text.contains(name) && text.contains("not a PNG, JPEG or NPY") && text.contains("convert it"))
    }
  }

  @Test(arguments: ["BMW is a car", "P6", "P5x", "hello", "RIFF", "II", "a", "\u{89}PN"])
  func unknown(_ text: String) throws {
    #expect(throws: ImageError.notAPicture(path: "p")) { try Picture(decoding: Array(text.utf8), path: "p") }
  }

  /// PNGs that no usual reader shows.
  @Test func kindsOfPNG() throws {
    func check(_ bytes: [UInt8], _ what: String) throws {
      let error = try #require(throws: ImageError.self) { try Picture(decoding: bytes, path: "p") }
      guard case .unsupported("p", let detail) = error else {
        Issue.record("\(error)")
        return
      }
      #expect(detail.contains(what) && detail.contains("convert it"))
    }
    var png = TestPNG()
    let plain = png.bytes()
    try check(Array(plain[..<8]) + TestPNG.chunk("CgBI", [0x50, 0, 0x20, 6]) + plain[8...], "CgBI")
    png.before = TestPNG.chunk("NEWS", [1, 2])
    try check(png.bytes(), "NEWS")
    png.before = TestPNG.chunk("nEWs", [1, 2])
    #expect(try Picture(decoding: png.bytes(), path: "p") == Picture(decoding: plain, path: "p"))
    png.before = []
    for (place, value) in [(0, 1), (1, 64), (2, 7)] as [(Int, UInt8)] {
      png.methods = [0, 0, 0]
      png.methods[place] = value
      try check(png.bytes(), ["compression 1", "filter 64", "interlacing 7"][place])
    }
  }
}
