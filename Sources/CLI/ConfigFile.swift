import ArgumentParser
import Files
import Foundation
import Model

#if YAML
  import Yams
#endif

/// `--config FILE`, shared by the commands that train: a YAML file of options, which become arguments before the parser
/// sees any.
struct ConfigOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "YAML file of options by their names without dashes (ngf: 32); those of the command line win. Every run writes such a file, options.yaml.",
      valueName: "file"), completion: .file(extensions: ["yaml", "yml"]))
  var config: String?
}

/// Options in a YAML file: a mapping of their names to a value, a list of values, or true and false for flags.
struct ConfigFile {
  /// An option of the file.
  struct Entry: Equatable {
    let name: String
    let values: [String]
    /// In the file, from 1.
    let line: Int
  }

  /// The longest file that is read, in bytes.
  private static let limit = 1 << 20
  /// The commands that take such files.
  private static let commands: [any ParsableCommand.Type] = [
    Train.self, TrainScorer.self, DomainGapCommand.self, ExperimentCommand.self,
  ]

  /// The arguments with those of the file that `--config` names, which stand before all others of the command. An option of
  /// the file is left out where the command line gives it, its opposite, or another that says the same.
  ///
  /// - Throws: `ModelError.file` naming the file, the line and what is wrong there
  static func expanded(_ arguments: [String]) throws -> [String] {
    guard let place = arguments.firstIndex(where: { !$0.hasPrefix("-") }),
      let command = commands.first(where: { $0._commandName == arguments[place] }),
      let path = path(in: arguments[(place + 1)...])
    else { return arguments }
    let known = KnownOptions(of: command)
    let given = Set(arguments[(place + 1)...].compactMap { known.option(ofArgument: $0)?.group })
    let replaced = TrainingOptions.alternatives.flatMap { [($0.0, $0.1), ($0.1, $0.0)] }
      .filter { given.contains($0.0) }.map(\.1)
    var added: [String] = []
    for entry in try entries(path) {
      func problem(_ reason: String) -> ModelError { .file(path, "line \(entry.line): \(reason)") }
      guard let option = known.option(entry.name) else {
        throw problem(known.unknown(entry.name, command._commandName))
      }
      guard !given.contains(option.group), !replaced.contains(option.group) else { continue }
      added += try option.arguments(entry, problem)
    }
    return Array(arguments[...place]) + added + arguments[(place + 1)...]
  }

  private static func path(in arguments: ArraySlice<String>) -> String? {
    for (index, argument) in zip(arguments.indices, arguments) {
      if argument.hasPrefix("--config=") { return String(argument.dropFirst("--config=".count)) }
      if argument == "--config", index + 1 < arguments.endIndex { return arguments[index + 1] }
    }
    return nil
  }

  // MARK: - YAML

  /// The options of a file, in its order.
  static func entries(_ path: String) throws -> [Entry] {
    try BuildTrait.yaml.require(for: "--config")
    #if YAML
      let bytes = try RegularFile.contents(path, limit: limit + 1)
      guard bytes.count <= limit else { throw ModelError.file(path, "has more than \(limit) bytes") }
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw ModelError.file(path, "is no UTF-8")
      }
      let root: Node?
      do {
        root = try Yams.compose(yaml: text)
      } catch YamlError.duplicatedKeysInMapping(let names, _) {
        throw ModelError.file(path, "\(names.joined(separator: ", ").inErrors) stands there twice")
      } catch {
        throw ModelError.file(path, "is no YAML: \(reason(error))")
      }
      guard let root else { return [] }
      guard case .mapping(let mapping) = root else {
        throw ModelError.file(path, "is no mapping of options to values (ngf: 32)")
      }
      var entries: [Entry] = []
      for (key, value) in mapping {
        let line = key.mark?.line ?? 0
        guard case .scalar(let name) = key else {
          throw ModelError.file(path, "line \(line): is no option's name")
        }
        guard let values = Self.values(value) else {
          throw ModelError.file(
            path,
            "line \(line): \(name.string.inErrors) has no value, or one that is neither a word, a number nor a list"
          )
        }
        entries.append(Entry(name: name.string, values: values, line: line))
      }
      return entries
    #else
      return []
    #endif
  }

  #if YAML
    /// The words of a value; nil for nothing, and for what is no list of words.
    private static func values(_ node: Node) -> [String]? {
      switch node {
      case .scalar(let scalar):
        let isNothing = scalar.style == .plain && ["", "~", "null", "Null", "NULL"].contains(scalar.string)
        return isNothing || scalar.string.isEmpty ? nil : [scalar.string]
      case .sequence(let items):
        var words: [String] = []
        for item in items {
          guard case .scalar(let scalar) = item, !scalar.string.isEmpty else { return nil }
          words.append(scalar.string)
        }
        return words
      default: return nil
      }
    }

    /// The first line of the parser's words.
    private static func reason(_ error: any Error) -> String {
      guard case YamlError.parser(_, let problem, let mark, _) = error else {
        if case YamlError.scanner(_, let problem, let mark, _) = error {
          return "line \(mark.line): \(problem)"
        }
        return "\(error)".split(separator: "\n").first.map(String.init)?.inErrors ?? "it cannot be read"
      }
      return "line \(mark.line): \(problem)"
    }
  #endif
}

/// The options of a command, from the parser's own description of it.
private struct KnownOptions {
  struct Option {
    let name: String
    let isFlag: Bool
    let isRepeating: Bool
    /// Equal for a flag and its opposite.
    let group: String
    /// The flag that says the opposite.
    var opposite: String?

    /// The file's entry as arguments.
    func arguments(_ entry: ConfigFile.Entry, _ problem: (String) -> ModelError) throws -> [String] {
      guard !isFlag else {
        switch entry.values.count == 1 ? entry.values[0].lowercased() : "" {
        case "true", "yes", "on": return ["--\(name)"]
        case "false", "no", "off": return opposite.map { ["--\($0)"] } ?? []
        default: throw problem("\(name) is true or false")
        }
      }
      guard entry.values.count == 1 || isRepeating else {
        throw problem("\(name) takes one value, not a list")
      }
      let row = TrainingOptions.rows.first { $0.name == "--\(name)" }
      for word in entry.values {
        if let reason = row?.problem(ofWord: word) { throw problem("\(name): \(reason)") }
      }
      return entry.values.map { "--\(name)=\($0)" }
    }
  }

  private var options: [String: Option] = [:]

  /// The part of the parser's description that is read here.
  private struct Description: Decodable {
    struct Command: Decodable { let arguments: [Argument]? }
    struct Argument: Decodable {
      let kind: String
      let names: [Name]?
      let isRepeating: Bool
      let valueName: String?
    }
    struct Name: Decodable {
      let kind: String
      let name: String
    }
    let command: Command
  }

  init(of command: any ParsableCommand.Type) {
    guard
      let description = try? JSONDecoder().decode(Description.self, from: Data(command._dumpHelp().utf8))
    else { preconditionFailure("the parser describes \(command._commandName) in another way") }
    let left = ["config", "help", "version"]
    for argument in description.command.arguments ?? [] where argument.kind != "positional" {
      for name in argument.names ?? [] where name.kind == "long" && !left.contains(name.name) {
        let isFlag = argument.kind == "flag"
        options[name.name] = Option(
          name: name.name, isFlag: isFlag, isRepeating: argument.isRepeating,
          group: isFlag ? argument.valueName ?? name.name : "--\(name.name)")
      }
    }
    let flags = options.values.filter(\.isFlag)
    for flag in flags {
      options[flag.name]?.opposite = flags.first { $0.group == flag.group && $0.name != flag.name }?.name
    }
  }

  func option(_ name: String) -> Option? { options[name] }

  /// The option that an argument gives.
  func option(ofArgument argument: String) -> Option? {
    guard argument.hasPrefix("--") else { return nil }
    return options[String(argument.dropFirst(2).prefix { $0 != "=" })]
  }

  /// Words about a name that is none, with the nearest one that is.
  func unknown(_ name: String, _ command: String) -> String {
    let proposal = NearestName.of(name, among: options.keys).map { "; did you mean \($0)?" }
    return "\(command) has no option \(name.inErrors)\(proposal ?? "")"
  }
}
