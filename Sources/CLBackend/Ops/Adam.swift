import Tape

extension Adam: OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    if try planner.planUpdate(self) { return }
    let buffers = [parameter, gradient, firstMoment, secondMoment].map(planner.flat)
    try planner.launchFlat(
      .adam, "adam", floats: buffers[0].floats,
      buffers.map { .buffer($0.buffer) } + [.buffer(planner.vector(schedule).buffer)], [constants])
  }

  /// As the kernels take them.
  var constants: KernelArgument {
    .float4(
      SIMD4(
        Float(1 - options.beta1), Float(options.beta2), Float(1 - options.beta2), Float(options.epsilon)))
  }
}
