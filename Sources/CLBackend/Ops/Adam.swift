import Tape

extension Adam: OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let buffers = [parameter, gradient, firstMoment, secondMoment].map(planner.flat)
    try planner.launchFlat(
      .adam, "adam", floats: buffers[0].floats,
      buffers.map { .buffer($0.buffer) } + [.buffer(planner.vector(schedule).buffer)],
      [
        .float(Float(1 - options.beta1)), .float(Float(options.beta2)), .float(Float(1 - options.beta2)),
        .float(Float(options.epsilon)),
      ])
  }
}
