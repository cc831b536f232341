/// One option of a training run: its words on the command line, its range, the place that keeps it, and how reports show
/// it. Parsing, help, validation, resuming, reports and documentation all read the row.
public struct OptionRow: Sendable {
  /// The part of the help and of the documentation.
  public enum Group: String, Sendable, CaseIterable {
    case pictures = "Pictures"
    case networks = "Networks"
    case objective = "Objective"
    case training = "Training"
    case device = "Device"
  }

  /// The form on the command line.
  public enum Form: Sendable {
    /// `--ngf 32`
    case value
    /// `--input DIR`, any number of times.
    case list
    /// `--affine`: alone, it turns the default around.
    case flag
    /// `--dropout` or `--no-dropout`.
    case flagPair
  }

  /// When a report shows the option.
  public enum Shown: Sendable {
    case always
    case unlessDefault
    /// Only when another option makes it matter.
    case when(@Sendable (TrainingOptions) -> Bool)
  }

  /// With its dashes: "--lambda-ssim".
  public private(set) var name: String
  public let group: Group
  public let form: Form
  public private(set) var help: String
  /// More about it, for the long help.
  public let discussion: String?
  /// The value's name in help.
  public let valueName: String
  /// Every word there is, when they are few.
  public private(set) var choices: [String]
  /// Whether a resumed run may change it.
  public let mayChange: Bool
  private var derivedDefault: String?
  private let shown: Shown
  private let read: @Sendable (TrainingOptions) -> [String]
  private let write: @Sendable (inout TrainingOptions, [String]) throws(ModelError) -> Void
  private let outOfRange: @Sendable (TrainingOptions) -> String?

  /// - Parameters:
  ///   - path: the place that keeps the value
  ///   - help: one sentence
  ///   - value: the value's name in help; by default the option's
  ///   - range: the values allowed
  ///   - derivedDefault: in words, a default that follows from other options
  ///   - hasOpposite: for a `Bool`, whether there is a `--no-` form, too
  init<Value: OptionStorage>(
    _ name: String, _ path: WritableKeyPath<TrainingOptions, Value> & Sendable, _ group: Group,
    _ help: String,
    discussion: String? = nil, value: String? = nil, range: OptionRange<Value.Item>? = nil,
    derivedDefault: String? = nil, mayChange: Bool = false, shown: Shown = .always, hasOpposite: Bool = false
  ) {
    (self.name, self.group, self.help, self.discussion) = (name, group, help, discussion)
    (self.mayChange, self.shown, self.derivedDefault) = (mayChange, shown, derivedDefault)
    valueName = value ?? String(name.dropFirst(2))
    let isFlag = Value.Item.self == Bool.self
    form = isFlag ? (hasOpposite ? .flagPair : .flag) : Value.isList ? .list : .value
    choices = isFlag ? [] : Value.Item.choices
    read = { $0[keyPath: path].elements.map(\.word) }
    write = { options, words throws(ModelError) in
      var elements: [Value.Item] = []
      for word in words {
        guard let element = Value.Item(word: word) else {
          throw .option(name, OptionRange.problem(ofNoValue: word, range))
        }
        elements.append(element)
      }
      guard let value = Value(elements: elements) else { preconditionFailure("\(name) without a value") }
      options[keyPath: path] = value
    }
    outOfRange = { options in
      guard let range else { return nil }
      return options[keyPath: path].elements.first { !range.contains($0) }
        .map { "\($0.word) is not \(range.words)" }
    }
  }

  /// The same place under another name or with other words about it, for a command that trains something else.
  public func renamed(_ name: String? = nil, help: String, choices: [String]? = nil) -> OptionRow {
    var row = self
    (row.name, row.help, row.choices) = (name ?? self.name, help, choices ?? self.choices)
    if name != nil { row.derivedDefault = nil }
    return row
  }

  // MARK: - Words

  /// The option's value in the command line's words: one, none where there is no value, or several of a list.
  public func words(_ options: TrainingOptions) -> [String] { read(options) }

  /// The words on one line; "none" where there are none.
  public func text(_ options: TrainingOptions) -> String {
    let words = read(options)
    return words.isEmpty ? "none" : words.joined(separator: " ")
  }

  /// The default as help shows it; nil where there is no value by default.
  public func defaultText(_ defaults: TrainingOptions = TrainingOptions()) -> String? {
    if let derivedDefault { return derivedDefault }
    let words = form == .flag ? [] : read(defaults)
    return words.isEmpty ? nil : words.joined(separator: " ")
  }

  /// The word that a flag given alone stands for.
  public var flagWord: String { (!read(TrainingOptions()).contains("on")).word }

  /// Sets the value.
  ///
  /// - Throws: `ModelError.option` when a word is no such value.
  public func set(_ options: inout TrainingOptions, _ words: [String]) throws(ModelError) {
    if let word = words.first(where: { !choices.isEmpty && !choices.contains($0) }) {
      throw .option(name, "\"\(word)\" is not one of \(choices.joined(separator: ", "))")
    }
    try write(&options, words)
  }

  /// Whether most people need it; help shows the others when asked for all.
  public var isCommon: Bool { Self.common.contains(name) }

  private static let common: Set<String> = [
    "--data", "--targets", "--direction", "--labels", "--task", "--size", "--generator", "--ngf", "--norm",
    "--objective", "--unpaired", "--batch-size", "--epochs", "--learning-rate", "--from",
  ]

  /// Whether its words are paths.
  var namesPlace: Bool { ["dir", "file", "run|file"].contains(valueName) }

  /// Why a word is none of the option's, or out of its range; nil when it is neither.
  public func problem(ofWord word: String) -> String? {
    var options = TrainingOptions()
    do throws(ModelError) {
      try set(&options, [word])
      return problem(options)
    } catch .option(_, let reason) {
      return reason
    } catch {
      return "\(error)"
    }
  }

  /// The value and why it is out of range; nil when it is not.
  func problem(_ options: TrainingOptions) -> String? { outOfRange(options) }

  /// The name in reports.
  var label: String {
    let isNegated = form == .flag && name.hasPrefix("--no-")
    return String(name.dropFirst(isNegated ? 5 : 2).map { $0 == "-" ? " " : $0 })
  }

  func isShown(_ options: TrainingOptions) -> Bool {
    switch shown {
    case .always: true
    case .unlessDefault: read(options) != read(TrainingOptions())
    case .when(let condition): condition(options)
    }
  }
}

/// An option that was given, and its words.
public struct GivenOption: Sendable {
  public let row: OptionRow
  public let words: [String]

  public init(_ row: OptionRow, _ words: [String]) { (self.row, self.words) = (row, words) }
}

/// A relation between options.
struct OptionRule: Sendable {
  /// The option that is refused.
  let option: String
  /// Decides which part of the options a rule is about.
  let group: OptionRow.Group
  /// Why it is refused; nil when it is not.
  let problem: @Sendable (TrainingOptions) -> String?

  init(
    _ option: String, _ group: OptionRow.Group, _ problem: @escaping @Sendable (TrainingOptions) -> String?
  ) {
    (self.option, self.group, self.problem) = (option, group, problem)
  }
}

/// A relation between options that were given together: a command line that makes no sense.
struct OptionUsage: Sendable {
  /// The option that is refused where it was given.
  let option: String
  /// Why, from the options as they would be and the names of those given.
  let problem: @Sendable (TrainingOptions, Set<String>) -> String?

  init(_ option: String, _ problem: @escaping @Sendable (TrainingOptions, Set<String>) -> String?) {
    (self.option, self.problem) = (option, problem)
  }
}
