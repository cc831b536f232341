import ImageMetrics
import Images
import Testing

@Suite struct EvaluationTests {
  private static let palette = Palette([0, 255].map { Colour(red: $0, green: $0, blue: $0) })

  /// A target with white from the column `edge` on; an output whose white begins `shift` columns further.
  private static func shiftedEdge(
    _ name: String, size: Int, edge: Int, shift: Int
  ) throws -> PictureFigures {
    func map(_ edge: Int) -> Picture { picture(size, size) { x, _, _ in x < edge ? 0 : 255 } }
    return try PictureFigures(
      name: name, output: map(edge + shift), target: map(edge),
      labels: .init(palette: palette, target: map(edge), path: name))
  }

  /// Figures of pictures are averaged, confusion matrices and histograms added up before.
  @Test func meansAndSums() throws {
    let pictures = [
      try Self.shiftedEdge("a", size: 16, edge: 4, shift: 0),
      try Self.shiftedEdge("b", size: 16, edge: 8, shift: 4),
    ]
    let found = Dictionary(
      uniqueKeysWithValues: figures(pictures, Bootstrap(seed: 0)).map { ($0.kind.key, $0) })
    // A quarter of the pixels of b are wrong by 255.
    // In 16 columns each: 12 black and 20 white in the targets, 16 and 16 in the outputs.
    let expected: [String: Double] = [
      "l1": 255.0 / 8, "mse": 65025.0 / 8, "psnr": .infinity,
      "ssim": pictures.compactMap(\.ssim).reduce(0, +) / 2,
      "histogram_intersection_l": 28.0 / 32, "histogram_intersection_a": 1, "histogram_intersection_b": 1,
      "pixel_accuracy": 28.0 / 32, "class_accuracy": 1.8 / 2, "class_iou": (12.0 / 16 + 16.0 / 20) / 2,
    ]
    #expect(Set(found.keys) == Set(expected.keys))
    for (key, value) in expected { #expect(found[key]?.value == value, "\(key)") }
    // Resamples are all a, all b, or both; the extremes are among the outer 2.5 %.
    #expect(found["l1"]?.interval == Interval(lower: 0, upper: 255.0 / 4))
    #expect(found["pixel_accuracy"]?.interval == Interval(lower: 12.0 / 16, upper: 1))
    #expect(found.values.allSatisfy { $0.count == 2 })
    // Intervals are all that a bootstrap adds.
    for figure in figures(pictures) {
      #expect(figure.value == found[figure.kind.key]?.value && figure.interval == nil)
    }
  }

  @Test func trainingTargetsAndLargePictures() throws {
    let target = picture(161, 161, drawn)
    let other = picture(161, 161) { drawn($0 + 40, $1, $2) }
    let training = [("far", other), ("same", target)].map {
      (name: $0.0, thumbnail: Memorization.Thumbnail($0.1))
    }
    let pictures = [
      try PictureFigures(name: "copy", output: target, target: other, training: Array(training[1...])),
      try PictureFigures(name: "own", output: target, target: target, training: Array(training[..<1])),
    ]
    let found = Dictionary(
      uniqueKeysWithValues: figures(pictures, Bootstrap(seed: 0)).map { ($0.kind.key, $0) })
    #expect(found["nearer_to_training"]?.value == 0.5)
    #expect(found["pixel_accuracy"] == nil)
    #expect(found["ms_ssim"]?.value == pictures.compactMap(\.msSSIM).reduce(0, +) / 2)
    #expect(pictures[0].memorization?.nearestName == "same")
  }
}
