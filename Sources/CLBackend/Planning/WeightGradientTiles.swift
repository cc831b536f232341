import Kernels
import Tape

/// A weight gradient on a GPU before it is launched: one launch makes several, of which each has its run of the
/// work-groups; see Kernels/weight_gradient_tile.clh. They have no order among themselves, and nobody reads them before
/// Adam.
struct WeightGradientTiles {
  let pass: WeightGradient
  let source: KernelSource
  let kernel: String
  let macros: [(String, String)]
  /// As the kernels take them, but for the first work-group.
  let arguments: [KernelArgument]
  let groups: Int
  /// Of a work-group.
  let workItems: Int
  /// What is left to do if the depth is split.
  let sum: WeightGradientSum?

  /// How many weights one launch takes at most: 128 bytes of arguments each, of at least 1024 that a device allows.
  static let most = 6
  /// Pixels of 16 channels of the largest operand that waits for others, since it stays in memory as long: 8 MiB. What
  /// is made from larger ones takes long enough to hide a launch.
  static let mostPixels = 1 << 17

  func hasProgram(of other: WeightGradientTiles) -> Bool {
    source == other.source && kernel == other.kernel && macros.elementsEqual(other.macros, by: ==)
  }
}

extension LaunchPlanner {
  /// Launches weight gradients of one program, `WeightGradientTiles.most` of them at most.
  func planTiles(_ tiles: [WeightGradientTiles]) throws(OpenCLError) {
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
    for sum in tiles.compactMap(\.sum) { try add(sum) }
  }
}
