import ImageMetrics
import Web

/// Several runs beside each other: what differs in their options, their best figures, and their curves laid over each other.
public struct RunComparison {
  /// A cell of a table.
  struct Cell {
    let text: String
    /// Of the best run in this row.
    let isBest: Bool
  }

  struct Row {
    let name: String
    let cells: [Cell]
  }

  struct Table {
    let heading: String
    let columns: [String]
    let rows: [Row]
  }

  /// What comparison.mustache shows.
  struct Content {
    let tables: [Table]
    let losses: [TrainingReport.Figure]
    let validation: [TrainingReport.Figure]
  }

  private let runs: [(name: String, run: RecordedRun)]

  public init(_ runs: [(name: String, run: RecordedRun)]) { self.runs = runs }

  /// As a part of a page.
  public func html() -> String { WebTemplates.render("comparison", content) }

  var content: Content {
    Content(
      tables: [options, figures].filter { !$0.rows.isEmpty }, losses: lossFigures,
      validation: validationFigures)
  }

  // MARK: Tables

  private func table(_ heading: String, _ rows: [Row]) -> Table {
    Table(heading: heading, columns: runs.map(\.name), rows: rows)
  }

  /// The options that are not the same in all runs.
  private var options: Table {
    let words = runs.map { Dictionary($0.run.optionWords.map { ($0.name, $0.value) }) { first, _ in first } }
    let names = Set(words.flatMap(\.keys)).sorted()
    let rows = names.compactMap { name -> Row? in
      let values = words.map { $0[name] }
      guard Set(values).count > 1 else { return nil }
      return Row(name: name, cells: values.map { Cell(text: $0 ?? "default", isBest: false) })
    }
    return table("Options that differ", rows)
  }

  /// The best value of each figure that a run has, with its epoch.
  private var figures: Table {
    let rows = kinds.map { kind in
      let best = runs.map { _, run -> (epoch: Int, value: Double)? in
        let values = run.values(of: kind)
        return kind.best(of: values.map(\.value)).map { values[$0] }
      }
      let winner = kind.best(of: best.map { $0?.value ?? .nan }).flatMap { best[$0]?.value }
      return Row(
        name: "\(kind.title), \(kind.better.rawValue) is better",
        cells: best.map { best in
          guard let best else { return Cell(text: "\u{2013}", isBest: false) }
          return Cell(
            text: "\(NumberText.figure(best.value)), epoch \(best.epoch)", isBest: best.value == winner)
        })
    }
    return table("Best validation", rows)
  }

  private var kinds: [FigureKind] {
    runs.flatMap(\.run.figures).reduce(into: []) { kinds, kind in
      if !kinds.contains(kind) { kinds.append(kind) }
    }
  }

  // MARK: Charts

  private static let colors = [
    "#d07a1f", "#2f74d0", "#2a9d6f", "#c9405f", "#7a5cc9", "#148a9c", "#8a7a1f", "#7a7f87",
  ]

  private var lossFigures: [TrainingReport.Figure] {
    let names = runs.flatMap(\.run.namesOfLosses).reduce(into: [String]()) { names, name in
      if !names.contains(name) { names.append(name) }
    }
    return names.map { name in
      chart(name, "", "step") { $0.values(ofLoss: name).map { (Double($0.step), $0.value) } }
    }
  }

  private var validationFigures: [TrainingReport.Figure] {
    kinds.map { kind in
      chart(kind.title, "\(kind.better.rawValue) is better", "epoch") {
        $0.values(of: kind).map { (Double($0.epoch), $0.value) }
      }
    }
  }

  /// A curve for each run over places that they share.
  private func chart(
    _ heading: String, _ remark: String, _ xLabel: String,
    _ points: (RecordedRun) -> [(place: Double, value: Double)]
  ) -> TrainingReport.Figure {
    let curves = runs.map { points($0.run) }
    let places = Self.places(curves.map { $0.map(\.place) })
    let series = zip(runs, zip(curves, Self.colors)).map { run, curve in
      LossChart.Series(name: run.name, values: Self.values(curve.0, at: places), color: curve.1)
    }
    return TrainingReport.Figure(heading, remark, LossChart(xLabel: xLabel, places: places, series: series))
  }

  /// The places of all curves, thinned evenly where they are more than a chart draws.
  package static func places(_ curves: [[Double]]) -> [Double] {
    let all = Set(curves.joined()).sorted()
    let count = min(all.count, LossChart.maximumPoints)
    return (0..<count).map { all[$0 * (all.count - 1) / max(1, count - 1)] }
  }

  /// A curve's last value at or before each place; NaN before its first and behind its last.
  package static func values(_ curve: [(place: Double, value: Double)], at places: [Double]) -> [Double] {
    guard let first = curve.first, let last = curve.last else { return places.map { _ in .nan } }
    var next = 0
    return places.map { place in
      while next + 1 < curve.count, curve[next + 1].place <= place { next += 1 }
      return (first.place...last.place).contains(place) ? curve[next].value : .nan
    }
  }
}
