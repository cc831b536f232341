import Tape

/// Decides which steps are launched together: a pure function of the recording, its layout and the kernels' abilities.
package struct Fusion {
  private let recording: Recording
  private let placement: Placement
  private let arenas: Arenas
  private let stored: StoredTensors
  private let deviceClass: DeviceClass
  private let splitConvolutions: Set<Int>
  private let updates: [Int: WeightUpdates.Update]

  private var range = 0..<0
  /// Steps already fused into an earlier one.
  private var absorbed: Set<Int> = []
  /// By the step that adds them up.
  private var partialSums: [Int: PartialSumsSource] = [:]
  /// By the step that they come behind.
  private var waitingUpdates: [Int: [FusedStep]] = [:]
  private var result: [FusedStep] = []

  /// - Parameters:
  ///   - deviceClass: of the kernels
  ///   - splitConvolutions: convolutions whose kernels leave partial sums
  ///   - updates: weight gradients that their kernels can use for the Adam step
  package init(
    _ recording: Recording, _ placement: Placement, _ arenas: Arenas, _ stored: StoredTensors,
    _ deviceClass: DeviceClass, splitConvolutions: Set<Int> = [], updates: [Int: WeightUpdates.Update] = [:]
  ) {
    self.recording = recording
    self.placement = placement
    self.arenas = arenas
    self.stored = stored
    self.deviceClass = deviceClass
    self.splitConvolutions = splitConvolutions
    self.updates = updates
  }

  /// The steps of `range`, each once, in an order of execution.
  package func steps(_ range: Range<Int>) -> [FusedStep] {
    var fusion = self
    fusion.range = range
    fusion.fuse()
    return fusion.result
  }

  private mutating func fuse() {
    let updates = updates.filter { range.contains($0.key) && range.contains($0.value.adam) }
    absorbed.formUnion(updates.values.map(\.adam))
    for index in range where !absorbed.contains(index) {
      var done = [index]
      if let update = updates[index] {
        let behind = absorbed.contains(update.behind) ? index : update.behind
        waitingUpdates[behind, default: []].append(.weightUpdate(gradient: index, adam: update.adam))
      } else {
        let step = fusedStep(from: index)
        absorbed.formUnion(step.steps)
        result.append(step)
        done = step.steps
      }
      for index in done.sorted() { result += waitingUpdates.removeValue(forKey: index) ?? [] }
    }
  }

  private mutating func fusedStep(from index: Int) -> FusedStep {
    switch recording.steps[index].operation {
    case let norm as Norm: self.norm(norm, at: index)
    case is any GradientTermsReader: gradient(at: index)
    case let sum as Combination:
      isDeferred(sum, to: index + 1) ? gradient(at: index + 1, sum: index) : flatRun(from: sum, at: index)
    case let product as Multiply:
      operation(at: index + 1) is NormGradient && computes(product.output, at: index + 1)
        ? gradient(at: index + 1, product: index) : .single(index)
    case let loss as LogitLoss: logitLoss(loss, at: index)
    case let loss as PixelLoss:
      gradient(of: loss, behind: index).map { .pixelLoss(index, gradient: $0) } ?? .single(index)
    case let step as any FlatOperation: flatRun(from: step, at: index)
    case let step where splitConvolutions.contains(index):
      convolution(writing: step.outputs[0], at: index)
    default: .single(index)
    }
  }

  private func operation(at index: Int) -> (any Operation)? {
    range.contains(index) ? recording.steps[index].operation : nil
  }

  private func isRead(_ tensor: Tensor, onlyBy index: Int) -> Bool {
    range.contains(index) && stored.isRead(tensor, onlyBy: recording.steps[index])
  }

  // MARK: Norms

  private func norm(_ norm: Norm, at index: Int) -> FusedStep {
    var next = index + 1
    var statistics: Int?
    if let running = operation(at: next) as? RunningStatistics, running.mean == norm.mean,
      running.variance == norm.variance
    {
      statistics = next
      next += 1
    }
    var (mask, product): (Int?, Int?)
    let drawn = operation(at: next) as? DropoutMask
    let position = drawn == nil ? next : next + 1
    if let step = operation(at: position) as? Multiply, step.a == norm.output,
      drawn.map({ $0.output == step.b }) ?? true, isRead(norm.output, onlyBy: position)
    {
      product = position
      if drawn != nil { mask = next }
    }
    let sums = partialSums[index]
    guard sums != nil || statistics != nil || product != nil else { return .single(index) }
    return .norm(index, partialSums: sums, runningStatistics: statistics, mask: mask, product: product)
  }

  // MARK: Gradients that are computed where they are read

  private func gradient(at index: Int, sum: Int? = nil, product: Int? = nil) -> FusedStep {
    let sums = partialSums[index]
    guard sums != nil || sum != nil || product != nil else { return .single(index) }
    return .gradient(index, sum: sum, product: product, partialSums: sums)
  }

  /// Whether the step's kernels compute `gradient` from its terms, and no other step reads it.
  private func computes(_ gradient: Tensor, at index: Int) -> Bool {
    (operation(at: index) as? any GradientTermsReader)?.gradient == gradient
      && isRead(gradient, onlyBy: index)
  }

  /// Whether a plain sum of activations is computed by the step that reads it.
  private func isDeferred(_ sum: Combination, to index: Int) -> Bool {
    sum.isPlainSum && recording.tensors[sum.output.id].kind == .activation
      && computes(sum.output, at: index)
  }

  // MARK: Losses

  private func logitLoss(_ loss: LogitLoss, at index: Int) -> FusedStep {
    let gradient = gradient(of: loss, behind: index)
    let second = second(to: loss, at: index + 1)
    let sums = partialSums[index]
    guard gradient != nil || second != nil || sums != nil else { return .single(index) }
    return .logitLoss(
      index, gradient: gradient, second: second == nil ? nil : index + 1,
      secondGradient: second.flatMap { self.gradient(of: $0, behind: index) }, partialSums: sums)
  }

  /// The loss at `index` where it can be taken in the launch of another one, the step before it: both of maps of one shape
  /// that one work-group sums up, and with gradients or both without.
  private func second(to loss: LogitLoss, at index: Int) -> LogitLoss? {
    guard let second = operation(at: index) as? LogitLoss, second.logits.shape == loss.logits.shape,
      second.kind.form == loss.kind.form, !placement.overlap(second.logits, loss.logits),
      RowGroups.sums(ofMeanOver: loss.logits.shape, deviceClass) == 1
    else { return nil }
    let gradients = [loss, second].map { gradient(of: $0, behind: index - 1) }
    return (gradients[0] == nil) == (gradients[1] == nil) ? second : nil
  }

  private func gradient(of loss: LogitLoss, behind index: Int) -> Int? {
    gradientStep(behind: index, of: [loss.logits]) { (step: LogitLossGradient) in
      step.logits == loss.logits && step.kind == loss.kind
    }
  }

  private func gradient(of loss: PixelLoss, behind index: Int) -> Int? {
    gradientStep(behind: index, of: [loss.a, loss.b]) { (step: PixelLossGradient) in
      step.a == loss.a && step.b == loss.b && step.distance == loss.distance
    }
  }

  /// The step that makes a loss' gradient, where the operands are the same until then.
  private func gradientStep<Gradient: Operation>(
    behind index: Int, of operands: [Tensor], where matches: (Gradient) -> Bool
  ) -> Int? {
    for index in range[(index + 1)...] where !absorbed.contains(index) {
      let operation = recording.steps[index].operation
      if let gradient = operation as? Gradient, matches(gradient) { return index }
      for output in operation.outputs where operands.contains(where: { placement.overlap(output, $0) }) {
        return nil
      }
    }
    return nil
  }

  // MARK: Convolutions with a split depth

  private mutating func convolution(writing output: Tensor, at index: Int) -> FusedStep {
    if stored.sharesRooms, let (reader, view) = partialSumsReader(of: output, behind: index) {
      partialSums[reader] = PartialSumsSource(convolution: index, view: view)
      return .convolutionWithoutSum(index)
    }
    if let sum = operation(at: index + 1) as? Combination, isRead(output, onlyBy: index + 1),
      sum.addend(to: output) != nil
    {
      return .convolutionWithAddend(index, combination: index + 1)
    }
    return .single(index)
  }

  /// The norm or loss right behind a convolution that reads its result, and the view through which it does. None where
  /// another step needs a norm's gradient, which the norm does not store.
  private func partialSumsReader(of tensor: Tensor, behind index: Int) -> (reader: Int, view: Int?)? {
    let next = index + 1
    switch operation(at: next) {
    case let norm as Norm where norm.input == tensor: return (next, nil)
    case let norm as NormGradient where norm.gradient == tensor && isRead(tensor, onlyBy: next):
      return (next, nil)
    case let loss as LogitLoss where loss.logits == tensor: return (next, nil)
    case let sum as Combination where sum.b == tensor && isRead(tensor, onlyBy: next):
      // The gradient of a skip.
      guard operation(at: next + 1) is NormGradient, isDeferred(sum, to: next + 1) else { return nil }
      return (next + 1, nil)
    case let split as BatchSplit where split.input == tensor:
      // The discriminator's logits of fake and real images.
      guard split.parts.count == 2, split.parts.allSatisfy(placement.isView),
        let loss = operation(at: next + 1) as? LogitLoss, loss.logits == split.parts[0],
        second(to: loss, at: next + 2)?.logits == split.parts[1]
      else { return nil }
      return (next + 1, next)
    case is Slice: return partialSumsReader(ofSlices: next, of: tensor)
    default: return nil
    }
  }

  /// A norm's gradient behind the slices of a concatenation's gradient, with or without dropout between.
  private func partialSumsReader(ofSlices first: Int, of tensor: Tensor) -> (reader: Int, view: Int?)? {
    var slices: [Tensor: Int] = [:]
    var next = first
    while let slice = operation(at: next) as? Slice, slice.input == tensor, placement.isView(slice.output) {
      slices[slice.output] = next
      next += 1
    }
    var gradient = (operation(at: next) as? NormGradient)?.gradient
    if let product = operation(at: next) as? Multiply {
      next += 1
      guard operation(at: next) is NormGradient, computes(product.output, at: next) else { return nil }
      gradient = product.a
    }
    guard let gradient, let slice = slices[gradient] else { return nil }
    return (next, slice)
  }

  // MARK: Flat steps

  private func flatRun<Op: FlatOperation>(from first: Op, at index: Int) -> FusedStep {
    // A plain sum of activations may be a `FlatOperation` that is none here.
    guard first.columns.allSatisfy({ recording.tensors[$0.id].kind != .activation }) else {
      return .single(index)
    }
    var run = [index]
    var tensors = Set(first.columns)
    for index in range[(index + 1)...] {
      guard let next = recording.steps[index].operation as? Op, first.hasSettings(of: next) else { break }
      guard !absorbed.contains(index), next.columns.allSatisfy({ arenas.places[$0.id] != nil }),
        tensors.isDisjoint(with: next.columns)
      else { continue }
      run.append(index)
      tensors.formUnion(next.columns)
    }
    return run.count == 1 ? .single(index) : .flatRun(run)
  }
}

extension Combination {
  var isPlainSum: Bool { alpha == 1 && beta == 1 }

  /// The tensor that is added to `tensor`; nil if the step does anything else.
  func addend(to tensor: Tensor) -> Tensor? {
    guard isPlainSum, a != b else { return nil }
    return tensor == a ? b : tensor == b ? a : nil
  }
}

extension LogitLossKind {
  /// Kinds of one form differ in their target only. The kernels' LOGIT_LOSS.
  var form: Int {
    switch self {
    case .crossEntropy: 1
    case .squared: 2
    case .hinge: 3
    case .linear: 4
    }
  }
}
