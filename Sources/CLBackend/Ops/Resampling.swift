import Tape

extension Upsample: InteriorOperation, OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (x, y) = (planner.activation(input), planner.activation(output))
    try planner.launchRows(
      .resampling, "upsample_nearest", over: y, x.arguments + y.arguments,
      [.int(Int32(factor)), .float(coefficient)])
  }
}

extension Downsample: InteriorOperation, OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (x, y) = (planner.activation(input), planner.activation(output))
    try planner.launchRows(
      .resampling, "downsample_sum", over: y, x.arguments + y.arguments,
      [.int(Int32(factor)), .float(coefficient)])
  }
}
