import Tape

extension DropoutMask: InteriorOperation, OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let mask = planner.activation(output)
    try planner.launchRows(
      .elementwise, "dropout_mask", over: mask,
      [.buffer(planner.vector(schedule).buffer)] + mask.arguments, settingArguments)
  }

  /// As the kernels take them.
  var settingArguments: [KernelArgument] { [.uint(stream), .uint(threshold), .float(keptValue)] }
}

extension Multiply: InteriorOperation, OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (a, b, c) = (planner.activation(a), planner.activation(b), planner.activation(output))
    try planner.launchRows(.elementwise, "multiply", over: c, a.arguments + b.arguments + c.arguments)
  }
}
