import Foundation

/// A picture in a report.
public enum ReportPicture: Sendable, Equatable {
  /// A PNG file that becomes part of the page.
  case embedded(png: [UInt8])
  /// An address that the page's reader asks for the picture, and the picture's size in pixels where it is known. For pages
  /// of a server: a report in one file forbids its reader to ask for anything.
  case linked(String, width: Int?, height: Int?)
}

/// What strip.mustache shows: a picture, with names above its columns and words below it.
struct Strip {
  struct Caption {
    let text: String
    let remark: String
  }

  let columns: [String]
  let alt: String
  let width: Int?
  let height: Int?
  /// A PNG file in base64, or nil for a picture with an address.
  let data: String?
  let url: String?
  let caption: Caption?

  init(_ picture: ReportPicture, alt: String, columns: [String] = [], caption: Caption? = nil) {
    (self.alt, self.columns, self.caption) = (alt, columns, caption)
    switch picture {
    case .embedded(let png):
      let size = Self.size(png)
      (width, height) = (size?.width, size?.height)
      (data, url) = (Data(png).base64EncodedString(), nil)
    case .linked(let address, let width, let height):
      (self.width, self.height) = (width, height)
      (data, url) = (nil, address)
    }
  }

  /// A PNG's width and height in pixels, from its header; nil if it is none.
  private static func size(_ png: [UInt8]) -> (width: Int, height: Int)? {
    guard png.count >= 24, png.starts(with: [0x89, 0x50, 0x4E, 0x47]) else { return nil }
    func word(_ at: Int) -> Int { png[at..<at + 4].reduce(0) { $0 << 8 | Int($1) } }
    return (word(16), word(20))
  }
}
