import Tape

extension LaunchPlanner {
  /// Adds the launches of fused steps, in order.
  func plan(_ fused: [FusedStep]) throws(OpenCLError) {
    for step in fused {
      try plan(step.steps) { () throws(OpenCLError) in try launch(step) }
    }
    try finish()
  }

  private func launch(_ fused: FusedStep) throws(OpenCLError) {
    switch fused {
    case .single(let step):
      guard let single = operation(step) as? any OpenCLOperation else {
        throw OpenCLError("\(type(of: operation(step)).name) has no OpenCL implementation (step \(step))")
      }
      try single.plan(self)
    case .convolutionWithoutSum(let step):
      deferSum(try launchPartialSums(of: step), of: step)
    case .convolutionWithAddend(let step, let combination):
      let (sum, output) = (operation(combination, as: Combination.self), operation(step).outputs[0])
      try launchPartialSums(of: step).launchSum(into: sum.output, adding: sum.addend(to: output), self)
    case .norm(let step, let sums, let statistics, let mask, let product):
      try operation(step, as: Norm.self).plan(
        self, partialSums: sums, runningStatistics: statistics.map { operation($0) },
        mask: mask.map { operation($0) }, product: product.map { operation($0) })
    case .gradient(let step, let sum, let product, let sums):
      guard let reader = operation(step) as? any GradientTermsReader else {
        preconditionFailure("step \(step) reads no terms of a gradient")
      }
      var terms = GradientTerms.stored(reader.gradient)
      if let sum = sum.map({ operation($0, as: Combination.self) }) { terms = .sum(sum.a, sum.b) }
      if let product = product.map({ operation($0, as: Multiply.self) }) {
        terms = .masked(product.a, mask: product.b)
      }
      try reader.plan(self, reading: terms, partialSums: sums)
    case .logitLoss(let step, let gradient, let second, let secondGradient, let sums):
      try operation(step, as: LogitLoss.self).plan(
        self, gradient: gradient.map { operation($0) }, second: second.map { operation($0) },
        secondGradient: secondGradient.map { operation($0) }, partialSums: sums)
    case .pixelLoss(let step, let gradient):
      try operation(step, as: PixelLoss.self).plan(self, gradient: operation(gradient))
    case .flatRun(let steps):
      try launchFlatRuns(steps.compactMap { operation($0) as? any FlatOpenCLOperation })
    case .weightUpdate(let gradient, let adam):
      guard let update = variant(of: gradient).planUpdate else {
        preconditionFailure("step \(gradient) stores its weight gradient")
      }
      try update(self, operation(adam))
    }
  }

  private func launchPartialSums(of convolution: Int) throws(OpenCLError) -> PartialSums {
    guard let partialSums = variant(of: convolution).planPartialSums else {
      preconditionFailure("step \(convolution) has no split depth")
    }
    return try partialSums(self)
  }

  private func operation<Op: Operation>(_ step: Int, as type: Op.Type = Op.self) -> Op {
    guard let operation = operation(step) as? Op else { preconditionFailure("step \(step) is no \(Op.name)") }
    return operation
  }
}
