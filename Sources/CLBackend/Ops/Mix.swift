import Tape

extension Mix: InteriorOperation, OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (a, b, y) = (planner.activation(a), planner.activation(b), planner.activation(output))
    try planner.launchRows(
      .random, "mix_images", over: y,
      [.buffer(planner.vector(schedule).buffer)] + a.arguments + b.arguments + y.arguments, [.uint(stream)])
  }
}

extension MixGradient: InteriorOperation, OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (dy, dx) = (planner.activation(gradient), planner.activation(output))
    try planner.launchRows(
      .random, "mix_gradient", over: dx,
      [.buffer(planner.vector(schedule).buffer)] + dy.arguments + dx.arguments,
      [.uint(stream), .int(side == .a ? 1 : 0)])
  }
}
