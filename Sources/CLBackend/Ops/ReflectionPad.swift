import Tape

extension ReflectionPad: InteriorOperation, OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (x, y) = (planner.activation(input), planner.activation(output))
    try planner.launchRows(
      .resampling, "reflection_pad", over: y, x.arguments + y.arguments, [.int(Int32(padding))])
  }
}

extension ReflectionPadGradient: InteriorOperation, OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (dy, dx) = (planner.activation(gradient), planner.activation(output))
    try planner.launchRows(
      .resampling, "reflection_pad_gradient", over: dx, dy.arguments + dx.arguments, [.int(Int32(padding))])
  }
}
