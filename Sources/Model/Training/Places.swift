import Foundation

/// The folders and files that a run's options name, as absolute paths by the paths given: a run that is resumed or judged
/// from another working directory finds them.
struct Places: Codable {
  private var paths: [String: String] = [:]

  /// What paths mean in this working directory.
  init(_ options: TrainingOptions) {
    for row in TrainingOptions.placeRows {
      for path in row.words(options) { paths[path] = Self.absolute(path) }
    }
  }

  static func absolute(_ path: String) -> String {
    URL(fileURLWithPath: path).standardizedFileURL.path
  }

  /// The path as given where it still leads to the same place, the absolute path where that is there, otherwise the path as
  /// given.
  fileprivate func path(_ given: String) -> String {
    guard let absolute = paths[given], Self.absolute(given) != absolute else { return given }
    return FileManager.default.fileExists(atPath: absolute) ? absolute : given
  }
}

extension TrainingOptions {
  /// The options that name folders and files.
  static let placeRows = rows.filter(\.namesPlace)

  /// Finds what the options name, whatever the working directory is.
  mutating func locate(_ places: Places) {
    for row in Self.placeRows { setWords(row, row.words(self).map(places.path)) }
  }

  /// An option's words that mean the same in any working directory: paths are absolute.
  public func portableWords(of row: OptionRow) -> [String] {
    row.namesPlace ? row.words(self).map(Places.absolute) : row.words(self)
  }

  /// Takes the folders and files that others name.
  public mutating func takePlaces(of other: TrainingOptions) {
    for row in Self.placeRows { setWords(row, row.words(other)) }
  }

  private mutating func setWords(_ row: OptionRow, _ words: [String]) {
    guard !words.isEmpty else { return }
    do {
      try row.set(&self, words)
    } catch {
      preconditionFailure("a path is any text: \(error)")
    }
  }

  /// Refuses a checkpoint's options when something is not there any more.
  ///
  /// - Throws: `ModelError.option` that says what to do
  public func requirePlaces() throws(ModelError) {
    // What only a beginning reads, a run that goes on can do without.
    for row in Self.placeRows where row.mayChange {
      for path in row.words(self) where !FileManager.default.fileExists(atPath: path) {
        let looked = Places.absolute(path)
        throw .option(
          row.name,
          "\(path), which the run was begun with, is not there any more\(looked == path ? "" : " (\(looked))"); say where it is now by \(row.name)"
        )
      }
    }
  }
}
