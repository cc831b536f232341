import ArgumentParser
import Files
import Foundation

@main
struct CommandLineTool: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pix2pix",
    abstract: "Learns to turn one kind of picture into another from pairs, on any OpenCL device.",
    discussion: """
      A first run:
        pix2pix sample-pairs --out pairs --count 200 --size 128
        pix2pix train --data pairs --out run --direction BtoA --size 128 --ngf 32 --ndf 32 --epochs 10
        pix2pix translate --model run --input pairs/val --side B --out pictures

      Exit codes: 0 done, 1 error, 64 wrong usage. Training that a signal stops writes a checkpoint; its exit code is \
      130 (Ctrl-C), 143 (SIGTERM) or 129 (SIGHUP).
      """,
    version: Version.text,
    subcommands: [
      Check.self, Train.self, Translate.self, Serve.self, Evaluate.self, Export.self, Import.self,
      TrainScorer.self,
      DomainGapCommand.self, ExperimentCommand.self, Verify.self, Benchmark.self, Tune.self,
      Devices.self, Programs.self, SamplePairsCommand.self, TryDriver.self,
    ])

  /// No option takes an empty value, which comes of a shell variable that is not set.
  ///
  /// - Throws: `ValidationError` that names the option
  private static func refuseEmptyValues(of arguments: [String]) throws {
    for (argument, previous) in zip(arguments.dropFirst(), arguments) {
      let parts = argument.split(separator: "=", omittingEmptySubsequences: false)
      let name: String
      if argument.isEmpty {
        name = previous.hasPrefix("--") ? previous : "an argument"
      } else if argument.hasPrefix("--"), parts.count == 2, parts[1].isEmpty {
        name = String(parts[0])
      } else {
        continue
      }
      throw ValidationError("\(name) has an empty value; is a shell variable unset?")
    }
  }

  /// - Throws: `ValidationError` for a first word that is no command, with the nearest one
  private static func refuseUnknownCommand(in arguments: ArraySlice<String>) throws {
    let names = configuration.subcommands.map { $0._commandName } + ["help"]
    let words = arguments.first == "help" ? arguments.dropFirst() : arguments
    guard let word = words.first, !word.hasPrefix("-"), !names.contains(word) else { return }
    let proposal = NearestName.of(word, among: names).map { "; did you mean \($0)?" } ?? "."
    throw ValidationError("There is no command \(onOneLine(word))\(proposal)")
  }

  /// A number behind an option is its value, negative ones, too, whose range its own error tells; the parser would take
  /// them for options.
  private static func joiningNegativeNumbers(_ arguments: [String]) -> [String] {
    var joined: [String] = []
    for argument in arguments {
      if argument.hasPrefix("-"), Double(argument) != nil, let option = joined.last, option.hasPrefix("--"),
        option.count > 2, !option.contains("=")
      {
        joined[joined.count - 1] = "\(option)=\(argument)"
      } else {
        joined.append(argument)
      }
    }
    return joined
  }

  /// - Throws: `ValidationError` for arguments that are no UTF-8, which no path of this program can hold
  private static func refuseOtherEncodings() throws {
    for index in 0..<Int(Swift.CommandLine.argc) {
      guard let argument = Swift.CommandLine.unsafeArgv[index] else { continue }
      let bytes = UnsafeRawBufferPointer(start: argument, count: strlen(argument))
      guard String(validating: bytes, as: UTF8.self) == nil else { continue }
      throw ValidationError(
        "The argument \(FolderEntries.escaped(bytes)) is no UTF-8; rename the file (convmv -f latin1 -t utf8 does)."
      )
    }
  }

  /// Says what a running command found wrong with its options as the parser would have.
  private static func exitForUsage(of command: any ParsableCommand.Type, _ message: String) -> Never {
    Terminal.error(
      message,
      usage: [
        "Usage: \(usageString(for: command))",
        "  See 'pix2pix \(command._commandName) --help' for more information.",
      ])
    exit(withError: ExitCode.validationFailure)
  }

  static func main() {
    ProcessSetup.begin()
    var command: (any ParsableCommand)?
    do {
      try refuseOtherEncodings()
      try refuseEmptyValues(of: Swift.CommandLine.arguments)
      try refuseUnknownCommand(in: Swift.CommandLine.arguments.dropFirst())
      command = try parseAsRoot(
        ConfigFile.expanded(
          HelpScope.parsed(joiningNegativeNumbers(Array(Swift.CommandLine.arguments.dropFirst())))))
      if let talking = command as? any TalkingCommand { Terminal.mode = talking.terminal.mode }
      try command?.run()
      try ProcessSetup.end()
    } catch {
      if let command, error is ValidationError { exitForUsage(of: type(of: command), message(for: error)) }
      // What went wrong is a line; usage is some.
      if exitCode(for: error) == .failure, !(error is ExitCode) {
        Terminal.error(message(for: error))
        exit(withError: ExitCode.failure)
      }
      guard exitCode(for: error).isSuccess else {
        let text = fullMessage(for: error)
        if !text.isEmpty { Terminal.usageError(text) }
        exit(withError: ExitCode(exitCode(for: error).rawValue))
      }
      // Help, or the version.
      print(HelpScope.completed(fullMessage(for: error)))
      do { try ProcessSetup.end() } catch { exit(withError: error) }
    }
  }
}
