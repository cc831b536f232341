/// Columns of text, each as wide as its widest cell; numbers to the right.
struct Table: CustomStringConvertible {
  private let rows: [[String]]

  init(_ header: [String], _ rows: [[String]]) {
    self.rows = [header] + rows
  }

  var description: String {
    let columns = rows[0].indices
    let widths = columns.map { column in rows.map { $0[column].count }.max() ?? 0 }
    let numeric = columns.map { column in
      rows.dropFirst().allSatisfy {
        Double($0[column].split(separator: " ").first ?? "x") != nil || $0[column] == "-"
      }
    }
    return rows.map { row in
      var line = ""
      for column in columns {
        let padding = String(repeating: " ", count: widths[column] - row[column].count)
        line += (column == 0 ? "" : "  ") + (numeric[column] ? padding + row[column] : row[column] + padding)
      }
      while line.last == " " { line.removeLast() }
      return line
    }.joined(separator: "\n")
  }
}
