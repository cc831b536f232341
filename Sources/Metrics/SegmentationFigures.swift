/// Per-pixel accuracy, per-class accuracy and class IOU of a set of pictures, of whose confusion matrices they are those of
/// the sum.
///
/// - Parameters:
///   - confusions: one a picture, of the same classes
///   - kinds: what the three are called
///   - bootstrap: of the intervals; figures have none without it
public func segmentationFigures(
  _ confusions: [ConfusionMatrix], _ kinds: [FigureKind], _ bootstrap: Bootstrap? = nil
) -> [Figure] {
  guard !confusions.isEmpty else { return [] }
  func statistics(_ sum: [Double]) -> [Double] {
    let totals = ClassTotals(row: sum[...])
    return [totals.pixelAccuracy, totals.classAccuracy, totals.classIOU]
  }
  let rows = confusions.map(\.totals.row)
  let sum = rows.dropFirst().reduce(into: rows[0]) { sum, row in
    for index in row.indices { sum[index] += row[index] }
  }
  let intervals = bootstrap?.intervals(ofSums: rows, statistics)
  return zip(kinds, statistics(sum)).enumerated().map { index, result in
    Figure(result.0, value: result.1, interval: intervals?[index], count: rows.count)
  }
}

extension FigureKind {
  /// The kinds of `segmentationFigures`, in their order.
  ///
  /// - Parameters:
  ///   - key, name: what keys and names begin with
  ///   - family: what they are figures of
  public static func segmentation(
    key: String = "", name: String = "", family: String = "Label maps"
  ) -> [FigureKind] {
    [
      ("pixel_accuracy", "per-pixel accuracy"), ("class_accuracy", "per-class accuracy"),
      ("class_iou", "class IOU"),
    ].map { FigureKind(key + $0.0, name + $0.1, better: .higher, family: family) }
  }
}
