import Metrics

/// What a run's validations have shown, in the report.
extension TrainingReport {
  /// A chart for each family of figures, all with the epoch of the best checkpoint marked, and what the figures were then
  /// and are now.
  func validation() -> String {
    // A run whose figures are of another version may have columns without a value.
    let measured = figures.indices.filter { place in
      validations.contains { place < $0.values.count && !$0.values[place].isNaN }
    }
    if measured.isEmpty { return "" }
    let mark = bestValidation.map {
      LossChart.Mark(place: Double($0.epoch), label: "best \(best?.name ?? ""): epoch \($0.epoch)")
    }
    var families: [(name: String, members: [Int])] = []
    for place in measured {
      if let family = families.firstIndex(where: { $0.name == figures[place].family }) {
        families[family].members.append(place)
      } else {
        families.append((figures[place].family, [place]))
      }
    }
    let charts = families.map { family in
      let series = zip(family.members, TrainingReport.validationColors).map { place, color in
        LossChart.Series(
          name: figures[place].nameInFamily,
          values: validations.map { place < $0.values.count ? $0.values[place] : .nan }, color: color)
      }
      let kind = figures[family.members[0]]
      let remark = "\(kind.unit.map { "\($0), " } ?? "")\(kind.better.rawValue) is better"
      return figure(
        family.name, remark,
        LossChart(
          xLabel: "epoch", places: validations.map { Double($0.epoch) }, series: series, mark: mark))
    }
    return """
      <section>
      <h2>Validation: pictures not trained on</h2>
      <div class="figures">
      \(charts.joined())</div>
      \(validationTable(measured))</section>

      """
  }

  /// Figures of the best checkpoint and of the last validation.
  private func validationTable(_ measured: [Int]) -> String {
    guard let best, let chosen = bestValidation, let last = validations.last else { return "" }
    var columns = [("epoch \(chosen.epoch), best \(best.name)", chosen)]
    if last.epoch != chosen.epoch { columns.append(("epoch \(last.epoch), the last", last)) }
    let head = columns.map { "<th scope=\"col\">\(Markup.escaped($0.0))</th>" }.joined()
    let rows = measured.map { place in
      let kind = figures[place]
      let values = columns.map { _, validation -> String in
        let value = value(of: kind, in: validation)
        return "<td>\(value.isNaN ? "\u{2013}" : Markup.figure(value))</td>"
      }
      return "<tr><th scope=\"row\">\(Markup.escaped(kind.title))</th>\(values.joined())</tr>\n"
    }
    return """
      <table class="values"><thead><tr><th></th>\(head)</tr></thead><tbody>
      \(rows.joined())</tbody></table>

      """
  }

  /// The validation that is the best by the chosen figure.
  var bestValidation: Validation? {
    guard let best else { return nil }
    return best.best(of: validations.map { value(of: best, in: $0) }).map { validations[$0] }
  }

  /// NaN where it was not measured.
  func value(of kind: FigureKind, in validation: Validation) -> Double {
    guard let place = figures.firstIndex(of: kind), place < validation.values.count else { return .nan }
    return validation.values[place]
  }

  /// Violet first, unlike any loss; then those that stand apart from it and from each other.
  private static let validationColors = ["#7a5cc9", "#d07a1f", "#2a9d6f", "#c9405f", "#2f74d0", "#148a9c"]
}
