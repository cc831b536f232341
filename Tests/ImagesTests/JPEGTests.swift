import Images
import Testing

@Suite struct JPEGTests {
  /// Pillow 13 decodes with libjpeg-turbo 3.2 and we with 2.1: the same exact integer transform.
  @Test(arguments: [
    "jpeg_420", "jpeg_444", "jpeg_progressive", "jpeg_gray", "jpeg_4x2", "jpeg_3x1", "jpeg_mixed",
  ])
  func decodesLikePillow(_ name: String) throws {
    let picture = try Picture(contentsOf: fixture("\(name).jpg"))
    let pillow = try Picture(contentsOf: fixture("expected_\(name).png"))
    #expect(picture.channels == (name == "jpeg_gray" ? 1 : 3))
    let difference = try #require(largestDifference(picture, pillow))
    #expect(difference == 0)
  }

  /// Pillow's own encoder and decoder give the same pixels back.
  @Test func encodesLikePillow() throws {
    let picture = try Picture(contentsOf: fixture("expected_jpeg_444.png"))
    let again = try picture.throughJPEG(quality: 75, path: "x")
    #expect(try largestDifference(again, Picture(contentsOf: fixture("expected_jpeg_again.png"))) == 0)
    #expect(try picture.throughJPEG(quality: 10, path: "x") != again)
    // Gray and deep pictures become RGB of 8 bits.
    let gray = Picture(
      width: 9, height: 8, channels: 1, samples: .sixteen([UInt16](repeating: 0x4040, count: 72)))
    #expect(
      try gray.throughJPEG(quality: 75, path: "x")
        == Picture(width: 9, height: 8, channels: 3, samples: .eight([UInt8](repeating: 0x40, count: 216))))
  }

  /// What libjpeg refuses is an error, not the end of the program.
  @Test func whatCannotBeEncoded() throws {
    let wide = Picture(
      width: 65_501, height: 1, channels: 1, samples: .eight([UInt8](repeating: 0, count: 65_501)))
    let error = #expect(throws: ImageError.self) { try wide.throughJPEG(quality: 75, path: "wide.png") }
    #expect(try #require(error).description.hasPrefix("wide.png: cannot be written: "))
  }

  @Test(arguments: 1...8) func turnsUprightAsEXIFSays(orientation: Int) throws {
    let picture = try Picture(contentsOf: fixture("jpeg_orientation\(orientation).jpg"))
    let pillow = try Picture(contentsOf: fixture("expected_jpeg_orientation\(orientation).png"))
    #expect((picture.width, picture.height) == (orientation < 5 ? (24, 17) : (17, 24)))
    let difference = try #require(largestDifference(picture, pillow))
    #expect(difference == 0)
  }

  @Test func cmykIsRefusedByName() throws {
    let error = #expect(throws: ImageError.self) { try Picture(contentsOf: fixture("jpeg_cmyk.jpg")) }
    let text = try #require(error).description
    #expect(text.contains("CMYK") && text.contains("jpeg_cmyk.jpg"))
  }

  /// Some cameras leave stray bytes before the end marker; the picture is whole.
  @Test func strayBytesAreNoError() throws {
    var bytes = try bytes(ofFixture: "jpeg_420.jpg")
    bytes.insert(contentsOf: [0, 0, 0, 0, 0, 0], at: bytes.count - 2)
    let expected = try Picture(contentsOf: fixture("jpeg_420.jpg"))
    #expect(try Picture(decoding: bytes, path: "stray.jpg") == expected)
    // But not when the end marker is missing too.
    #expect(throws: ImageError.self) {
      try Picture(decoding: Array(bytes.dropLast(2)), path: "stray.jpg")
    }
  }

  @Test func damagedEXIFNeverStopsADecode() throws {
    let whole = try bytes(ofFixture: "jpeg_orientation6.jpg")
    // The EXIF segment lies at 20..<56 in these files.
    for offset in 26..<56 {
      for value: UInt8 in [0, 1, 0x7f, 0x80, 0xff] {
        var bytes = whole
        bytes[offset] = value
        let picture = try Picture(decoding: bytes, path: "exif.jpg")
        #expect(picture.width * picture.height == 24 * 17)
      }
    }
  }
}
