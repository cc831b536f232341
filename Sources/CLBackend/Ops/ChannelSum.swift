import Tape

extension ChannelSum: InteriorOperation, OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (x, y) = (planner.activation(input), planner.vector(output))
    let groups = RowGroups(x, images: x.images, passes: 1, planner.deviceClass)
    let result = KernelArgument.buffer(y.buffer)
    guard groups.count > 1 else {
      return try planner.launchGroups(
        .norm, "channel_sum", over: x.shape, groups, maps: x.blocks, x.arguments + [result])
    }
    let partial = KernelArgument.buffer(try planner.scratch(floats: x.blocks * groups.count * 16))
    try planner.launchGroups(
      .norm, "channel_sum", over: x.shape, groups, maps: x.blocks, x.arguments + [partial])
    // The groups' sums lie like a map of that height and width 1.
    let height = Int32(groups.count)
    try planner.launchGroups(
      .norm, "channel_sum", over: SIMD4(1, Int32(x.channels), height, 1),
      RowGroups(rows: groups.count, count: 1), maps: x.blocks,
      [partial, .int4(SIMD4(0, 0, height, 1)), result])
  }
}
