import Foundation
import Metrics

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
    /// In the order of `lossKinds`. Missing, NaN and infinite values leave gaps.
    public var values: [Double]

    public init(step: Int, epoch: Double, values: [Double]) {
      self.step = step
      self.epoch = epoch
      self.values = values
    }
  }

  /// The figures of one validation.
  public struct Validation: Sendable {
    public var epoch: Int
    /// In the order of `figures`. Missing, NaN and infinite values leave gaps.
    public var values: [Double]

    public init(epoch: Int, values: [Double]) {
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
  /// Losses of one family share a chart.
  public var lossKinds: [LossKind]
  /// By ascending step.
  public var losses: [LossPoint]
  /// The kinds of validation's figures. Kinds of one family share a chart.
  public var figures: [FigureKind]
  /// By ascending epoch.
  public var validations: [Validation]
  /// The figure, one of `figures`, that the best checkpoint is chosen by.
  public var best: FigureKind?
  /// In any order.
  public var samples: [Sample]
  public var options: [(String, String)]
  public var device: [(String, String)]
  public var timings: [(String, String)]
  /// The D loss of a discriminator that cannot tell real from fake, and its label: a line in D's chart. ln 2 holds for the
  /// cross-entropy objective; nil for objectives without such a value.
  public var undecided: LossChart.Reference?

  public init(
    title: String, lossKinds: [LossKind] = [], losses: [LossPoint] = [],
    figures: [FigureKind] = [], validations: [Validation] = [], best: FigureKind? = nil,
    samples: [Sample] = [], options: [(String, String)] = [],
    device: [(String, String)] = [], timings: [(String, String)] = [],
    undecided: LossChart.Reference? = Objective().undecided
  ) {
    self.title = title
    self.lossKinds = lossKinds
    self.losses = losses
    self.figures = figures
    self.validations = validations
    self.best = best
    self.samples = samples
    self.options = options
    self.device = device
    self.timings = timings
    self.undecided = undecided
  }

  /// The page: a whole HTML document.
  public func html() -> String {
    let sections = warnings() + latestSamples() + charts() + validation() + earlierSamples() + tables()
    let nothing = "<p class=\"remark\">Nothing has been recorded yet.</p>\n"
    return ReportPage.html(title: title, header() + (sections.isEmpty ? nothing : sections))
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
    for (index, kind) in lossKinds.enumerated() where kind.family == .reconstruction {
      if let recent = recentMean(index) {
        tile(kind.name, Markup.figure(recent), "mean of the last tenth")
      }
    }
    if let best, let chosen = bestValidation, let last = validations.last {
      let (value, now) = (value(of: best, in: chosen), value(of: best, in: last))
      let note =
        chosen.epoch == last.epoch ? "the last" : "now \(now.isNaN ? "not known" : Markup.figure(now))"
      tile(
        "Best validation \(best.name)", Markup.figure(value),
        "\(best.unit.map { "\($0); " } ?? "")epoch \(chosen.epoch), \(note)")
    }
    return "<header>\n<h1>\(Markup.escaped(title))</h1>\n"
      + (tiles.isEmpty ? "" : "<div class=\"tiles\">\n\(tiles)</div>\n") + "</header>\n"
  }

  /// Warnings for readers who only glance at the page.
  private func warnings() -> String {
    var items: [String] = []
    for (index, name) in lossKinds.map(\.name).enumerated() {
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
      let recent = lossKinds.indices.filter { lossKinds[$0].family == .discriminator }
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
    for family in LossKind.Family.allCases {
      let members = lossKinds.indices.filter { lossKinds[$0].family == family }
      if members.isEmpty { continue }
      let series = members.map { index in
        LossChart.Series(
          name: lossKinds[index].name,
          values: losses.map { index < $0.values.count ? $0.values[index] : .nan },
          color: TrainingReport.colors[index % TrainingReport.colors.count])
      }
      let chart = LossChart(
        xLabel: stepLabel, places: steps, series: series,
        reference: family == .discriminator ? undecided : nil)
      figures += figure(family.heading, family.remark, chart)
    }
    if figures.isEmpty { return "" }
    return "<section>\n<h2>Losses</h2>\n<div class=\"figures\">\n\(figures)</div>\n</section>\n"
  }

  func figure(_ heading: String, _ remark: String, _ chart: LossChart) -> String {
    let legend = zip(chart.series, chart.lastValues).map { series, last in
      let value = last.map { " <b>\(Markup.figure($0))</b>" } ?? ""
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

  /// Orange, blue, green, red, violet, teal: apart from each other on light and dark ground.
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
}

extension LossKind.Family {
  fileprivate var heading: String {
    switch self {
    case .reconstruction: "Reconstruction"
    case .discriminator: "Discriminator"
    case .adversarial: "Generator against discriminator"
    }
  }

  fileprivate var remark: String {
    switch self {
    case .reconstruction: "distance from the target"
    case .discriminator: "low: it tells real from fake"
    case .adversarial: "low: the output passes for real"
    }
  }
}

extension Objective {
  /// The losses of a discriminator that cannot tell real from fake, where they are the same for all.
  public var undecided: LossChart.Reference? {
    func reference(_ value: Double, _ text: String) -> LossChart.Reference {
      LossChart.Reference(value: value, label: "\(text): the discriminator can\u{2019}t tell")
    }
    return switch ganLoss {
    case .bce: reference(0.693147180559945, "ln 2 = 0.693")
    case .lsgan: reference(0.25, "0.25")
    case .hinge: reference(1, "1")
    case .wgan: nil
    }
  }
}
