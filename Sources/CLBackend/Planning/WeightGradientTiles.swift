import Kernels
import Tape

/// A weight gradient on a GPU before it is launched. One launch computes several, each by its own run of work-groups; see
/// Kernels/weight_gradient_tile.clh. They have no order among themselves, and only Adam reads them.
struct WeightGradientTiles {
  let pass: WeightGradient
  let source: KernelSource
  let kernel: String
  let macros: [(String, String)]
  /// As the kernels take them, without the first work-group.
  let arguments: [KernelArgument]
  let groups: Int
  /// Work-items of a work-group.
  let workItems: Int
  /// The sum that remains where the depth is split.
  let sum: WeightGradientSum?

  /// Weights of one launch at most: 128 bytes of arguments each, of at least 1024 that a device allows.
  static let most = 6
  /// Pixels of 16 channels, 8 MiB, of the largest operand that waits, since it stays in memory meanwhile. A launch over
  /// larger operands takes long enough to hide the start of the next.
  static let mostPixels = 1 << 17

  func hasProgram(of other: WeightGradientTiles) -> Bool {
    source == other.source && kernel == other.kernel && macros.elementsEqual(other.macros, by: ==)
  }

  var isLarge: Bool {
    [pass.image.shape, pass.gradient.shape].contains { $0.n * $0.blocks * $0.h * $0.w > Self.mostPixels }
  }
}

/// Partial sums of a weight gradient, still to be added up: one launch adds up those of several weights before the first
/// is read.
struct WeightGradientSum {
  let gradient: Tensor
  let partialSums: Buffer
  let target: WeightView
  /// As the kernels take them.
  let sizes: SIMD4<Int32>
  let splits: Int
  /// Vectors of the target that are written.
  let items: Int
  let geometry: SIMD4<Int32>

  /// Weights that one launch of Kernels/weight_gradient_sum.cl takes at most.
  static let most = 8
}

/// Weight gradients that wait for others, to share a launch.
struct WaitingWeightGradients {
  typealias Entry = (tiles: WeightGradientTiles, label: String)

  private var entries: [Entry] = []
  private var sums: [WeightGradientSum] = []
  /// The step of the last sum.
  private var labelOfSums = ""

  var first: WeightGradientTiles? { entries.first?.tiles }

  mutating func add(_ tiles: WeightGradientTiles, _ label: String) { entries.append((tiles, label)) }

  mutating func add(_ sum: WeightGradientSum, _ label: String) {
    sums.append(sum)
    labelOfSums = label
  }

  /// Whether the gradients of the program should wait no longer.
  func isFull(_ tiles: WeightGradientTiles) -> Bool {
    tiles.isLarge || entries.count { $0.tiles.hasProgram(of: tiles) } == WeightGradientTiles.most
  }

  mutating func removeAll(ofProgramOf tiles: WeightGradientTiles) -> [Entry] {
    let removed = entries.filter { $0.tiles.hasProgram(of: tiles) }
    entries.removeAll { $0.tiles.hasProgram(of: tiles) }
    return removed
  }

  mutating func removeSums() -> ([WeightGradientSum], label: String) {
    defer { sums = [] }
    return (sums, labelOfSums)
  }

  /// Whether one of the operations reads a gradient, or overwrites an operand of one.
  func isWaited(for operations: [any Operation], _ planner: LaunchPlanner) -> Bool {
    let gradients = Set(entries.map(\.tiles.pass.output) + sums.map(\.gradient))
    guard !gradients.isEmpty else { return false }
    let operands = entries.flatMap { [$0.tiles.pass.image, $0.tiles.pass.gradient] }
    return operations.contains { operation in
      !gradients.isDisjoint(with: operation.inputs)
        || operation.outputs.contains { output in
          !planner.isView(output) && operands.contains { planner.overlap(output, $0) }
        }
    }
  }
}

extension LaunchPlanner {
  /// Launches up to `WeightGradientTiles.most` weight gradients of one program.
  func launchTiles(_ tiles: [WeightGradientTiles]) throws(OpenCLError) {
    var arguments: [KernelArgument] = []
    var groups = 0
    for tiles in tiles {
      arguments += tiles.arguments + [.int(Int32(groups))]
      groups += tiles.groups
    }
    let first = tiles[0]
    try launch(
      first.source, first.kernel, macros: first.macros + [("ITEM_COUNT", "\(tiles.count)")],
      arguments: arguments, global: [groups * first.workItems], local: [first.workItems])
  }

  /// Launches the sums of up to `WeightGradientSum.most` weights' gradients.
  func launchSums(_ sums: ArraySlice<WeightGradientSum>) throws(OpenCLError) {
    var arguments: [KernelArgument] = []
    var groups = 0
    for sum in sums {
      arguments += [
        .buffer(sum.partialSums), .buffer(sum.target.buffer), .int4(sum.sizes), .int4(sum.geometry),
        .int4(SIMD4(Int32(groups), Int32(sum.splits), sum.target.lanes == .input ? 1 : 0, 0)),
      ]
      groups += (sum.items + 63) / 64
    }
    try launch(
      .weightGradientSum, "weight_gradient_sum", macros: [("ITEM_COUNT", "\(sums.count)")],
      arguments: arguments, global: [64 * groups], local: [64])
  }
}
