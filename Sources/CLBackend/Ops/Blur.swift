import Tape

extension Blur: InteriorOperation, OpenCLOperation {
  /// Along the rows, then along the columns.
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (x, y) = (planner.activation(input), planner.activation(output))
    let area = x.height * x.width
    let scratch = try planner.scratch(floats: x.images * x.blocks * area * 16)
    let rows: [KernelArgument] = [
      .buffer(scratch), .int4(SIMD4(0, Int32(x.blocks * area), Int32(area), Int32(x.width))),
    ]
    let w = Self.weights.map { Float($0) }
    let weights: [KernelArgument] = [
      .float4(SIMD4(w[0], w[1], w[2], w[3])), .float4(SIMD4(w[4], w[5], 0, 0)),
    ]
    try planner.launchRows(.similarity, "blur", over: x, x.arguments + rows, weights + [.int(0)])
    try planner.launchRows(.similarity, "blur", over: y, rows + y.arguments, weights + [.int(1)])
  }
}
