import Tape

extension Norm: OpenCLOperation {
  /// One launch for small maps, two for large ones.
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let x = planner.activation(input)
    let (mean, variance) = (planner.vector(mean), planner.vector(variance))
    let (images, groups) = planner.groups(of: x, parts: parts)
    let partial = try planner.partial(groups, maps: parts * x.blocks, instead: mean)
    // The first launch adds up what a convolution has left.
    let split = planner.takeSplitSum(of: input)
    let (splitMacros, splitArguments) = (
      split == nil ? [] : SplitSum.macros, split?.arguments(into: x, maps: parts * x.blocks, planner) ?? []
    )
    var macros = normMacros(scale: scale, shift: shift)
    var settings: [KernelArgument] =
      [.int(Int32(parts)), images, .int(Int32(mean.stride)), .float(epsilon)]
    if groups.count > 1 {
      try planner.launchGroups(
        .norm, "norm_partial", over: x.shape, groups, maps: parts * x.blocks, macros: splitMacros,
        x.arguments + [partial], [images] + splitArguments)
    } else {
      macros += splitMacros
      settings += splitArguments
    }
    // The running statistics move in the same launch.
    var following = planner.following
    if let running = following.first?.operation as? RunningStatistics, running.mean == self.mean,
      running.variance == self.variance
    {
      planner.take(following.startIndex)
      following = following.dropFirst()
      macros.append(("RUNNING", "1"))
      settings += running.moved.map { .buffer(planner.vector($0).buffer) } + running.factors
    }
    // And so does dropout.
    var result = output
    let drawn = following.first?.operation as? DropoutMask
    if drawn != nil { following = following.dropFirst() }
    if let step = following.first, let product = step.operation as? Multiply, product.a == output,
      drawn.map({ $0.output == product.b }) ?? true, planner.isRead(output, onlyBy: step)
    {
      planner.take(following.startIndex)
      if drawn != nil { planner.take(following.startIndex - 1) }
      result = product.output
      macros.append(("MASK", drawn == nil ? "1" : "2"))
      settings += planner.activation(product.b).arguments
      if let drawn {
        settings += [.buffer(planner.vector(drawn.schedule).buffer)] + drawn.settingArguments
      }
    }
    let operands =
      x.arguments + [partial, .buffer(mean.buffer), .buffer(variance.buffer)]
      + planner.scaleAndShift(scale, shift, instead: mean) + planner.activation(result).arguments
    try planner.launchProducer(of: result, most: 2) { copies throws(OpenCLError) in
      try planner.launchGroups(
        .norm, "norm", over: x.shape, groups, maps: x.blocks,
        macros: macros + [("COPIES", "\(copies.count)")], operands,
        settings + copies.flatMap { $0.view.arguments + [.float($0.activation.negativeSlope)] })
    }
  }
}

extension Normalize: OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (x, y) = (planner.activation(input), planner.activation(output))
    let (mean, variance) = (planner.vector(mean), planner.vector(variance))
    try planner.launchRows(
      .norm, "normalize_given", over: y, macros: normMacros(scale: scale, shift: shift),
      x.arguments + [.buffer(mean.buffer), .buffer(variance.buffer)]
        + planner.scaleAndShift(scale, shift, instead: mean) + y.arguments,
      [.float(epsilon)])
  }
}

extension NormGradient: TakesGradientParts {
  /// One launch for small maps, two for large ones.
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (x, dx) = (planner.activation(input), planner.activation(output))
    var dy = planner.gradientParts(gradient)
    var split: SplitSum?
    var addend: Tensor?
    switch dy {
    case .whole(let gradient), .masked(let gradient, mask: _): split = planner.takeSplitSum(of: gradient)
    case .sum(let earlier, let gradient):
      split = planner.takeSplitSum(of: gradient)
      if split != nil { addend = earlier }
    }
    // The first launch adds up what a convolution has left, where the result will be if nobody else reads the sums.
    if let split, split.whole == nil { dy = .whole(output) }
    let sums = split?.whole.map { planner.activation($0.tensor) } ?? dx
    let splitMacros = split == nil ? [] : SplitSum.macros
    func splitArguments(maps: Int) -> [KernelArgument] {
      split?.arguments(into: sums, adding: addend, maps: maps, planner) ?? []
    }
    let others = split?.otherBlocks(x, planner) ?? 0
    let (mean, variance) = (planner.vector(mean), planner.vector(variance))
    let (shiftSum, scaleSum) = (planner.vector(shiftSum), planner.vector(scaleSum))
    let (images, groups) = planner.groups(of: x, parts: parts)
    let partial = try planner.partial(groups, maps: parts * x.blocks, instead: mean)
    let operands = x.arguments + dy.arguments(planner) + [.buffer(mean.buffer), .buffer(variance.buffer)]
    let settings: [KernelArgument] = [images, .int(Int32(mean.stride)), .float(epsilon)]
    if groups.count > 1 {
      try planner.launchGroups(
        .norm, "norm_gradient_partial", over: x.shape, groups, maps: parts * (x.blocks + others),
        macros: dy.macros + splitMacros,
        operands + [partial], settings + splitArguments(maps: parts * x.blocks))
    }
    let isFirst = groups.count == 1
    try planner.launchGroups(
      .norm, "norm_gradient", over: x.shape, groups, maps: x.blocks + (isFirst ? others : 0),
      macros: normMacros(scale: scale, shift: nil) + dy.macros + (isFirst ? splitMacros : []),
      operands + [
        .buffer((scale.map(planner.vector) ?? mean).buffer), partial, .buffer(shiftSum.buffer),
        .buffer(scaleSum.buffer),
      ] + dx.arguments,
      [.int(Int32(parts))] + settings + (isFirst ? splitArguments(maps: x.blocks) : []))
  }
}

extension RunningStatistics: OpenCLOperation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let vectors = [mean, variance, runningMean, runningVariance].map(planner.vector)
    let (parts, numbers) = (vectors[0].rows, vectors[0].stride)
    try planner.launchNumbers(
      .norm, "running_statistics", count: numbers,
      vectors.map { .buffer($0.buffer) } + [.int(Int32(numbers)), .int(Int32(parts))] + factors)
  }

  fileprivate var moved: [Tensor] { [runningMean, runningVariance] }

  fileprivate var factors: [KernelArgument] { [.float(Float(count) / Float(count - 1)), .float(momentum)] }
}

extension LaunchPlanner {
  /// The images of a part of the batch, and how their rows are cut.
  func groups(of x: ActivationView, parts: Int) -> (images: KernelArgument, RowGroups) {
    let images = x.images / parts
    return (.int(Int32(images)), RowGroups(x, images: images, deviceClass))
  }

  /// Room for `quantities` sums of each channel and group; nothing reads it where there is one group.
  func partial(
    _ groups: RowGroups, maps: Int, quantities: Int = 2, instead standIn: VectorView
  ) throws(OpenCLError) -> KernelArgument {
    guard groups.count > 1 else { return .buffer(standIn.buffer) }
    return .buffer(try scratch(floats: maps * groups.count * quantities * 16))
  }

  /// An absent scale or shift is stood in for by a vector that is there; the kernel does not read it.
  fileprivate func scaleAndShift(_ scale: Tensor?, _ shift: Tensor?, instead standIn: VectorView)
    -> [KernelArgument]
  {
    [scale, shift].map { .buffer(($0.map(vector) ?? standIn).buffer) }
  }
}

func normMacros(scale: Tensor?, shift: Tensor?) -> [(String, String)] {
  [("HAS_SCALE", scale == nil ? "0" : "1"), ("HAS_SHIFT", shift == nil ? "0" : "1")]
}
