import Tape

extension MaxPool: InteriorOperation, OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (x, y) = (planner.activation(input), planner.activation(output))
    try planner.launchRows(.resampling, "max_pool", over: y, x.arguments + y.arguments, [.int(Int32(window))])
  }
}

extension MaxPoolGradient: InteriorOperation, OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (dy, x, dx) = (planner.activation(gradient), planner.activation(at), planner.activation(output))
    try planner.launchRows(
      .resampling, "max_pool_gradient", over: dx, dy.arguments + x.arguments + dx.arguments)
  }
}
