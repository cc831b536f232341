import Foundation

/// A file or folder that cannot be read, written or replaced, in one line for the user.
public struct FileError: Error, Equatable, CustomStringConvertible {
  public let path: String
  private let words: String
  /// What is not there.
  private let missing: MissingPath.Kind?

  public init(_ path: String, _ reason: String) { (self.path, words, missing) = (path, reason, nil) }

  /// Of a path that leads nowhere. What may have been meant is looked for when somebody asks for the reason: files that may
  /// be missing cost nothing.
  public init(_ path: String, missing: MissingPath.Kind) {
    (self.path, words, self.missing) = (path, "", missing)
  }

  public var reason: String { missing.map { MissingPath.reason(path, $0) } ?? words }

  /// The system's own word for the last failure.
  static func system(_ path: String, _ what: String) -> FileError {
    FileError(path, "\(what): \(String(cString: strerror(errno)))")
  }

  public var description: String { "\(path): \(reason)" }
}

extension String {
  /// Words of a file as a part of an error's line: short, and without control characters, which a terminal would obey.
  package var inErrors: String {
    var shown = ""
    for (index, scalar) in unicodeScalars.enumerated() {
      // Of the longest names of tensors, those of the inmost level of a U-Net, a hundred characters.
      guard index < 200 else { return shown + "\u{2026}" }
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator: shown.unicodeScalars.append("\u{FFFD}")
      default: shown.unicodeScalars.append(scalar)
      }
    }
    return shown
  }
}
