import Tape

/// What is left of a convolution whose depth was split: its parts, still to be added up. A norm behind it does that
/// where it reads their sum, in the same launch; see Kernels/split_sum.clh.
struct SplitSum {
  /// [count, N, H, W, C/16, 16]
  let parts: Buffer
  let count: Int
  let bias: Tensor?
  let gate: Gate?

  static let macros = [("SPLIT", "1")]

  /// - Parameters:
  ///   - target: where the sums go
  ///   - addend: added to them
  func arguments(
    into target: ActivationView, adding addend: Tensor? = nil, _ planner: LaunchPlanner
  ) -> [KernelArgument] {
    // Absent operands are stood in for by one that is there; the kernels do not read them.
    let gateView = gate.map { planner.activation($0.tensor) } ?? target
    let addendView = addend.map { planner.activation($0) } ?? target
    return target.arguments + [
      .buffer(parts), .int(Int32(count)), .buffer(bias.map { planner.vector($0).buffer } ?? parts),
      .int(bias == nil ? 0 : 1),
    ] + gateView.arguments + [.float(gate?.activation.negativeSlope ?? 1)] + addendView.arguments + [
      .int(addend == nil ? 0 : 1)
    ]
  }
}

extension LaunchPlanner {
  /// Leaves the sum of the current step's parts, which is `tensor`, to a norm right behind it. False if there is none,
  /// or if somebody else wants the sum of a norm's gradient, which the norm does not keep.
  func leave(_ sum: SplitSum, of tensor: Tensor) -> Bool {
    guard keepsScratch, let next = following.first else { return false }
    switch next.operation {
    case let norm as Norm where norm.input == tensor: break
    case let norm as NormGradient where norm.gradient == tensor && isRead(tensor, onlyBy: next): break
    case let sum as Combination where sum.b == tensor && isRead(tensor, onlyBy: next):
      // The sum of a skip, that is left to the norm in its turn.
      let behind = following.dropFirst().first
      guard behind?.operation is NormGradient, sum.isLeft(to: behind, self) else { return false }
    default: return false
    }
    splitSums[tensor] = sum
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
