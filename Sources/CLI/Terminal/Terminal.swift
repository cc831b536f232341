// For C's stdout, a variable.
@preconcurrency import Foundation
import Synchronization

/// The one way in which commands say what happens. Text, with colours and a bar where a person looks on, a JSON object for
/// each event, or nothing comes of it. An error of writing is ignored, except of results.
enum Terminal {
  /// What `TerminalOptions` ask for.
  enum Mode: UInt8, AtomicRepresentable {
    case text, json, quiet
  }

  private static let currentMode = Atomic(Mode.text)

  /// Handlers of signals may ask.
  static var mode: Mode {
    get { currentMode.load(ordering: .relaxed) }
    set { currentMode.store(newValue, ordering: .relaxed) }
  }

  /// What is shown while a command goes on.
  private struct Shown {
    /// The bar's line, empty where none is shown.
    var bar = ""
    var lastLogLine: ContinuousClock.Instant?
  }

  private static let shown = Mutex(Shown())

  // MARK: - Saying

  static func say(_ event: CommandEvent) {
    switch mode {
    case .quiet where event.tone != .fault: break
    case .json: write(event.json + "\n")
    case .text, .quiet:
      guard let text = event.text else { return }
      switch event.tone {
      case .plain: write(text + "\n")
      case .good:
        let word = text.prefix { $0 != " " }
        write(Colour.green.on(String(word), .standardOutput) + text.dropFirst(word.count) + "\n")
      case .remark: write(onOneLine(text) + "\n", on: .standardError)
      case .warning, .fault:
        write(Colour.yellow.on(onOneLine(text), .standardError) + "\n", on: .standardError)
      }
    }
  }

  /// Says a line about files that a command makes, where programs are told nothing.
  static func tell(_ line: String) { write(line + "\n") }

  /// Says what a command exists to print: when it is lost, `ProcessSetup.end()` says so.
  static func result(_ event: CommandEvent) {
    endProgress()
    switch mode {
    case .quiet: break
    case .json:
      print(event.json)
      // Other events are written at once.
      fflush(stdout)
    case .text: if let text = event.text { print(text) }
    }
  }

  /// Says what ends a command, whatever the mode.
  static func error(_ message: String, usage: [String] = []) {
    endProgress()
    let lines = [Colour.red.on("Error:", .standardError) + " " + onOneLine(message)] + usage.map(onOneLine)
    write(lines.joined(separator: "\n") + "\n", on: .standardError)
  }

  /// The same, of the parser's own words, which begin as ours do and have more lines.
  static func usageError(_ text: String) {
    let word = "Error:"
    let rest = text.hasPrefix(word) ? Colour.red.on(word, .standardError) + text.dropFirst(word.count) : text
    write(rest + "\n", on: .standardError)
  }

  // MARK: - Progress

  static func show(_ progress: CommandProgress) {
    switch mode {
    case .quiet: break
    case .json: if let fields = progress.fields { say(CommandEvent("progress", fields)) }
    case .text:
      if canRewriteLines {
        shown.withLock { draw(progress.line(columns: columns), &$0) }
      } else if let line = progress.logLine, isDue(progress) {
        write(line + "\n")
      }
    }
  }

  /// Takes the bar away.
  static func endProgress() {
    shown.withLock { shown in
      draw("", &shown)
      shown.lastLogLine = nil
    }
  }

  /// A log wants a line every few seconds, not every few steps.
  private static func isDue(_ progress: CommandProgress) -> Bool {
    shown.withLock { shown in
      let now = ContinuousClock.now
      let isDue =
        shown.lastLogLine.map { now - $0 >= .seconds(5) } ?? true || progress.done == progress.total
      if isDue { shown.lastLogLine = now }
      return isDue
    }
  }

  /// Spaces go over the rest of a longer line before: they need no escape.
  private static func draw(_ line: String, _ shown: inout Shown) {
    guard !line.isEmpty || !shown.bar.isEmpty else { return }
    let rest = min(shown.bar.count, columns - 1) - line.count
    let spaces = String(repeating: " ", count: max(rest, 0))
    put("\r\(line)\(spaces)\(line.isEmpty ? "\r" : "")", on: .standardOutput)
    shown.bar = line
  }

  // MARK: - Writing

  /// Writes lines, and the bar again below them.
  private static func write(_ text: String, on file: FileHandle = .standardOutput) {
    shown.withLock { shown in
      let bar = shown.bar
      draw("", &shown)
      put(text, on: file)
      draw(bar, &shown)
    }
  }

  /// Unbuffered, so that a log can be followed.
  private static func put(_ text: String, on file: FileHandle) {
    try? file.write(contentsOf: Data(text.utf8))
  }

  // MARK: - The terminal

  /// Whether a person looks on, at something that obeys.
  private static func isTerminal(_ file: FileHandle) -> Bool {
    isatty(file.fileDescriptor) == 1 && !["", "dumb"].contains(variable("TERM"))
  }

  private static func variable(_ name: String) -> String { getenv(name).map { String(cString: $0) } ?? "" }

  private static let canRewriteLines = isTerminal(.standardOutput)

  /// The terminal's width, which may change at any time; 80 where it does not say.
  private static var columns: Int {
    var size = winsize()
    return ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
  }

  /// Colours of words, where a terminal shows them and nobody forbids them (https://no-color.org).
  private enum Colour: String {
    case red = "1;31"
    case green = "32"
    case yellow = "33"

    func on(_ text: String, _ file: FileHandle) -> String {
      Terminal.isTerminal(file) && Terminal.variable("NO_COLOR").isEmpty
        ? "\u{1B}[\(rawValue)m\(text)\u{1B}[0m" : text
    }
  }
}
