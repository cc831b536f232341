import Foundation
import ImageMetrics
import Model
import Testing

/// The points of a path of M, L and h0 commands, and where a new piece begins.
private func points(_ path: String) -> (points: [(x: Double, y: Double)], pieces: Int) {
  var points: [(x: Double, y: Double)] = []
  for command in path.replacingOccurrences(of: "h0", with: "").split(whereSeparator: { "ML".contains($0) }) {
    let numbers = command.split(separator: " ").compactMap { Double($0) }
    if numbers.count == 2 { points.append((numbers[0], numbers[1])) }
  }
  return (points, path.filter { $0 == "M" }.count)
}

private let kinds = [
  LossKind("G_GAN", .adversarial), LossKind("G_L1", .reconstruction), LossKind("D_real", .discriminator),
  LossKind("D_fake", .discriminator),
]

private func report(steps: Int, value: (Int, Int) -> Double) -> TrainingReport {
  TrainingReport(
    title: "run", lossKinds: kinds,
    losses: (0..<steps).map { step in
      TrainingReport.LossPoint(
        step: step * 10, epoch: Double(step) / 40, values: kinds.indices.map { value(step, $0) })
    })
}

/// The header of a 96 x 32 PNG; the rest is never read.
private let png: [UInt8] = [
  0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52, 0, 0, 0, 96, 0, 0, 0,
  32,
]

@Suite struct ReportTests {
  @Test func fullReportIsWellFormedAndStandsAlone() {
    var report = report(steps: 300) { step, loss in loss == 1 ? 40 - Double(step) / 10 : 0.5 }
    report.figures = [.l1]
    report.best = .l1
    report.validations = [(1, 40), (2, 35), (3, 36)].map { .init(epoch: $0.0, values: [$0.1]) }
    report.samples = [
      TrainingReport.Sample(step: 100, epoch: 1, picture: .embedded(png: png)),
      TrainingReport.Sample(step: 300, epoch: 3, picture: .embedded(png: png)),
      TrainingReport.Sample(step: 200, epoch: 2, picture: .embedded(png: png)),
    ]
    report.options = [("size", "256")]
    report.device = [("name", "a GPU")]
    report.timings = [("per step", "20 ms")]
    let page = PageReader(report.html())
    #expect(page.error == nil)
    #expect(page.texts(of: "caption") == ["Options", "Timings", "Device"])
    #expect(page.charts == 4)

    let images = page.elements.filter { $0.name == "img" }.map(\.attributes)
    #expect(images.compactMap { $0["alt"]?.suffix(3) } == ["300", "200", "100"], "newest first")
    for image in images {
      #expect(image["src"] == "data:image/png;base64," + Data(png).base64EncodedString())
      #expect(image["width"] == "96" && image["height"] == "32")
    }
    for element in page.elements {
      #expect(!["script", "link", "a", "iframe"].contains(element.name))
      #expect(element.attributes["href"] == nil)
    }
  }

  @Test func textIsEscaped() {
    let nasty = "</td><script>alert('a & \"b\"')</script>\u{0}\u{1B}"
    let shown = "</td><script>alert('a & \"b\"')</script>\u{FFFD}\u{FFFD}"
    var report = report(steps: 3) { _, _ in 1 }
    report.title = nasty
    report.lossKinds = [LossKind(nasty, .adversarial)]
    report.options = [(nasty, nasty)]
    report.undecided = LossChart.Reference(value: 1, label: nasty)
    let page = PageReader(report.html())
    #expect(page.error == nil)
    #expect(!page.elements.contains { $0.name == "script" })
    #expect(page.texts(of: "h1") == [shown])
    #expect(page.texts(of: "th") == [shown])
    #expect(page.texts(of: "td") == [shown])
  }

  @Test(arguments: [0, 1, 2])
  func fewPointsAreTolerated(_ count: Int) {
    for value in [0.0, 3, -2, .nan, .infinity] {
      let page = PageReader(report(steps: count) { _, _ in value }.html())
      #expect(page.error == nil)
      #expect(page.charts == 3)
      let drawn = page.paths("raw").flatMap { points($0).points }
      #expect(drawn.count == (value.isFinite ? count * kinds.count : 0))
      for point in drawn {
        #expect(point.x >= LossChart.Frame.left && point.x <= LossChart.Frame.right)
        #expect(point.y >= LossChart.Frame.top && point.y <= LossChart.Frame.bottom)
      }
      if drawn.isEmpty { #expect(page.texts(of: "text").filter { $0 == "no values yet" }.count == 3) }
    }
  }

  @Test func emptyReportSaysSo() {
    let page = PageReader(TrainingReport(title: "nothing").html())
    #expect(page.error == nil)
    #expect(page.texts(of: "p") == ["Nothing has been recorded yet."])
  }

  /// Points stand where the axes' ranges say: x from left to right, y from bottom to top, both linear.
  @Test func pointsStandWhereTheFormulaSays() throws {
    let values = [4.0, 1, 2.5, 3, 0.5]
    let places = [0.0, 10, 15, 30, 40]
    let chart = LossChart(
      xLabel: "step", places: places, series: [LossChart.Series(name: "a", values: values, color: "#000")])
    #expect(chart.xRange == 0...40)
    #expect(chart.yRange == 0...4)
    let page = PageReader(chart.svg(title: "t"))
    #expect(page.error == nil)
    for kind in ["raw", "line"] {
      // Five values are too few to need a mean: the line passes through the points.
      let drawn = points(try #require(page.paths(kind).first)).points
      #expect(drawn.count == values.count)
      for (index, point) in drawn.enumerated() {
        let x = 54 + places[index] / 40 * (592 - 54)
        let y = 246 - values[index] / 4 * (246 - 14)
        #expect(abs(point.x - x) < 0.006 && abs(point.y - y) < 0.006)
      }
    }
    let labels = page.texts(of: "text")
    #expect(labels == ["0", "1", "2", "3", "4", "0", "10", "20", "30", "40", "step"])
  }

  @Test func valuesThatAreNotFiniteAreGaps() throws {
    var values = (0..<50).map { 1 + Double($0 % 7) }
    values[20] = .nan
    values[21] = .infinity
    values[35] = -.infinity
    let chart = LossChart(
      xLabel: "step", places: (0..<50).map(Double.init),
      series: [LossChart.Series(name: "a", values: values, color: "#000")])
    let page = PageReader(chart.svg(title: "t"))
    let line = points(try #require(page.paths("line").first))
    #expect(line.points.count == 47)
    #expect(line.pieces == 3)
    #expect(!chart.svg(title: "t").contains("nan") && !chart.svg(title: "t").contains("inf"))

    let warned = PageReader(report(steps: 50) { step, loss in loss == 2 ? values[step] : 1 }.html())
    #expect(warned.error == nil)
    #expect(warned.texts(of: "li") == ["D_real: 3 values are not finite, first at step 200."])
  }

  /// A line of losses without noise stays that line, however much it is thinned; spikes do not set the scale.
  /// A table that was changed by hand may hold any number.
  @Test(arguments: [
    [0, .greatestFiniteMagnitude, -.greatestFiniteMagnitude], [1e300, -1e300, 0],
    [0, .leastNonzeroMagnitude, 1.5e-323], [1e300, Double(1e300).nextUp, 1e300],
    [.nan, .infinity, -.infinity],
  ])
  func extremeValuesAreTolerated(_ values: [Double]) {
    for places in [[0, 1, 2], [9e18, 9e18 + 1024, 9e18 + 4096], values.sorted { $0 < $1 }] {
      let chart = LossChart(
        xLabel: "step", places: places, series: [.init(name: "a", values: values, color: "red")])
      #expect(PageReader(chart.svg(title: "a")).error == nil)
    }
  }

  @Test func longRunsAreThinned() throws {
    let count = 200_000
    let values = (0..<count).map { $0 % 1000 == 0 ? 1e6 : Double($0) / Double(count) }
    let chart = LossChart(
      xLabel: "step", places: (0..<count).map(Double.init),
      series: [LossChart.Series(name: "a", values: values.map { $0 > 1 ? .nan : $0 }, color: "#000")])
    let line = points(try #require(PageReader(chart.svg(title: "t")).paths("line").first))
    #expect(line.points.count == LossChart.maximumPoints)
    #expect(line.pieces == 1)
    #expect(chart.yRange == 0...1)
    // Away from the ends, the mean of a straight line is the line.
    let middle = line.points[300]
    let share = (middle.x - LossChart.Frame.left) / (LossChart.Frame.right - LossChart.Frame.left)
    #expect(abs(chart.y(share) - middle.y) < 0.1)
    #expect(chart.svg(title: "t").utf8.count < 40_000)
  }

  @Test func aFewSpikesDoNotSetTheScale() {
    var values = (0..<600).map { 0.5 + 0.1 * Double($0 % 5) }
    values[100] = 20
    values[400] = 15
    let chart = LossChart(
      xLabel: "step", places: (0..<600).map(Double.init),
      series: [LossChart.Series(name: "a", values: values, color: "#000")])
    #expect(chart.yRange.upperBound < 4)
  }

  /// A chart for each family, whatever its losses are called.
  @Test func lossesByFamilies() {
    let kinds = [
      LossKind("G_L1", .discriminator), LossKind("D_fake", .adversarial), LossKind("one", .reconstruction),
      LossKind("another", .reconstruction),
    ]
    let report = TrainingReport(
      title: "run", lossKinds: kinds, losses: [.init(step: 1, epoch: 1, values: [1, 2, 3, 4])])
    let page = PageReader(report.html())
    let spans = zip(page.elements, page.texts).filter { $0.0.name == "span" }.map {
      ($0.0.attributes["class"] ?? "", $0.1.text)
    }
    let charted = spans.filter { ["heading", "key"].contains($0.0) }.map(\.1)
    #expect(
      charted.map { $0.trimmingCharacters(in: .whitespaces) } == [
        "Reconstruction", "one", "another", "Discriminator", "G_L1", "Generator against discriminator",
        "D_fake",
      ])
    // What is told of reconstruction and discriminator goes by the family, too.
    #expect(spans.filter { $0.0 == "name" }.map(\.1) == ["Steps", "Epochs", "one", "another"])
  }

  @Test func undecidedDiscriminatorHasItsLine() throws {
    var report = report(steps: 100) { _, loss in loss == 1 ? 30 : 0.4 }
    let page = PageReader(report.html())
    #expect(page.elements.filter { $0.attributes["class"] == "reference" }.count == 1)
    #expect(page.texts(of: "text").contains { $0.hasPrefix("ln 2 = 0.693") })
    report.undecided = nil
    #expect(!PageReader(report.html()).elements.contains { $0.attributes["class"] == "reference" })
  }

  @Test func aWinningDiscriminatorIsSaid() {
    let page = PageReader(report(steps: 100) { _, loss in loss >= 2 ? 0.001 : 6 }.html())
    #expect(page.texts(of: "li").count == 1)
    #expect(PageReader(report(steps: 100) { _, _ in 0.5 }.html()).texts(of: "li").isEmpty)
  }

  /// A chart for each family, all with a mark and dots at the epoch that is the best by the chosen figure; what was not
  /// measured is a gap.
  @Test func validationByFamilies() throws {
    let figures: [FigureKind] = [.l1, .psnr, .ssim] + FigureKind.segmentation().prefix(2)
    let rows: [[Double]] = [
      [40, .nan, .nan, .nan, .nan], [20, 18, 0.5, 0.7, 0.4], [10, .infinity, 0.4, 0.8, 0.3],
    ]
    let report = TrainingReport(
      title: "run", figures: figures,
      validations: rows.enumerated().map { .init(epoch: $0.offset + 1, values: $0.element) }, best: .ssim)
    let page = PageReader(report.html())
    #expect(page.error == nil)
    let headings = page.elements.indices.filter { page.elements[$0].attributes["class"] == "heading" }
      .map { page.texts[$0].text }
    #expect(headings == ["L1", "PSNR", "Structural similarity", "Label maps"])
    #expect(page.texts(of: "text").filter { $0 == "best SSIM: epoch 2" }.count == 4)
    #expect(page.elements.filter { $0.attributes["class"] == "best" }.count == 5)
    #expect(page.elements.filter { $0.attributes["class"] == "mark" }.count == 4)
    let spans = page.texts(of: "span")
    #expect(spans.contains("Best validation SSIM") && spans.contains("0.500"))
    #expect(spans.contains("epoch 2, now 0.400"))
    // Figure by figure: at the best epoch, at the last.
    #expect(
      page.texts(of: "td") == [
        "20.00", "10.00", "18.00", "\u{221E}", "0.500", "0.400", "0.700", "0.800", "0.400", "0.300",
      ])
    for count in [0, 1] {
      var few = report
      few.validations = Array(report.validations.suffix(count))
      let page = PageReader(few.html())
      #expect(page.error == nil)
      // The PSNR is infinite, which no chart can show.
      #expect(page.elements.filter { $0.attributes["class"] == "best" }.count == 4 * count)
      #expect(!few.html().contains("nan") && !few.html().contains("inf\""))
    }
  }

  /// The dot stands at the value itself, not at a mean, and the axis reaches it.
  @Test func theMarkStandsAtItsValue() throws {
    let values = (0..<200).map { $0 == 150 ? 3.0 : 20 + Double($0 % 3) }
    let chart = LossChart(
      xLabel: "epoch", places: (1...200).map(Double.init),
      series: [LossChart.Series(name: "a", values: values, color: "#000")],
      mark: LossChart.Mark(place: 151, label: "best"))
    let page = PageReader(chart.svg(title: "t"))
    let dot = try #require(page.elements.first { $0.name == "circle" }).attributes
    let (x, y) = (try #require(Double(dot["cx"] ?? "")), try #require(Double(dot["cy"] ?? "")))
    #expect(abs(x - (54 + 151.0 / 200 * (592 - 54))) < 0.006)
    #expect(chart.yRange.contains(3) && abs(y - chart.y(3)) < 0.006)
    #expect(y <= LossChart.Frame.bottom)
  }

  @Test func valuesMayBeFewerThanNames() {
    let short = TrainingReport(
      title: "run", lossKinds: kinds,
      losses: [
        TrainingReport.LossPoint(step: 1, epoch: .nan, values: [1]),
        TrainingReport.LossPoint(step: 2, epoch: .infinity, values: []),
      ], figures: [.l1, .ssim], validations: [.init(epoch: 1, values: [.nan])], best: .l1)
    #expect(PageReader(short.html()).error == nil)
  }
}
