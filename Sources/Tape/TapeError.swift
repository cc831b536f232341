/// A tape refused to record; the text names the operation and the shapes.
public enum TapeError: Error, Hashable, CustomStringConvertible {
  case shape(operation: String, reason: String)
  case noGradientRule(operation: String)
  case notReached(tensor: String)
  case overwritten(tensor: String, operation: String)

  public var description: String {
    switch self {
    case .shape(let operation, let reason):
      "\(operation): \(reason)"
    case .noGradientRule(let operation):
      "\(operation) has no gradient rule; keep it off the paths to the parameters"
    case .notReached(let tensor):
      "the objective does not depend on \(tensor); leave it out of the parameters asked for"
    case .overwritten(let tensor, let operation):
      "\(tensor) was overwritten after \(operation) used it; record the gradients before the update"
    }
  }
}
