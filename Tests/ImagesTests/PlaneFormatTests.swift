import Foundation
import Images
import Testing

@Suite struct LabTests {
  private func rows(_ name: String) throws -> [[Double]] {
    try String(contentsOfFile: fixture(name), encoding: .utf8).split(separator: "\n").map { line in
      try line.split(separator: " ").map { try #require(Double($0)) }
    }
  }

  /// Measured: 5.5e-13, the file having twelve digits.
  @Test func likeScikitImage() throws {
    let rows = try rows("lab_of_rgb.txt")
    for row in rows {
      let lab = Lab(red: row[0] / 255, green: row[1] / 255, blue: row[2] / 255)
      for (mine, other) in zip([lab.l, lab.a, lab.b], row[3...]) {
        #expect(abs(mine - other) <= 2e-12, "\(row)")
      }
    }
    #expect(rows.count == 232)
  }

  /// Measured: 5.0e-13, the file having twelve digits.
  @Test func theWayBackIsLikeScikitImage() throws {
    var clamped = 0
    for row in try rows("rgb_of_lab.txt") {
      let rgb = Lab(l: row[0], a: row[1], b: row[2]).sRGB
      for (channel, expected) in row[3...].enumerated() {
        #expect(abs(rgb[channel] - expected) <= 2e-12, "\(row)")
        clamped += expected == 0 || expected == 1 ? 1 : 0
      }
    }
    #expect(clamped > 100)
  }
}

@Suite struct PlaneFormatTests {
  /// Values of a picture of any channels and depth that no formula of the code under test would give by chance.
  private func picture(_ width: Int, _ height: Int, channels: Int, depth: Int) -> Picture {
    let count = width * height * channels
    return Picture(
      width: width, height: height, channels: channels,
      samples: depth == 8
        ? .eight((0..<count).map { UInt8(truncatingIfNeeded: $0 * 91 + $0 / 7) })
        : .sixteen((0..<count).map { UInt16(truncatingIfNeeded: $0 * 40503) }))
  }

  @Test(arguments: [(PlaneFormat.gray, 1), (.rgb, 3), (.rgba, 4)], [8, 16])
  func everyLevelSurvivesTheRoundTrip(format: (PlaneFormat, Int), depth: Int) throws {
    let (format, channels) = format
    // Every 16-bit level of a gray picture.
    let (width, height) = depth == 16 ? (256, 256) : (31, 17)
    let picture = picture(width, height, channels: channels, depth: depth)
    let planes = try format.planes(of: picture, path: "p")
    #expect(format.channels == channels && planes.count == channels * width * height)
    #expect(planes.allSatisfy { $0 >= -1 && $0 <= 1 })
    let back = format.picture(planes: planes, width: width, height: height, bitDepth: depth)
    #expect(back == picture)
    if depth == 16, channels == 1 { #expect(Set(back.values).count == 65536) }
  }

  @Test func sixteenBitsAreWrittenAndReadAgain() throws {
    let folder = try TemporaryFolder()
    for name in ["gray16.png", "rgb16.png"] {
      let picture = try Picture(contentsOf: fixture(name))
      let format: PlaneFormat = picture.channels == 1 ? .gray : .rgb
      let planes = try format.planes(of: picture, path: name)
      let path = "\(folder.path)/\(name)"
      try format.picture(planes: planes, width: 13, height: 9, bitDepth: 16).write(to: path)
      #expect(try Picture(contentsOf: path) == picture)
    }
  }

  /// Measured: no difference.
  @Test func lumaLikePillow() throws {
    let gray = try Picture(contentsOf: fixture("rgb8.png")).gray()
    let pillow = try Picture(contentsOf: fixture("expected_rgb8_luma.png"))
    #expect(try #require(largestDifference(gray, pillow)) == 0)
    // A gray picture's luma is itself, at either depth.
    for name in ["gray8.png", "gray16.png"] {
      let picture = try Picture(contentsOf: fixture(name))
      #expect(picture.rgb().gray() == picture)
    }
  }

  @Test func grayAsColourIsRepeatedAndAlphaIsAdded() throws {
    let gray = Picture(width: 2, height: 1, channels: 1, samples: .eight([0, 255]))
    #expect(try PlaneFormat.rgb.planes(of: gray, path: "p") == [-1, 1, -1, 1, -1, 1])
    #expect(try PlaneFormat.rgba.planes(of: gray, path: "p") == [-1, 1, -1, 1, -1, 1, 1, 1])
    let withAlpha = Picture(width: 2, height: 1, channels: 2, samples: .sixteen([0, 65535, 65535, 0]))
    #expect(try PlaneFormat.rgba.planes(of: withAlpha, path: "p") == [-1, 1, -1, 1, -1, 1, 1, -1])
    // Over white, as rgb() has it.
    #expect(try PlaneFormat.gray.planes(of: withAlpha, path: "p") == [-1, 1])
  }

  /// Measured: no difference.
  @Test(arguments: [(25, 31), (7, 5)]) func alphaIsResizedLikePillow(width: Int, height: Int) throws {
    let source = try Picture(contentsOf: fixture("resize_rgba.png"))
    let pillow = try Picture(contentsOf: fixture("expected_rgba_bicubic_\(width)x\(height).png"))
    let resized = source.resized(width: width, height: height, method: .bicubic)
    #expect(try #require(largestDifference(resized, pillow)) == 0)
  }

  /// Measured: 2.8 of 255.
  @Test func deepAlphaIsResizedLikeEightBits() throws {
    let eight = try Picture(contentsOf: fixture("resize_rgba.png"))
    let sixteen = Picture(
      width: eight.width, height: eight.height, channels: 4,
      samples: .sixteen(eight.values.map { UInt16($0 * 257) }))
    let (a, b) = (
      eight.resized(width: 25, height: 31, method: .bicubic),
      sixteen.resized(width: 25, height: 31, method: .bicubic)
    )
    // Where there is little alpha, eight bits of colour times alpha are few.
    var error = 0.0
    for pixel in 0..<25 * 31 where a.values[pixel * 4 + 3] >= 128 {
      for place in pixel * 4..<pixel * 4 + 4 {
        error = max(error, abs(Double(a.values[place]) - Double(b.values[place]) / 257))
      }
    }
    #expect(error <= 6, "\(error)")
  }

  @Test func oneHotPlanes() throws {
    let map = try Picture(contentsOf: fixture("palette2.png"))
    let palette = try Palette(ofPNG: fixture("palette2.png"))
    let format = PlaneFormat.labels(palette)
    let planes = try format.planes(of: map, path: "p")
    #expect(format.channels == 4 && planes.count == 4 * 13 * 9)
    for y in 0..<9 {
      for x in 0..<13 {
        let index = PNGTests.formula(x: x, y: y, channel: 0, depth: 2)
        for plane in 0..<4 {
          #expect(planes[(plane * 9 + y) * 13 + x] == (plane == index ? 1 : 0))
        }
      }
    }
    let back = format.picture(planes: planes, width: 13, height: 9, bitDepth: 16)
    #expect(back.values == map.values && back.bitDepth == 8)
  }

  @Test func indicesComeBackAsIndices() throws {
    let map = try Picture(contentsOf: fixture("gray8.png"))
    let palette = try Palette(indicesOf: [fixture("gray8.png")])
    let format = PlaneFormat.labels(palette)
    let planes = try format.planes(of: map, path: "p")
    #expect(format.picture(planes: planes, width: 13, height: 9).samples == map.samples)
  }

  @Test func theLargestPlaneNamesTheClass() {
    let format = PlaneFormat.labels(Palette(grayLevels: 3))
    let planes: [Float] = [
      0.5, .nan, 0.2, .nan, -3,
      0.6, -1, 0.2, .nan, -2,
      0.1, -2, 0.1, .nan, .infinity,
    ]
    #expect(format.picture(planes: planes, width: 5, height: 1).values == [1, 1, 0, 0, 2])
  }

  @Test func anUnknownColourIsNamed() throws {
    var samples = [UInt8](repeating: 0, count: 3 * 4 * 3)
    samples.replaceSubrange(18..<21, with: [1, 2, 0x3f])  // x 2, y 1
    let map = Picture(width: 4, height: 3, channels: 3, samples: .eight(samples))
    let black = Palette(grayLevels: 1)
    let error = #expect(
      throws: ImageError.unknownColour(
        path: "x/map.png", colour: Colour(red: 1, green: 2, blue: 0x3f), x: 2, y: 1, classes: 1)
    ) { try PlaneFormat.labels(black).planes(of: map, path: "x/map.png") }
    #expect(
      try #require(error).description.contains("x/map.png: the pixel at x 2, y 1 has the colour #01023f"))
  }

  /// All corners, grays, and 4096 colours between. Measured: no level differs, at either depth.
  @Test(arguments: [8, 16]) func lightnessAndChromaComeBack(depth: Int) throws {
    var (eight, sixteen): ([UInt8], [UInt16]) = ([], [])
    for index in 0..<4096 {
      for shift in [8, 4, 0] {
        let level = (index >> shift & 15) * 17
        eight.append(UInt8(level))
        sixteen.append(UInt16(level * 257 ^ (index * 31 & 255)))
      }
    }
    let samples: Picture.Samples = depth == 8 ? .eight(eight) : .sixteen(sixteen)
    let picture = Picture(width: 64, height: 64, channels: 3, samples: samples)
    let lightness = try PlaneFormat.lightness.planes(of: picture, path: "p")
    let chroma = try PlaneFormat.chroma.planes(of: picture, path: "p")
    #expect(lightness.count == 4096 && chroma.count == 8192)
    #expect((lightness + chroma).allSatisfy { $0 >= -1 && $0 <= 1.000001 })
    let back = PlaneFormat.chroma.picture(
      planes: chroma, width: 64, height: 64, bitDepth: depth, lightness: lightness[...])
    let difference = try #require(largestDifference(back, picture))
    #expect(difference == 0, "\(difference)")
  }

  @Test func lightnessAloneIsGray() throws {
    let gray = Picture(width: 16, height: 16, channels: 1, samples: .eight((0...255).map { $0 }))
    let planes = try PlaneFormat.lightness.planes(of: gray, path: "p")
    #expect(PlaneFormat.lightness.picture(planes: planes, width: 16, height: 16) == gray)
    // L = 0, 50 and 100 by definition; 119 is the gray of lightness 50 (50.03).
    #expect(planes[0] == -1 && abs(planes[255] - 1) <= 1e-6 && abs(planes[119]) <= 1e-3)
    #expect(
      PlaneFormat.chroma.picture(planes: [0, 0, 0, 0], width: 2, height: 1).values == [
        119, 119, 119, 119, 119, 119,
      ])
  }

  @Test func nonsenseIsClamped() {
    let planes: [Float] = [.nan, .infinity, -.infinity, 3]
    let back = PlaneFormat.chroma.picture(
      planes: planes + planes, width: 4, height: 1, lightness: planes[...])
    #expect(back.values.count == 12)
    let lightness = PlaneFormat.lightness.picture(planes: planes, width: 4, height: 1)
    #expect(lightness.values == [119, 255, 0, 255])
  }

  @Test func formatsAreCoded() throws {
    let formats: [PlaneFormat] = [
      .gray, .rgb, .rgba, .lightness, .chroma, .labels(try Palette(ofPNG: fixture("palette2.png"))),
      .channels(7),
    ]
    let data = try JSONEncoder().encode(formats)
    #expect(String(decoding: data, as: UTF8.self).contains("\"#0532ff\",\"#0c3ffe\",\"#134cfd\",\"#1a59fc\""))
    #expect(try JSONDecoder().decode([PlaneFormat].self, from: data) == formats)
    for bad in [##"["#12345"]"##, ##"["#12345g"]"##, "[]", ##"["#000000","#000000"]"##] {
      #expect(throws: DecodingError.self) {
        try JSONDecoder().decode(Palette.self, from: Data(bad.utf8))
      }
    }
  }
}
