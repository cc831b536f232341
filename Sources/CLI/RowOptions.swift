import ArgumentParser
import Model

/// A command's list of options, which `RowOptions` parses.
protocol RowList: Sendable {
  static var rows: [OptionRow] { get }
  /// What the command trains without any of them; help shows these defaults.
  static var defaults: TrainingOptions { get }
}

extension RowList {
  static var defaults: TrainingOptions { TrainingOptions() }
}

/// The options of a list of rows.
///
/// The parser builds its arguments from the mirror of `init()` and then decodes a value under each of the mirror's labels:
/// here both follow from the rows, so that no option has a property of its own. A list is a type because the parser keeps
/// one decoded value for each type of group.
struct RowOptions<List: RowList>: ParsableArguments {
  /// The options that were given, in the order of the rows.
  let given: [GivenOption]

  init() { given = [] }

  init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: Key.self)
    given = try List.rows.compactMap { row in
      let key = Key(stringValue: row.name)
      let words: [String] =
        switch row.form {
        case .value: try values.decode(Option<String?>.self, forKey: key).wrappedValue.map { [$0] } ?? []
        case .list: try values.decode(Option<[String]>.self, forKey: key).wrappedValue
        case .flag: try values.decode(Flag<Bool>.self, forKey: key).wrappedValue ? [row.flagWord] : []
        case .flagPair: try values.decode(Flag<Bool?>.self, forKey: key).wrappedValue.map { [$0.word] } ?? []
        }
      return words.isEmpty ? nil : GivenOption(row, words)
    }
  }

  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }
}

extension RowOptions: CustomReflectable {
  var customMirror: Mirror {
    // The parser takes one underscore away, as from the storage of a property wrapper.
    Mirror(self, children: List.rows.map { (label: "_\($0.name)", value: Self.argument($0)) })
  }

  private static func argument(_ row: OptionRow) -> Any {
    let name = NameSpecification.customLong(String(row.name.dropFirst(2)))
    let help = ArgumentHelp(row, defaults: List.defaults)
    let completion = CompletionKind(row)
    /// The word itself, where the row takes it.
    @Sendable func checked(_ word: String) throws -> String {
      guard let problem = row.problem(ofWord: word) else { return word }
      throw OptionWordError(description: problem)
    }
    switch row.form {
    case .value:
      return Option<String?>(name: name, help: help, completion: completion, transform: checked)
    case .list:
      return Option<[String]>(
        wrappedValue: [], name: name, parsing: .singleValue, help: help, completion: completion,
        transform: checked)
    case .flag: return Flag(wrappedValue: false, name: name, help: help)
    case .flagPair: return Flag<Bool?>(name: name, inversion: .prefixedNo, help: help)
    }
  }
}

extension ArgumentHelp {
  /// A row's help, with its words and its default.
  ///
  /// - Parameter listsChoices: not where the parser knows them from a type
  init(_ row: OptionRow, defaults: TrainingOptions = TrainingOptions(), listsChoices: Bool = true) {
    let facts = [
      row.choices.isEmpty || !listsChoices ? nil : "values: \(row.choices.joined(separator: ", "))",
      row.defaultText(defaults).map { "default: \($0)" },
    ].compactMap(\.self)
    self.init(
      row.help + (facts.isEmpty ? "" : " (\(facts.joined(separator: "; ")))"), discussion: row.discussion,
      valueName: row.valueName, visibility: row.isCommon ? .default : .rare)
  }
}

extension CompletionKind {
  fileprivate init?(_ row: OptionRow) {
    if !row.choices.isEmpty {
      self = .list(row.choices)
    } else if row.valueName == "dir" {
      self = .directory
    } else if row.valueName.hasSuffix("file") {
      self = .file()
    } else {
      return nil
    }
  }
}

extension TrainingOptions {
  /// A new run's options, before its pictures are looked at.
  init(_ defaults: TrainingOptions = TrainingOptions(), given: [GivenOption]) throws {
    self = defaults
    try set(given)
    // What goes with the model of --from is known once it is read.
    if !given.contains(where: { $0.row.name == "--from" }) { try refuseMisuse(of: given) }
  }

  /// - Throws: `ValidationError` when options were given together that make no sense.
  func refuseMisuse(of given: [GivenOption]) throws {
    if let misuse = misuse(of: given) { throw ValidationError("\(misuse.description).") }
  }
}

// MARK: - Lists

enum PictureRows: RowList {
  static let rows = TrainingOptions.rows.filter { $0.group == .pictures }
}

enum NetworkRows: RowList {
  static let rows = TrainingOptions.rows.filter { $0.group == .networks }
}

enum ObjectiveRows: RowList {
  static let rows = TrainingOptions.rows.filter { $0.group == .objective }
}

enum TrainingRows: RowList {
  static let rows = TrainingOptions.rows.filter { $0.group == .training }
}

/// What the networks are and are trained on: the options of every command that makes new ones.
typealias NetworkOptions = RowOptions<NetworkRows>
typealias ObjectiveOptions = RowOptions<ObjectiveRows>
