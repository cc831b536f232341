import Foundation

/// A training run as one static HTML page: loss curves, samples over time, options, device and timings. Nothing
/// in it is linked, so the file can be sent as it is.
public struct TrainingReport: Sendable {
  public struct LossPoint: Sendable {
    public var step: Int
    /// Epochs done, with their fraction.
    public var epoch: Double
    /// In the order of `lossNames`.
    public var values: [Double]

    public init(step: Int, epoch: Double, values: [Double]) {
      self.step = step
      self.epoch = epoch
      self.values = values
    }
  }

  public struct ValidationPoint: Sendable {
    public var epoch: Int
    /// Mean absolute difference, in 0...255.
    public var l1: Double

    public init(epoch: Int, l1: Double) {
      self.epoch = epoch
      self.l1 = l1
    }
  }

  public struct Sample: Sendable {
    public var step: Int
    public var epoch: Int
    /// A PNG file: rows of input, output and target.
    public var png: [UInt8]

    public init(step: Int, epoch: Int, png: [UInt8]) {
      self.step = step
      self.epoch = epoch
      self.png = png
    }
  }

  public var title: String
  public var lossNames: [String]
  public var losses: [LossPoint]
  public var validation: [ValidationPoint]
  public var samples: [Sample]
  public var options: [(String, String)]
  public var device: [(String, String)]
  public var timings: [(String, String)]

  public init(
    title: String, lossNames: [String], losses: [LossPoint], validation: [ValidationPoint], samples: [Sample],
    options: [(String, String)], device: [(String, String)], timings: [(String, String)]
  ) {
    self.title = title
    self.lossNames = lossNames
    self.losses = losses
    self.validation = validation
    self.samples = samples
    self.options = options
    self.device = device
    self.timings = timings
  }

  /// The page.
  public func html() -> String {
    func curve(_ name: String) -> Chart.Curve? {
      guard let index = lossNames.firstIndex(of: name) else { return nil }
      return Chart.Curve(name: name, points: losses.map { ($0.epoch, $0.values[index]) }, isSmoothed: true)
    }
    let charts = [
      Chart(
        title: "100 × L1 of the generator", curves: ["G_L1"].compactMap(curve), mark: nil),
      Chart(
        title: "Adversarial losses", curves: ["G_GAN", "D_real", "D_fake"].compactMap(curve),
        mark: (log(2), "ln 2: the discriminator cannot tell")),
      Chart(
        title: "Validation L1, of 255",
        curves: validation.isEmpty
          ? []
          : [
            Chart.Curve(
              name: "L1", points: validation.map { (Double($0.epoch), $0.l1) }, isSmoothed: false)
          ],
        mark: nil),
    ]
    let best = validation.filter(\.l1.isFinite).min { $0.l1 < $1.l1 }
    let summary = [
      losses.last.map { "\($0.step) steps, \(Chart.label($0.epoch)) epochs" },
      best.map { String(format: "best validation L1 %.2f of 255, after epoch %d", $0.l1, $0.epoch) },
    ].compactMap { $0 }.joined(separator: " · ")
    let pictures = samples.sorted { $0.step > $1.step }.map { sample in
      """
      <figure><img src="data:image/png;base64,\(Data(sample.png).base64EncodedString())" \
      alt="input, output, target after step \(sample.step)"/>\
      <figcaption>step \(sample.step), epoch \(sample.epoch)</figcaption></figure>
      """
    }
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8"/>
      <meta name="viewport" content="width=device-width, initial-scale=1"/>
      <title>\(Self.escaped(title))</title>
      <style>\(Self.style)</style>
      </head>
      <body>
      <h1>\(Self.escaped(title))</h1>
      <p class="summary">\(Self.escaped(summary))</p>
      <section class="charts">\(charts.filter { !$0.curves.isEmpty }.map { $0.svg() }.joined(separator: "\n"))</section>
      <h2>Samples</h2>
      <p class="summary">In each row input, output, target; newest first.</p>
      <section class="samples">\(pictures.joined(separator: "\n"))</section>
      <section class="tables">
      \(Self.table("Options", options))
      \(Self.table("Device", device))
      \(Self.table("Timings", timings))
      </section>
      </body>
      </html>

      """
  }

  private static func table(_ title: String, _ rows: [(String, String)]) -> String {
    guard !rows.isEmpty else { return "" }
    let body = rows.map { "<tr><th>\(escaped($0.0))</th><td>\(escaped($0.1))</td></tr>" }
    return "<div><h2>\(title)</h2><table>\(body.joined())</table></div>"
  }

  static func escaped(_ text: String) -> String {
    var result = ""
    // By scalars, since a character may be a "<" with an accent.
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "\t", "\n": result.unicodeScalars.append(scalar)
      // File names may hold control characters, XML may not.
      case ..<" ", "\u{FFFE}", "\u{FFFF}": result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  private static let style = """
    body { font: 15px/1.45 system-ui, sans-serif; color: #1c2430; background: #fff; max-width: 1180px; margin: 32px auto; padding: 0 20px; }
    h1 { font-size: 25px; margin: 0 0 4px; } h2 { font-size: 17px; margin: 30px 0 8px; }
    .summary { color: #5b6675; margin: 0 0 18px; }
    .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(520px, 1fr)); gap: 18px; }
    svg { width: 100%; height: auto; border: 1px solid #e2e6ec; border-radius: 6px; background: #fff; }
    .samples { display: flex; gap: 16px; overflow-x: auto; padding-bottom: 12px; }
    figure { margin: 0; flex: none; } figure img { display: block; max-height: 560px; border-radius: 4px; }
    figcaption { color: #5b6675; font-size: 13px; margin-top: 4px; }
    .tables { display: flex; flex-wrap: wrap; gap: 48px; }
    table { border-collapse: collapse; } th { text-align: left; font-weight: 500; color: #5b6675; padding: 3px 18px 3px 0; vertical-align: top; }
    td { font-variant-numeric: tabular-nums; padding: 3px 0; overflow-wrap: anywhere; }
    @media print { .samples { flex-wrap: wrap; overflow: visible; } }
    """
}

/// A line chart over epochs as inline SVG.
struct Chart {
  struct Curve {
    var name: String
    var points: [(x: Double, y: Double)]
    /// Draws a moving average over the faint values themselves.
    var isSmoothed: Bool
  }

  var title: String
  var curves: [Curve]
  /// A horizontal line with its meaning.
  var mark: (y: Double, text: String)?

  static let width = 580.0
  static let height = 300.0
  private static let frame = (left: 58.0, right: 16.0, top: 40.0, bottom: 42.0)
  private static let colours = ["#2563b8", "#c2571a", "#2c8a57"]
  /// More points than a screen has columns are averaged in groups.
  static let mostPoints = 600

  func svg() -> String {
    let thinned = curves.map {
      Curve(name: $0.name, points: Self.thinned($0.points), isSmoothed: $0.isSmoothed)
    }
    let finite = thinned.flatMap(\.points).filter { $0.y.isFinite && $0.x.isFinite }
    let xs = Self.ticks(0, finite.map(\.x).max() ?? 1)
    let marked = mark.map { [$0.y] } ?? []
    let low = (finite.map(\.y) + marked).min() ?? 0
    let high = (finite.map(\.y) + marked).max() ?? 1
    let ys = Self.ticks(low, high)
    let plot = (
      width: Self.width - Self.frame.left - Self.frame.right,
      height: Self.height - Self.frame.top - Self.frame.bottom
    )
    let (xFirst, xLast) = (0.0, max(finite.map(\.x).max() ?? 1, 1e-9))
    let (yFirst, yLast) = (min(low, ys.first ?? low), max(high, ys.last ?? high))
    func x(_ value: Double) -> Double { Self.frame.left + (value - xFirst) / (xLast - xFirst) * plot.width }
    func y(_ value: Double) -> Double {
      Self.frame.top + plot.height * (1 - (value - yFirst) / max(yLast - yFirst, 1e-12))
    }
    var parts = [
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(Int(Self.width)) \(Int(Self.height))\" font-family=\"system-ui, sans-serif\" font-size=\"12\">",
      "<text x=\"\(Self.frame.left)\" y=\"22\" font-size=\"14\" font-weight=\"600\">\(TrainingReport.escaped(title))</text>",
    ]
    for tick in ys {
      parts.append(
        "<line x1=\"\(Self.frame.left)\" x2=\"\(Self.width - Self.frame.right)\" y1=\"\(Self.number(y(tick)))\" y2=\"\(Self.number(y(tick)))\" stroke=\"#e8ebf0\"/>"
          + "<text x=\"\(Self.frame.left - 8)\" y=\"\(Self.number(y(tick) + 4))\" text-anchor=\"end\" fill=\"#5b6675\">\(Self.label(tick))</text>"
      )
    }
    for tick in xs where tick <= xLast {
      parts.append(
        "<text x=\"\(Self.number(x(tick)))\" y=\"\(Self.height - Self.frame.bottom + 18)\" text-anchor=\"middle\" fill=\"#5b6675\">\(Self.label(tick))</text>"
      )
    }
    parts.append(
      "<text x=\"\(Self.width - Self.frame.right)\" y=\"\(Self.height - 8)\" text-anchor=\"end\" fill=\"#5b6675\">epochs</text>"
    )
    if let mark {
      parts.append(
        "<line x1=\"\(Self.frame.left)\" x2=\"\(Self.width - Self.frame.right)\" y1=\"\(Self.number(y(mark.y)))\" y2=\"\(Self.number(y(mark.y)))\" stroke=\"#8a94a3\" stroke-dasharray=\"5 4\"/>"
          + "<text x=\"\(Self.width - Self.frame.right)\" y=\"\(Self.number(y(mark.y) - 5))\" text-anchor=\"end\" fill=\"#5b6675\">\(TrainingReport.escaped(mark.text))</text>"
      )
    }
    for (index, curve) in thinned.enumerated() {
      let colour = Self.colours[index % Self.colours.count]
      func line(_ points: [(x: Double, y: Double)], _ style: String) {
        for run in points.split(whereSeparator: { !$0.y.isFinite }) {
          let path = run.map { "\(Self.number(x($0.x))),\(Self.number(y($0.y)))" }
          if path.count == 1 {
            parts.append(
              "<circle cx=\"\(Self.number(x(run[run.startIndex].x)))\" cy=\"\(Self.number(y(run[run.startIndex].y)))\" r=\"2.5\" fill=\"\(colour)\"/>"
            )
          } else {
            parts.append(
              "<polyline points=\"\(path.joined(separator: " "))\" fill=\"none\" stroke=\"\(colour)\" \(style)/>"
            )
          }
        }
      }
      if curve.isSmoothed {
        line(curve.points, "stroke-width=\"1\" stroke-opacity=\"0.25\"")
        line(Self.smoothed(curve.points), "stroke-width=\"2\"")
      } else {
        line(curve.points, "stroke-width=\"2\"")
      }
      let legend = Self.width - Self.frame.right - Double(thinned.count - index) * 78
      parts.append(
        "<line x1=\"\(legend)\" x2=\"\(legend + 18)\" y1=\"18\" y2=\"18\" stroke=\"\(colour)\" stroke-width=\"3\"/>"
          + "<text x=\"\(legend + 23)\" y=\"22\">\(TrainingReport.escaped(curve.name))</text>")
    }
    parts.append("</svg>")
    return parts.joined(separator: "\n")
  }

  /// At most `mostPoints` means of neighbouring points.
  static func thinned(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
    let group = (points.count + mostPoints - 1) / mostPoints
    guard group > 1 else { return points }
    return stride(from: 0, to: points.count, by: group).map { start in
      let part = points[start..<min(points.count, start + group)]
      let count = Double(part.count)
      return (part.reduce(0) { $0 + $1.x } / count, part.reduce(0) { $0 + $1.y } / count)
    }
  }

  /// A centred moving average over about a twentieth of the points; values that are no numbers stay gaps.
  static func smoothed(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
    let reach = points.count / 40
    return points.indices.map { index in
      guard points[index].y.isFinite else { return points[index] }
      let near = points[max(0, index - reach)...min(points.count - 1, index + reach)].filter(\.y.isFinite)
      return (points[index].x, near.reduce(0) { $0 + $1.y } / Double(near.count))
    }
  }

  /// About five round numbers that cover the range.
  static func ticks(_ low: Double, _ high: Double) -> [Double] {
    guard low.isFinite, high.isFinite, high > low else { return [low, low + 1] }
    let rough = (high - low) / 5
    let power = pow(10, floor(log10(rough)))
    let step = [1, 2, 2.5, 5, 10].map { $0 * power }.first { $0 >= rough } ?? 10 * power
    let first = (low / step).rounded(.down)
    let last = (high / step).rounded(.up)
    return stride(from: first, through: last, by: 1).map { $0 * step }
  }

  static func label(_ value: Double) -> String {
    let text = String(format: "%.3f", value)
    guard text.contains(".") else { return text }
    var trimmed = Substring(text)
    while trimmed.last == "0" { trimmed.removeLast() }
    if trimmed.last == "." { trimmed.removeLast() }
    return trimmed == "-0" ? "0" : String(trimmed)
  }

  private static func number(_ value: Double) -> String { String(format: "%.1f", value) }
}
