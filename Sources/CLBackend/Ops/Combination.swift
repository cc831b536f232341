import Tape

extension Combination: FlatOperation {
  var columns: [Tensor] { [a, b, output] }

  func hasSettings(of next: Combination) -> Bool { alpha == next.alpha && beta == next.beta }

  /// Whether the sum is one that the next step computes.
  func isLeft(to next: Step?, _ planner: LaunchPlanner) -> Bool {
    alpha == 1 && beta == 1 && planner.kind(of: output) == .activation && planner.takes(next, output)
  }

  /// What is added to `tensor`, if that is all that the step does.
  fileprivate func addend(to tensor: Tensor) -> Tensor? {
    guard alpha == 1, beta == 1, a != b else { return nil }
    return tensor == a ? b : tensor == b ? a : nil
  }

  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let factors: [KernelArgument] = [.float(alpha), .float(beta)]
    switch planner.kind(of: output) {
    case .activation:
      if isLeft(to: planner.following.first, planner), planner.leave(output, as: .sum(a, b)) { return }
      let (a, b, y) = (planner.activation(a), planner.activation(b), planner.activation(output))
      try planner.launchRows(
        .elementwise, "combine", over: y, a.arguments + b.arguments + y.arguments, factors)
    case .weight, .vector, .scalar:
      for (buffers, floats) in try planner.flatRuns(from: self) {
        try planner.launchFlat(
          .elementwise, "combine_flat", floats: floats, buffers.map { .buffer($0) }, factors)
      }
    }
  }
}

extension LaunchPlanner {
  /// Takes on the next step if all it does is to add something to `tensor`, which nobody else reads.
  func takeSum(with tensor: Tensor) -> (sum: Tensor, addend: Tensor?)? {
    guard let step = following.first, isRead(tensor, onlyBy: step),
      let combination = step.operation as? Combination, let addend = combination.addend(to: tensor)
    else { return nil }
    take(following.startIndex)
    return (combination.output, addend)
  }
}
