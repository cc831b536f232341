import Files
import Foundation
import Web

/// An experiment's results beside the paper's, as a table for Markdown, CSV and a page.
public struct ExperimentTable: Sendable {
  /// A figure that rows are compared by.
  public struct Column: Sendable {
    /// The figure's key in figures.json.
    public let key: String
    /// For people.
    public let title: String
    /// The paper's number of a score; nil for a figure that the paper lacks.
    public let published: (@Sendable (Experiment.Score) -> Double)?

    public init(key: String, title: String, published: (@Sendable (Experiment.Score) -> Double)? = nil) {
      (self.key, self.title, self.published) = (key, title, published)
    }
  }

  /// A number and the ends of its interval.
  public struct Value: Sendable, Equatable {
    public let value: Double
    public let lower: Double?
    public let upper: Double?

    public init(value: Double, lower: Double? = nil, upper: Double? = nil) {
      (self.value, self.lower, self.upper) = (value, lower, upper)
    }

    /// True where the intervals do not overlap; nil where one value has none.
    func isApart(from other: Value) -> Bool? {
      guard let lower, let upper, let otherLower = other.lower, let otherUpper = other.upper else {
        return nil
      }
      return upper < otherLower || otherUpper < lower
    }
  }

  public struct Row: Sendable {
    public let title: String
    /// By key; empty for a row that was not trained yet.
    public let values: [String: Value]
    public let published: Experiment.Score?

    public init(title: String, values: [String: Value], published: Experiment.Score?) {
      (self.title, self.values, self.published) = (title, values, published)
    }
  }

  public let title: String
  public let columns: [Column]
  public let rows: [Row]
  /// The options common to all rows, in words.
  public let budget: String

  public init(title: String, columns: [Column], rows: [Row], budget: String) {
    self.title = title
    self.columns = columns.filter { column in rows.contains { $0.values[column.key] != nil } }
    self.rows = rows
    self.budget = budget
  }

  // MARK: The paper's order

  /// A line per column of the paper: the number of pairs of rows in the paper's order, and the others by name. Rows of real
  /// pictures are left out, and so are rows of equal numbers in the paper.
  public var order: [String] {
    columns.compactMap { column in
      guard let published = column.published else { return nil }
      let known = rows.compactMap { row -> (String, Value, Double)? in
        guard !isGroundTruth(row), let value = row.values[column.key], let score = row.published else {
          return nil
        }
        return (row.title, value, published(score))
      }
      var (agreeing, pairs) = (0, 0)
      var others: [String] = []
      for i in known.indices {
        for j in known.indices.dropFirst(i + 1) where known[i].2 != known[j].2 {
          pairs += 1
          let (better, worse) = known[i].2 > known[j].2 ? (known[i], known[j]) : (known[j], known[i])
          if better.1.value > worse.1.value {
            agreeing += 1
          } else {
            let doubt = better.1.isApart(from: worse.1) == false ? " (intervals overlap)" : ""
            others.append("\(worse.0) above \(better.0)\(doubt)")
          }
        }
      }
      guard pairs > 0 else { return nil }
      let rest = others.isEmpty ? "" : "; not so: \(others.joined(separator: ", "))"
      return "\(column.title): \(agreeing) of \(pairs) pairs of rows are in the paper's order\(rest)."
    }
  }

  public static let groundTruth = "ground truth"
  private func isGroundTruth(_ row: Row) -> Bool { row.title == Self.groundTruth }

  // MARK: Files

  /// Heads and cells for people, the paper's numbers in a column of their own.
  fileprivate var cells: (head: [String], rows: [[String]]) {
    let head = columns.flatMap { [$0.title] + ($0.published == nil ? [] : ["paper"]) }
    return (
      [""] + head,
      rows.map { row in
        [row.title]
          + columns.flatMap { column in
            let value = row.values[column.key].map(Self.text) ?? "\u{2013}"
            guard let published = column.published else { return [value] }
            return [value, row.published.map { String(format: "%.2f", published($0)) } ?? ""]
          }
      }
    )
  }

  /// The value, and half its interval's width.
  private static func text(_ value: Value) -> String {
    let decimals = abs(value.value) < 10 ? 3 : 1
    let text = String(format: "%.\(decimals)f", value.value)
    guard let lower = value.lower, let upper = value.upper else { return text }
    return text + String(format: " \u{00B1}%.\(decimals)f", (upper - lower) / 2)
  }

  public var markdown: String {
    let (head, rows) = cells
    func line(_ cells: [String]) -> String { "| \(cells.joined(separator: " | ")) |" }
    let rule = "|\(head.indices.map { $0 == 0 ? "---|" : "---:|" }.joined())"
    return
      (["## \(title)", "", budget, "", line(head), rule] + rows.map(line) + [""] + order.map { "- \($0)" }
      + ["", OwnMark.markdown])
      .joined(separator: "\n") + "\n"
  }

  /// A row per row; value, lower and upper end of its interval and the paper's number per figure.
  public var csv: String {
    func field(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }
    let head =
      ["row"]
      + columns.flatMap { column in
        [column.key, "\(column.key)_lower", "\(column.key)_upper"]
          + (column.published == nil ? [] : ["\(column.key)_paper"])
      }
    let lines = rows.map { row in
      [row.title]
        + columns.flatMap { column in
          let value = row.values[column.key]
          let own = [field(value?.value), field(value?.lower), field(value?.upper)]
          guard let published = column.published else { return own }
          return own + [field(row.published.map(published))]
        }
    }
    return ([head] + lines).map { $0.joined(separator: ",") }.joined(separator: "\n") + "\n"
  }
}

/// Tables of experiments with pictures of all rows side by side, on one page that needs nothing beside itself.
public struct ExperimentReport: Sendable {
  public struct Section: Sendable {
    public let table: ExperimentTable
    /// The names of the sheet's columns.
    public let columns: [String]
    /// A row per input.
    public let sheet: ReportPicture?

    public init(table: ExperimentTable, columns: [String], sheet: ReportPicture?) {
      (self.table, self.columns, self.sheet) = (table, columns, sheet)
    }
  }

  public let title: String
  public let budget: String
  public let sections: [Section]

  public init(title: String, budget: String, sections: [Section]) {
    (self.title, self.budget, self.sections) = (title, budget, sections)
  }

  /// The page: a whole HTML document, well-formed XML too.
  public func html() -> String { ReportPage(title: title, body: body()).html() }

  /// What lies inside the page's `main` element, for pages of another frame. Its style is Web/style.css.
  public func body() -> String {
    WebTemplates.render(
      "experiment", Content(title: title, budget: budget, sections: sections.map(Content.Part.init)))
  }

  /// What experiment.mustache shows.
  private struct Content {
    struct Part {
      let heading: String
      let head: [String]
      let rows: [[String]]
      let order: [String]
      let sheet: Strip?

      init(_ section: Section) {
        heading = section.table.title
        (head, rows) = section.table.cells
        order = section.table.order
        sheet = section.sheet.map { Strip($0, alt: "pictures of all rows", columns: section.columns) }
      }
    }

    let title: String
    let budget: String
    let sections: [Part]
  }
}
