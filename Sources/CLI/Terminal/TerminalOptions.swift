import ArgumentParser

/// `--quiet` and `--json`, shared by the commands that say how they get on.
struct TerminalOptions: ParsableArguments {
  @Flag(help: "Print nothing but errors.")
  var quiet = false
  @Flag(help: "Print a JSON object for each event, one on a line, as docs/TERMINAL.md lists them.")
  var json = false

  func validate() throws {
    guard !quiet || !json else {
      throw ValidationError("--quiet prints nothing, --json does; give one of them.")
    }
  }

  var mode: Terminal.Mode { quiet ? .quiet : json ? .json : .text }
}

/// A command that says how it gets on.
protocol TalkingCommand: ParsableCommand {
  var terminal: TerminalOptions { get }
}
