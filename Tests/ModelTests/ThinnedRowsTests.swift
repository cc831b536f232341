import Model
import Testing

@Suite struct ThinnedRowsTests {
  @Test(arguments: [0, 1, 2, 3, ThinnedRows.most, ThinnedRows.most + 1, 10 * ThinnedRows.most + 7])
  func rowsAreEvenlyThinnedAndTheLastIsAmongThem(count: Int) {
    var rows = ThinnedRows(width: 2)
    for index in 0..<count { rows.add([Double(index), -Double(index)]) }
    let kept = rows.rows
    #expect(kept.count <= ThinnedRows.most + 1 && kept.count >= min(count, ThinnedRows.most / 2))
    #expect(kept.allSatisfy { $0[1] == -$0[0] })
    #expect(kept.first?[0] == (count > 0 ? 0 : nil) && kept.last?[0] == (count > 0 ? Double(count - 1) : nil))
    // All distances but the last are equal.
    let distances = zip(kept.dropFirst(), kept).map { $0[0] - $1[0] }.dropLast()
    #expect(Set(distances).count <= 1)
    if count <= ThinnedRows.most { #expect(kept.count == count) }
  }
}
