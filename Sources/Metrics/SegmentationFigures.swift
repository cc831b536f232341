/// Per-pixel accuracy, per-class accuracy and class IOU of a set of pictures, of whose confusion matrices they are those of
/// the sum.
///
/// - Parameters:
///   - confusions: one a picture, of the same classes
///   - key, title: what the figures' keys and titles begin with
public func segmentationFigures(
  _ confusions: [ConfusionMatrix], key: String = "", title: String = "", _ bootstrap: Bootstrap
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
  let names = [
    ("pixel_accuracy", "per-pixel accuracy"), ("class_accuracy", "per-class accuracy"),
    ("class_iou", "class IOU"),
  ]
  return zip(names, zip(statistics(sum), bootstrap.intervals(ofSums: rows, statistics))).map { name, result in
    Figure(
      key: key + name.0, title: title + name.1, value: result.0, interval: result.1, count: rows.count)
  }
}
