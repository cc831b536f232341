/// A colour of 8-bit sRGB: the name of a class in a label map.
public struct Colour: Sendable, Hashable, Comparable, CustomStringConvertible {
  public let red: UInt8
  public let green: UInt8
  public let blue: UInt8

  public init(red: UInt8, green: UInt8, blue: UInt8) {
    self.red = red
    self.green = green
    self.blue = blue
  }

  /// 0xRRGGBB.
  var packed: UInt32 { UInt32(red) << 16 | UInt32(green) << 8 | UInt32(blue) }

  init(packed: UInt32) {
    self.init(
      red: UInt8(truncatingIfNeeded: packed >> 16), green: UInt8(truncatingIfNeeded: packed >> 8),
      blue: UInt8(truncatingIfNeeded: packed))
  }

  /// The colour of a `description`, with or without "#"; nil for any other text.
  public init?(_ name: String) {
    let digits = name.hasPrefix("#") ? name.dropFirst() : name[...]
    guard digits.count == 6, digits.allSatisfy(\.isHexDigit), let packed = UInt32(digits, radix: 16) else {
      return nil
    }
    self.init(packed: packed)
  }

  /// By red, then green, then blue.
  public static func < (a: Colour, b: Colour) -> Bool { a.packed < b.packed }

  /// The web's spelling: `#rrggbb`.
  public var description: String {
    let digits = String(packed, radix: 16)
    return "#" + String(repeating: "0", count: 6 - digits.count) + digits
  }
}

/// Coded as its description, so that a model's options stay readable.
extension Colour: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard text.utf8.count == 7, text.first == "#", let packed = UInt32(text.dropFirst(), radix: 16) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "\"\(text)\" is no colour #rrggbb")
    }
    self.init(packed: packed)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
