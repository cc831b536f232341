import Kernels
import Tape

extension LogitLoss: InteriorOperation, OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    try plan(planner, gradient: nil, second: nil, secondGradient: nil, partialSums: nil)
  }

  /// One launch where one work-group sums up the map, two otherwise.
  ///
  /// - Parameters:
  ///   - gradient: computed in the same launch
  ///   - second: another loss of a map of that shape, which one work-group sums up, in the same launch
  ///   - partialSums: a convolution's, this loss' logits or both losses', which the launch adds up
  func plan(
    _ planner: LaunchPlanner, gradient: LogitLossGradient?, second: LogitLoss?,
    secondGradient: LogitLossGradient?, partialSums: PartialSums?
  ) throws(OpenCLError) {
    let x = planner.activation(logits)
    var macros = kind.macros
    var rest: [KernelArgument] = []
    if let sums = partialSums {
      macros += PartialSums.macros
      rest = sums.arguments(into: sums.target(x, planner), maps: x.blocks, planner)
    }
    if let second {
      macros.append(("PAIR", "1"))
      rest +=
        planner.activation(second.logits).arguments + [
          .buffer(planner.vector(second.output).buffer), .float(second.kind.target),
        ]
      if let gradient = secondGradient {
        rest += planner.activation(gradient.output).arguments + [.float(gradient.factor)]
      }
    }
    try planner.planMean(
      "logit_loss", over: x, maps: second == nil ? 1 : 2, macros: macros, x.arguments, [.float(kind.target)],
      into: output, gradient: gradient.map { ($0.output, $0.factor) }, rest)
  }
}

extension LogitLossGradient: InteriorOperation, OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (x, dx) = (planner.activation(logits), planner.activation(output))
    try planner.launchRows(
      .loss, "logit_gradient", over: dx, macros: kind.macros, x.arguments + dx.arguments,
      [.float(kind.target), .float(factor)])
  }

  fileprivate var factor: Float { weight / Float(logits.shape.count) }
}

extension LogitLossKind {
  fileprivate var macros: [(String, String)] { [("LOGIT_LOSS", "\(form)")] }

  /// The kernels' target: a hinge's sign.
  fileprivate var target: Float {
    switch self {
    case .crossEntropy(let target), .squared(let target), .hinge(let target): target
    case .linear: 0
    }
  }
}

extension PixelLoss: InteriorOperation, OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) { try plan(planner, gradient: nil) }

  /// - Parameter gradient: computed in the same launch
  func plan(_ planner: LaunchPlanner, gradient: PixelLossGradient?) throws(OpenCLError) {
    let (first, second) = (planner.activation(a), planner.activation(b))
    try planner.planMean(
      "pixel_loss", over: first, macros: distance.macros, first.arguments + second.arguments, [],
      into: output, gradient: gradient.map { ($0.output, $0.factor) })
  }
}

extension PixelLossGradient: InteriorOperation, OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (first, second, da) = (planner.activation(a), planner.activation(b), planner.activation(output))
    try planner.launchRows(
      .loss, "pixel_gradient", over: da, macros: distance.macros,
      first.arguments + second.arguments + da.arguments, [.float(factor)])
  }

  fileprivate var factor: Float { weight / Float(a.shape.count) }
}

extension GaussianKL: InteriorOperation, OpenCLOperation {
  /// A sum: its mean is over one.
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (mu, v) = (planner.activation(mean), planner.activation(logVariance))
    try planner.planMean(
      "gaussian_kl", over: mu, mu.arguments + v.arguments, [], into: output, count: 1)
  }
}

extension PixelDistance {
  var macros: [(String, String)] { [("DISTANCE", self == .l1 ? "1" : "2")] }
}

extension LaunchPlanner {
  /// The mean of a kernel's sums: one launch where one work-group sums up everything, two otherwise.
  ///
  /// - Parameters:
  ///   - maps: the number of maps of that shape that the kernel reads
  ///   - count: the number of values of the mean; the map's if nil
  ///   - gradient: written besides, and the factor of a value's slope
  ///   - rest: the kernel's last arguments
  func planMean(
    _ kernel: String, in source: KernelSource = .loss, over view: ActivationView, maps: Int = 1,
    macros: [(String, String)] = [], _ operands: [KernelArgument], _ settings: [KernelArgument],
    into result: Tensor, count: Int? = nil, gradient: (output: Tensor, factor: Float)? = nil,
    _ rest: [KernelArgument] = []
  ) throws(OpenCLError) {
    let groups = RowGroups(view, images: view.images, deviceClass)
    let sums = groups.count * view.blocks
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
