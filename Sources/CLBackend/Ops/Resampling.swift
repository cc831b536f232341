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

extension Broadcast: InteriorOperation, OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (x, y) = (planner.activation(input), planner.activation(output))
    try planner.launchRows(
      .resampling, "broadcast", over: y, x.arguments + y.arguments, [.float(coefficient)])
  }
}

extension SpatialSum: InteriorOperation, OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (x, y) = (planner.activation(input), planner.activation(output))
    let groups = RowGroups(x, images: 1, passes: 1, planner.deviceClass)
    let maps = x.images * x.blocks
    func sum(
      _ operands: [KernelArgument], over shape: SIMD4<Int32>, _ groups: RowGroups, _ coefficient: Float
    ) throws(OpenCLError) {
      try planner.launchGroups(
        .resampling, "spatial_sum", over: shape, groups, maps: maps, operands, [.float(coefficient)])
    }
    guard groups.count > 1 else {
      return try sum(x.arguments + y.arguments, over: x.shape, groups, coefficient)
    }
    let height = Int32(groups.count)
    let partial: [KernelArgument] = [
      .buffer(try planner.scratch(floats: maps * groups.count * 16)),
      .int4(SIMD4(0, Int32(x.blocks) * height, height, 1)),
    ]
    try sum(x.arguments + partial, over: x.shape, groups, 1)
    try sum(
      partial + y.arguments, over: SIMD4(Int32(x.images), Int32(x.channels), height, 1),
      RowGroups(rows: groups.count, count: 1), coefficient)
  }
}
