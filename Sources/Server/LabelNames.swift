import Files
import Images
import Model

/// Names of classes from a file of the user's.
public enum LabelNames {
  /// Reads lines such as `#804080 road`, `128 64 128 road` or, for class indices, `7 road`; empty lines and those that begin
  /// with two slashes are left out.
  ///
  /// - Throws: `FileError` for a file that cannot be read, `ModelError.file` naming the first line that is none of these
  public static func read(_ path: String) throws -> [Colour: String] {
    let text = String(decoding: try RegularFile.contents(path, limit: 1 << 20), as: UTF8.self)
    var names: [Colour: String] = [:]
    for (number, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      .enumerated()
    {
      let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
      if words.isEmpty || words[0].hasPrefix("//") { continue }
      guard let (colour, name) = entry(words) else {
        throw ModelError.file(
          path,
          "line \(number + 1) is no class; write #804080 road, 128 64 128 road, or 7 road for a class index")
      }
      names[colour] = name
    }
    return names
  }

  private static func entry(_ words: [String]) -> (Colour, String)? {
    func named(_ colour: Colour, _ rest: ArraySlice<String>) -> (Colour, String)? {
      rest.isEmpty ? nil : (colour, rest.joined(separator: " "))
    }
    if words[0].hasPrefix("#") { return Colour(words[0]).flatMap { named($0, words[1...]) } }
    let levels = words.prefix(3).compactMap { UInt8($0) }
    if levels.count == 3, words.count > 3 {
      return named(Colour(red: levels[0], green: levels[1], blue: levels[2]), words[3...])
    }
    // Three levels are a colour without a name.
    guard words.count != 3 || levels.count != 3, let level = UInt8(words[0]) else { return nil }
    return named(Colour(red: level, green: level, blue: level), words[1...])
  }
}
