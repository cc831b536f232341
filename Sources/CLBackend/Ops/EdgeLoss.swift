import Tape

extension EdgeLoss: InteriorOperation, OpenCLOperation {
  /// Both means are sums of weighted differences: their own mean is over one.
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (first, second) = (planner.activation(a), planner.activation(b))
    try planner.planMean(
      "edge_loss", in: .edgeLoss, over: first, first.arguments + second.arguments,
      Self.factors(1, a.shape), into: output, count: 1)
  }

  /// A weight over the count of each kind of differences.
  fileprivate static func factors(_ weight: Float, _ shape: Shape) -> [KernelArgument] {
    let counts = counts(shape)
    return [.float(weight / Float(counts.horizontal)), .float(weight / Float(counts.vertical))]
  }
}

extension EdgeLossGradient: InteriorOperation, OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (first, second, da) = (planner.activation(a), planner.activation(b), planner.activation(output))
    try planner.launchRows(
      .edgeLoss, "edge_gradient", over: da, first.arguments + second.arguments + da.arguments,
      EdgeLoss.factors(weight, a.shape))
  }
}
