/// Something that happens while a command works: words for people, and fields for programs.
struct CommandEvent {
  /// How people are told.
  enum Tone {
    /// A result, or a line about files, on standard output.
    case plain
    /// The same, of something that is done.
    case good
    /// A line beside the results, on standard error.
    case remark
    /// The same, about something odd.
    case warning
    /// The same, about what makes the exit code 1 in the end: `--quiet` does not hide it.
    case fault
  }

  let name: String
  let fields: [(String, JSONValue)]
  /// Nil for what people see anyway.
  let text: String?
  let tone: Tone

  init(_ name: String, _ fields: [(String, JSONValue)], text: String? = nil, tone: Tone = .plain) {
    (self.name, self.fields, self.text, self.tone) = (name, fields, text, tone)
  }

  /// One line.
  var json: String { JSONValue.object([("event", .text(name))] + fields).json }
}

/// Says something beside the results.
func note(_ text: String) {
  Terminal.say(CommandEvent("note", [("text", .text(text))], text: text, tone: .remark))
}

/// Says that something is odd; the command goes on.
func warn(_ text: String) {
  Terminal.say(CommandEvent("warning", [("text", .text(text))], text: text, tone: .warning))
}
