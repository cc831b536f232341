import Tape

extension Adam: FlatOperation {
  var columns: [Tensor] { [parameter, gradient, firstMoment, secondMoment] }

  func hasSettings(of next: Adam) -> Bool { schedule == next.schedule && options == next.options }

  /// One launch for all steps of a run whose operands lie one behind the other.
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    for (buffers, floats) in try planner.flatRuns(from: self) {
      try planner.launchFlat(
        .adam, "adam", floats: floats,
        buffers.map { .buffer($0) } + [.buffer(planner.vector(schedule).buffer)], [constants])
    }
  }

  /// As the kernels take them.
  var constants: KernelArgument {
    .float4(
      SIMD4(
        Float(1 - options.beta1), Float(options.beta2), Float(1 - options.beta2), Float(options.epsilon)))
  }
}
