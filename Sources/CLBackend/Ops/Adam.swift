import Tape

extension Adam: FlatOpenCLOperation {
  var columns: [Tensor] { [parameter, gradient, firstMoment, secondMoment] }

  func hasSettings(of next: Adam) -> Bool { schedule == next.schedule && options == next.options }

  func plan(_ planner: LaunchPlanner, over columns: [Buffer], floats: Int) throws(OpenCLError) {
    try planner.launchFlat(
      .adam, "adam", floats: floats,
      columns.map { .buffer($0) } + [.buffer(planner.vector(schedule).buffer)], [constants])
  }

  /// As the kernels take them.
  var constants: KernelArgument {
    .float4(
      SIMD4(
        Float(1 - options.beta1), Float(options.beta2), Float(1 - options.beta2), Float(options.epsilon)))
  }
}
