import Foundation

/// A training run, told on one page.
///
/// `html()` is a pure function of the value. The page needs nothing beside itself: no scripts, no links,
/// pictures embedded; it opens from a file and prints. It is well-formed XML too.
public struct TrainingReport: Sendable {
  /// The losses at one step.
  public struct LossPoint: Sendable {
    public var step: Int
    /// Epochs done, with their fraction.
    public var epoch: Double
    /// In the order of `lossNames`. Missing, NaN and infinite values leave gaps.
    public var values: [Double]

    public init(step: Int, epoch: Double, values: [Double]) {
      self.step = step
      self.epoch = epoch
      self.values = values
    }
  }

  /// A picture made while training.
  public struct Sample: Sendable {
    public var step: Int
    public var epoch: Int
    /// A PNG file: input, output and target side by side.
    public var png: [UInt8]

    public init(step: Int, epoch: Int, png: [UInt8]) {
      self.step = step
      self.epoch = epoch
      self.png = png
    }
  }

  public var title: String
  /// For example "G_GAN", "G_L1", "D_real", "D_fake". Names with L1 or L2 share a chart, those that begin
  /// with D another, and the rest a third.
  public var lossNames: [String]
  /// By ascending step.
  public var losses: [LossPoint]
  /// The mean absolute error over the validation set, on the scale of 8-bit values, 0...255.
  public var validation: [(epoch: Int, l1: Double)]
  /// In any order.
  public var samples: [Sample]
  public var options: [(String, String)]
  public var device: [(String, String)]
  public var timings: [(String, String)]
  /// The D loss of a discriminator that cannot tell real from fake, and what to call it: a line in its
  /// chart. ln 2 holds for the cross-entropy objective; nil for objectives that have no such value.
  public var undecided: LossChart.Reference?

  public init(
    title: String, lossNames: [String] = [], losses: [LossPoint] = [],
    validation: [(epoch: Int, l1: Double)] = [], samples: [Sample] = [], options: [(String, String)] = [],
    device: [(String, String)] = [], timings: [(String, String)] = [],
    undecided: LossChart.Reference? = LossChart.Reference(
      value: 0.693147180559945, label: "ln 2 = 0.693: the discriminator can\u{2019}t tell")
  ) {
    self.title = title
    self.lossNames = lossNames
    self.losses = losses
    self.validation = validation
    self.samples = samples
    self.options = options
    self.device = device
    self.timings = timings
    self.undecided = undecided
  }

  /// The page: a whole HTML document.
  public func html() -> String {
    let sections = warnings() + latestSamples() + charts() + earlierSamples() + tables()
    return """
      <!DOCTYPE html>
      <html xmlns="http://www.w3.org/1999/xhtml" lang="en">
      <head>
      <meta charset="utf-8"/>
      <meta name="viewport" content="width=device-width, initial-scale=1"/>
      <title>\(Markup.escaped(title))</title>
      <style>
      \(TrainingReport.style)
      </style>
      </head>
      <body>
      <main>
      \(header())\(sections.isEmpty ? "<p class=\"remark\">Nothing has been recorded yet.</p>\n" : sections)</main>
      </body>
      </html>

      """
  }

  // MARK: - Sections

  private func header() -> String {
    var tiles = ""
    func tile(_ name: String, _ value: String, _ note: String) {
      tiles += """
        <div class="tile"><span class="name">\(Markup.escaped(name))</span>\
        <span class="value">\(Markup.escaped(value))</span>\
        <span class="remark">\(Markup.escaped(note))</span></div>

        """
    }
    if let last = losses.last {
      tile("Steps", Markup.number(Double(last.step), step: 1), "of training")
      if last.epoch.isFinite {
        tile(
          "Epochs", Markup.number(last.epoch, step: last.epoch == last.epoch.rounded() ? 1 : 0.1),
          "seen so far")
      }
    }
    for (index, name) in lossNames.enumerated() where TrainingReport.panel(of: name) == .reconstruction {
      let recent = recentMean(index)
      if let recent {
        tile(name, Markup.number(recent, step: abs(recent) < 10 ? 0.001 : 0.01), "mean of the last tenth")
      }
    }
    let finite = validation.filter { $0.l1.isFinite }
    if let best = finite.min(by: { $0.l1 < $1.l1 }), let last = finite.last {
      let note = best.epoch == last.epoch ? "best so far" : "now \(Markup.number(last.l1, step: 0.01))"
      tile("Best validation L1", Markup.number(best.l1, step: 0.01), "of 255, epoch \(best.epoch); \(note)")
    }
    return "<header>\n<h1>\(Markup.escaped(title))</h1>\n"
      + (tiles.isEmpty ? "" : "<div class=\"tiles\">\n\(tiles)</div>\n") + "</header>\n"
  }

  /// What someone who glances at the page must not miss.
  private func warnings() -> String {
    var items: [String] = []
    for (index, name) in lossNames.enumerated() {
      let bad = losses.filter { index < $0.values.count && !$0.values[index].isFinite }
      if let first = bad.first {
        let count = Markup.number(Double(bad.count), step: 1)
        let step = Markup.number(Double(first.step), step: 1)
        items.append(
          "\(name): \(count) \(bad.count == 1 ? "value is" : "values are") not finite, first at step \(step)."
        )
      }
    }
    if let undecided {
      let recent = lossNames.indices.filter { TrainingReport.panel(of: lossNames[$0]) == .discriminator }
        .compactMap(recentMean)
      if !recent.isEmpty, losses.count >= 20, recent.allSatisfy({ $0 < undecided.value * 0.05 }) {
        items.append(
          "The discriminator tells real from fake almost without error of late: the generator learns little from it."
        )
      }
    }
    if items.isEmpty { return "" }
    return "<ul class=\"warnings\">\n"
      + items.map { "<li>\(Markup.escaped($0))</li>\n" }.joined() + "</ul>\n"
  }

  private func charts() -> String {
    let steps = losses.map { Double($0.step) }
    var figures = ""
    for panel in Panel.allCases {
      let members = lossNames.indices.filter { TrainingReport.panel(of: lossNames[$0]) == panel }
      if members.isEmpty { continue }
      let series = members.map { index in
        LossChart.Series(
          name: lossNames[index],
          values: losses.map { index < $0.values.count ? $0.values[index] : .nan },
          color: TrainingReport.colors[index % TrainingReport.colors.count])
      }
      let chart = LossChart(
        xLabel: stepLabel, places: steps, series: series,
        reference: panel == .discriminator ? undecided : nil)
      figures += figure(panel.heading, panel.remark, chart)
      if panel == .reconstruction, !validation.isEmpty { figures += validationFigure() }
    }
    if !figures.contains("Validation L1"), !validation.isEmpty { figures += validationFigure() }
    if figures.isEmpty { return "" }
    return "<section>\n<h2>Losses</h2>\n<div class=\"figures\">\n\(figures)</div>\n</section>\n"
  }

  private func validationFigure() -> String {
    let chart = LossChart(
      xLabel: "epoch", places: validation.map { Double($0.epoch) },
      series: [LossChart.Series(name: "L1", values: validation.map(\.l1), color: TrainingReport.colors[4])])
    return figure("Validation L1", "pictures not trained on; mean difference, of 255", chart)
  }

  private func figure(_ heading: String, _ remark: String, _ chart: LossChart) -> String {
    let legend = zip(chart.series, chart.lastValues).map { series, last in
      let value = last.map { " <b>\(Markup.number($0, step: abs($0) < 10 ? 0.001 : 0.01))</b>" } ?? ""
      return """
        <span class="key"><span class="swatch" style="background:\(Markup.escaped(series.color))"></span>\
        \(Markup.escaped(series.name))\(value)</span>
        """
    }
    return """
      <figure>
      <figcaption><span class="heading">\(Markup.escaped(heading))</span>\
      <span class="remark">\(Markup.escaped(remark))</span>\
      <span class="legend">\(legend.joined())</span></figcaption>
      \(chart.svg(title: heading))</figure>

      """
  }

  /// The newest pictures, large.
  private func latestSamples() -> String {
    guard let newest = samples.map(\.step).max() else { return "" }
    let strips = samples.filter { $0.step == newest }.map { strip($0, isLarge: true) }.joined()
    return "<section>\n<h2>Latest samples</h2>\n<div class=\"latest\">\n\(strips)</div>\n</section>\n"
  }

  private func earlierSamples() -> String {
    guard let newest = samples.map(\.step).max() else { return "" }
    // Sorted by place too where steps are equal: the order must not depend on the sort.
    let earlier = samples.enumerated().filter { $0.element.step < newest }
      .sorted { ($1.element.step, $0.offset) < ($0.element.step, $1.offset) }
    if earlier.isEmpty { return "" }
    let strips = earlier.map { strip($0.element, isLarge: false) }.joined()
    return "<section>\n<h2>Earlier samples</h2>\n<div class=\"earlier\">\n\(strips)</div>\n</section>\n"
  }

  private func strip(_ sample: Sample, isLarge: Bool) -> String {
    let step = Markup.number(Double(sample.step), step: 1)
    let data = Data(sample.png).base64EncodedString()
    let size =
      TrainingReport.pngSize(sample.png).map { " width=\"\($0.width)\" height=\"\($0.height)\"" } ?? ""
    let columns = isLarge ? "<span class=\"columns\"><i>input</i><i>output</i><i>target</i></span>" : ""
    return """
      <figure class="strip">\(columns)<img alt="input, output and target at step \(step)"\(size) \
      src="data:image/png;base64,\(data)"/><figcaption>step \(step)<span class="remark">epoch \(sample.epoch)</span>\
      </figcaption></figure>

      """
  }

  private func tables() -> String {
    let tables = [("Options", options), ("Timings", timings), ("Device", device)].filter { !$0.1.isEmpty }
    if tables.isEmpty { return "" }
    var html = "<section>\n<h2>Run</h2>\n<div class=\"tables\">\n"
    for (heading, rows) in tables {
      html += "<table><caption>\(heading)</caption><tbody>\n"
      for (name, value) in rows {
        html += "<tr><th scope=\"row\">\(Markup.escaped(name))</th><td>\(Markup.escaped(value))</td></tr>\n"
      }
      html += "</tbody></table>\n"
    }
    return html + "</div>\n</section>\n"
  }

  // MARK: - Parts

  /// Losses of like scale share a chart: L1 is a hundred times weighted and would flatten the others.
  private enum Panel: CaseIterable {
    case reconstruction, discriminator, generator

    var heading: String {
      switch self {
      case .reconstruction: "Reconstruction"
      case .discriminator: "Discriminator"
      case .generator: "Generator against discriminator"
      }
    }

    var remark: String {
      switch self {
      case .reconstruction: "distance from the target"
      case .discriminator: "low: it tells real from fake"
      case .generator: "low: the output passes for real"
      }
    }
  }

  private static func panel(of name: String) -> Panel {
    if ["L1", "L2", "CE"].contains(where: name.contains) { return .reconstruction }
    return name.hasPrefix("D") ? .discriminator : .generator
  }

  /// Blue, orange, green, red, violet, teal: apart from each other on light and dark ground.
  private static let colors = ["#d07a1f", "#2f74d0", "#2a9d6f", "#c9405f", "#7a5cc9", "#148a9c"]

  private var stepLabel: String {
    guard let last = losses.last, last.epoch.isFinite, last.step > 0 else { return "step" }
    let epoch = Markup.number(last.epoch, step: last.epoch == last.epoch.rounded() ? 1 : 0.1)
    return "step (\(Markup.number(Double(last.step), step: 1)) = epoch \(epoch))"
  }

  /// The mean of a loss over the last tenth of the run, nil without finite values there.
  private func recentMean(_ index: Int) -> Double? {
    let values = losses.suffix(max(1, losses.count / 10)).compactMap {
      index < $0.values.count && $0.values[index].isFinite ? $0.values[index] : nil
    }
    return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }

  /// A PNG's width and height in pixels, from its header; nil if it is none.
  private static func pngSize(_ png: [UInt8]) -> (width: Int, height: Int)? {
    guard png.count >= 24, png.starts(with: [0x89, 0x50, 0x4E, 0x47]) else { return nil }
    func word(_ at: Int) -> Int { png[at..<at + 4].reduce(0) { $0 << 8 | Int($1) } }
    return (word(16), word(20))
  }

  static let style = """
    :root { color-scheme: light dark;
      --ground: #f6f6f4; --card: #ffffff; --ink: #1d2023; --soft: #6b7178; --rule: #e2e3e1; --warn: #8a5a00;
      --warn-ground: #fdf3dc; }
    @media (prefers-color-scheme: dark) { :root {
      --ground: #17191b; --card: #202326; --ink: #e8e8e6; --soft: #979da4; --rule: #34383c; --warn: #f0c670;
      --warn-ground: #3a2f18; } }
    * { box-sizing: border-box; }
    body { margin: 0; background: var(--ground); color: var(--ink);
      font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif;
      font-variant-numeric: tabular-nums; }
    main { max-width: 1240px; margin: 0 auto; padding: 36px 28px 56px; }
    h1 { font-size: 27px; line-height: 1.25; font-weight: 650; letter-spacing: -0.012em; margin: 0 0 20px;
      overflow-wrap: anywhere; }
    h2 { font-size: 13px; font-weight: 650; letter-spacing: 0.05em; text-transform: uppercase;
      color: var(--soft); margin: 38px 0 12px; }
    figure { margin: 0; }
    .remark { color: var(--soft); font-size: 13px; }
    .tiles { display: flex; flex-wrap: wrap; gap: 12px; }
    .tile { flex: 1 1 170px; background: var(--card); border: 1px solid var(--rule); border-radius: 10px;
      padding: 12px 16px; display: flex; flex-direction: column; }
    .tile .name { font-size: 13px; color: var(--soft); }
    .tile .value { font-size: 25px; font-weight: 620; letter-spacing: -0.01em; line-height: 1.3; }
    .warnings { margin: 18px 0 0; padding: 10px 16px 10px 34px; border-radius: 10px; color: var(--warn);
      background: var(--warn-ground); }
    .figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr)); gap: 16px; }
    .figures figure { background: var(--card); border: 1px solid var(--rule); border-radius: 10px;
      padding: 14px 14px 8px; min-width: 0; }
    .figures figcaption { display: flex; flex-wrap: wrap; align-items: baseline; gap: 2px 10px;
      padding: 0 4px 6px; }
    .heading { font-weight: 620; }
    .legend { margin-left: auto; display: flex; flex-wrap: wrap; gap: 2px 16px; font-size: 13px; }
    .key b { font-weight: 620; }
    .swatch { display: inline-block; width: 14px; height: 3px; border-radius: 2px; margin-right: 6px;
      vertical-align: middle; }
    .chart { display: block; width: 100%; height: auto; }
    .chart text { font-size: 12px; fill: var(--soft); }
    .chart .none { font-size: 14px; }
    .chart .note { fill: var(--ink); stroke: var(--card); stroke-width: 4px; stroke-linejoin: round;
      paint-order: stroke; }
    .chart .grid { stroke: var(--rule); stroke-width: 1; }
    .chart .tick { stroke: var(--soft); stroke-width: 1; }
    .chart .reference { stroke: var(--ink); stroke-width: 1.2; stroke-dasharray: 5 4; opacity: 0.7; }
    .chart path { fill: none; stroke-linecap: round; stroke-linejoin: round; }
    .chart .raw { stroke-width: 2.6; opacity: 0.3; }
    .chart .line { stroke-width: 2; }
    .strip { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; overflow: hidden; }
    .strip img { display: block; width: 100%; height: auto; }
    .strip figcaption { padding: 7px 14px; display: flex; gap: 10px; align-items: baseline; }
    .strip .columns { display: flex; padding: 7px 0; font-size: 13px; color: var(--soft); }
    .strip .columns i { flex: 1; text-align: center; font-style: normal; }
    .latest { display: grid; gap: 16px;
      grid-template-columns: repeat(auto-fit, minmax(min(100%, 560px), 1fr)); }
    .earlier { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 340px), 1fr)); gap: 12px;
      max-height: 640px; overflow-y: auto; }
    .earlier .strip { font-size: 13px; }
    .earlier .strip figcaption { padding: 5px 12px; }
    .tables { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 330px), 1fr)); gap: 16px;
      align-items: start; }
    table { width: 100%; border-collapse: collapse; background: var(--card); border: 1px solid var(--rule);
      border-radius: 10px; border-spacing: 0; overflow: hidden; font-size: 14px; }
    caption { text-align: left; font-weight: 620; padding: 0 0 6px 2px; }
    th, td { padding: 6px 14px; text-align: left; vertical-align: top; border-top: 1px solid var(--rule); }
    th { font-weight: 400; color: var(--soft); white-space: nowrap; }
    td { overflow-wrap: anywhere; }
    @media print {
      :root { --ground: #ffffff; --card: #ffffff; --ink: #000000; --soft: #555555; --rule: #cccccc; }
      body { font-size: 12px; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
      main { max-width: none; padding: 0; }
      figure, table, .tile { break-inside: avoid; }
      h2 { break-after: avoid; }
      .earlier { max-height: none; overflow: visible; grid-template-columns: repeat(3, 1fr); }
      .figures { grid-template-columns: 1fr 1fr; }
    }
    """
}
