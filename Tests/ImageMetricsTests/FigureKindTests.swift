import ImageMetrics
import Images
import Testing

@Suite struct FigureKindTests {
  private static let palette = Palette([0, 255].map { Colour(red: $0, green: $0, blue: $0) })

  private static func map(_ size: Int, edge: Int) -> Picture {
    picture(size, size) { x, _, _ in x < edge ? 0 : 255 }
  }

  private static func measured(
    size: Int, output: Picture, target: Picture, areLabelMaps: Bool
  ) throws -> [Figure] {
    let labels = PictureFigures.Labels(palette: palette, target: target, path: "a")
    return figures([
      try PictureFigures(
        name: "a", output: output, target: target, labels: areLabelMaps ? labels : nil)
    ])
  }

  /// A copy of the target is better than anything else, by each figure.
  @Test func copiesAreBetter() throws {
    let target = Self.map(170, edge: 60)
    let worse = picture(170, 170) { x, y, c in (x < 90 ? 40 * c : 255) - noise(x, y, c) }
    let (copied, others) = try (
      Self.measured(size: 170, output: target, target: target, areLabelMaps: true),
      Self.measured(size: 170, output: worse, target: target, areLabelMaps: true)
    )
    #expect(copied.map(\.kind) == FigureKind.ofPictures && others.map(\.kind) == FigureKind.ofPictures)
    for (copy, other) in zip(copied, others) {
      #expect(copy.kind.isBetter(copy.value, than: other.value), "\(copy.kind.key)")
      #expect(!copy.kind.isBetter(other.value, than: copy.value), "\(copy.kind.key)")
      #expect(!copy.kind.isBetter(copy.value, than: copy.value), "\(copy.kind.key)")
    }
    // All of one family share an axis.
    for kinds in Dictionary(grouping: FigureKind.ofPictures, by: \.family).values {
      #expect(Set(kinds.map(\.better)).count == 1 && Set(kinds.map(\.unit)).count == 1)
    }
  }

  @Test(arguments: [10, 11, 160, 161], [false, true])
  func definedBySize(_ size: Int, _ areLabelMaps: Bool) throws {
    let map = Self.map(size, edge: 5)
    let found = try Self.measured(size: size, output: map, target: map, areLabelMaps: areLabelMaps)
    #expect(
      found.map(\.kind) == FigureKind.ofPictures(width: size, height: 2 * size, areLabelMaps: areLabelMaps))
    #expect(
      found.map(\.kind) == FigureKind.ofPictures(width: 2 * size, height: size, areLabelMaps: areLabelMaps))
    #expect(found.allSatisfy { $0.interval == nil })
  }

  @Test func namesInFamilies() {
    #expect(FigureKind.l1.nameInFamily == "L1")
    #expect(FigureKind.histogramIntersections.map(\.nameInFamily) == ["L", "a", "b"])
    #expect(FigureKind.segmentation().last?.nameInFamily == "class IOU")
    let score = FigureKind.segmentation(key: "scorer_", name: "FCN-score, ", family: "FCN-score")
    #expect(score.map(\.key) == ["scorer_pixel_accuracy", "scorer_class_accuracy", "scorer_class_iou"])
    #expect(score[0].name == "FCN-score, per-pixel accuracy")
    #expect(score[0].nameInFamily == "per-pixel accuracy")
  }

  @Test func theBestOfSeveral() {
    #expect(FigureKind.l1.best(of: [.nan, 3, 2, 2, .nan, 5]) == 2)
    #expect(FigureKind.psnr.best(of: [.nan, 3, .infinity, 2, .infinity]) == 2)
    #expect(FigureKind.psnr.best(of: [-3, -2]) == 1)
    #expect(FigureKind.l1.best(of: [.nan]) == nil)
    #expect(FigureKind.l1.best(of: []) == nil)
    #expect(!FigureKind.l1.isBetter(.nan, than: nil) && !FigureKind.psnr.isBetter(.nan, than: 0))
  }
}
