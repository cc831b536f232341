import Tape

extension BCEWithLogits: OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let x = planner.activation(logits)
    try planner.planMean(over: x, logits.shape.count, into: output) {
      (planner, partial) throws(OpenCLError) in
      try planner.launchGroups(
        .loss, "bce_partial", over: x,
        x.arguments + [.buffer(partial), .int(Int32(x.blocks)), .int(Int32(x.channels))] + x.groupSizes
          + [.float(target)])
    }
  }
}

extension BCEWithLogitsGradient: OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (x, dx) = (planner.activation(logits), planner.activation(output))
    try planner.launchRows(
      .loss, "bce_gradient", over: dx,
      x.arguments + dx.arguments + [
        .int(Int32(x.blocks)), .int(Int32(x.channels)), .int(Int32(x.width)), .float(target),
        .float(weight / Float(logits.shape.count)),
      ])
  }
}

extension PixelDistance {
  fileprivate var macros: [(String, String)] { [("DISTANCE", self == .l1 ? "1" : "2")] }
}

extension PixelLoss: OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (first, second) = (planner.activation(a), planner.activation(b))
    try planner.planMean(over: first, a.shape.count, into: output) { (planner, partial) throws(OpenCLError) in
      try planner.launchGroups(
        .loss, "pixel_partial", over: first, macros: distance.macros,
        first.arguments + second.arguments + [.buffer(partial), .int(Int32(first.blocks))] + first.groupSizes)
    }
  }
}

extension PixelLossGradient: OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (first, second, da) = (planner.activation(a), planner.activation(b), planner.activation(output))
    try planner.launchRows(
      .loss, "pixel_gradient", over: da, macros: distance.macros,
      first.arguments + second.arguments + da.arguments + da.blocksAndWidth + [
        .float(weight / Float(a.shape.count))
      ])
  }
}

extension LaunchPlanner {
  /// The mean of what `partial` sums up over `count` values.
  fileprivate func planMean(
    over view: ActivationView, _ count: Int, into result: Tensor,
    partial: (LaunchPlanner, Buffer) throws(OpenCLError) -> Void
  ) throws(OpenCLError) {
    let sums = view.images * view.blocks * RowGroups(view).count * quarters
    let buffer = try scratch(floats: sums)
    try partial(self, buffer)
    try launchLanes(
      .loss, "loss_combine",
      [.buffer(buffer), .buffer(vector(result).buffer), .int(Int32(sums)), .float(1 / Float(count))],
      global: [1])
  }
}
