import Images
import Random
import Testing

@Suite struct AugmentationTests {
  @Test(arguments: [(256, 286), (128, 143), (512, 572), (64, 71)]) func loadSize(size: Int, expected: Int) {
    #expect(Augmentation(size: size, jitter: true, seed: 0).loadSize == PictureSize(square: expected))
    #expect(Augmentation(size: size, jitter: false, seed: 0).loadSize == PictureSize(square: size))
  }

  @Test func sidesHaveLoadSizesAndOffsetsOfTheirOwn() {
    let augmentation = Augmentation(size: PictureSize(width: 128, height: 64), jitter: true, seed: 3)
    #expect(augmentation.loadSize == PictureSize(width: 143, height: 71))
    let cuts = (0..<2000).map { augmentation.cut(epoch: 0, index: $0) }
    #expect(Set(cuts.map(\.x)) == Set(0...15) && Set(cuts.map(\.y)) == Set(0...7))
    // A square's cuts are what they were before sides could differ.
    let square = Augmentation(size: 256, jitter: true, seed: 9)
    let cut = square.cut(epoch: 1, index: 2)
    let words = Philox(seed: 9).words(2, 1, 0x494D_0001)
    #expect(cut.x == Int((UInt64(words.x) * 31) >> 32) && cut.y == Int((UInt64(words.y) * 31) >> 32))
    #expect(cut.isFlipped == (words.z >= 1 << 31))
  }

  /// Pictures that have the load size already are not resized, so what comes out is exactly the cut.
  @Test(arguments: 0..<8) func cutsAndFlipsBothTheSame(index: Int) {
    let augmentation = Augmentation(size: 64, jitter: true, seed: 9)
    let input = Picture(width: 71, height: 71) { x, y, c in x * 3 + y * 7 + c * 50 }
    let target = Picture(width: 71, height: 71) { x, y, c in x * 11 + y + c * 31 }
    let cut = augmentation.cut(epoch: 2, index: index)
    let planes = augmentation.planes(input: input, target: target, epoch: 2, index: index)
    for (plane, factors) in [(planes.input, (3, 7, 50)), (planes.target, (11, 1, 31))] {
      var expected: [Float] = []
      for c in 0..<3 {
        for y in 0..<64 {
          for x in 0..<64 {
            let column = cut.x + (cut.isFlipped ? 63 - x : x)
            let level = (column * factors.0 + (cut.y + y) * factors.1 + c * factors.2) & 255
            expected.append(Float(level) / 127.5 - 1)
          }
        }
      }
      #expect(plane == expected)
    }
  }

  @Test func cutsDependOnSeedEpochAndIndexOnly() {
    let augmentation = Augmentation(size: 256, jitter: true, seed: 4)
    #expect(augmentation.cut(epoch: 1, index: 2) == augmentation.cut(epoch: 1, index: 2))
    func cuts(_ seed: UInt64, _ epoch: Int) -> [Augmentation.Cut] {
      (0..<20).map { Augmentation(size: 256, jitter: true, seed: seed).cut(epoch: epoch, index: $0) }
    }
    #expect(cuts(4, 1) == cuts(4, 1))
    #expect(cuts(4, 1) != cuts(4, 2))
    #expect(cuts(4, 1) != cuts(5, 1))
    #expect(Set(cuts(4, 1).map { "\($0)" }).count > 15)
  }

  /// 31,000 cuts: each of 31 offsets is expected 1000 times with a standard deviation of 31, a flip 15,500
  /// times with 88. Measured: 69 for the farthest offset, 42 for the flips.
  @Test func cutsAreEvenlySpread() {
    let augmentation = Augmentation(size: 256, jitter: true, seed: 1)
    var (x, y) = ([Int](repeating: 0, count: 31), [Int](repeating: 0, count: 31))
    var flips = 0
    for index in 0..<31000 {
      let cut = augmentation.cut(epoch: 0, index: index)
      x[cut.x] += 1
      y[cut.y] += 1
      flips += cut.isFlipped ? 1 : 0
    }
    let farthest = (x + y).map { abs($0 - 1000) }.max() ?? 0
    #expect(farthest <= 125)
    #expect(abs(flips - 15500) <= 352)
  }

  @Test func palettePicturesAreResizedByNearest() throws {
    let map = try Picture(contentsOf: fixture("palette2.png"))
    let photo = Picture(width: 13, height: 9, channels: 3, samples: map.samples)
    let augmentation = Augmentation(size: 32, jitter: false, seed: 0)
    let planes = augmentation.planes(input: map, target: photo, epoch: 0, index: 0)
    #expect(planes.input == map.resized(width: 32, height: 32, method: .nearest).planes())
    #expect(planes.target == photo.resized(width: 32, height: 32, method: .bicubic).planes())
    #expect(planes.input != planes.target)
    let size = PictureSize(square: 32)
    #expect(try PlaneFormat.rgb.planes(of: map, fittedTo: size, path: "p") == planes.input)
  }
}

@Suite struct PlanesTests {
  @Test func everyLevelSurvivesTheRoundTrip() {
    let levels = Picture(width: 16, height: 16) { x, y, c in (y * 16 + x) ^ (c * 85) }
    let planes = levels.planes()
    #expect(planes.allSatisfy { $0 >= -1 && $0 <= 1 })
    #expect(planes[0] == -1 && planes[255] == 1)
    for (index, value) in planes.enumerated() {
      let level = (index % 256) ^ (index / 256 * 85)
      #expect(value == Float(level) / 127.5 - 1)
    }
    #expect(Picture(planes: planes, width: 16, height: 16) == levels)
  }

  @Test func grayBecomesThreeEqualPlanesAtSixteenBits() {
    let gray = Picture(width: 3, height: 1, channels: 1, samples: .sixteen([0, 1000, 65535]))
    let plane: [Float] = [-1, 1000 / 32767.5 - 1, 1]
    #expect(gray.planes() == plane + plane + plane)
    #expect(gray.eightBit().samples == .eight([0, 4, 255]))
  }

  @Test func valuesOutOfRangeAreClamped() {
    let planes: [Float] = [-2, -1, 0, 1, 2, .infinity, -.infinity, .nan, 0.0039]
    let picture = Picture(planes: planes, width: 9, height: 1, channels: 1)
    #expect(picture.samples == .eight([0, 0, 128, 255, 255, 255, 0, 0, 128]))
  }

  @Test func aBatchSliceIsAPicture() {
    let first = Picture(width: 4, height: 4) { x, y, c in x + y * 4 + c * 16 }
    let second = Picture(width: 4, height: 4) { x, y, c in 200 - x - y * 4 - c * 16 }
    let batch = first.planes() + second.planes()
    #expect(Picture(planes: batch[48...], width: 4, height: 4) == second)
  }

  @Test func sheetsPutPicturesSideBySide() {
    func flat(_ level: Int) -> Picture { Picture(width: 2, height: 1) { _, _, _ in level } }
    let gray = Picture(width: 2, height: 1, channels: 1, samples: .sixteen([65535, 0]))
    let sheet = Picture.sheet([[flat(1), flat(2), gray], [flat(3)]])
    #expect((sheet.width, sheet.height, sheet.channels) == (6, 2, 3))
    let levels = [1, 1, 2, 2, 255, 0, 3, 3, 255, 255, 255, 255]
    #expect(sheet.values == levels.flatMap { [$0, $0, $0] })
  }
}
