/// Per-pixel accuracy, per-class accuracy and class IOU of the sum of a set of pictures' confusion matrices.
///
/// - Parameters:
///   - confusions: one a picture, of the same classes
///   - kinds: keys and names of the three figures
///   - bootstrap: draws the intervals; figures have none without it
public func segmentationFigures(
  _ confusions: [ConfusionMatrix], _ kinds: [FigureKind], _ bootstrap: Bootstrap? = nil
) -> [Figure] {
  summedFigures(kinds, confusions.map(\.totals.row), bootstrap) { sum in
    let totals = ClassTotals(row: sum[...])
    return [totals.pixelAccuracy, totals.classAccuracy, totals.classIOU]
  }
}

extension FigureKind {
  /// The kinds of `segmentationFigures`, in their order.
  ///
  /// - Parameters:
  ///   - key, name: prefixes of keys and names
  ///   - family: the heading they share
  public static func segmentation(
    key: String = "", name: String = "", family: String = "Label maps"
  ) -> [FigureKind] {
    [
      ("pixel_accuracy", "per-pixel accuracy"), ("class_accuracy", "per-class accuracy"),
      ("class_iou", "class IOU"),
    ].map { FigureKind(key + $0.0, name + $0.1, better: .higher, family: family) }
  }
}
