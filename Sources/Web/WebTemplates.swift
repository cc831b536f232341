import Mustache

/// The templates of Web/templates, which show values as pages or as parts of pages.
///
/// A template finds a name in the innermost value that has it, so that a missing one may be found in a value around it:
/// what may be missing is asked for with a dot before its name, which looks in the innermost value alone.
public enum WebTemplates {
  private static let folder = "templates/"
  private static let end = ".mustache"

  /// Parsed when the first page is shown.
  private static let library = {
    MustacheContentTypes.register(MarkupText(), named: "MARKUP")
    var library = MustacheLibrary()
    for file in WebFiles.names where file.hasPrefix(folder) && file.hasSuffix(end) {
      // A template says how its text is escaped. Said here, it cannot be forgotten there.
      let template = "{{% CONTENT_TYPE: MARKUP}}\n\(WebFiles.text(file) ?? "")"
      do {
        try library.register(template, named: String(file.dropFirst(folder.count).dropLast(end.count)))
      } catch {
        preconditionFailure("Web/\(file): \(error)")
      }
    }
    return library
  }()

  /// The markup of a value.
  ///
  /// - Parameters:
  ///   - name: the template's file, without its end
  ///   - value: a struct or a dictionary; the template's names are those of its members
  public static func render(_ name: String, _ value: Any) -> String {
    guard let markup = library.render(value, withTemplate: name) else {
      preconditionFailure("\(folder)\(name)\(end) is not in Sources/CWeb/web.c")
    }
    return markup
  }
}
