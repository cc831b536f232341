import Foundation
import Images
import Metrics
import Testing

@Suite struct SegmentationTests {
  private static let width = 41
  private static let height = 37

  private static func colours() throws -> LabelColours {
    try #require(
      LabelColours(try Fixtures.shared.get().labels.palette.map { SIMD3($0[0], $0[1], $0[2]) }))
  }

  private static func target(_ colours: LabelColours) -> Picture {
    picture(width, height) { x, y, c in Int(colours.colours[(x / 7 + y / 5) % 6][c]) }
  }

  /// numpy, from the definitions: counts are equal, figures to the rounding of a division. Measured: 2e-16.
  @Test(arguments: [nil, 2]) func likeNumpy(ignored: Int?) throws {
    let colours = try Self.colours()
    let target = Self.target(colours)
    let output = picture(Self.width, Self.height) { x, y, c in
      Int(colours.colours[(x / 7 + y / 5) % 6][c]) + noise(x, y, c)
    }
    let matrix = ConfusionMatrix(
      outputs: colours.nearestClasses(output), targets: try colours.classes(target), classes: 6,
      ignoring: ignored)
    let expected = try #require(
      try Fixtures.shared.get().labels.figures[ignored.map(String.init) ?? "None"])
    #expect(matrix.counts == expected.confusion)
    #expect(relativeError(matrix.totals.pixelAccuracy, expected.accuracy) <= 1e-15)
    #expect(relativeError(matrix.totals.classAccuracy, expected.classAccuracy) <= 1e-15)
    #expect(relativeError(matrix.totals.classIOU, expected.iou) <= 1e-15)
  }

  /// Four classes, the last of which nobody shows and the third of which no target shows.
  @Test func byHand() {
    let matrix = ConfusionMatrix(outputs: [0, 0, 1, 2, 1], targets: [0, 0, 0, 1, 1], classes: 4)
    let counts: [Int] = [2, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    #expect(matrix.counts == counts)
    let totals = matrix.totals
    let accuracies: [Double?] = [2.0 / 3, 1.0 / 2, nil, nil]
    let ious: [Double?] = [2.0 / 3, 1.0 / 3, 0, nil]
    let (classAccuracy, classIOU) = ((2.0 / 3 + 1.0 / 2) / 2, (2.0 / 3 + 1.0 / 3) / 3)
    #expect(totals.pixelAccuracy == 0.6)
    #expect(totals.accuracies == accuracies)
    #expect(totals.classAccuracy == classAccuracy)
    #expect(totals.intersectionsOverUnions == ious)
    #expect(totals.classIOU == classIOU)
    var twice = matrix
    twice += matrix
    let doubled = counts.map { 2 * $0 }
    #expect(twice.counts == doubled)
    #expect(twice.totals.classIOU == totals.classIOU)
  }

  @Test func equalMapsAreWhollyRight() throws {
    let colours = try Self.colours()
    let classes = try colours.classes(Self.target(colours))
    let totals = ConfusionMatrix(outputs: classes, targets: classes, classes: 6).totals
    #expect([totals.pixelAccuracy, totals.classAccuracy, totals.classIOU] == [1, 1, 1])
  }

  // MARK: Colours

  @Test func tiesGoToTheFirst() throws {
    let colours = try #require(LabelColours([SIMD3(10, 0, 0), SIMD3(0, 0, 0), SIMD3(20, 0, 0)]))
    let reds = [5, 15, 4, 16]
    let row = picture(4, 1) { x, _, c in c == 0 ? reds[x] : 0 }
    #expect(colours.nearestClasses(row) == [0, 0, 1, 2])
  }

  @Test func unknownColour() throws {
    let colours = try #require(LabelColours([SIMD3(0, 0, 0), SIMD3(255, 255, 255)]))
    let map = picture(3, 2) { x, y, _ in x == 1 && y == 1 ? 254 : 255 }
    #expect(throws: LabelColours.UnknownColour(colour: SIMD3(254, 254, 254), x: 1, y: 1)) {
      try colours.classes(map)
    }
  }

  /// By the definition, on all of 4096 colours twice: more than are remembered at a time.
  @Test func nearestOfManyColours() throws {
    let palette = (0..<40).map { (index: Int) -> SIMD3<UInt8> in
      SIMD3(UInt8(index * 6), UInt8(index * index % 256), UInt8(255 - index * 5))
    }
    let colours = try #require(LabelColours(palette))
    let samples = picture(128, 64) { x, y, c in
      let pixel = (y * 128 + x) * 2741 % 4096
      return pixel >> (4 * c) & 15 * 17
    }
    guard case .eight(let values) = samples.samples else { return }
    let expected = stride(from: 0, to: values.count, by: 3).map { at in
      let distances = colours.colours.map { colour in
        (0..<3).reduce(0) { sum, channel in
          let difference = Int(values[at + channel]) - Int(colour[channel])
          return sum + difference * difference
        }
      }
      return UInt8(distances.firstIndex(of: distances.min()!)!)
    }
    #expect(colours.nearestClasses(samples) == expected)
    #expect(Set(expected).count > 20)
  }

  @Test func distinctColours() throws {
    let map = picture(16, 16) { x, y, c in c == 0 ? x : c == 1 ? y : 0 }
    #expect(map.distinctColours(limit: 256)?.count == 256)
    #expect(map.distinctColours(limit: 255) == nil)
    let sorted = try #require(LabelColours(sorted: [SIMD3(1, 0, 9), SIMD3(0, 9, 9), SIMD3(1, 0, 8)]))
    #expect(sorted.colours == [SIMD3(0, 9, 9), SIMD3(1, 0, 8), SIMD3(1, 0, 9)])
    #expect(LabelColours([SIMD3(1, 1, 1), SIMD3(0, 0, 0), SIMD3(1, 1, 1)])?.colours.count == 2)
    #expect(LabelColours([SIMD3<UInt8>]()) == nil)
    let tooMany = (0...256).map { SIMD3<UInt8>(UInt8($0 / 2), UInt8($0 % 2), 0) }
    #expect(LabelColours(tooMany) == nil)
    #expect(LabelColours(tooMany.dropLast())?.count == 256)
  }

  /// A palette picture's entries, in the order of its PLTE chunk, whatever its pixels show.
  @Test func paletteOfAPNG() throws {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("ImagesTests/Fixtures/")
    func read(_ name: String) throws -> LabelColours? {
      LabelColours(palettePNG: [UInt8](try Data(contentsOf: file.appendingPathComponent(name))))
    }
    // Entry i of ImagesTests' pictures, of which palette8.png shows but some.
    let entries = (0..<256).map { (i: Int) -> SIMD3<UInt8> in
      SIMD3(UInt8((i * 7 + 5) % 256), UInt8((i * 13 + 50) % 256), UInt8(255 - i))
    }
    for (name, count) in [("palette1.png", 2), ("palette2.png", 4), ("palette8.png", 256)] {
      let colours = try #require(try read(name))
      #expect(colours.colours == Array(entries[..<count]))
    }
    #expect(try read("rgb8.png") == nil)
    #expect(LabelColours(palettePNG: Array("no picture at all".utf8)) == nil)
    #expect(LabelColours(palettePNG: []) == nil)
  }

  @Test func names() {
    #expect(LabelColours.name(SIMD3(0, 171, 16)) == "#00ab10")
    #expect(LabelColours.colour(named: "#00ab10") == SIMD3(0, 171, 16))
    #expect(LabelColours.colour(named: "FFFFFF") == SIMD3(255, 255, 255))
    for text in ["", "#", "#12345", "#1234567", "#12345g", "red", "+12345"] {
      #expect(LabelColours.colour(named: text) == nil)
    }
  }
}
