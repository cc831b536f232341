import Tape

extension DropoutMask: OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let mask = planner.activation(output)
    try planner.launchRows(
      .elementwise, "dropout_mask", over: mask,
      [.buffer(planner.vector(schedule).buffer)] + mask.arguments,
      [.uint(stream), .uint(threshold), .float(keptValue)])
  }
}

extension Multiply: OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (a, b, c) = (planner.activation(a), planner.activation(b), planner.activation(output))
    try planner.launchRows(.elementwise, "multiply", over: c, a.arguments + b.arguments + c.arguments)
  }
}
