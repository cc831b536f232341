/// The names that somebody may have meant who wrote another one.
public enum NearestName {
  /// The nearest of some names; nil where none is near.
  public static func of(_ name: String, among names: some Sequence<String>) -> String? {
    near(name, among: names).first
  }

  /// Names that are near, the nearest first: at most two letters or a third of the name are others, and not all of them.
  /// Case makes no name farther away.
  static func near(_ name: String, among names: some Sequence<String>) -> [String] {
    let (count, lower) = (name.unicodeScalars.count, name.lowercased())
    let limit = min(max(2, count / 3), count - 1)
    var found: [(distance: Int, exact: Int, name: String)] = []
    for other in names where other != name {
      // No letters need to be compared where so many are missing.
      guard abs(other.unicodeScalars.count - count) <= limit || other.lowercased() == lower else { continue }
      let distance = other.lowercased().editDistance(to: lower)
      guard distance <= limit || distance == 0 else { continue }
      found.append((distance, other.editDistance(to: name), other))
    }
    return found.sorted { ($0.distance, $0.exact, $0.name) < ($1.distance, $1.exact, $1.name) }.map(\.name)
  }
}

extension String {
  /// Letters to insert, remove or replace (Levenshtein).
  func editDistance(to other: String) -> Int {
    let other = Array(other.unicodeScalars.prefix(300))
    var row = Array(0...other.count)
    for (i, letter) in unicodeScalars.prefix(300).enumerated() {
      var previous = row[0]
      row[0] = i + 1
      for (j, second) in other.enumerated() {
        (previous, row[j + 1]) = (
          row[j + 1], Swift.min(row[j + 1] + 1, row[j] + 1, previous + (letter == second ? 0 : 1))
        )
      }
    }
    return row[other.count]
  }
}
