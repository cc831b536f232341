import Images
import Testing

@Suite struct ResizeTests {
  struct Size: Sendable, CustomTestStringConvertible {
    var width: Int
    var height: Int
    var testDescription: String { "\(width)x\(height)" }
  }

  static let sizes = [(57, 45), (13, 9), (20, 64), (40, 11), (7, 30), (3, 2)].map(Size.init)

  /// Measured: no difference in any sample, so equality is what we demand.
  @Test(arguments: ResizeMethod.allCases, sizes) func likePillow(method: ResizeMethod, size: Size) throws {
    let source = try Picture(contentsOf: fixture("resize_source.png"))
    let pillow = try Picture(
      contentsOf: fixture("expected_\(method.rawValue)_\(size.width)x\(size.height).png"))
    let resized = source.resized(width: size.width, height: size.height, method: method)
    let difference = try #require(largestDifference(resized, pillow))
    #expect(difference == 0)
  }

  @Test(arguments: [ResizeMethod.nearest, .bicubic]) func trainingSizesLikePillow(method: ResizeMethod) throws
  {
    let source = try Picture(contentsOf: fixture("resize_strip.png"))
    let pillow = try Picture(contentsOf: fixture("expected_strip_\(method.rawValue)_286x3.png"))
    let difference = try #require(
      largestDifference(source.resized(width: 286, height: 3, method: method), pillow))
    #expect(difference == 0)
  }

  @Test(arguments: [Size(width: 31, height: 29), Size(width: 9, height: 7)])
  func sixteenBitsLikePillow(size: Size) throws {
    let source = try Picture(contentsOf: fixture("resize_gray16.png"))
    let pillow = try Picture(
      contentsOf: fixture("expected_gray16_bicubic_\(size.width)x\(size.height).png"))
    let resized = source.resized(width: size.width, height: size.height, method: .bicubic)
    let difference = try #require(largestDifference(resized, pillow))
    #expect(difference == 0)
  }

  /// floor((i + 0.5) * old / new), in exact arithmetic.
  @Test(arguments: [(4, 2, [1, 3]), (2, 4, [0, 0, 1, 1]), (5, 3, [0, 2, 4]), (3, 5, [0, 0, 1, 2, 2])])
  func nearestTakesThePixelUnderTheCentre(old: Int, new: Int, expected: [UInt8]) {
    let row = Picture(width: old, height: 1, channels: 1, samples: .eight((0..<UInt8(old)).map { $0 }))
    #expect(row.resized(width: new, height: 1, method: .nearest).samples == .eight(expected))
    let column = Picture(width: 1, height: old, channels: 1, samples: row.samples)
    #expect(column.resized(width: 1, height: new, method: .nearest).samples == .eight(expected))
  }

  /// Weights sum to 1 at edges too, so a flat picture stays flat.
  @Test(arguments: ResizeMethod.allCases, [1, 5, 8, 29]) func flatStaysFlat(method: ResizeMethod, side: Int) {
    for level: UInt8 in [0, 1, 127, 254, 255] {
      let flat = Picture(
        width: 8, height: 8, channels: 1, samples: .eight(Array(repeating: level, count: 64)))
      let resized = flat.resized(width: side, height: side, method: method)
      #expect(resized.values.allSatisfy { $0 == Int(level) })
    }
    let deep = Picture(
      width: 8, height: 8, channels: 1, samples: .sixteen(Array(repeating: 65535, count: 64)))
    #expect(deep.resized(width: side, height: side, method: method).values.allSatisfy { $0 == 65535 })
  }

  @Test func labelMapsGetNoNewColours() throws {
    let map = try Picture(contentsOf: fixture("palette2.png"))
    func colours(_ picture: Picture) -> Set<[Int]> {
      Set(stride(from: 0, to: picture.values.count, by: 3).map { Array(picture.values[$0..<$0 + 3]) })
    }
    let resized = map.resized(width: 50, height: 50, method: .nearest)
    #expect(resized.isPalette)
    #expect(colours(resized).isSubset(of: colours(map)))
  }
}
