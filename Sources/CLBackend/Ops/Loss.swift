import Tape

extension BCEWithLogits: OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let x = planner.activation(logits)
    try planner.planMean("bce", over: x, x.arguments, [.float(target)], into: output)
  }
}

extension BCEWithLogitsGradient: OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (x, dx) = (planner.activation(logits), planner.activation(output))
    try planner.launchRows(
      .loss, "bce_gradient", over: dx, x.arguments + dx.arguments,
      [.float(target), .float(weight / Float(logits.shape.count))])
  }
}

extension PixelLoss: OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (first, second) = (planner.activation(a), planner.activation(b))
    try planner.planMean(
      "pixel_loss", over: first, macros: distance.macros, first.arguments + second.arguments, [], into: output
    )
  }
}

extension PixelLossGradient: OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (first, second, da) = (planner.activation(a), planner.activation(b), planner.activation(output))
    try planner.launchRows(
      .loss, "pixel_gradient", over: da, macros: distance.macros,
      first.arguments + second.arguments + da.arguments, [.float(weight / Float(a.shape.count))])
  }
}

extension PixelDistance {
  fileprivate var macros: [(String, String)] { [("DISTANCE", self == .l1 ? "1" : "2")] }
}

extension LaunchPlanner {
  /// The mean of what `kernel` sums up: in one launch where one work-group sums up everything, in two otherwise.
  fileprivate func planMean(
    _ kernel: String, over view: ActivationView, macros: [(String, String)] = [],
    _ operands: [KernelArgument],
    _ settings: [KernelArgument], into result: Tensor
  ) throws(OpenCLError) {
    let groups = RowGroups(view, images: view.images, deviceClass)
    let sums = groups.count * view.blocks
    let share = KernelArgument.float(1 / Float(view.images * view.channels * view.height * view.width))
    let mean = KernelArgument.buffer(vector(result).buffer)
    let target = sums == 1 ? mean : .buffer(try scratch(floats: sums))
    try launchGroups(
      .loss, kernel, over: view.shape, groups, maps: view.blocks, macros: macros, operands + [target],
      settings + [sums == 1 ? share : .float(1)])
    if sums > 1 {
      try launchTotal(.loss, "loss_total", of: sums, [target, mean, .int(Int32(sums)), share])
    }
  }
}
