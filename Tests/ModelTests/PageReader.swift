import Foundation

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// Reads a page as XML and keeps what the tests ask about.
final class PageReader: NSObject, XMLParserDelegate {
  var elements: [(name: String, attributes: [String: String])] = []
  /// The text within each h1, h2, th, td, li, text, p and caption element.
  var texts: [(name: String, text: String)] = []
  private(set) var error: String?
  private var open: [String] = []

  init(_ page: String) {
    super.init()
    let parser = XMLParser(data: Data(page.utf8))
    parser.delegate = self
    if !parser.parse() {
      error = "line \(parser.lineNumber): \(parser.parserError.map(String.init(describing:)) ?? "malformed")"
    }
  }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String]
  ) {
    elements.append((name, attributes))
    open.append(name)
    texts.append((name, ""))
  }

  func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?)
  {
    open.removeLast()
  }

  func parser(_ parser: XMLParser, foundCharacters string: String) {
    if let name = open.last, let at = texts.lastIndex(where: { $0.name == name }) { texts[at].text += string }
  }

  func texts(of name: String) -> [String] { texts.filter { $0.name == name }.map(\.text) }

  var charts: Int { elements.filter { $0.name == "svg" && $0.attributes["class"] == "chart" }.count }

  /// The `d` attributes of the paths of this class.
  func paths(_ kind: String) -> [String] {
    elements.filter { $0.name == "path" && $0.attributes["class"] == kind }.map { $0.attributes["d"] ?? "" }
  }
}
