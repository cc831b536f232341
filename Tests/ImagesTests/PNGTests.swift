import Files
import Foundation
import Images
import Random
import Testing

@Suite struct PNGTests {
  /// What make_fixtures.py's formula() writes.
  static func formula(x: Int, y: Int, channel: Int, depth: Int) -> Int {
    ((37 * x + 101 * y + 59 * channel + 11) * (depth == 16 ? 257 : 1)) % (1 << depth)
  }

  struct Stored: Sendable, CustomTestStringConvertible {
    var name: String
    var channels: Int
    var depth: Int
    var testDescription: String { name }
  }

  static let stored =
    [1, 2, 4, 8, 16].map { Stored(name: "gray\($0)", channels: 1, depth: $0) }
    + [8, 16].flatMap { depth in
      [("grayalpha", 2), ("rgb", 3), ("rgba", 4)].map {
        Stored(name: "\($0)\(depth)", channels: $1, depth: depth)
      }
    }
    + [
      Stored(name: "rgb8_interlaced", channels: 3, depth: 8),
      Stored(name: "gray4_interlaced", channels: 1, depth: 4),
    ]

  @Test(arguments: stored) func readsEveryDepth(_ stored: Stored) throws {
    let picture = try Picture(contentsOf: fixture("\(stored.name).png"))
    #expect(picture.width == 13 && picture.height == 9)
    #expect(picture.channels == stored.channels)
    #expect(picture.bitDepth == max(8, stored.depth))
    #expect(!picture.isPalette)
    // Fewer than 8 bits are spread over 0...255.
    let scale = stored.depth < 8 ? 255 / ((1 << stored.depth) - 1) : 1
    var expected: [Int] = []
    for y in 0..<9 {
      for x in 0..<13 {
        for channel in 0..<stored.channels {
          expected.append(Self.formula(x: x, y: y, channel: channel, depth: stored.depth) * scale)
        }
      }
    }
    #expect(picture.values == expected)
  }

  @Test(arguments: [(1, false), (2, false), (4, false), (8, false), (8, true)])
  func expandsPalettes(depth: Int, hasAlpha: Bool) throws {
    let picture = try Picture(contentsOf: fixture("palette\(depth)\(hasAlpha ? "_trns" : "").png"))
    #expect(picture.isPalette)
    #expect(picture.channels == (hasAlpha ? 4 : 3))
    var expected: [Int] = []
    for y in 0..<9 {
      for x in 0..<13 {
        let index = Self.formula(x: x, y: y, channel: 0, depth: depth)
        expected += [(index * 7 + 5) % 256, (index * 13 + 50) % 256, 255 - index]
        if hasAlpha { expected.append(255 - index) }
      }
    }
    #expect(picture.values == expected)
    #expect(picture.rgb().isPalette)
  }

  @Test func alphaGoesOverWhite() throws {
    let picture = try Picture(contentsOf: fixture("rgba8.png")).rgb()
    let pillow = try Picture(contentsOf: fixture("expected_rgba8_over_white.png"))
    let difference = try #require(largestDifference(picture, pillow))
    #expect(difference == 0)

    // Gray + alpha, 16 bits: exact small cases.
    let gray = Picture(
      width: 3, height: 1, channels: 2, samples: .sixteen([1000, 65535, 1000, 0, 0, 32768]))
    #expect(gray.rgb().values == [1000, 1000, 1000, 65535, 65535, 65535, 32767, 32767, 32767])
  }

  @Test(arguments: 1...4, [8, 16]) func writesWhatItReads(channels: Int, depth: Int) throws {
    let folder = try TemporaryFolder()
    let count = 5 * 4 * channels
    let samples: Picture.Samples =
      depth == 8
      ? .eight((0..<count).map { UInt8(truncatingIfNeeded: $0 * 91) })
      : .sixteen((0..<count).map { UInt16(truncatingIfNeeded: $0 * 9109) })
    let picture = Picture(width: 5, height: 4, channels: channels, samples: samples)
    let path = "\(folder.path)/out.png"
    try picture.write(to: path)
    try picture.write(to: path)  // over itself
    #expect(try Picture(contentsOf: path) == picture)
    // Nothing is left beside it.
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["out.png"])
  }

  @Test func writingSaysWhyItFails() throws {
    let folder = try TemporaryFolder()
    let picture = Picture(width: 2, height: 2) { x, y, _ in x + y }
    #expect(
      throws: ImageError.file(
        FileError("\(folder.path)/no/x.png", "cannot be written: No such file or directory"))
    ) {
      try picture.write(to: "\(folder.path)/no/x.png")
    }
    // The name is taken by a folder.
    try folder.makeFolder("x.png")
    #expect(
      throws: ImageError.file(
        FileError("\(folder.path)/x.png", "is a folder, where a file is to be written; move it"))
    ) {
      try picture.write(to: "\(folder.path)/x.png")
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["x.png"])
  }

  /// Needs a file system with less than 100 KB left, for example
  /// `mount -t tmpfs -o size=64k tmpfs /tmp/small`, named in PIX2PIX_FULL_DISK.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["PIX2PIX_FULL_DISK"] != nil))
  func aFullDiskKeepsTheOldPicture() throws {
    let disk = try #require(ProcessInfo.processInfo.environment["PIX2PIX_FULL_DISK"])
    let path = "\(disk)/x.png"
    let old = Picture(width: 2, height: 2) { x, y, _ in x + y }
    try old.write(to: path)
    let noise = (0..<UInt32(30000)).flatMap { index in
      let words = Philox(seed: 1).words(index)
      return (0..<4).map { UInt8(truncatingIfNeeded: words[$0]) }
    }
    let large = Picture(width: 200, height: 200, channels: 3, samples: .eight(noise))
    #expect(throws: ImageError.unwritable(path: path, reason: "No space left on device")) {
      try large.write(to: path)
    }
    #expect(try Picture(contentsOf: path) == old)
    #expect(try FileManager.default.contentsOfDirectory(atPath: disk) == ["x.png"])
  }
}
