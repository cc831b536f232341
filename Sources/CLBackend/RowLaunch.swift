import Kernels
import Tape

// How kernels that include Kernels/rows.clh are launched.

/// Rows of a channel block that one work-item sums up, and how many such groups a map has.
struct RowGroups {
  let rows: Int
  let count: Int

  /// About 256 pixels to a group: enough to hide its start, few enough to fill a device.
  init(_ view: ActivationView) {
    rows = min(view.height, max(1, 256 / view.width))
    count = (view.height + rows - 1) / rows
  }
}

extension LaunchPlanner {
  /// 16 floats fill a CPU's register, 4 are a GPU's widest load.
  var lanes: Int { deviceClass == .cpu ? 16 : 4 }

  /// Parts of a pixel's 16 channels that work-items take.
  var quarters: Int { 16 / lanes }

  private var laneMacros: [(String, String)] { [("LANES", "\(lanes)")] }

  /// Launches a kernel over every vector of an activation of this shape.
  func launchRows(
    _ source: KernelSource, _ kernel: String, over view: ActivationView, macros: [(String, String)] = [],
    _ arguments: [KernelArgument]
  ) throws(OpenCLError) {
    let width = deviceClass == .cpu ? 1 : view.width * quarters
    try launch(
      source, kernel, macros: laneMacros + macros, arguments: arguments,
      global: [width, view.height, view.images * view.blocks], local: deviceClass == .cpu ? [1, 1, 1] : nil)
  }

  /// Launches a kernel that sums over groups of rows.
  func launchGroups(
    _ source: KernelSource, _ kernel: String, over view: ActivationView, macros: [(String, String)] = [],
    _ arguments: [KernelArgument]
  ) throws(OpenCLError) {
    try launch(
      source, kernel, macros: laneMacros + macros, arguments: arguments,
      global: [quarters, RowGroups(view).count, view.images * view.blocks])
  }

  /// Launches a kernel over a range of its own, with the width of vectors as its only macro besides `macros`.
  func launchLanes(
    _ source: KernelSource, _ kernel: String, macros: [(String, String)] = [], _ arguments: [KernelArgument],
    global: [Int]
  ) throws(OpenCLError) {
    try launch(source, kernel, macros: laneMacros + macros, arguments: arguments, global: global)
  }

  /// Vectors of a flat array and how many of them a work-item takes: pages on a CPU, one on a GPU.
  func flatRuns(floats: Int) -> (vectors: Int, run: Int, workItems: Int) {
    let vectors = floats / lanes
    let run = deviceClass == .cpu ? min(1024, vectors) : 1
    return (vectors, run, (vectors + run - 1) / run)
  }
}

extension ActivationView {
  /// Buffer and place, as every kernel takes them.
  var arguments: [KernelArgument] { [.buffer(buffer), .int4(place)] }

  var blocksAndWidth: [KernelArgument] { [.int(Int32(blocks)), .int(Int32(width))] }

  /// What kernels over groups of rows want to know.
  var groupSizes: [KernelArgument] {
    [.int(Int32(height)), .int(Int32(width)), .int(Int32(RowGroups(self).rows))]
  }
}
