/// Rows of numbers, of which a long run keeps every second, fourth or eighth, and always the last: enough for a chart, in
/// memory that is taken at once and does not grow.
package struct ThinnedRows {
  /// Rows that are kept at most, an even number: `LossChart.maximumPoints` stretches with two rows each at least.
  package static let most = 4 * LossChart.maximumPoints

  private let width: Int
  private var kept: [Double] = []
  private var last: [Double] = []
  private var stride = 1
  private var count = 0

  /// - Parameter width: numbers of a row
  package init(width: Int) {
    self.width = width
    kept.reserveCapacity(Self.most * width)
  }

  package mutating func add(_ row: [Double]) {
    precondition(row.count == width, "\(row.count) numbers in a row of \(width)")
    if count.isMultiple(of: stride) {
      if kept.count == Self.most * width {
        // The kept rows are those whose number is a multiple of the stride.
        for index in 0..<Self.most / 2 {
          for column in 0..<width { kept[index * width + column] = kept[2 * index * width + column] }
        }
        kept.removeLast(Self.most / 2 * width)
        stride *= 2
      }
      kept += row
    }
    count += 1
    last = row
  }

  /// In the order in which they were added.
  package var rows: [[Double]] {
    let rows = Swift.stride(from: 0, to: kept.count, by: width).map { Array(kept[$0..<$0 + width]) }
    return count == 0 || (count - 1).isMultiple(of: stride) ? rows : rows + [last]
  }
}
