import Tape

/// What is left of a convolution whose depth was split: its parts, still to be added up. A norm or a loss behind it does
/// that where it reads their sum, in the same launch; see Kernels/split_sum.clh.
///
/// A norm that reads some channels only, one side of a concatenation's gradient, adds up the others beside them.
struct SplitSum {
  /// [count, N, H, W, C/16, 16]
  let parts: Buffer
  let count: Int
  let bias: Tensor?
  let gate: Gate?
  /// How many quads of channels the parts hold.
  let quads: Int
  /// What a norm reads a slice of, and the slice's first block of channels; nil where it reads the sums themselves.
  var whole: (tensor: Tensor, block: Int)?

  static let macros = [("SPLIT", "1")]

  /// Blocks of channels besides those of `view`.
  func otherBlocks(_ view: ActivationView, _ planner: LaunchPlanner) -> Int {
    whole.map { planner.activation($0.tensor).blocks - view.blocks } ?? 0
  }

  /// - Parameters:
  ///   - target: where the sums go
  ///   - addend: added to them
  ///   - maps: sums of the norm times its blocks of channels
  func arguments(
    into target: ActivationView, adding addend: Tensor? = nil, maps: Int, _ planner: LaunchPlanner
  ) -> [KernelArgument] {
    // Absent operands are stood in for by one that is there; the kernels do not read them.
    let gateView = gate.map { planner.activation($0.tensor) } ?? target
    let addendView = addend.map { planner.activation($0) } ?? target
    return target.arguments + [
      .buffer(parts), .int(Int32(count)), .int(Int32(target.images)),
      .int4(SIMD4(Int32(target.blocks), Int32(whole?.block ?? 0), Int32(maps), Int32(quads))),
      .buffer(bias.map { planner.vector($0).buffer } ?? parts),
      .int(bias == nil ? 0 : 1),
    ] + gateView.arguments + [.float(gate?.activation.negativeSlope ?? 1)] + addendView.arguments + [
      .int(addend == nil ? 0 : 1)
    ]
  }
}

extension LaunchPlanner {
  /// Leaves the sum of the current step's parts, which is `tensor`, to a norm or a loss right behind it. False if there is none,
  /// or if somebody else wants the sum of a norm's gradient, which the norm does not keep.
  func leave(_ sum: SplitSum, of tensor: Tensor) -> Bool {
    guard keepsScratch, let next = following.first else { return false }
    switch next.operation {
    case let norm as Norm where norm.input == tensor: break
    case let norm as NormGradient where norm.gradient == tensor && isRead(tensor, onlyBy: next): break
    case is Slice: return leaveSlices(of: tensor, sum)
    case let loss as LogitLoss where loss.logits == tensor: break
    case let split as BatchSplit where split.input == tensor:
      // D's logits, of which two losses read a half each, together.
      guard split.parts.count == 2, split.parts.allSatisfy(isView),
        let loss = following.dropFirst().first?.operation as? LogitLoss, loss.logits == split.parts[0],
        partner(of: loss, following.dropFirst(2))?.logits == split.parts[1]
      else { return false }
      var sum = sum
      sum.whole = (tensor, 0)
      splitSums[loss.logits] = sum
      return true
    case let sum as Combination where sum.b == tensor && isRead(tensor, onlyBy: next):
      // The sum of a skip, that is left to the norm in its turn.
      let behind = following.dropFirst().first
      guard behind?.operation is NormGradient, sum.isLeft(to: behind, self) else { return false }
    default: return false
    }
    splitSums[tensor] = sum
    return true
  }

  /// The same where a norm right behind its slices reads one of them.
  private func leaveSlices(of tensor: Tensor, _ sum: SplitSum) -> Bool {
    func isSlice(_ step: Step) -> Bool {
      guard let slice = step.operation as? Slice else { return false }
      return slice.input == tensor && isView(slice.output)
    }
    let slices = following.prefix(while: isSlice).compactMap { $0.operation as? Slice }
    var behind = following.drop(while: isSlice)
    var read: Tensor?
    // Dropout's, which is left to the norm in its turn.
    if let product = behind.first?.operation as? Multiply {
      behind = behind.dropFirst()
      guard takes(behind.first, product.output) else { return false }
      read = product.a
    }
    guard let norm = behind.first?.operation as? NormGradient,
      let slice = slices.first(where: { $0.output == read ?? norm.gradient })
    else { return false }
    var sum = sum
    sum.whole = (tensor, slice.channels.lowerBound / 16)
    splitSums[slice.output] = sum
    return true
  }

  /// What a convolution has left.
  func takeSplitSum(of tensor: Tensor) -> SplitSum? { splitSums.removeValue(forKey: tensor) }
}

/// Parts of a weight gradient, still to be added up: those of several weights are, in one launch, before anybody reads
/// one of them.
struct WeightGradientSum {
  let gradient: Tensor
  let parts: Buffer
  let target: WeightView
  /// As the kernels take them.
  let sizes: SIMD4<Int32>
  let splits: Int
  /// Vectors of the target that are written.
  let items: Int
  let geometry: SIMD4<Int32>

  /// How many weights one launch of Kernels/weight_gradient_sum.cl takes at most.
  static let most = 8
}

extension LaunchPlanner {
  /// Launches sums of up to `WeightGradientSum.most` weights' gradients.
  func planSums(_ sums: ArraySlice<WeightGradientSum>) throws(OpenCLError) {
    var arguments: [KernelArgument] = []
    var groups = 0
    for sum in sums {
      arguments += [
        .buffer(sum.parts), .buffer(sum.target.buffer), .int4(sum.sizes), .int4(sum.geometry),
        .int4(SIMD4(Int32(groups), Int32(sum.splits), sum.target.lanes == .input ? 1 : 0, 0)),
      ]
      groups += (sum.items + 63) / 64
    }
    try launch(
      .weightGradientSum, "weight_gradient_sum", macros: [("ITEM_COUNT", "\(sums.count)")],
      arguments: arguments, global: [64 * groups], local: [64])
  }
}
