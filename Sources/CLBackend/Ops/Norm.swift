import Tape

extension Norm: OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let x = planner.activation(input)
    let (mean, variance) = (planner.vector(mean), planner.vector(variance))
    let groups = RowGroups(x)
    let partial = try planner.scratch(floats: x.images * x.blocks * groups.count * 32)
    try planner.launchGroups(
      .norm, "statistics_partial", over: x,
      x.arguments + [.buffer(partial), .int(Int32(x.blocks))] + x.groupSizes)
    try planner.launchLanes(
      .norm, "statistics_combine",
      [
        .buffer(partial), .buffer(mean.buffer), .buffer(variance.buffer), .int(Int32(x.images / mean.rows)),
        .int(Int32(groups.count)), .int(Int32(mean.stride)),
      ] + x.groupSizes,
      global: [planner.quarters, x.blocks, mean.rows])
    try planner.planNormalize(
      input, mean: mean, variance: variance, scale: scale, shift: shift, epsilon: epsilon,
      imageStride: perImage ? mean.stride : 0, output)
  }
}

extension Normalize: OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    try planner.planNormalize(
      input, mean: planner.vector(mean), variance: planner.vector(variance), scale: scale, shift: shift,
      epsilon: epsilon, imageStride: 0, output)
  }
}

extension NormGradient: OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (x, dy, dx) = (planner.activation(input), planner.activation(gradient), planner.activation(output))
    let (mean, variance) = (planner.vector(mean), planner.vector(variance))
    let (shiftSum, scaleSum) = (planner.vector(shiftSum), planner.vector(scaleSum))
    let groups = RowGroups(x)
    let partial = try planner.scratch(floats: x.images * x.blocks * groups.count * 32)
    let imageStride = KernelArgument.int(perImage ? Int32(mean.stride) : 0)
    let statistics: [KernelArgument] = [.buffer(mean.buffer), .buffer(variance.buffer)]
    try planner.launchGroups(
      .norm, "gradient_partial", over: x,
      x.arguments + dy.arguments + statistics + [.buffer(partial), .int(Int32(x.blocks))] + x.groupSizes
        + [imageStride, .float(epsilon)])
    try planner.launchLanes(
      .norm, "sums_combine",
      [
        .buffer(partial), .buffer(shiftSum.buffer), .buffer(scaleSum.buffer),
        .int(Int32(x.images / mean.rows)), .int(Int32(groups.count)), .int(Int32(mean.stride)),
      ],
      global: [planner.quarters, x.blocks, mean.rows])
    let m = input.shape.count / self.mean.shape.count
    try planner.launchRows(
      .norm, "norm_gradient", over: dx, macros: [("HAS_SCALE", scale == nil ? "0" : "1")],
      x.arguments + dy.arguments + statistics + [
        .buffer(scale.map { planner.vector($0).buffer } ?? mean.buffer), .buffer(shiftSum.buffer),
        .buffer(scaleSum.buffer),
      ] + dx.arguments + dx.blocksAndWidth + [imageStride, .float(epsilon), .float(1 / Float(m))])
  }
}

extension RunningStatistics: OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let vectors = [mean, variance, runningMean, runningVariance].map(planner.vector)
    try planner.launchLanes(
      .norm, "running_statistics",
      vectors.map { .buffer($0.buffer) } + [
        .int(Int32(vectors[0].channels)), .float(Float(count) / Float(count - 1)), .float(momentum),
      ],
      global: [vectors[0].stride])
  }
}

extension ChannelSum: OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (x, y) = (planner.activation(input), planner.vector(output))
    let groups = RowGroups(x)
    let partial = try planner.scratch(floats: x.images * x.blocks * groups.count * 32)
    try planner.launchGroups(
      .norm, "channel_partial", over: x,
      x.arguments + [.buffer(partial), .int(Int32(x.blocks))] + x.groupSizes)
    let unused = try planner.scratch(floats: y.stride, slot: 1)
    try planner.launchLanes(
      .norm, "sums_combine",
      [
        .buffer(partial), .buffer(y.buffer), .buffer(unused), .int(Int32(x.images)),
        .int(Int32(groups.count)),
        .int(Int32(y.stride)),
      ],
      global: [planner.quarters, x.blocks, 1])
  }
}

extension LaunchPlanner {
  fileprivate func planNormalize(
    _ input: Tensor, mean: VectorView, variance: VectorView, scale: Tensor?, shift: Tensor?, epsilon: Float,
    imageStride: Int, _ output: Tensor
  ) throws(OpenCLError) {
    let (x, y) = (activation(input), activation(output))
    // An absent scale or shift is stood in for by a vector that is there; the kernel does not read it.
    try launchRows(
      .norm, "norm_apply", over: y,
      macros: [("HAS_SCALE", scale == nil ? "0" : "1"), ("HAS_SHIFT", shift == nil ? "0" : "1")],
      x.arguments + [
        .buffer(mean.buffer), .buffer(variance.buffer), .buffer((scale.map(vector) ?? mean).buffer),
        .buffer((shift.map(vector) ?? mean).buffer),
      ] + y.arguments + y.blocksAndWidth + [.int(Int32(imageStride)), .float(epsilon)])
  }
}
