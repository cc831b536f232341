import Images
import Tape

/// A value that the command line writes as one word.
public protocol OptionValue: OptionStorage, Equatable where Item == Self {
  /// Reads a word; nil when it is no such value.
  init?(word: String)
  /// The word that `init(word:)` reads.
  var word: String { get }
  /// Every word there is, when they are few.
  static var choices: [String] { get }
  /// What a word has to be, for error messages.
  static var form: String { get }
}

/// The place that keeps an option: a value, an optional value, or an array of values.
public protocol OptionStorage: Sendable {
  associatedtype Item: OptionValue
  /// - Parameter elements: one, or any number where `isList`
  init?(elements: [Item])
  var elements: [Item] { get }
  static var isList: Bool { get }
}

extension OptionValue {
  public static var choices: [String] { [] }
  public static var form: String { "one of \(choices.joined(separator: ", "))" }
  public static var isList: Bool { false }
  public var elements: [Self] { [self] }

  public init?(elements: [Self]) {
    guard let value = elements.last else { return nil }
    self = value
  }
}

extension Optional: OptionStorage where Wrapped: OptionValue {
  public static var isList: Bool { false }
  public var elements: [Wrapped] { map { [$0] } ?? [] }
  public init?(elements: [Wrapped]) { self = elements.last }
}

extension Array: OptionStorage where Element: OptionValue {
  public static var isList: Bool { true }
  public var elements: [Element] { self }
  public init?(elements: [Element]) { self = elements }
}

// MARK: - Values

extension OptionValue where Self: LosslessStringConvertible {
  public init?(word: String) { self.init(word) }
  public var word: String { description }
}

extension OptionValue where Self: RawRepresentable, RawValue == String, Self: CaseIterable {
  public init?(word: String) { self.init(rawValue: word) }
  public var word: String { rawValue }
  public static var choices: [String] { allCases.map(\.rawValue) }
}

extension OptionValue where Self: BinaryFloatingPoint & LosslessStringConvertible {
  /// Without the fraction of a whole number.
  public var word: String { description.hasSuffix(".0") ? String(description.dropLast(2)) : description }
  public static var form: String { "a number" }
}

extension OptionValue where Self: FixedWidthInteger {
  public static var form: String { isSigned ? "a whole number" : "a whole number from 0 on" }
}

extension Int: OptionValue {}
extension UInt64: OptionValue {}
extension Float: OptionValue {}
extension Double: OptionValue {}

/// No word where it is empty.
extension String: OptionValue {
  public static var form: String { "a text" }
  public var elements: [String] { isEmpty ? [] : [self] }
}

/// "on" and "off".
extension Bool: OptionValue {
  public init?(word: String) {
    guard Self.choices.contains(word) else { return nil }
    self = word == "on"
  }

  public var word: String { self ? "on" : "off" }
  public static var choices: [String] { ["on", "off"] }
}

extension PictureSize: OptionValue {
  public init?(word: String) { self.init(word) }
  public var word: String { width == height ? "\(width)" : description }
  public static var form: String { "a number of pixels, or two as in 500x375" }
}

extension Colour: OptionValue {
  public init?(word: String) { self.init(word) }
  public var word: String { description }
  public static var form: String { "a colour #rrggbb" }
}

extension PhotographTask: OptionValue {
  public static var form: String { "one of \(forms)" }
}

extension Direction: OptionValue {}
extension Precision: OptionValue {}
