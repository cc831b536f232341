import Tape

extension Combination: OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let factors: [KernelArgument] = [.float(alpha), .float(beta)]
    switch planner.kind(of: output) {
    case .activation:
      let (a, b, y) = (planner.activation(a), planner.activation(b), planner.activation(output))
      try planner.launchRows(
        .elementwise, "combine", over: y, a.arguments + b.arguments + y.arguments + y.blocksAndWidth + factors
      )
    case .weight, .vector, .scalar:
      let buffers = [a, b, output].map(planner.flat)
      let (vectors, run, workItems) = planner.flatRuns(floats: buffers[2].floats)
      try planner.launchLanes(
        .elementwise, "combine_flat",
        buffers.map { .buffer($0.buffer) } + [.int(Int32(vectors)), .int(Int32(run))] + factors,
        global: [workItems])
    }
  }
}
