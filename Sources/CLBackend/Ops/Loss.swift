import Kernels
import Tape

extension LogitLoss: OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let x = planner.activation(logits)
    let split = planner.takeSplitSum(of: logits)
    let sums = split?.whole.map { planner.activation($0.tensor) } ?? x
    var macros = kind.macros + (split == nil ? [] : SplitSum.macros)
    var rest = split?.arguments(into: sums, maps: x.blocks, planner) ?? []
    let partner = planner.partner(of: self, planner.following)
    let gradient = planner.takeGradient(of: self)
    if let partner {
      macros.append(("PAIR", "1"))
      rest +=
        planner.activation(partner.logits).arguments + [
          .buffer(planner.vector(partner.output).buffer), .float(partner.kind.target),
        ]
      if let gradient = planner.takeGradient(of: partner) {
        rest += planner.activation(gradient.output).arguments + [.float(gradient.factor)]
      }
      planner.take(planner.following.startIndex)
    }
    try planner.planMean(
      "logit_loss", over: x, maps: partner == nil ? 1 : 2, macros: macros, x.arguments, [.float(kind.target)],
      into: output,
      gradient: gradient.map { ($0.output, $0.factor) }, rest)
  }

  fileprivate func hasGradient(_ step: LogitLossGradient) -> Bool {
    step.logits == logits && step.kind == kind
  }
}

extension LaunchPlanner {
  /// The loss that is taken in the same launch as the one before `steps`: the first of them, if it is one of a map of
  /// that shape which a work-group sums up, too.
  func partner(of loss: LogitLoss, _ steps: ArraySlice<Step>) -> LogitLoss? {
    guard let next = steps.first?.operation as? LogitLoss, next.logits.shape == loss.logits.shape,
      next.kind.form == loss.kind.form, !overlap(next.logits, loss.logits),
      sumsOfMean(over: activation(loss.logits)).count == 1
    else { return nil }
    let gradients = [loss, next].map { gradientStep(of: [$0.logits], among: steps, where: $0.hasGradient) }
    return (gradients[0] == nil) == (gradients[1] == nil) ? next : nil
  }

  fileprivate func takeGradient(of loss: LogitLoss) -> LogitLossGradient? {
    takeGradient(of: [loss.logits], where: loss.hasGradient)
  }
}

extension LogitLossGradient: OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (x, dx) = (planner.activation(logits), planner.activation(output))
    try planner.launchRows(
      .loss, "logit_gradient", over: dx, macros: kind.macros, x.arguments + dx.arguments,
      [.float(kind.target), .float(factor)])
  }

  fileprivate var factor: Float { weight / Float(logits.shape.count) }
}

extension LogitLossKind {
  /// The kernels' LOGIT_LOSS.
  fileprivate var form: Int {
    switch self {
    case .crossEntropy: 1
    case .squared: 2
    case .hinge: 3
    case .linear: 4
    }
  }

  fileprivate var macros: [(String, String)] { [("LOGIT_LOSS", "\(form)")] }

  /// The kernels' target: of a hinge the sign.
  fileprivate var target: Float {
    switch self {
    case .crossEntropy(let target), .squared(let target), .hinge(let target): target
    case .linear: 0
    }
  }
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
  var macros: [(String, String)] { [("DISTANCE", self == .l1 ? "1" : "2")] }
}

extension LaunchPlanner {
  /// Takes on the step behind the current one that makes a loss' gradient, if its operands are the same until then.
  fileprivate func takeGradient<Gradient: Operation>(
    of operands: [Tensor], where matches: (Gradient) -> Bool
  ) -> Gradient? {
    guard let step = gradientStep(of: operands, among: following, where: matches) else { return nil }
    take(step.index)
    return step.gradient
  }

  private func gradientStep<Gradient: Operation>(
    of operands: [Tensor], among steps: ArraySlice<Step>, where matches: (Gradient) -> Bool
  ) -> (index: Int, gradient: Gradient)? {
    for (index, step) in zip(steps.indices, steps) {
      if let gradient = step.operation as? Gradient, matches(gradient) { return (index, gradient) }
      guard step.operation.outputs.allSatisfy({ output in operands.allSatisfy { !overlap(output, $0) } })
      else {
        return nil
      }
    }
    return nil
  }

  /// How a mean's rows are cut, and how many sums that leaves.
  private func sumsOfMean(over view: ActivationView) -> (groups: RowGroups, count: Int) {
    let groups = RowGroups(view, images: view.images, deviceClass)
    return (groups, groups.count * view.blocks)
  }

  /// The mean of what `kernel` sums up: in one launch where one work-group sums up everything, in two otherwise.
  ///
  /// - Parameters:
  ///   - maps: how many maps of that shape the kernel takes
  ///   - count: how many values the mean is of; all of the map's if nil
  ///   - gradient: what it writes besides, and the factor of a value's slope
  ///   - rest: the kernel's last arguments
  func planMean(
    _ kernel: String, in source: KernelSource = .loss, over view: ActivationView, maps: Int = 1,
    macros: [(String, String)] = [], _ operands: [KernelArgument], _ settings: [KernelArgument],
    into result: Tensor, count: Int? = nil, gradient: (output: Tensor, factor: Float)? = nil,
    _ rest: [KernelArgument] = []
  ) throws(OpenCLError) {
    let (groups, sums) = sumsOfMean(over: view)
    let share = KernelArgument.float(
      1 / Float(count ?? view.images * view.channels * view.height * view.width))
    let mean = KernelArgument.buffer(vector(result).buffer)
    let target = sums == 1 ? mean : .buffer(try scratch(floats: sums))
    let map = gradient.map { activation($0.output).arguments } ?? []
    let factor: [KernelArgument] = gradient.map { [.float($0.factor)] } ?? []
    try launchGroups(
      source, kernel, over: view.shape, groups, maps: maps * view.blocks,
      macros: macros + (gradient == nil ? [] : [("GRADIENT", "1")]), operands + [target] + map,
      settings + [sums == 1 ? share : .float(1)] + factor + rest)
    if sums > 1 {
      try launchTotal(.loss, "loss_total", of: sums, [target, mean, .int(Int32(sums)), share])
    }
  }
}
