import Foundation
import ImageMetrics
import Images
import Testing

@Suite struct SegmentationTests {
  private static let width = 41
  private static let height = 37

  private static func palette() throws -> Palette {
    Palette(try Fixtures.shared.get().labels.palette.map { Colour(red: $0[0], green: $0[1], blue: $0[2]) })
  }

  private static func target(_ palette: Palette) -> Picture {
    picture(width, height) { x, y, c in palette.colours[(x / 7 + y / 5) % 6][c] }
  }

  /// numpy, from the definitions: counts are equal, figures to the rounding of a division. Measured: 2e-16.
  @Test(arguments: [nil, 2]) func likeNumpy(ignored: Int?) throws {
    let palette = try Self.palette()
    let target = Self.target(palette)
    let output = picture(Self.width, Self.height) { x, y, c in
      palette.colours[(x / 7 + y / 5) % 6][c] + noise(x, y, c)
    }
    let matrix = ConfusionMatrix(
      outputs: palette.nearestClasses(output),
      targets: try palette.classes(of: target, fittedTo: target.size, path: "target"), classes: 6,
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
    let palette = try Self.palette()
    let target = Self.target(palette)
    let classes = try palette.classes(of: target, fittedTo: target.size, path: "target")
    let totals = ConfusionMatrix(outputs: classes, targets: classes, classes: 6).totals
    #expect([totals.pixelAccuracy, totals.classAccuracy, totals.classIOU] == [1, 1, 1])
  }

  // MARK: Colours

  @Test func tiesGoToTheFirst() throws {
    let palette = Palette([10, 0, 20].map { Colour(red: $0, green: 0, blue: 0) })
    let reds = [5, 15, 4, 16]
    let row = picture(4, 1) { x, _, c in c == 0 ? reds[x] : 0 }
    #expect(palette.nearestClasses(row) == [0, 0, 1, 2])
  }

  /// By the definition, on all of 4096 colours twice: more than are remembered at a time.
  @Test func nearestOfManyColours() throws {
    let palette = Palette(
      (0..<40).map { (index: Int) -> Colour in
        Colour(red: UInt8(index * 6), green: UInt8(index * index % 256), blue: UInt8(255 - index * 5))
      })
    let samples = picture(128, 64) { x, y, c in
      let pixel = (y * 128 + x) * 2741 % 4096
      return pixel >> (4 * c) & 15 * 17
    }
    guard case .eight(let values) = samples.samples else { return }
    let expected = stride(from: 0, to: values.count, by: 3).map { at in
      let distances = palette.colours.map { colour in
        (0..<3).reduce(0) { sum, channel in
          let difference = Int(values[at + channel]) - colour[channel]
          return sum + difference * difference
        }
      }
      return UInt8(distances.firstIndex(of: distances.min()!)!)
    }
    #expect(palette.nearestClasses(samples) == expected)
    #expect(Set(expected).count > 20)
  }
}

extension Colour {
  fileprivate subscript(channel: Int) -> Int { Int([red, green, blue][channel]) }
}
