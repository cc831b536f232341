import ImageMetrics

/// What a run's validations have shown, in the report.
extension TrainingReport {
  /// What validation.mustache shows.
  struct ValidationSection {
    struct Table {
      /// The heads of the columns.
      let columns: [String]
      let rows: [Row]
    }

    struct Row {
      let name: String
      let values: [String]
    }

    let charts: [Figure]
    let table: Table?
  }

  /// A chart for each family of figures, all with the epoch of the best checkpoint marked, and what the figures were then
  /// and are now. Nil where nothing was measured.
  func validationSection() -> ValidationSection? {
    // A run whose figures are of another version may have columns without a value.
    let measured = figures.indices.filter { place in
      validations.contains { place < $0.values.count && !$0.values[place].isNaN }
    }
    if measured.isEmpty { return nil }
    var families: [(name: String, members: [Int])] = []
    for place in measured {
      if let family = families.firstIndex(where: { $0.name == figures[place].family }) {
        families[family].members.append(place)
      } else {
        families.append((figures[place].family, [place]))
      }
    }
    return ValidationSection(
      charts: families.map { chart($0.name, $0.members) }, table: validationTable(measured))
  }

  private func chart(_ family: String, _ members: [Int]) -> Figure {
    let series = zip(members, TrainingReport.validationColors).map { place, color in
      LossChart.Series(
        name: figures[place].nameInFamily,
        values: validations.map { place < $0.values.count ? $0.values[place] : .nan }, color: color)
    }
    let kind = figures[members[0]]
    let mark = bestValidation.map {
      LossChart.Mark(place: Double($0.epoch), label: "best \(best?.name ?? ""): epoch \($0.epoch)")
    }
    return Figure(
      family, "\(kind.unit.map { "\($0), " } ?? "")\(kind.better.rawValue) is better",
      LossChart(xLabel: "epoch", places: validations.map { Double($0.epoch) }, series: series, mark: mark))
  }

  /// Figures of the best checkpoint and of the last validation.
  private func validationTable(_ measured: [Int]) -> ValidationSection.Table? {
    guard let best, let chosen = bestValidation, let last = validations.last else { return nil }
    var columns = [("epoch \(chosen.epoch), best \(best.name)", chosen)]
    if last.epoch != chosen.epoch { columns.append(("epoch \(last.epoch), the last", last)) }
    let rows = measured.map { place in
      let kind = figures[place]
      let values = columns.map { _, validation -> String in
        let value = value(of: kind, in: validation)
        return value.isNaN ? "\u{2013}" : NumberText.figure(value)
      }
      return ValidationSection.Row(name: kind.title, values: values)
    }
    return ValidationSection.Table(columns: columns.map(\.0), rows: rows)
  }

  /// Violet first, unlike any loss; then those that stand apart from it and from each other.
  private static let validationColors = ["#7a5cc9", "#d07a1f", "#2a9d6f", "#c9405f", "#2f74d0", "#148a9c"]
}
