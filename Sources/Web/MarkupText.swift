import Mustache

/// How templates escape text: for HTML that is XML as well.
///
/// Mustache's own way takes a quote and a combining accent behind it for one character, which is no quote, so that it ends
/// an attribute. This one looks at scalars, and replaces what XML forbids.
struct MarkupText: MustacheContentType {
  /// The text with markup characters as references, and forbidden characters as U+FFFD.
  func escapeText(_ text: String) -> String {
    var result = ""
    result.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      case "\t", "\n": result.unicodeScalars.append(scalar)
      default:
        let isForbidden = scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF
        result.unicodeScalars.append(isForbidden ? "\u{FFFD}" : scalar)
      }
    }
    return result
  }
}
