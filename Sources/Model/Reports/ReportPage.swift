import Files
import Web

/// What page.mustache, the frame of all reports, shows: one file without scripts and links that prints well, and
/// well-formed XML. By its policy for contents, a browser fetches nothing for it.
struct ReportPage {
  private let generator = OwnMark.name
  private let style = WebFiles.text("style.css") ?? ""
  let title: String
  /// Markup.
  let body: String

  /// The whole document.
  func html() -> String { WebTemplates.render("page", self) }
}
