import Foundation
import Images
import Testing

/// Whatever a file holds, reading it ends in a picture or in one line that names it.
@Suite struct BadInputTests {
  private func error(_ bytes: [UInt8]) throws -> ImageError {
    try #require(#expect(throws: ImageError.self) { try Picture(decoding: bytes, path: "x/bad.png") })
  }

  @Test func textNamedPNG() throws {
    let error = try error(Array("hello, I am not a picture".utf8))
    #expect(error == .notAPicture(path: "x/bad.png"))
    #expect(error.description.contains("x/bad.png") && error.description.contains("not a PNG, JPEG or NPY"))
  }

  @Test func emptyFile() throws {
    #expect(try error([]).description.contains("the file is empty"))
  }

  @Test(arguments: ["rgb8.png", "gray16.png", "palette8_trns.png", "rgb8_interlaced.png"])
  func everyTruncatedPNG(_ name: String) throws {
    let whole = try bytes(ofFixture: name)
    for count in 0..<whole.count { _ = try error(Array(whole[..<count])) }
    guard case .corrupt(_, let detail) = try error(Array(whole[..<(whole.count / 2)])) else {
      Issue.record("not .corrupt")
      return
    }
    #expect(!detail.isEmpty)
  }

  /// Every byte of these files is covered by the signature, a length or a CRC.
  @Test(arguments: ["rgb8.png", "palette8_trns.png"]) func everyDamagedPNG(_ name: String) throws {
    let whole = try bytes(ofFixture: name)
    for offset in 0..<whole.count {
      var bytes = whole
      bytes[offset] ^= 0x10
      _ = try error(bytes)
    }
  }

  @Test func wrongCRC() throws {
    var bytes = try bytes(ofFixture: "rgb8.png")
    bytes[bytes.count - 12 - 4] ^= 1  // the first byte of the CRC of IDAT, which is before IEND's 12 bytes
    let error = try error(bytes)
    #expect(error == .corrupt(path: "x/bad.png", detail: "IDAT: CRC error"))
  }

  @Test(arguments: ["jpeg_420.jpg", "jpeg_gray.jpg", "jpeg_progressive.jpg", "jpeg_orientation6.jpg"])
  func everyTruncatedJPEG(_ name: String) throws {
    let whole = try bytes(ofFixture: name)
    for count in 0..<whole.count {
      let text = try error(Array(whole[..<count])).description
      #expect(count < 3 || text.hasPrefix("x/bad.png: is damaged or incomplete: the file ends too early"))
    }
  }

  /// Damage may go unnoticed in a JPEG, which has no checksums; it must not crash.
  @Test func everyDamagedJPEG() throws {
    let whole = try bytes(ofFixture: "jpeg_420.jpg")
    var errors = 0
    for offset in 0..<whole.count {
      var bytes = whole
      bytes[offset] ^= 0xff
      do { _ = try Picture(decoding: bytes, path: "x.jpg") } catch { errors += 1 }
    }
    #expect(errors > 0)
  }

  @Test(arguments: [
    (20000, 20000), (16385, 1), (1, 16385), (0, 0), (0, 5), (16384, 16385), (0x7fff_ffff, 0x7fff_ffff),
  ])
  func pngDimensionsAreCheckedBeforeAllocating(width: Int, height: Int) throws {
    var bytes = try bytes(ofFixture: "rgb8.png")
    for (index, shift) in [24, 16, 8, 0].enumerated() {
      bytes[16 + index] = UInt8(truncatingIfNeeded: width >> shift)
      bytes[20 + index] = UInt8(truncatingIfNeeded: height >> shift)
    }
    #expect(try error(bytes) == .badDimensions(path: "x/bad.png", width: width, height: height))
  }

  @Test(arguments: [(20000, 20000), (16385, 8)])
  func jpegDimensionsAreCheckedBeforeAllocating(width: Int, height: Int) throws {
    var bytes = try bytes(ofFixture: "jpeg_444.jpg")
    // The frame header: marker, length (2), precision (1), height (2), width (2).
    let frame = try #require(bytes.indices.first { bytes[$0] == 0xff && bytes[$0 + 1] == 0xc0 })
    bytes.replaceSubrange(
      frame + 5..<frame + 9,
      with: [height >> 8, height, width >> 8, width].map { UInt8(truncatingIfNeeded: $0) })
    #expect(try error(bytes) == .badDimensions(path: "x/bad.png", width: width, height: height))
  }

  @Test func unreadableFiles() throws {
    let folder = try TemporaryFolder()
    try folder.makeFolder("folder.png")
    try FileManager.default.createSymbolicLink(
      atPath: "\(folder.path)/dangling.png", withDestinationPath: "/nowhere/at/all.png")
    for (name, reason) in [
      ("folder.png", "not a regular file"), ("dangling.png", "No such file or directory"),
      ("missing.png", "No such file or directory"),
    ] {
      let path = "\(folder.path)/\(name)"
      #expect(throws: ImageError.unreadable(path: path, reason: reason)) { try Picture(contentsOf: path) }
    }
  }

  @Test func onePixelIsAPictureButNoTrainingPair() throws {
    let path = fixture("one_pixel.png")
    #expect(try Picture(contentsOf: path).values == [11, 70, 129])
    let pair = PairFiles(name: "one", location: .twoFiles(input: path, target: path))
    let error = #expect(throws: ImageError.tooSmall(path: path, width: 1, height: 1, minimum: 8)) {
      try pair.load()
    }
    #expect(try #require(error).description.contains("too small to train on"))
  }

  @Test func oddWidth() throws {
    let path = fixture("rgb8.png")  // 13 wide
    let pair = PairFiles(name: "odd", location: .sideBySide(path: path, direction: .aToB))
    #expect(throws: ImageError.oddWidth(path: path, width: 13)) { try pair.load() }
  }

  @Test func errorsAreOneLine() {
    let errors: [ImageError] = [
      .unreadable(path: "p", reason: "r"), .notAPicture(path: "p"), .corrupt(path: "p", detail: "d"),
      .notAPicture(path: "p", format: "f"), .unsupported(path: "p", detail: "d"),
      .wrongChannels(path: "p", channels: 5, expected: 3),
      .wrongChannels(path: "p", channels: 4, expected: 4),
      .badDimensions(path: "p", width: 0, height: 0), .noMemory(path: "p", width: 1, height: 1, bytes: 1),
      .tooSmall(path: "p", width: 1, height: 1, minimum: 8), .oddWidth(path: "p", width: 3),
      .unmatched(inputs: "p", targets: "q", onlyInInputs: ["a"], onlyInTargets: ["b"]),
      .ambiguous(folder: "p", names: ["a.png", "a.jpg"]), .noPairs(folder: "p", reason: "r"),
      .noLabelMap(path: "p", reason: "r"),
      .unknownColour(path: "p", colour: Colour(red: 1, green: 2, blue: 3), x: 4, y: 5, classes: 6),
      .unwritable(path: "p", reason: "r"), .stopped,
    ]
    for error in errors {
      #expect(!error.description.contains("\n"))
      #expect(error == .stopped || error.description.contains("p"))
    }
  }
}
