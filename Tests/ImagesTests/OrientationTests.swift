import Images
import Testing

/// EXIF's orientation in PNG and JPEG.
@Suite struct OrientationTests {
  struct Stored: Sendable, CustomTestStringConvertible {
    var colourType: Int
    var depth: Int
    var testDescription: String { "type \(colourType), \(depth) bits" }
  }

  private static let palette = TestPNG.chunk("PLTE", (0..<12).map { UInt8($0 * 20) })

  @Test(
    arguments: [(0, 1), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 2), (4, 8), (4, 16), (6, 8), (6, 16)]
      .map {
        Stored(colourType: $0.0, depth: $0.1)
      }, 1...8)
  func ofPNG(_ stored: Stored, orientation: Int) throws {
    var png = TestPNG()
    (png.colourType, png.depth) = (stored.colourType, stored.depth)
    let palette = stored.colourType == 3 ? Self.palette : []
    png.before = palette
    let plain = try Picture(decoding: png.bytes(), path: "p")
    #expect(plain.size == PictureSize(width: 7, height: 5) && plain.isPalette == (stored.colourType == 3))
    let expected = plain.turned(orientation)
    for isBigEndian in [false, true] {
      let exif = TestEXIF(orientation: orientation, isBigEndian: isBigEndian)
      for chunk in [exif.bytes, Array("Exif\0\0".utf8) + exif.bytes].map({ TestPNG.chunk("eXIf", $0) }) {
        (png.before, png.after) = (palette + chunk, [])
        #expect(try Picture(decoding: png.bytes(), path: "p") == expected)
        (png.before, png.after) = (palette, TestPNG.chunk("tEXt", Array("a\0b".utf8)) + chunk)
        #expect(try Picture(decoding: png.bytes(), path: "p") == expected)
      }
    }
  }

  /// As `ImageOps.exif_transpose` of Pillow 13.0 turned such JPEGs, but for BYTE, which it reads and then does not compare with a
  /// number.
  @Test(arguments: [
    (1, true), (2, false), (3, true), (4, true), (6, true), (7, false), (8, true), (9, true), (13, true),
    (16, true),
  ])
  func everyTypeOfIntegers(type: Int, isTaken: Bool) throws {
    let jpeg = TestJPEG()
    let stored = try Picture(decoding: jpeg.bytes(), path: "p")
    for isBigEndian in [false, true] {
      for orientation in 1...8 {
        for count in [1, 2, 4] {
          var exif = TestEXIF(orientation: orientation, type: type, isBigEndian: isBigEndian)
          exif.count = count
          var turned = jpeg
          turned.inserted = [0xdb: exif.segment]
          let expected = isTaken ? stored.turned(orientation) : stored
          #expect(try Picture(decoding: turned.bytes(), path: "p") == expected)
          var png = TestPNG()
          let plain = try Picture(decoding: png.bytes(), path: "p")
          png.after = TestPNG.chunk("eXIf", exif.bytes)
          #expect(
            try Picture(decoding: png.bytes(), path: "p") == (isTaken ? plain.turned(orientation) : plain))
        }
      }
    }
  }

  /// No orientation is one: 0, 9, numbers that are 6 in their lower half only, and what is negative.
  @Test(arguments: [(0, 3), (9, 3), (0x10006, 4), (65535, 3), (0xffff_fffa, 9), (250, 6)])
  func otherValuesMeanUpright(value: Int, type: Int) throws {
    var jpeg = TestJPEG()
    let stored = try Picture(decoding: jpeg.bytes(), path: "p")
    for isBigEndian in [false, true] {
      jpeg.inserted = [0xdb: TestEXIF(orientation: value, type: type, isBigEndian: isBigEndian).segment]
      #expect(try Picture(decoding: jpeg.bytes(), path: "p") == stored)
    }
  }

  /// Some programs write TIFF's number in the wrong order; Pillow takes it too. Segments that are no EXIF come first, and a
  /// second EXIF does not count.
  @Test func oddBlocks() throws {
    var jpeg = TestJPEG()
    let expected = try Picture(decoding: jpeg.bytes(), path: "p").turned(6)
    let other = TestJPEG.segment(0xe1, Array("http://ns.adobe.com/xap/1.0/\0<x/>".utf8))
    for isBigEndian in [false, true] {
      var exif = TestEXIF(isBigEndian: isBigEndian)
      exif.version = 42 << 8
      jpeg.inserted = [0xdb: other + exif.segment + TestEXIF(orientation: 3).segment]
      #expect(try Picture(decoding: jpeg.bytes(), path: "p") == expected)
      // Behind the frame header it counts as well.
      jpeg.inserted = [0xc4: exif.segment]
      #expect(try Picture(decoding: jpeg.bytes(), path: "p") == expected)
    }
  }

  @Test func damagedEXIFNeverStopsADecode() throws {
    let exif = TestEXIF().bytes
    var png = TestPNG()
    for offset in exif.indices {
      for value: UInt8 in [0, 1, 0x7f, 0x80, 0xff] {
        var bytes = exif
        bytes[offset] = value
        png.after = TestPNG.chunk("eXIf", bytes)
        #expect(try Picture(decoding: png.bytes(), path: "p").size.area == 35)
        png.after = TestPNG.chunk("eXIf", Array(bytes[..<offset]))
        #expect(try Picture(decoding: png.bytes(), path: "p").size.area == 35)
      }
    }
  }
}
