import Foundation
import Model
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

@Suite struct ReportTests {
  /// What a parser saw of a page.
  private final class Elements: NSObject, XMLParserDelegate {
    var names: [String: Int] = [:]
    var text = ""

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
      attributes: [String: String]
    ) {
      names[name, default: 0] += 1
      text += attributes.values.joined(separator: " ") + " "
    }

    func parser(_ parser: XMLParser, foundCharacters characters: String) { text += characters }
  }

  private func report(
    _ losses: [TrainingReport.LossPoint] = [], _ validation: [TrainingReport.ValidationPoint] = [],
    samples: [TrainingReport.Sample] = [], options: [(String, String)] = []
  ) -> TrainingReport {
    TrainingReport(
      title: "a <b> & \"c\"", lossNames: Losses.names, losses: losses, validation: validation,
      samples: samples, options: options, device: [("device", "x")], timings: [("steps", "1")])
  }

  /// Parses the page as XML, which is stricter than what browsers ask for.
  private func parsed(_ report: TrainingReport) throws -> Elements {
    let html = report.html()
    let doctype = "<!DOCTYPE html>\n"
    #expect(html.hasPrefix(doctype))
    let parser = XMLParser(data: Data(html.dropFirst(doctype.count).utf8))
    let elements = Elements()
    parser.delegate = elements
    #expect(parser.parse(), "line \(parser.lineNumber): \(String(describing: parser.parserError))")
    // Numbers that are none would be drawn nowhere, or everywhere.
    #expect(!elements.text.lowercased().contains("nan") && !elements.text.contains("inf"))
    // A page that can be sent as it is loads nothing.
    let own = html.replacingOccurrences(of: "xmlns=\"http://www.w3.org/2000/svg\"", with: "")
    #expect(!own.contains("http") && !own.contains("<script") && !own.contains("<link"))
    return elements
  }

  private func points(_ values: [Double]) -> [TrainingReport.LossPoint] {
    values.enumerated().map {
      .init(step: $0.offset + 1, epoch: Double($0.offset + 1) / 10, values: [$0.element, 20, 0.5, 0.6])
    }
  }

  @Test func empty() throws {
    let elements = try parsed(report())
    #expect(elements.names["html"] == 1 && elements.names["polyline"] == nil)
  }

  @Test func onePoint() throws {
    let elements = try parsed(report(points([0.7]), [.init(epoch: 1, l1: 40)]))
    #expect(elements.names["svg"] == 3)
    #expect((elements.names["circle"] ?? 0) >= 5)
    #expect(elements.text.contains("best validation L1 40.00 of 255, after epoch 1"))
  }

  @Test(arguments: [2, 100, 5000]) func curves(_ count: Int) throws {
    let losses = points((0..<count).map { Double($0 % 7) })
    let elements = try parsed(report(losses, [.init(epoch: 1, l1: 40), .init(epoch: 2, l1: 30)]))
    // Four losses, each twice, and the validation.
    #expect(elements.names["polyline"] == 9)
    #expect(report(losses).html().utf8.count < 200_000)
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity]) func noNumbers(_ value: Double) throws {
    for values in [[value], [value, value], [1, value, 3], [value, 2], [1, 2, value]] {
      let elements = try parsed(
        report(points(values), [.init(epoch: 1, l1: value), .init(epoch: 2, l1: 30)]))
      #expect(elements.text.contains("best validation L1 30.00 of 255, after epoch 2"))
    }
    _ = try parsed(report(points([value]), [.init(epoch: 1, l1: value)]))
  }

  @Test func escapesText() throws {
    let nasty = "</td><script>alert('&amp;')</script> \"x\" & y"
    let page = report(options: [("data", nasty), ("<b>", "1")])
    let elements = try parsed(page)
    #expect(elements.names["script"] == nil && elements.names["b"] == nil)
    #expect(elements.text.contains(nasty) && elements.text.contains("a <b> & \"c\""))
  }

  /// A file's name may hold any byte but 0 and /; XML has no place for most control characters.
  @Test func controlCharacters() throws {
    _ = try parsed(report(options: [("data", "bell\u{7} escape\u{1b} null\u{0}")]))
    // One character, two scalars.
    let accented = "<\u{301}script>"
    #expect(try parsed(report(options: [("data", accented)])).text.unicodeScalars.contains("\u{301}"))
  }

  @Test func samplesAreEmbedded() throws {
    let png: [UInt8] = [1, 2, 3, 250]
    let elements = try parsed(
      report(
        samples: [
          .init(step: 10, epoch: 1, png: png), .init(step: 20, epoch: 2, png: [9]),
        ]))
    #expect(elements.names["img"] == 2)
    #expect(elements.text.contains("data:image/png;base64,\(Data(png).base64EncodedString())"))
    let newest = try #require(elements.text.range(of: "step 20, epoch 2"))
    let oldest = try #require(elements.text.range(of: "step 10, epoch 1"))
    #expect(newest.lowerBound < oldest.lowerBound)
  }
}
