import ArgumentParser
import Synchronization

/// How much help shows: `--help` the options that most people need, `--help-all` every one. Manual pages and completions,
/// which the parser makes of its own description, have all.
enum HelpScope {
  static let isShort: Bool = {
    let arguments = Swift.CommandLine.arguments.dropFirst()
    return !arguments.contains("--help-all")
      && (arguments.contains("--help") || arguments.contains("-h") || arguments.first == "help")
  }()

  /// Whether an option was left out.
  static let leavesOut = Atomic(false)

  /// The parser knows one kind of help.
  static func parsed(_ arguments: [String]) -> [String] {
    arguments.map { $0 == "--help-all" ? "--help" : $0 }
  }

  /// Help as the parser has it, with a line about the rest.
  static func completed(_ help: String) -> String {
    let line = "  -h, --help              Show help information."
    guard leavesOut.load(ordering: .relaxed), help.contains(line) else { return help }
    return help.replacing(
      line, with: line + "\n  --help-all              Show all options and more about them.")
  }

  /// A command's words: for `--help`, and behind them for `--help-all`.
  static func discussion(_ words: String, examples: String, more: String) -> String {
    isShort ? "\(words)\n\n\(examples)" : "\(words)\n\n\(more)\n\n\(examples)"
  }
}

extension ArgumentVisibility {
  /// Of an option that few people need.
  static var rare: ArgumentVisibility {
    guard HelpScope.isShort else { return .default }
    HelpScope.leavesOut.store(true, ordering: .relaxed)
    return .hidden
  }
}
