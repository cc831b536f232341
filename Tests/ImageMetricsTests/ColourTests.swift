import ImageMetrics
import Images
import Testing

@Suite struct ColourTests {
  /// scikit-image's `rgb2lab` in float64. Measured: 2.2e-13, absolute, of values up to 100.
  @Test func labLikeScikitImage() throws {
    for colour in try Fixtures.shared.get().colours {
      let lab = Lab(SIMD3(colour.rgb[0], colour.rgb[1], colour.rgb[2]))
      for (mine, other) in zip([lab.l, lab.a, lab.b], colour.lab) {
        #expect(abs(mine - other) <= 1e-12)
      }
    }
  }

  /// Measured: 5.2e-16.
  @Test(arguments: try Fixtures.shared.get().pixels.filter { $0.intersections != nil })
  func intersectionsLikeScikitImage(_ expected: Fixtures.PixelCase) throws {
    let (output, target) = try PixelTests.pictures(expected.name)
    let found = ColourHistograms(output).intersections(ColourHistograms(target))
    for (mine, other) in zip(found, try #require(expected.intersections)) {
      #expect(relativeError(mine, other) <= 4e-15)
    }
  }

  /// The corners of sRGB and all grays have their bins, and each pixel is counted once in each histogram.
  @Test func everyColourHasABin() {
    let corners = picture(2, 4) { x, y, c in ((x + 2 * y) >> c & 1) * 255 }
    let grays = picture(256, 1) { x, _, _ in x }
    for one in [corners, grays] {
      let sums = ColourHistograms(one).counts.map { $0.reduce(0, +) }
      #expect(sums == [Int](repeating: one.width * one.height, count: 3))
    }
    // No gray has a colour, whatever its rounding.
    #expect(ColourHistograms(grays).counts[1][128] == 256)
    #expect(ColourHistograms(grays).counts[2][128] == 256)
  }

  @Test func sumsAndIntersections() {
    let black = ColourHistograms(picture(4, 4) { _, _, _ in 0 })
    let white = ColourHistograms(picture(8, 8) { _, _, _ in 255 })
    #expect(black.intersections(black) == [1, 1, 1])
    // Lightness differs wholly, colour not at all; the number of pixels does not matter.
    #expect(black.intersections(white) == [0, 1, 1])
    var both = black
    both += white
    // 16 of 80 pixels are black.
    #expect(both.intersections(black) == [0.2, 1, 1])
    #expect(black.intersections(both) == [0.2, 1, 1])
  }
}
