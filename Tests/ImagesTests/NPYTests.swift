import Foundation
import Images
import Testing

/// Arrays that numpy wrote (make_fixtures.py), and what we write.
@Suite struct NPYTests {
  /// What make_fixtures.py's array_files() writes, [9, 12, channels].
  private static func levels(channels: Int) -> [Int] {
    (0..<9).flatMap { y in
      (0..<12).flatMap { x in (0..<channels).map { (37 * y + 11 * x + 101 * $0) % 251 } }
    }
  }

  private func read(_ name: String) throws -> Picture {
    try Picture(contentsOf: fixture("array_\(name).npy"))
  }

  private func check(
    _ name: String, channels: Int, bitDepth: Int, _ sample: (Int) -> Int,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let picture = try read(name)
    #expect(picture.size == PictureSize(width: 12, height: 9), sourceLocation: sourceLocation)
    #expect(picture.channels == channels && picture.bitDepth == bitDepth, sourceLocation: sourceLocation)
    #expect(!picture.hasAlpha && !picture.isPalette, sourceLocation: sourceLocation)
    #expect(picture.values == Self.levels(channels: channels).map(sample), sourceLocation: sourceLocation)
  }

  @Test func unsignedBytes() throws { try check("u1", channels: 5, bitDepth: 8) { $0 } }

  @Test func bigEndianWithChannelsFirst() throws {
    try check("u2_big_first", channels: 5, bitDepth: 16) { $0 * 257 }
  }

  @Test(arguments: ["f4", "f8_fortran", "f8_fortran_first"]) func floatingPoint(_ name: String) throws {
    try check(name, channels: 5, bitDepth: 16) {
      let number = name == "f4" ? Double(Float(Double($0) / 250)) : Double($0) / 250
      return Int((number * 65535).rounded())
    }
  }

  @Test func bool() throws { try check("b1", channels: 1, bitDepth: 8) { $0 % 2 * 255 } }

  @Test func version2() throws { try check("version2", channels: 2, bitDepth: 16) { $0 } }

  @Test(arguments: [
    ("i4", "dtype i4"), ("records", "an array of records"), ("4_axes", "shape (1, 9, 12, 5)"),
    ("negative", "holds -0.5, "), ("nan", "holds nan, "),
  ]) func refused(_ name: String, _ reason: String) throws {
    let error = try #require(throws: ImageError.self) { try read(name) }
    #expect(error.description.hasPrefix(fixture("array_\(name).npy")), "\(error)")
    #expect(error.description.contains(reason), "\(error)")
  }

  /// Ends in an error wherever the file is cut, and in a picture or an error whatever byte of the header is another.
  @Test func damaged() throws {
    let whole = try bytes(ofFixture: "array_u1.npy")
    for count in 0..<whole.count {
      #expect(throws: ImageError.self) { try Picture(decoding: Array(whole[..<count]), path: "p") }
    }
    #expect(throws: ImageError.self) { try Picture(decoding: whole + [0], path: "p") }
    for offset in 0..<128 {
      for bit in 0..<8 {
        var bytes = whole
        bytes[offset] ^= 1 << bit
        _ = try? Picture(decoding: bytes, path: "p")
      }
    }
  }

  @Test(arguments: [
    "(0, 12)", "(99999, 12)", "(9, 12, 257)", "(9223372036854775807, 9223372036854775807)", "(9, x)", "9",
  ])
  func shapes(_ shape: String) throws {
    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': \(shape), }"
    let bytes = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0] + Array(header.utf8)
    let error = try #require(throws: ImageError.self) { try Picture(decoding: bytes, path: "x/a.npy") }
    #expect(error.description.hasPrefix("x/a.npy: "))
  }

  /// What numpy writes, byte for byte but for the order of the header's keys, which is this program's mark, and for blanks:
  /// numpy leaves room for an axis that grows.
  @Test(arguments: ["u1", "version2", "b1"]) func writes(_ name: String) throws {
    let folder = try TemporaryFolder()
    let picture = try read(name)
    let path = "\(folder.path)/a.npy"
    try picture.write(to: path)
    #expect(try Picture(contentsOf: path) == picture)
    let written = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    let headerLength = Int(written[8]) + Int(written[9]) << 8
    #expect((10 + headerLength) % 64 == 0 && written[9 + headerLength] == UInt8(ascii: "\n"))
    guard name == "u1" else { return }
    let theirs = try bytes(ofFixture: "array_u1.npy")
    #expect(written[(10 + headerLength)...].elementsEqual(theirs.suffix(written.count - 10 - headerLength)))
    let header = "{'shape': (9, 12, 5), 'fortran_order': False, 'descr': '|u1'}"
    #expect(String(decoding: written[10..<10 + headerLength], as: UTF8.self).hasPrefix(header))
  }

  // MARK: - Channels that are no colours

  /// Every channel becomes what it would alone.
  @Test(arguments: ResizeMethod.allCases) func channelsAreResizedAlone(_ method: ResizeMethod) throws {
    let array = try read("u1")
    let resized = array.resized(width: 17, height: 7, method: method)
    #expect(resized.channels == 5 && !resized.hasAlpha)
    for channel in 0..<5 {
      let alone = Picture(
        width: 12, height: 9, channels: 1,
        samples: .eight(stride(from: channel, to: array.values.count, by: 5).map { UInt8(array.values[$0]) })
      ).resized(width: 17, height: 7, method: method)
      #expect(
        stride(from: channel, to: resized.values.count, by: 5).map { resized.values[$0] } == alone.values)
    }
  }

  /// What is shown of them: the first three, or the first. Nothing is taken for alpha.
  @Test func shownAsColours() throws {
    let five = try read("u1")
    let expected = Self.levels(channels: 3)
    #expect(try !five.isColour && five.rgb().values == expected && five.rgb() == read("rgb"))
    #expect(five.opaque() == five && five.mirrored().mirrored() == five)
    let four = Picture(
      width: 1, height: 1, channels: 4, samples: .eight([10, 20, 30, 40]), hasAlpha: false)
    #expect(four.rgb().values == [10, 20, 30] && four.rgba().values == [10, 20, 30, 255])
    #expect(four.cropped(x: 0, y: 0, width: 1, height: 1) == four && four.eightBit() == four)
    let two = Picture(width: 1, height: 1, channels: 2, samples: .sixteen([257, 514]), hasAlpha: false)
    #expect(
      two.rgb().values == [257, 257, 257] && two.eightBit().values == [1, 2] && !two.eightBit().hasAlpha)
  }

  @Test func planes() throws {
    let array = try read("u2_big_first")
    let format = PlaneFormat.channels(5)
    #expect(format.channels == 5 && format.fileExtension == "npy")
    let planes = try format.planes(of: array, path: "p")
    let levels = Self.levels(channels: 5)
    for channel in 0..<5 {
      for pixel in 0..<9 * 12 {
        let expected = Float(levels[pixel * 5 + channel] * 257) / 32767.5 - 1
        #expect(planes[channel * 9 * 12 + pixel] == expected)
      }
    }
    #expect(format.picture(planes: planes, width: 12, height: 9, bitDepth: 16) == array)
    let error = try #require(throws: ImageError.self) { try format.planes(of: read("rgb"), path: "x/b.npy") }
    #expect(error.description.hasPrefix("x/b.npy: has 3 channels where 5 are read"))
    // Alpha is a channel among others.
    let alpha = Picture(width: 1, height: 1, channels: 4, samples: .eight([0, 255, 0, 0]))
    #expect(try PlaneFormat.channels(4).planes(of: alpha, path: "p") == [-1, 1, -1, -1])
  }

  /// A format of colours takes gray and colours only, and says whose channels it does not take.
  @Test(arguments: [
    (PlaneFormat.gray, 1), (.rgb, 3), (.rgba, 4), (.lightness, 3), (.chroma, 3),
    (.labels(Palette(grayLevels: 2)), 3),
  ]) func coloursAreNoChannels(_ format: PlaneFormat, expected: Int) throws {
    for channels in [2, 4, 5, 256] {
      let array = Picture(
        width: 2, height: 1, channels: channels, samples: .eight([UInt8](repeating: 1, count: 2 * channels)),
        hasAlpha: false)
      let error = ImageError.wrongChannels(path: "x/c.npy", channels: channels, expected: expected)
      #expect(throws: error) { try format.planes(of: array, path: "x/c.npy") }
      #expect(throws: error) {
        try format.planes(of: array, fittedTo: PictureSize(width: 4, height: 4), path: "x/c.npy")
      }
      #expect(error.description.hasPrefix("x/c.npy: ") && error.description.contains("\(channels) channels"))
    }
    for channels in [1, 3] {
      let values = [UInt8](repeating: 1, count: 2 * channels)
      let array = Picture(width: 2, height: 1, channels: channels, samples: .eight(values), hasAlpha: false)
      let planes = try format.planes(of: array, path: "p")
      let same = Picture(width: 2, height: 1, channels: channels, samples: .eight(values))
      #expect(try planes == format.planes(of: same, path: "p") && planes.count == 2 * format.channels)
    }
  }

  @Test func weightsAreNoChannels() throws {
    let folder = try TemporaryFolder()
    let array = try folder.write("w.npy", try bytes(ofFixture: "array_u1.npy"))
    let picture = try folder.write("a.png", Picture(width: 12, height: 9) { x, y, c in x * y + c })
    let location = PairFiles.Location.twoFiles(input: picture, target: picture)
    #expect(throws: ImageError.wrongChannels(path: array, channels: 5, expected: 1)) {
      try PairFiles(name: "a", location: location, weights: array).pictures()
    }
    _ = try PairFiles(name: "a", location: location, weights: picture).pictures()
  }

  @Test func pairsOfArrays() throws {
    let folder = try TemporaryFolder()
    for name in ["a", "b"] {
      try folder.write("inputs/\(name).npy", try bytes(ofFixture: "array_u1.npy"))
      try folder.write("targets/\(name).png", Picture(width: 12, height: 9) { x, y, c in x * y + c })
    }
    let source = try PairSource(
      .twoFolders(inputs: "\(folder.path)/inputs", targets: "\(folder.path)/targets"))
    #expect(source.pairs.map(\.name) == ["a", "b"])
    let reader = PairReader(
      augmentation: Augmentation(size: PictureSize(width: 12, height: 9), jitter: false, seed: 0),
      format: .pictures(inputs: [.channels(5)], target: .rgb))
    let planes = try reader.planes(of: source.pairs[0], epoch: 0, index: 0)
    #expect(try planes.input == PlaneFormat.channels(5).planes(of: read("u1"), path: "p"))
    #expect(planes.target.count == 3 * 12 * 9)
  }
}
