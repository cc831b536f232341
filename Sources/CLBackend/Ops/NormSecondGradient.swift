import Tape

extension NormSecondGradient: InteriorOperation, OpenCLOperation {
  /// One launch for small maps, two for large ones.
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (x, result) = (planner.activation(input), planner.activation(output))
    let (mean, variance) = (planner.vector(mean), planner.vector(variance))
    let (images, groups) = planner.groups(of: x, count: parts)
    let partial = try planner.partial(groups, maps: parts * x.blocks, quantities: 6, instead: mean)
    let operands =
      x.arguments + planner.activation(gradient).arguments + planner.activation(upstream).arguments
      + [.buffer(mean.buffer)]
    let statistics: [KernelArgument] = [images, .int(Int32(mean.stride))]
    if groups.count > 1 {
      try planner.launchGroups(
        .normSecondGradient, "norm_second_gradient_partial", over: x.shape, groups, maps: parts * x.blocks,
        operands + [partial], statistics)
    }
    try planner.launchGroups(
      .normSecondGradient, "norm_second_gradient", over: x.shape, groups, maps: x.blocks,
      macros: normMacros(scale: scale, shift: nil),
      operands + [
        .buffer(variance.buffer), .buffer((scale.map(planner.vector) ?? mean).buffer), partial,
        .buffer(planner.vector(scaleGradient).buffer),
      ] + result.arguments,
      statistics + [.int(Int32(parts)), .float(epsilon)])
  }
}
