#if Serve
  import Foundation
  import Hummingbird
  import Web

  /// The pages, and the files that they are made of.
  extension Routes {
    var pages: [Route] {
      [page("/", "translate"), page("/train", "train")] + WebFiles.names.compactMap(file)
    }

    private func page(_ path: String, _ name: String) -> Route {
      Route(isPage: true, method: .get, path: path, summary: "The page \(name).", answers: ["text/html"]) {
        _, _ in
        let html = Pages.html(
          name, version: configuration.version, device: configuration.device,
          isReference: configuration.isReference)
        return .file(Array(html.utf8), "text/html; charset=utf-8")
      }
    }

    /// Style and scripts; templates are no files of a page.
    private func file(_ name: String) -> Route? {
      let kinds = [
        "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml",
      ]
      guard let kind = kinds[URL(fileURLWithPath: name).pathExtension], let bytes = WebFiles.bytes(name)
      else { return nil }
      return Route(isPage: true, method: .get, path: "/\(name)", summary: "A page's file.", answers: [kind]) {
        _, _ in .file(bytes, kind)
      }
    }
  }
#endif
