import Tape

extension Combination: FlatOpenCLOperation {
  var columns: [Tensor] { [a, b, output] }

  func hasSettings(of next: Combination) -> Bool { alpha == next.alpha && beta == next.beta }

  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    guard planner.kind(of: output) == .activation else { return try planner.launchFlatRuns([self]) }
    let (a, b, y) = (planner.activation(a), planner.activation(b), planner.activation(output))
    try planner.launchRows(
      .elementwise, "combine", over: y, a.arguments + b.arguments + y.arguments, factors)
  }

  func plan(_ planner: LaunchPlanner, over columns: [Buffer], floats: Int) throws(OpenCLError) {
    try planner.launchFlat(
      .elementwise, "combine_flat", floats: floats, columns.map { .buffer($0) }, factors)
  }

  private var factors: [KernelArgument] { [.float(alpha), .float(beta)] }
}
