import Foundation
import Web

extension LossChart {
  /// The chart as an `svg` element, well-formed as XML.
  public func svg(title: String) -> String { WebTemplates.render("chart", drawing(title: title)) }

  /// What chart.mustache draws, in this order, so that words lie above curves. Coordinates are in SVG units; kinds are
  /// classes of style.css.
  struct Drawing {
    let title: String
    let width = Int(Frame.width)
    let height = Int(Frame.height)
    let lines: [Line]
    let paths: [Path]
    let dots: [Dot]
    let texts: [Text]
  }

  /// A straight line.
  struct Line {
    let kind: String
    let (x1, y1, x2, y2): (String, String, String, String)

    init(_ kind: String, from start: (x: Double, y: Double), to end: (x: Double, y: Double)) {
      self.kind = kind
      (x1, y1) = (coordinate(start.x), coordinate(start.y))
      (x2, y2) = (coordinate(end.x), coordinate(end.y))
    }
  }

  /// A curve, or all its raw points.
  struct Path {
    let kind: String
    let color: String
    /// In the language of an SVG path's attribute `d`.
    let d: String
  }

  /// A point of a curve.
  struct Dot {
    let kind: String
    let (x, y): (String, String)
    let color: String
  }

  /// Words at a place, which is their beginning, middle or end.
  struct Text {
    let kind: String
    let (x, y): (String, String)
    let anchor: String
    let text: String

    init(_ kind: String, _ text: String, x: Double, y: Double, anchor: String) {
      (self.kind, self.text, self.anchor) = (kind, text, anchor)
      (self.x, self.y) = (coordinate(x), coordinate(y))
    }
  }

  func drawing(title: String) -> Drawing {
    let (reference, mark) = (referenceParts(), markParts())
    return Drawing(
      title: title, lines: axisLines() + reference.lines + mark.lines,
      // All raw points, and the smoothed lines over them.
      paths: zip(series, curves).map { Path(kind: "raw", color: $0.color, d: points($1)) }
        + zip(series, curves).map { Path(kind: "line", color: $0.color, d: line($1)) },
      dots: mark.dots, texts: axisTexts() + reference.texts + mark.texts)
  }

  // MARK: - Parts

  private func axisLines() -> [Line] {
    let grid = yTicks.map { tick in
      Line("grid", from: (Frame.left, y(tick.value)), to: (Frame.right, y(tick.value)))
    }
    let ticks = xTicks.map { tick in
      Line("tick", from: (x(tick.value), Frame.bottom), to: (x(tick.value), Frame.bottom + 5))
    }
    return grid + ticks + [Line("tick", from: (Frame.left, Frame.bottom), to: (Frame.right, Frame.bottom))]
  }

  private func axisTexts() -> [Text] {
    let middle = (Frame.left + Frame.right) / 2
    let numbers =
      yTicks.map { Text("scale", $0.label, x: Frame.left - 8, y: y($0.value) + 4, anchor: "end") }
      + xTicks.map { Text("scale", $0.label, x: x($0.value), y: Frame.bottom + 19, anchor: "middle") }
    let name = Text("axis", xLabel, x: middle, y: Frame.height - 6, anchor: "middle")
    guard isEmpty else { return numbers + [name] }
    let center = (Frame.top + Frame.bottom) / 2
    return numbers + [name, Text("none", "no values yet", x: middle, y: center, anchor: "middle")]
  }

  /// A dashed line and the words on it.
  private func referenceParts() -> (lines: [Line], texts: [Text]) {
    guard let reference else { return ([], []) }
    // Above the line, or below it where that would leave the plot; a halo keeps it readable over curves.
    let y = y(reference.value)
    let baseline = y - 6 > Frame.top + 10 ? y - 6 : y + 15
    return (
      [Line("reference", from: (Frame.left, y), to: (Frame.right, y))],
      [Text("note", reference.label, x: Frame.right - 4, y: baseline, anchor: "end")]
    )
  }

  /// A dashed line, a dot on every curve, and the mark's words on the side with more room.
  private func markParts() -> (lines: [Line], dots: [Dot], texts: [Text]) {
    guard !marked.isEmpty, let mark else { return ([], [], []) }
    let x = x(mark.place)
    let isLeft = x > (Frame.left + Frame.right) / 2
    return (
      [Line("mark", from: (x, Frame.top), to: (x, Frame.bottom))],
      marked.map { Dot(kind: "best", x: coordinate(x), y: coordinate(y($0.value)), color: $0.color) },
      [
        Text(
          "note", mark.label, x: isLeft ? x - 7 : x + 7, y: labelBaseline(at: x, isLeft),
          anchor: isLeft ? "end" : "start")
      ]
    )
  }

  /// The baseline for words beside the mark, at the top or the bottom of the plot, whichever is farther from the curves.
  private func labelBaseline(at x: Double, _ isLeft: Bool) -> Double {
    let words = isLeft ? x - 110...x : x...x + 110
    let near = curves.joined().filter { words.contains(self.x($0.place)) }.compactMap { $0.value?.smooth }
    let values = near + marked.map(\.value)
    let room = (
      top: (values.map(y).min() ?? 0) - Frame.top, bottom: Frame.bottom - (values.map(y).max() ?? 0)
    )
    return room.top >= room.bottom ? Frame.top + 12 : Frame.bottom - 8
  }

  private func points(_ curve: [Point]) -> String {
    var path = ""
    for point in curve {
      guard let value = point.value, yRange.contains(value.raw) else { continue }
      path += "M\(coordinate(x(point.place))) \(coordinate(y(value.raw)))h0"
    }
    return path
  }

  private func line(_ curve: [Point]) -> String {
    var path = ""
    var isDrawing = false
    for point in curve {
      guard let value = point.value else {
        isDrawing = false
        continue
      }
      path += "\(isDrawing ? "L" : "M")\(coordinate(x(point.place))) \(coordinate(y(value.smooth)))"
      isDrawing = true
    }
    return path
  }
}

private func coordinate(_ value: Double) -> String { String(format: "%.2f", value) }
