import Tape

extension GradientPenalty: InteriorOperation, OpenCLOperation {
  /// Sums of squares by groups of rows of an image's blocks, then norms and their mean distance from 1.
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let x = planner.activation(input)
    let groups = RowGroups(x, images: 1, passes: 1, planner.deviceClass)
    let count = x.blocks * groups.count
    let sums = KernelArgument.buffer(try planner.scratch(floats: x.images * count))
    try planner.launchGroups(
      .loss, "square_sums", over: x.shape, groups, maps: x.images * x.blocks, x.arguments + [sums])
    try planner.launchTotal(
      .loss, "gradient_penalty", of: count,
      [
        sums, .buffer(planner.vector(norms).buffer), .buffer(planner.vector(output).buffer),
        .int(Int32(x.images)), .int(Int32(count)),
      ])
  }
}

extension GradientPenaltyGradient: InteriorOperation, OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (x, dx) = (planner.activation(input), planner.activation(output))
    try planner.launchRows(
      .loss, "gradient_penalty_gradient", over: dx,
      x.arguments + [.buffer(planner.vector(norms).buffer)] + dx.arguments,
      [.float(2 * weight / Float(x.images))])
  }
}
