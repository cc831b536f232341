import Files
import Foundation
import ImageMetrics
import Model
import Testing

/// A name that tries to leave its place: out of an element, out of an attribute, also by quotes and brackets that a
/// combining character turns into other letters, as Swift sees them.
private let inertText =
  "</title></text><script>alert(1)</script>\" onload=\"x\"\u{301} onerror='y'\u{20D0} <\u{338}b>\u{200D}&\u{FE0F} &lt; "
  + "{{title}} {{{body}}} ]]> --> "
/// With what XML forbids.
private let hostile = inertText + "\u{0}\u{1B}\r\u{FFFE}\u{FFFF}"
/// What a reader sees of it.
private let shown = inertText + "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"

private let elements: Set<String> = [
  "html", "head", "meta", "title", "style", "body", "main", "header", "h1", "h2", "section", "div", "span",
  "p", "ul", "li", "b", "i", "table", "caption", "thead", "tbody", "tr", "th", "td", "figure", "figcaption",
  "img", "svg", "line", "path", "circle", "rect", "text",
]
private let attributes: Set<String> = [
  "xmlns", "lang", "charset", "http-equiv", "name", "content", "class", "scope", "alt", "width", "height",
  "src", "role", "aria-hidden", "viewBox", "fill", "stroke", "d", "x", "y", "x1", "x2", "y1", "y2", "cx",
  "cy", "r", "text-anchor",
]

/// A report with something in every place, all named alike.
private func report(_ name: String, _ picture: ReportPicture) -> TrainingReport {
  let families: [LossKind.Family] = [.reconstruction, .discriminator, .adversarial]
  let figures = ["a", "b"].map { FigureKind($0, name, unit: name, better: .lower, family: "\(name) \($0)") }
  return TrainingReport(
    title: name, lossKinds: families.map { LossKind(name, $0) },
    losses: (1...30).map { .init(step: $0, epoch: 1, values: [1, $0 == 7 ? .nan : 0.001, 2]) },
    figures: figures, validations: (1...3).map { .init(epoch: $0, values: [Double($0), 1]) },
    best: figures[0], samples: [1, 2, 2].map { .init(step: $0, epoch: 1, picture: picture) },
    options: [(name, name)], device: [(name, name)], timings: [(name, name)],
    undecided: LossChart.Reference(value: 0.7, label: name))
}

private func experiment(_ name: String, _ picture: ReportPicture) -> ExperimentReport {
  let rows = [0.3, 0.2, 0.1].map {
    ExperimentTable.Row(title: name, values: ["iou": .init(value: $0)], published: .init($0, $0, 0.3 - $0))
  }
  let columns = [ExperimentTable.Column(key: "iou", title: name) { $0.classIOU }]
  let table = ExperimentTable(title: name, columns: columns, rows: rows, budget: name)
  return ExperimentReport(
    title: name, budget: name, sections: [.init(table: table, columns: [name, name], sheet: picture)])
}

private func chart(_ name: String) -> LossChart {
  LossChart(
    xLabel: name, places: [1, 2], series: [.init(name: name, values: [1, 2], color: name)],
    reference: .init(value: 1, label: name), mark: .init(place: 1, label: name))
}

/// Every page and part of a page that a name comes into.
private func markup(_ name: String) -> [String: String] {
  let (embedded, linked) = (
    ReportPicture.embedded(png: [1, 2, 3]), ReportPicture.linked(name, width: 3, height: nil)
  )
  return [
    "report": report(name, embedded).html(), "experiment": experiment(name, embedded).html(),
    "chart": chart(name).svg(title: name), "report's body": "<main>\(report(name, linked).body())</main>",
    "experiment's body": "<main>\(experiment(name, linked).body())</main>",
  ]
}

@Suite struct PageTests {
  /// Names stay text, wherever they stand.
  @Test func namesAreInert() {
    for (place, markup) in markup(hostile) {
      let page = PageReader(markup)
      #expect(page.error == nil, "\(place)")
      for element in page.elements {
        #expect(elements.contains(element.name), "\(place)")
        #expect(attributes.isSuperset(of: element.attributes.keys), "\(place): \(element)")
      }
      let texts = Set(page.texts.filter { $0.text.contains(shown) }.map(\.name))
      #expect(texts.isSuperset(of: place == "chart" ? ["title", "text"] : ["h1", "td", "th"]), "\(place)")
      let sources = page.elements.filter { $0.name == "img" }.compactMap { $0.attributes["src"] }
      #expect(sources.allSatisfy { $0.hasPrefix("data:image/png;base64,") || $0 == shown }, "\(place)")
    }
  }

  /// A policy for contents may forbid scripts and styles of attributes, and a page in one file asks for nothing.
  @Test func pagesAskForNothing() throws {
    for (place, markup) in markup("name") {
      for forbidden in [" style=", "<script", "javascript:", "https://", "url(", "@import"] {
        #expect(!markup.contains(forbidden), "\(place): \(forbidden)")
      }
      #expect(try Regex(" on[a-zA-Z]+=").firstMatch(in: markup) == nil, "\(place)")
      let addresses = markup.matches(of: try Regex("xmlns=.http://www.w3.org/[a-z0-9/]+.")).count
      #expect(markup.ranges(of: "http://").count == addresses, "\(place)")
    }
  }

  /// Bodies in frames, which say before anything else what a browser may do.
  @Test func framesHoldBodies() throws {
    let (report, experiment) = (report("a", .embedded(png: [1])), experiment("a", .embedded(png: [1])))
    for (html, body) in [(report.html(), report.body()), (experiment.html(), experiment.body())] {
      #expect(html.contains("<main>\n\(body)</main>"))
      #expect(html.prefix(4096).contains(OwnMark.html))
      let head = PageReader(html).elements.prefix { $0.name != "title" }
      #expect(
        head.first { $0.attributes["http-equiv"] == "Content-Security-Policy" }?.attributes["content"]
          == "default-src 'none'; img-src data:; style-src 'unsafe-inline'")
    }
  }

  /// Pictures of a server have addresses, and sizes where they are known.
  @Test func linkedPictures() {
    let pictures = [
      ReportPicture.linked("/a?b=1&c=2", width: 96, height: 32), .linked("/d", width: nil, height: nil),
    ]
    let found = pictures.flatMap { picture in
      PageReader("<main>\(experiment("a", picture).body())</main>").elements.filter { $0.name == "img" }
    }
    #expect(
      found.map(\.attributes) == [
        ["alt": "pictures of all rows", "width": "96", "height": "32", "src": "/a?b=1&c=2"],
        ["alt": "pictures of all rows", "src": "/d"],
      ])
  }
}
