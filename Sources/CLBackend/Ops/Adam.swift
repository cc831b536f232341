import Tape

extension Adam: FlatOperation {
  var columns: [Tensor] { [parameter, gradient, firstMoment, secondMoment] }

  func hasSettings(of next: Adam) -> Bool { schedule == next.schedule && options == next.options }

  /// One launch for all neighbours whose operands lie one behind the other.
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (buffers, floats) = try planner.flatRun(from: self)
    try planner.launchFlat(
      .adam, "adam", floats: floats,
      buffers.map { .buffer($0) } + [.buffer(planner.vector(schedule).buffer)],
      [
        .float(Float(1 - options.beta1)), .float(Float(options.beta2)), .float(Float(1 - options.beta2)),
        .float(Float(options.epsilon)),
      ])
  }
}
