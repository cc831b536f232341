import Tape

extension Combination: OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let factors: [KernelArgument] = [.float(alpha), .float(beta)]
    switch planner.kind(of: output) {
    case .activation:
      let (a, b, y) = (planner.activation(a), planner.activation(b), planner.activation(output))
      try planner.launchRows(
        .elementwise, "combine", over: y, a.arguments + b.arguments + y.arguments, factors)
    case .weight, .vector, .scalar:
      let buffers = [a, b, output].map(planner.flat)
      try planner.launchFlat(
        .elementwise, "combine_flat", floats: buffers[2].floats, buffers.map { .buffer($0.buffer) }, factors)
    }
  }
}
