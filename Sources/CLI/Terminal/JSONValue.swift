/// A value as JSON, on one line. The order of fields is kept.
enum JSONValue {
  case text(String)
  case integer(Int)
  /// JSON has no infinity and no NaN: they are the words "inf", "-inf" and "nan", as in figures.json.
  case number(Double)
  case flag(Bool)
  case list([JSONValue])
  case object([(String, JSONValue)])

  var json: String {
    switch self {
    case .text(let text): Self.quoted(text)
    case .integer(let number): "\(number)"
    case .number(let number): number.isFinite ? "\(number)" : number.isNaN ? "\"nan\"" : "\"\(number)\""
    case .flag(let flag): "\(flag)"
    case .list(let values): "[\(values.map(\.json).joined(separator: ","))]"
    case .object(let fields):
      "{\(fields.map { "\(Self.quoted($0.0)):\($0.1.json)" }.joined(separator: ","))}"
    }
  }

  private static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      // Beside what JSON forbids, what some programs take for the end of a line.
      case "\0"..<" ", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}":
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
