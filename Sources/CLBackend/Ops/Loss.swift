import Tape

extension BCEWithLogits: OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let x = planner.activation(logits)
    let gradient = planner.takeGradient(of: [logits]) { (step: BCEWithLogitsGradient) in
      step.logits == logits && step.target == target
    }
    try planner.planMean(
      "bce", over: x, x.arguments, [.float(target)], into: output,
      gradient: gradient.map { ($0.output, $0.factor) })
  }
}

extension BCEWithLogitsGradient: OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (x, dx) = (planner.activation(logits), planner.activation(output))
    try planner.launchRows(
      .loss, "bce_gradient", over: dx, x.arguments + dx.arguments, [.float(target), .float(factor)])
  }

  fileprivate var factor: Float { weight / Float(logits.shape.count) }
}

extension PixelLoss: OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (first, second) = (planner.activation(a), planner.activation(b))
    let gradient = planner.takeGradient(of: [a, b]) { (step: PixelLossGradient) in
      step.a == a && step.b == b && step.distance == distance
    }
    try planner.planMean(
      "pixel_loss", over: first, macros: distance.macros, first.arguments + second.arguments, [],
      into: output,
      gradient: gradient.map { ($0.output, $0.factor) })
  }
}

extension PixelLossGradient: OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (first, second, da) = (planner.activation(a), planner.activation(b), planner.activation(output))
    try planner.launchRows(
      .loss, "pixel_gradient", over: da, macros: distance.macros,
      first.arguments + second.arguments + da.arguments, [.float(factor)])
  }

  fileprivate var factor: Float { weight / Float(a.shape.count) }
}

extension PixelDistance {
  fileprivate var macros: [(String, String)] { [("DISTANCE", self == .l1 ? "1" : "2")] }
}

extension LaunchPlanner {
  /// Takes on the step behind the current one that makes a loss' gradient, if its operands are the same until then.
  fileprivate func takeGradient<Gradient: Operation>(
    of operands: [Tensor], where matches: (Gradient) -> Bool
  ) -> Gradient? {
    for (index, step) in zip(following.indices, following) {
      if let gradient = step.operation as? Gradient, matches(gradient) {
        take(index)
        return gradient
      }
      guard step.operation.outputs.allSatisfy({ output in operands.allSatisfy { !overlap(output, $0) } })
      else {
        return nil
      }
    }
    return nil
  }

  /// The mean of what `kernel` sums up: in one launch where one work-group sums up everything, in two otherwise.
  ///
  /// - Parameter gradient: what it writes besides, and the factor of a value's slope
  fileprivate func planMean(
    _ kernel: String, over view: ActivationView, macros: [(String, String)] = [],
    _ operands: [KernelArgument],
    _ settings: [KernelArgument], into result: Tensor, gradient: (output: Tensor, factor: Float)?
  ) throws(OpenCLError) {
    let groups = RowGroups(view, images: view.images, deviceClass)
    let sums = groups.count * view.blocks
    let share = KernelArgument.float(1 / Float(view.images * view.channels * view.height * view.width))
    let mean = KernelArgument.buffer(vector(result).buffer)
    let target = sums == 1 ? mean : .buffer(try scratch(floats: sums))
    let map = gradient.map { activation($0.output).arguments } ?? []
    let factor: [KernelArgument] = gradient.map { [.float($0.factor)] } ?? []
    try launchGroups(
      .loss, kernel, over: view.shape, groups, maps: view.blocks,
      macros: macros + (gradient == nil ? [] : [("GRADIENT", "1")]), operands + [target] + map,
      settings + [sums == 1 ? share : .float(1)] + factor)
    if sums > 1 {
      try launchTotal(.loss, "loss_total", of: sums, [target, mean, .int(Int32(sums)), share])
    }
  }
}
