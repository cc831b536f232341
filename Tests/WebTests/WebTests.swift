import Foundation
import Testing
import Web

@Suite struct WebTests {
  private static let folder = URL(filePath: #filePath).appending(path: "../../../Web").standardized
  private static let templates = WebFiles.names.filter { $0.hasSuffix(".mustache") }

  /// A file that is not embedded would be missed only where a page asks for it.
  @Test func everyFileIsEmbedded() throws {
    let files = try FileManager.default.subpathsOfDirectory(atPath: Self.folder.path).filter {
      try Self.folder.appending(path: $0).resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true
    }
    #expect(files.sorted() == WebFiles.names)
    for file in files {
      let bytes = try [UInt8](Data(contentsOf: Self.folder.appending(path: file)))
      #expect(WebFiles.bytes(file) == bytes, "\(file)")
      #expect(WebFiles.text(file) == String(decoding: bytes, as: UTF8.self), "\(file)")
    }
    #expect(WebFiles.bytes("style") == nil && WebFiles.text("../style.css") == nil)
  }

  /// Only what is markup already may stand in a page as it is. A new tag of this kind is for whoever reads this to judge.
  @Test func templatesEscape() throws {
    let unescaped = try Regex("\\{\\{(\\{|&) *([^ }]*)", as: (Substring, Substring, Substring).self)
    let tags = Self.templates.flatMap { name in
      (WebFiles.text(name) ?? "").matches(of: unescaped).map { "\(name): \($0.output.2)" }
    }
    #expect(
      tags == [
        "templates/page.mustache: style", "templates/page.mustache: body", "templates/strip.mustache: data",
      ])
  }

  /// A server may forbid both, and then pages would lose them.
  @Test func templatesHaveNoStylesOrHandlersInAttributes() throws {
    let forbidden = try Regex(" (style|on[a-zA-Z]+) *=")
    for name in Self.templates {
      #expect(try #require(WebFiles.text(name)).firstMatch(of: forbidden) == nil, "\(name)")
    }
  }

  /// Quotes and brackets are found before combining characters too, which Swift takes for one character with them.
  @Test(arguments: [
    ("a < b > c & d \" e ' f", "a &lt; b &gt; c &amp; d &quot; e &#39; f"),
    (
      "\"\u{301}<\u{338}&\u{20D0}'\u{200D}>\u{FE0F}",
      "&quot;\u{301}&lt;\u{338}&amp;\u{20D0}&#39;\u{200D}&gt;\u{FE0F}"
    ),
    ("\u{0}\u{1B}\r\u{FFFE}\u{FFFF}", "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
    ("\r\n\t\u{10FFFF}{{title}}", "\u{FFFD}\n\t\u{10FFFF}{{title}}"),
  ])
  func textIsEscaped(_ text: String, _ expected: String) {
    let page = WebTemplates.render("page", ["title": text])
    #expect(
      page.unicodeScalars.split(separator: "<").contains {
        $0.elementsEqual("title>\(expected)".unicodeScalars)
      })
  }

  /// A value without members shows the template's own text, and no template is missing.
  @Test func everyTemplateIsThere() {
    for name in Self.templates {
      let template = name.split(separator: "/").last?.split(separator: ".").first.map(String.init) ?? ""
      #expect(!WebTemplates.render(template, [String: String]()).isEmpty)
    }
  }
}
