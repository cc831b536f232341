import Kernels
import Tape

/// The partial sums of a convolution with a split depth, still to be added up. A norm or a loss behind it adds them up
/// where it reads their sum, in the same launch; see Kernels/split_sum.clh. Otherwise `launchSum` does.
///
/// A norm that reads some channels only, one side of a concatenation's gradient, adds up the others beside them.
struct PartialSums {
  /// [count, N, H, W, C/16, 16]
  let buffer: Buffer
  let count: Int
  let bias: Tensor?
  let gate: Gate?
  /// Quads of channels that the partial sums hold.
  let quads: Int
  /// The program with the kernel that only adds up.
  let program: (source: KernelSource, macros: [(String, String)])
  /// Bias and gate, as that kernel takes them.
  let epilogue: [KernelArgument]
  /// The tensor of all sums and the reader's first block of channels there; nil where the reader reads all.
  var container: (tensor: Tensor, block: Int)?

  /// The macros of a kernel that adds up partial sums.
  static let macros = [("SPLIT", "1")]

  /// Blocks of channels besides those of `view`.
  func otherBlocks(_ view: ActivationView, _ planner: LaunchPlanner) -> Int {
    container.map { planner.activation($0.tensor).blocks - view.blocks } ?? 0
  }

  /// The map that the sums are stored in; `view` where the reader reads all.
  func target(_ view: ActivationView, _ planner: LaunchPlanner) -> ActivationView {
    container.map { planner.activation($0.tensor) } ?? view
  }

  /// The arguments of a kernel that adds up partial sums.
  ///
  /// - Parameters:
  ///   - target: where the sums go
  ///   - addend: added to them
  ///   - maps: sums of the norm times its blocks of channels
  func arguments(
    into target: ActivationView, adding addend: Tensor? = nil, maps: Int, _ planner: LaunchPlanner
  ) -> [KernelArgument] {
    // Kernels do not read the stand-ins of absent operands.
    let gateView = gate.map { planner.activation($0.tensor) } ?? target
    let addendView = addend.map { planner.activation($0) } ?? target
    return target.arguments + [
      .buffer(buffer), .int(Int32(count)), .int(Int32(target.images)),
      .int4(SIMD4(Int32(target.blocks), Int32(container?.block ?? 0), Int32(maps), Int32(quads))),
      .buffer(bias.map { planner.vector($0).buffer } ?? buffer),
      .int(bias == nil ? 0 : 1),
    ] + gateView.arguments + [.float(gate?.activation.negativeSlope ?? 1)] + addendView.arguments + [
      .int(addend == nil ? 0 : 1)
    ]
  }

  /// Adds the launch that only adds up.
  ///
  /// - Parameter addend: added to the sums
  func launchSum(
    into output: Tensor, adding addend: Tensor? = nil, _ planner: LaunchPlanner
  ) throws(OpenCLError) {
    let (sums, addendView) = (planner.activation(output), planner.activation(addend ?? output))
    let size = SIMD4(Int32(sums.blocks), Int32(sums.height), Int32(sums.width), Int32(count))
    let items = sums.images * sums.height * sums.width * quads
    try planner.launch(
      program.source, "convolve_sum", macros: program.macros,
      arguments: [.buffer(buffer)] + epilogue + sums.arguments + addendView.arguments + [
        .int(addend == nil ? 0 : 1), .int(Int32(sums.images)), .int4(size), .int(Int32(quads)),
      ],
      global: [(items + 63) / 64 * 64], local: [64], smaller: .more)
  }
}
