import Files
import Foundation

/// What went wrong with a model, its options or its files, in one line for the user.
public enum ModelError: Error, Equatable, CustomStringConvertible {
  /// An option out of range: its name, and what would be right.
  case option(String, String)
  /// A file that cannot be read or written, or is not what it should be.
  case file(String, String)
  /// Training cannot go on.
  case training(String)
  /// A value became NaN or infinite: which, and when.
  case diverged(String)

  public init(_ error: FileError) { self = .file(error.path, error.reason) }

  public var description: String {
    switch self {
    case .option(let name, let reason): "\(name): \(reason)"
    case .file(let path, let reason): "\(path): \(reason)"
    case .training(let reason), .diverged(let reason): reason
    }
  }
}

/// Makes a folder and those above it; see `NewFolder`.
package func makeFolder(_ path: String) throws(ModelError) {
  do { try NewFolder.make(path) } catch { throw ModelError(error) }
}
