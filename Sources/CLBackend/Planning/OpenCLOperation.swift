import Tape

/// An operation that can turn itself into kernel launches.
protocol OpenCLOperation: LaidOutOperation {
  /// Adds the launches of the step by itself. `StepPlanner` lists the launches of fused steps.
  func plan(_ planner: LaunchPlanner) throws(OpenCLError)

  /// Whether its last launch can write activated copies of the result, which then cost next to nothing.
  var writesActivatedCopies: Bool { get }
}

extension OpenCLOperation {
  /// An operation that says nothing leaves copies to launches of their own.
  var writesActivatedCopies: Bool { false }
}

/// A flat operation with a kernel that goes over runs of its operands.
protocol FlatOpenCLOperation: FlatOperation, OpenCLOperation {
  /// Adds the launch that goes over runs of `floats` numbers, padding and all, a multiple of 16.
  func plan(_ planner: LaunchPlanner, over columns: [Buffer], floats: Int) throws(OpenCLError)
}

extension FlatOpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) { try planner.launchFlatRuns([self]) }
}

extension LaunchPlanner {
  /// Adds a launch for each run of operands that lie one behind the other.
  func launchFlatRuns(_ steps: [any FlatOpenCLOperation]) throws(OpenCLError) {
    for (columns, floats) in flatRuns(steps) { try steps[0].plan(self, over: columns, floats: floats) }
  }
}
