/// One thing that is wrong or odd about a data set.
public struct DataSetFinding: Sendable, Equatable {
  public enum Severity: Int, Sendable, Comparable {
    /// Training would stop, or its figures would mean nothing.
    case wrong
    /// Training goes on, and its pictures will be worse or show the wrong thing.
    case odd
    /// Worth a thought.
    case hint

    public static func < (a: Severity, b: Severity) -> Bool { a.rawValue < b.rawValue }
  }

  public let severity: Severity
  /// One line that names files or folders and says what to do.
  public let text: String
}
