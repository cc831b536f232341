import Foundation

/// A file or folder that cannot be read, written or replaced, in one line for the user.
public struct FileError: Error, Equatable, CustomStringConvertible {
  public let path: String
  public let reason: String

  public init(_ path: String, _ reason: String) { (self.path, self.reason) = (path, reason) }

  /// The system's own word for the last failure.
  static func system(_ path: String, _ what: String) -> FileError {
    FileError(path, "\(what): \(String(cString: strerror(errno)))")
  }

  public var description: String { "\(path): \(reason)" }
}
