/// What report.mustache shows of a training.
extension TrainingReport {
  struct Content {
    let title: String
    let tiles: [Tile]
    let warnings: [String]
    /// The newest pictures, large.
    let latest: [Strip]
    let losses: [Figure]
    let validation: ValidationSection?
    let earlier: [Strip]
    let tables: [Table]

    /// There is nothing but a header.
    let isEmpty: Bool
  }

  /// A number that is read first.
  struct Tile {
    let name: String
    let value: String
    let note: String
  }

  /// A chart with its heading and the names of its curves.
  struct Figure {
    struct Key {
      let color: String
      let name: String
      /// The curve's last value.
      let value: String?
    }

    let heading: String
    let remark: String
    let legend: [Key]
    let chart: LossChart.Drawing

    init(_ heading: String, _ remark: String, _ chart: LossChart) {
      (self.heading, self.remark) = (heading, remark)
      legend = zip(chart.series, chart.lastValues).map { series, last in
        Key(color: series.color, name: series.name, value: last.map(NumberText.figure))
      }
      self.chart = chart.drawing(title: heading)
    }
  }

  struct Table {
    struct Row {
      let name: String
      let value: String
    }

    let heading: String
    let rows: [Row]
  }

  func content() -> Content {
    let (warnings, losses, validation) = (warnings(), lossFigures(), validationSection())
    let tables = [("Options", options), ("Timings", timings), ("Device", device)]
      .filter { !$0.1.isEmpty }.map { Table(heading: $0.0, rows: $0.1.map(Table.Row.init)) }
    return Content(
      title: title, tiles: tiles(), warnings: warnings, latest: latestSamples(), losses: losses,
      validation: validation, earlier: earlierSamples(), tables: tables,
      isEmpty: warnings.isEmpty && samples.isEmpty && losses.isEmpty && validation == nil && tables.isEmpty)
  }

  // MARK: - Numbers

  private func tiles() -> [Tile] {
    var tiles: [Tile] = []
    if let last = losses.last {
      tiles.append(
        Tile(name: "Steps", value: NumberText.number(Double(last.step), step: 1), note: "of training"))
      if last.epoch.isFinite {
        tiles.append(Tile(name: "Epochs", value: Self.epochs(last.epoch), note: "seen so far"))
      }
    }
    for (index, kind) in lossKinds.enumerated()
    where [.reconstruction, .teacher, .cycle, .code].contains(kind.family) {
      if let recent = recentMean(index) {
        tiles.append(Tile(name: kind.name, value: NumberText.figure(recent), note: "mean of the last tenth"))
      }
    }
    return tiles + bestTile()
  }

  private func bestTile() -> [Tile] {
    guard let best, let chosen = bestValidation, let last = validations.last else { return [] }
    let now = value(of: best, in: last)
    let note =
      chosen.epoch == last.epoch ? "the last" : "now \(now.isNaN ? "not known" : NumberText.figure(now))"
    return [
      Tile(
        name: "Best validation \(best.name)", value: NumberText.figure(value(of: best, in: chosen)),
        note: "\(best.unit.map { "\($0); " } ?? "")epoch \(chosen.epoch), \(note)")
    ]
  }

  /// Warnings for readers who only glance at the page.
  private func warnings() -> [String] {
    var items: [String] = []
    for (index, name) in lossKinds.map(\.name).enumerated() {
      let bad = losses.filter { index < $0.values.count && !$0.values[index].isFinite }
      if let first = bad.first {
        let count = NumberText.number(Double(bad.count), step: 1)
        let step = NumberText.number(Double(first.step), step: 1)
        items.append(
          "\(name): \(count) \(bad.count == 1 ? "value is" : "values are") not finite, first at step \(step)."
        )
      }
    }
    if let undecided {
      let recent = lossKinds.indices.filter { lossKinds[$0].family == .discriminator }
        .compactMap(recentMean)
      if !recent.isEmpty, losses.count >= 20, recent.allSatisfy({ $0 < undecided.value * 0.05 }) {
        items.append(
          "The discriminator tells real from fake almost without error of late: the generator learns little from it."
        )
      }
    }
    return items
  }

  // MARK: - Charts

  /// A chart for each family of losses.
  private func lossFigures() -> [Figure] {
    let steps = losses.map { Double($0.step) }
    return LossKind.Family.allCases.compactMap { family in
      let members = lossKinds.indices.filter { lossKinds[$0].family == family }
      if members.isEmpty { return nil }
      let series = members.map { index in
        LossChart.Series(
          name: lossKinds[index].name,
          values: losses.map { index < $0.values.count ? $0.values[index] : .nan },
          color: TrainingReport.colors[index % TrainingReport.colors.count])
      }
      let chart = LossChart(
        xLabel: stepLabel, places: steps, series: series,
        reference: family == .discriminator ? undecided : nil)
      return Figure(family.heading, family.remark, chart)
    }
  }

  /// Orange, blue, green, red, violet, teal: apart from each other on light and dark ground.
  private static let colors = ["#d07a1f", "#2f74d0", "#2a9d6f", "#c9405f", "#7a5cc9", "#148a9c"]

  private var stepLabel: String {
    guard let last = losses.last, last.epoch.isFinite, last.step > 0 else { return "step" }
    return "step (\(NumberText.number(Double(last.step), step: 1)) = epoch \(Self.epochs(last.epoch)))"
  }

  private static func epochs(_ epochs: Double) -> String {
    NumberText.number(epochs, step: epochs == epochs.rounded() ? 1 : 0.1)
  }

  // MARK: - Pictures

  private func latestSamples() -> [Strip] {
    guard let newest = samples.map(\.step).max() else { return [] }
    let columns =
      if isUnpaired {
        ["A", "A in B", "back in A", "B", "B in A", "back in B"]
      } else if hasCodes {
        ["input", "the target's code", "random code", "another", "target"]
      } else {
        ["input", "output", "target"]
      }
    return samples.filter { $0.step == newest }.map { strip($0, columns: columns) }
  }

  /// Whether there are two generators, by the second one's loss.
  private var isUnpaired: Bool { lossKinds.contains { $0.name == CycleGAN.lossOfTheWayBack } }

  /// Whether the generator takes latent codes, by a loss of theirs.
  private var hasCodes: Bool { lossKinds.contains { $0.family == .code } }

  private func earlierSamples() -> [Strip] {
    guard let newest = samples.map(\.step).max() else { return [] }
    // Sorted by place too where steps are equal: the order must not depend on the sort.
    return samples.enumerated().filter { $0.element.step < newest }
      .sorted { ($1.element.step, $0.offset) < ($0.element.step, $1.offset) }
      .map { strip($0.element, columns: []) }
  }

  private func strip(_ sample: Sample, columns: [String]) -> Strip {
    let step = NumberText.number(Double(sample.step), step: 1)
    return Strip(
      sample.picture,
      alt: isUnpaired
        ? "pictures of A and B, their translations and the ways back at step \(step)"
        : hasCodes
          ? "input, outputs with the target's code and with random ones, and target at step \(step)"
          : "input, output and target at step \(step)", columns: columns,
      caption: Strip.Caption(text: "step \(step)", remark: "epoch \(sample.epoch)"))
  }
}

extension LossKind.Family {
  fileprivate var heading: String {
    switch self {
    case .reconstruction: "Reconstruction"
    case .teacher: "Distillation"
    case .cycle: "Cycle and identity"
    case .code: "Latent codes"
    case .discriminator: "Discriminator"
    case .adversarial: "Generator against discriminator"
    }
  }

  fileprivate var remark: String {
    switch self {
    case .reconstruction: "distance from the target"
    case .teacher: "distance from the teacher's picture"
    case .cycle: "distance of a picture from itself"
    case .code: "KL near 0, or a high latent loss: the code is ignored"
    case .discriminator: "low: it tells real from fake"
    case .adversarial: "low: the output passes for real"
    }
  }
}
