import Tape

extension Adam: OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let buffers = [parameter, gradient, firstMoment, secondMoment].map(planner.flat)
    let (vectors, run, workItems) = planner.flatRuns(floats: buffers[0].floats)
    try planner.launchLanes(
      .adam, "adam",
      buffers.map { .buffer($0.buffer) } + [
        .buffer(planner.vector(schedule).buffer), .int(Int32(vectors)), .int(Int32(run)),
        .float(Float(1 - options.beta1)), .float(Float(options.beta2)), .float(Float(1 - options.beta2)),
        .float(Float(options.epsilon)),
      ],
      global: [workItems])
  }
}
