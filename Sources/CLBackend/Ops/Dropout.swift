import Tape

extension DropoutMask: OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let mask = planner.activation(output)
    precondition(output.shape.count < 1 << 32, "the kernel counts elements in 32 bits")
    let sizes = SIMD4(
      Int32(mask.images), Int32(mask.channels), Int32(mask.height), Int32(mask.width))
    try planner.launchRows(
      .elementwise, "dropout_mask", over: mask,
      [.buffer(planner.vector(schedule).buffer)] + mask.arguments + [
        .int4(sizes), .uint(stream), .uint(threshold), .float(keptValue),
      ])
  }
}

extension Multiply: OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (a, b, c) = (planner.activation(a), planner.activation(b), planner.activation(output))
    try planner.launchRows(
      .elementwise, "multiply", over: c, a.arguments + b.arguments + c.arguments + c.blocksAndWidth)
  }
}
