import Tape

extension Norm: InteriorOperation, OpenCLOperation {
  var writesActivatedCopies: Bool { true }

  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    try plan(planner, partialSums: nil, runningStatistics: nil, mask: nil, product: nil)
  }

  /// One launch for small maps, two for large ones.
  ///
  /// - Parameters:
  ///   - sums: a convolution's partial sums, which the first launch adds up
  ///   - runningStatistics: moved in the last launch
  ///   - mask: drawn there
  ///   - product: computed there, and stored in place of the norm
  func plan(
    _ planner: LaunchPlanner, partialSums sums: PartialSums?, runningStatistics: RunningStatistics?,
    mask: DropoutMask?, product: Multiply?
  ) throws(OpenCLError) {
    let x = planner.activation(input)
    let (mean, variance) = (planner.vector(mean), planner.vector(variance))
    let (images, groups) = planner.groups(of: x, count: parts)
    let partial = try planner.partial(groups, maps: parts * x.blocks, instead: mean)
    let sumMacros = sums == nil ? [] : PartialSums.macros
    let sumArguments = sums?.arguments(into: x, maps: parts * x.blocks, planner) ?? []
    var macros = normMacros(scale: scale, shift: shift)
    var settings: [KernelArgument] = [.int(Int32(parts)), images, .int(Int32(mean.stride)), .float(epsilon)]
    if groups.count > 1 {
      try planner.launchGroups(
        .norm, "norm_partial", over: x.shape, groups, maps: parts * x.blocks, macros: sumMacros,
        x.arguments + [partial], [images] + sumArguments)
    } else {
      macros += sumMacros
      settings += sumArguments
    }
    if let runningStatistics {
      macros.append(("RUNNING", "1"))
      settings +=
        runningStatistics.moved.map { .buffer(planner.vector($0).buffer) } + runningStatistics.factors
    }
    if let product {
      macros.append(("MASK", mask == nil ? "1" : "2"))
      settings += planner.activation(product.b).arguments
      if let mask { settings += [.buffer(planner.vector(mask.schedule).buffer)] + mask.settingArguments }
    }
    let result = product?.output ?? output
    let operands =
      x.arguments + [partial, .buffer(mean.buffer), .buffer(variance.buffer)]
      + planner.scaleAndShift(scale, shift, instead: mean) + planner.activation(result).arguments
    try planner.launchWithCopies(of: result, most: 2) { () throws(OpenCLError) in
      try planner.launchGroups(
        .norm, "norm", over: x.shape, groups, maps: x.blocks, macros: macros + [("COPIES", "0")], operands,
        settings)
    }
  }
}

extension Normalize: InteriorOperation, OpenCLOperation {
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

extension NormGradient: GradientTermsReader, InteriorOperation {
  /// One launch for small maps, two for large ones. The first adds up partial sums and stores them in the result's place, or in
  /// the tensor that holds all sums.
  func plan(
    _ planner: LaunchPlanner, reading terms: GradientTerms, partialSums sums: PartialSums?
  ) throws(OpenCLError) {
    let (x, dx) = (planner.activation(input), planner.activation(output))
    var dy = terms
    var addend: Tensor?
    if let sums {
      if case .sum(let skip, _) = terms { addend = skip }
      if sums.container == nil { dy = .stored(output) }
    }
    let sumMacros = sums == nil ? [] : PartialSums.macros
    func sumArguments(maps: Int) -> [KernelArgument] {
      sums?.arguments(into: sums!.target(dx, planner), adding: addend, maps: maps, planner) ?? []
    }
    let others = sums?.otherBlocks(x, planner) ?? 0
    let (mean, variance) = (planner.vector(mean), planner.vector(variance))
    let (shiftSum, scaleSum) = (planner.vector(shiftSum), planner.vector(scaleSum))
    let (images, groups) = planner.groups(of: x, count: parts)
    let partial = try planner.partial(groups, maps: parts * x.blocks, instead: mean)
    let operands = x.arguments + dy.arguments(planner) + [.buffer(mean.buffer), .buffer(variance.buffer)]
    let settings: [KernelArgument] = [images, .int(Int32(mean.stride)), .float(epsilon)]
    if groups.count > 1 {
      try planner.launchGroups(
        .norm, "norm_gradient_partial", over: x.shape, groups, maps: parts * (x.blocks + others),
        macros: dy.macros + sumMacros, operands + [partial],
        settings + sumArguments(maps: parts * x.blocks))
    }
    let isFirst = groups.count == 1
    try planner.launchGroups(
      .norm, "norm_gradient", over: x.shape, groups, maps: x.blocks + (isFirst ? others : 0),
      macros: normMacros(scale: scale, shift: nil) + dy.macros + (isFirst ? sumMacros : []),
      operands + [
        .buffer((scale.map(planner.vector) ?? mean).buffer), partial, .buffer(shiftSum.buffer),
        .buffer(scaleSum.buffer),
      ] + dx.arguments,
      [.int(Int32(parts))] + settings + (isFirst ? sumArguments(maps: x.blocks) : []))
  }
}

extension RunningStatistics: InteriorOperation, OpenCLOperation {
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
  /// The images of one of `count` groups of the batch, and how their rows are cut.
  func groups(of x: ActivationView, count: Int) -> (images: KernelArgument, RowGroups) {
    let images = x.images / count
    return (.int(Int32(images)), RowGroups(x, images: images, deviceClass))
  }

  /// Room for `quantities` sums of each channel and group of rows; no kernel reads it where there is one group.
  func partial(
    _ groups: RowGroups, maps: Int, quantities: Int = 2, instead standIn: VectorView
  ) throws(OpenCLError) -> KernelArgument {
    guard groups.count > 1 else { return .buffer(standIn.buffer) }
    return .buffer(try scratch(floats: maps * groups.count * quantities * 16))
  }

  /// The kernel does not read the stand-in of an absent scale or shift.
  fileprivate func scaleAndShift(_ scale: Tensor?, _ shift: Tensor?, instead standIn: VectorView)
    -> [KernelArgument]
  {
    [scale, shift].map { .buffer(($0.map(vector) ?? standIn).buffer) }
  }
}

func normMacros(scale: Tensor?, shift: Tensor?) -> [(String, String)] {
  [("HAS_SCALE", scale == nil ? "0" : "1"), ("HAS_SHIFT", shift == nil ? "0" : "1")]
}
