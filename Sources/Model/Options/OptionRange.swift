/// The values that an option may have, and their description behind "is not".
public struct OptionRange<Value: OptionValue>: Sendable {
  let words: String
  let contains: @Sendable (Value) -> Bool

  /// Reads a word of the command line.
  ///
  /// - Throws: `OptionWordError` for one that is no such value, or out of range
  public func value(of word: String) throws(OptionWordError) -> Value {
    guard let value = Value(word: word) else {
      throw OptionWordError(description: Self.problem(ofNoValue: word, self))
    }
    guard contains(value) else { throw OptionWordError(description: "\(value.word) is not \(words)") }
    return value
  }

  /// The reason why a word is none of an option's values. A whole number that is too large for its type is out of range.
  static func problem(ofNoValue word: String, _ range: OptionRange?) -> String {
    if let range, Value.self is any FixedWidthInteger.Type, Double(word).map({ $0 == $0.rounded() }) == true {
      return "\(word) is not \(range.words)"
    }
    return "\"\(word)\" is not \(Value.form)"
  }
}

/// The reason why a word is none of an option's values, behind the option's name.
public struct OptionWordError: Error, CustomStringConvertible {
  public let description: String

  public init(description: String) { self.description = description }
}

extension OptionRange where Value: FixedWidthInteger {
  public static var all: Self { .from(.min, to: .max) }

  public static func oneOf(_ values: Value...) -> Self {
    let words = values.map(\.word)
    return Self(words: words.dropLast().joined(separator: ", ") + " or \(words[words.count - 1])") {
      values.contains($0)
    }
  }
}

extension OptionRange where Value: Comparable {
  public static func from(_ least: Value, to most: Value, _ unit: String = "") -> Self {
    Self(words: "from \(least.word) to \(most.word)\(unit)") { least <= $0 && $0 <= most }
  }

  public static func above(_ limit: Value) -> Self { Self(words: "above \(limit.word)") { $0 > limit } }

  /// NaN is out of range.
  public static func above(_ limit: Value, upTo most: Value) -> Self {
    Self(words: "above \(limit.word) and at most \(most.word)") { limit < $0 && $0 <= most }
  }
}

extension OptionRange where Value: BinaryFloatingPoint {
  static var weight: Self { Self(words: "a finite number from 0 on") { $0 >= 0 && $0.isFinite } }
  public static var positive: Self { Self(words: "a finite number above 0") { $0 > 0 && $0.isFinite } }
}
