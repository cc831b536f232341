import Tape

extension GaussianNoise: InteriorOperation, OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let y = planner.activation(output)
    try planner.launchRows(
      .random, "gaussian_noise", over: y, [.buffer(planner.vector(schedule).buffer)] + y.arguments,
      [.uint(stream)])
  }
}
