import Files
import Model

/// A run's options as a file that `--config` takes: options.yaml.
enum OptionsFile {
  /// The text: a line for each option that is not at its default.
  ///
  /// - Parameters:
  ///   - rows: the options of the command that trains
  ///   - defaults: what it trains without any of them
  static func text(
    _ options: TrainingOptions, rows: [OptionRow], defaults: TrainingOptions, command: String
  ) -> String {
    var lines = [OwnMark.yaml, "# \(command) --config options.yaml --out another-run"]
    for row in rows {
      guard row.words(options) != row.words(defaults) else { continue }
      let words = options.portableWords(of: row)
      guard !words.isEmpty else { continue }
      let name = row.name.dropFirst(2)
      switch row.form {
      case .flag: lines.append("\(name): true")
      case .flagPair: lines.append("\(name): \(words == ["on"])")
      case .value: lines.append("\(name): \(scalar(words[0]))")
      case .list: lines.append("\(name): [\(words.map(scalar).joined(separator: ", "))]")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// A word as YAML: plain where it is read as itself, otherwise in double quotes.
  private static func scalar(_ word: String) -> String {
    let isPlain =
      word.unicodeScalars.allSatisfy { scalar in
        scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
          || "_+./-".unicodeScalars.contains(scalar)
      } && word.first.map { $0.isLetter || $0.isNumber || $0 == "/" || $0 == "." } == true
      && !["null", "true", "false", "yes", "no", "on", "off", "y", "n"].contains(word.lowercased())
    guard !isPlain else { return word }
    var text = "\""
    for scalar in word.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\t": text += "\\t"
      case "\r": text += "\\r"
      default:
        // What is not printable in YAML, among it the byte order mark and its line separators.
        if scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
          || [0x2028, 0x2029, 0xfeff].contains(scalar.value)
        {
          let digits = String(scalar.value, radix: 16)
          text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        } else {
          text.unicodeScalars.append(scalar)
        }
      }
    }
    return text + "\""
  }
}
