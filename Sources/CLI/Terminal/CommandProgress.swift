import Foundation

/// How far a command is: a bar in a terminal, a line now and then in a log, an event for programs.
struct CommandProgress {
  /// Steps, or pictures.
  var done: Int
  var total: Int
  var secondsLeft: Double
  /// More words for the bar's line, the most important first.
  var words: [String]
  /// Nil for what logs do without.
  var logLine: String?
  /// Nil where other events tell the same.
  var fields: [(String, JSONValue)]?

  /// What fits of `[=====>    ] 41%  step 1300/3168  epoch 7/16  2 min left`: the share and the time left first, then the
  /// bar, then words in their order.
  func line(columns: Int) -> String {
    // The last column stays free, since some terminals go on to the next line behind it.
    var room = columns - 1
    let share = "\(total > 0 ? min(100, 100 * done / total) : 100)%"
    let left = "\(Self.duration(secondsLeft)) left"
    guard share.count + 2 + left.count <= room else { return String(share.prefix(max(room, 0))) }
    room -= share.count + 2 + left.count
    var parts = [share]
    if let first = words.first, first.count + 2 <= room {
      parts.append(first)
      room -= first.count + 2
    }
    let width = min(columns / 5, 30, room - 1)
    if width >= 6 {
      parts[0] = "\(bar(width: width)) \(share)"
      room -= width + 1
    }
    // Words behind one that does not fit would change places.
    if parts.count > 1 {
      for word in words.dropFirst() {
        guard word.count + 2 <= room else { break }
        parts.append(word)
        room -= word.count + 2
      }
    }
    return (parts + [left]).joined(separator: "  ")
  }

  private func bar(width: Int) -> String {
    let inside = width - 2
    let filled = total > 0 ? min(inside, inside * done / total) : inside
    let head = filled > 0 && filled < inside ? ">" : ""
    let line = String(repeating: "=", count: filled - head.count) + head
    return "[\(line)\(String(repeating: " ", count: inside - filled))]"
  }

  /// About so long.
  static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite else { return "?" }
    let whole = Int(seconds.rounded())
    if whole < 90 { return "\(whole) s" }
    if whole < 5400 { return "\((whole + 30) / 60) min" }
    return String(format: "%.1f h", Double(whole) / 3600)
  }

  /// "8.3 ms", "211 ms".
  static func milliseconds(_ milliseconds: Double) -> String {
    String(format: milliseconds < 10 ? "%.1f ms" : "%.0f ms", milliseconds)
  }
}

/// The progress of a command that goes through pictures.
struct PictureProgress {
  private let total: Int
  /// Whether programs are told, too.
  private let isEvent: Bool
  private let start = ContinuousClock.now

  init(of total: Int, isEvent: Bool = true) { (self.total, self.isEvent) = (total, isEvent) }

  func show(done: Int) {
    // Of one picture there is no progress to see.
    guard total > 1 else { return }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    let each = 1e3 * seconds / Double(max(done, 1))
    let left = each / 1e3 * Double(total - done)
    Terminal.show(
      CommandProgress(
        done: done, total: total, secondsLeft: left,
        words: ["picture \(done)/\(total)", "\(CommandProgress.milliseconds(each)) each"],
        fields: isEvent
          ? [
            ("picture", .integer(done)), ("pictures", .integer(total)), ("ms_per_picture", .number(each)),
            ("seconds_left", .number(left)),
          ] : nil))
  }
}

/// Times of things that follow each other.
struct Stopwatch {
  private var last = ContinuousClock.now

  /// The milliseconds since the lap before, or since the beginning.
  mutating func lap() -> Double {
    let now = ContinuousClock.now
    defer { last = now }
    return (now - last) / .milliseconds(1)
  }
}
