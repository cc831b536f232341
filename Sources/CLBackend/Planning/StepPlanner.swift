import Tape

/// Plans the launches of fused steps, with the chosen variants of their convolution passes.
struct StepPlanner {
  private let planner: LaunchPlanner
  /// By the convolution pass' step.
  private let variants: [Int: KernelVariant]
  /// Partial sums to be added up, by the convolution's step.
  private var partialSums: [Int: PartialSums] = [:]
  private var weightGradients = WaitingWeightGradients()

  private init(_ planner: LaunchPlanner, _ variants: [Int: KernelVariant]) {
    self.planner = planner
    self.variants = variants
  }

  /// Adds the launches of fused steps to the planner, in order.
  ///
  /// - Parameter variants: of all convolution passes among the steps
  /// - Returns: the number of launches there are behind each step; some may be those of steps before it
  @discardableResult static func plan(
    _ fused: [FusedStep], _ variants: [Int: KernelVariant], _ planner: LaunchPlanner
  ) throws(OpenCLError) -> [Int] {
    var steps = StepPlanner(planner, variants)
    var ends: [Int] = []
    for step in fused {
      try planner.plan(step.steps) { () throws(OpenCLError) in try steps.plan(step) }
      ends.append(planner.launches.count)
    }
    try steps.launchWaiting()
    if !ends.isEmpty { ends[ends.count - 1] = planner.launches.count }
    return ends
  }

  private mutating func plan(_ fused: FusedStep) throws(OpenCLError) {
    if weightGradients.isWaited(for: fused.steps.map(planner.operation), planner) { try launchWaiting() }
    switch fused {
    case .single(let step):
      if let variant = variants[step] { return try plan(variant) }
      guard let single = planner.operation(step) as? any OpenCLOperation else {
        throw OpenCLError(
          "\(type(of: planner.operation(step)).name) has no OpenCL implementation (step \(step))")
      }
      try single.plan(planner)
    case .convolutionWithoutSum(let step):
      partialSums[step] = try launchPartialSums(of: step)
    case .convolutionWithAddend(let step, let combination):
      let (sum, output) = (operation(combination, as: Combination.self), planner.operation(step).outputs[0])
      try launchPartialSums(of: step).launchSum(into: sum.output, adding: sum.addend(to: output), planner)
    case .norm(let step, let sums, let statistics, let mask, let product):
      try operation(step, as: Norm.self).plan(
        planner, partialSums: removePartialSums(of: sums),
        runningStatistics: statistics.map { operation($0) },
        mask: mask.map { operation($0) }, product: product.map { operation($0) })
    case .gradient(let step, let sum, let product, let sums):
      guard let reader = planner.operation(step) as? any GradientTermsReader else {
        preconditionFailure("step \(step) reads no terms of a gradient")
      }
      var terms = GradientTerms.stored(reader.gradient)
      if let sum = sum.map({ operation($0, as: Combination.self) }) { terms = .sum(sum.a, sum.b) }
      if let product = product.map({ operation($0, as: Multiply.self) }) {
        terms = .masked(product.a, mask: product.b)
      }
      try reader.plan(planner, reading: terms, partialSums: removePartialSums(of: sums))
    case .logitLoss(let step, let gradient, let second, let secondGradient, let sums):
      try operation(step, as: LogitLoss.self).plan(
        planner, gradient: gradient.map { operation($0) }, second: second.map { operation($0) },
        secondGradient: secondGradient.map { operation($0) }, partialSums: removePartialSums(of: sums))
    case .pixelLoss(let step, let gradient):
      try operation(step, as: PixelLoss.self).plan(planner, gradient: operation(gradient))
    case .flatRun(let steps):
      try planner.launchFlatRuns(steps.compactMap { planner.operation($0) as? any FlatOpenCLOperation })
    case .weightUpdate(let gradient, let adam):
      guard let update = variants[gradient]?.planUpdate else {
        preconditionFailure("step \(gradient) stores its weight gradient")
      }
      try update(planner, operation(adam))
    }
  }

  private func operation<Op: Operation>(_ step: Int, as type: Op.Type = Op.self) -> Op {
    guard let operation = planner.operation(step) as? Op else {
      preconditionFailure("step \(step) is no \(Op.name)")
    }
    return operation
  }

  private mutating func plan(_ variant: KernelVariant) throws(OpenCLError) {
    switch variant.plan {
    case .launches(let launch): try launch(planner)
    case .partialSums(let launch, let output): try launch(planner).launchSum(into: output, planner)
    case .tiles(let tiles): try add(tiles(planner))
    }
  }

  // MARK: Partial sums

  private func launchPartialSums(of convolution: Int) throws(OpenCLError) -> PartialSums {
    guard case .partialSums(let launch, _) = variants[convolution]?.plan else {
      preconditionFailure("step \(convolution) has no split depth")
    }
    return try launch(planner)
  }

  /// Partial sums that were left to a later step, for the step that adds them up.
  private mutating func removePartialSums(of source: PartialSumsSource?) -> PartialSums? {
    guard let source else { return nil }
    guard var sums = partialSums.removeValue(forKey: source.convolution) else {
      preconditionFailure("step \(source.convolution) has left no partial sums")
    }
    if let view = source.view {
      let block = (planner.operation(view) as? Slice).map { $0.channels.lowerBound / 16 } ?? 0
      sums.container = (planner.operation(view).inputs[0], block)
    }
    return sums
  }

  // MARK: Weight gradients

  /// Has a weight gradient computed with others of its program, before the first of them is read.
  private mutating func add(_ tiles: WeightGradientTiles) throws(OpenCLError) {
    weightGradients.add(tiles, planner.label)
    if weightGradients.isFull(tiles) || (tiles.sum != nil && !planner.sharesRooms) {
      try launch(weightGradients.removeAll(ofProgramOf: tiles))
    }
  }

  private mutating func launch(_ waiting: [WaitingWeightGradients.Entry]) throws(OpenCLError) {
    let label = waiting[0].label
    try planner.labelled(label) { () throws(OpenCLError) in try planner.launchTiles(waiting.map(\.tiles)) }
    for sum in waiting.compactMap(\.tiles.sum) { weightGradients.add(sum, label) }
    // Scratch lives within a step.
    if !planner.sharesRooms { try launchSums() }
  }

  private mutating func launchWaiting() throws(OpenCLError) {
    while let first = weightGradients.first { try launch(weightGradients.removeAll(ofProgramOf: first)) }
    try launchSums()
  }

  private mutating func launchSums() throws(OpenCLError) {
    let (sums, label) = weightGradients.removeSums()
    try planner.labelled(label) { () throws(OpenCLError) in
      for first in stride(from: 0, to: sums.count, by: WeightGradientSum.most) {
        try planner.launchSums(sums[first..<min(first + WeightGradientSum.most, sums.count)])
      }
    }
  }
}
