import Kernels
import Tape

// Launches of kernels that include Kernels/rows.clh: the ranges described there, as pure functions of the shape, so that
// the same device adds up in the same order.

/// The division of a map's rows into groups; a work-group sums up each.
struct RowGroups {
  /// Rows of a group, counted through all images that a sum covers.
  let rows: Int
  let count: Int

  init(rows: Int, count: Int) {
    self.rows = rows
    self.count = count
  }

  /// For sums over `images` images each.
  ///
  /// - Parameter passes: the kernel's passes over the pixels
  init(height: Int, width: Int, images: Int, passes: Int = 2, _ deviceClass: DeviceClass) {
    let all = images * height
    let pixels = all * width
    // So few pixels are one group, which saves a launch. A larger group has pixels enough to hide its start, and stays in
    // the cache for its second pass; on a GPU there are at most about 256 groups to combine.
    let (most, group) = deviceClass == .cpu ? (4096, 1024) : (2048 / passes, max(256, pixels / 256))
    rows = pixels <= most ? all : max(1, group / width)
    count = (all + rows - 1) / rows
  }

  init(_ view: ActivationView, images: Int, passes: Int = 2, _ deviceClass: DeviceClass) {
    self.init(height: view.height, width: view.width, images: images, passes: passes, deviceClass)
  }

  /// The number of sums that a mean over a map is computed from.
  static func sums(ofMeanOver shape: Shape, _ deviceClass: DeviceClass) -> Int {
    RowGroups(height: shape.h, width: shape.w, images: shape.n, deviceClass).count * shape.blocks
  }
}

/// Work-items that share a work-group, each with a quarter of a pixel on a GPU.
private struct WorkGroup {
  static let pixels = 64
  let columns: Int
  let rows: Int
  let maps: Int

  /// Up to 64 pixels of a row, of neighbouring rows where a row has fewer, of neighbouring maps where a map has.
  init(width: Int, height: Int, maps: Int) {
    columns = min(Self.pixels, width.roundedUpToPowerOfTwo)
    rows = min(Self.pixels / columns, height.roundedUpToPowerOfTwo)
    self.maps = min(Self.pixels / columns / rows, maps.roundedUpToPowerOfTwo)
  }
}

extension LaunchPlanner {
  /// Floats in a vector: 16 fill a CPU's register, 4 are a GPU's widest load.
  private var lanes: Int { deviceClass == .cpu ? 16 : 4 }

  private var laneMacros: [(String, String)] { [("LANES", "\(lanes)")] }

  /// Launches a kernel over every vector of activations of this shape.
  ///
  /// - Parameters:
  ///   - operands: the kernel's arguments before shape and rows
  ///   - settings: its arguments behind them
  func launchRows(
    _ source: KernelSource, _ kernel: String, over view: ActivationView, macros: [(String, String)] = [],
    _ operands: [KernelArgument], _ settings: [KernelArgument] = [], derivation: Derivation? = nil
  ) throws(OpenCLError) {
    try launchRows(
      source, kernel, over: view.shape, columnItems: 4, maps: view.images * view.blocks, macros: macros,
      operands, settings, derivation)
  }

  /// Launches a kernel over the pixels of images.
  ///
  /// - Parameter shape: (N, a number for the kernel, H, W)
  func launchPixels(
    _ source: KernelSource, _ kernel: String, over shape: SIMD4<Int32>, _ operands: [KernelArgument],
    _ settings: [KernelArgument]
  ) throws(OpenCLError) {
    try launchRows(
      source, kernel, over: shape, columnItems: 1, maps: Int(shape.x), macros: [], operands, settings, nil)
  }

  private func launchRows(
    _ source: KernelSource, _ kernel: String, over shape: SIMD4<Int32>, columnItems: Int, maps: Int,
    macros: [(String, String)], _ operands: [KernelArgument], _ settings: [KernelArgument],
    _ derivation: Derivation?
  ) throws(OpenCLError) {
    let (height, width) = (Int(shape.z), Int(shape.w))
    let rows: Int
    let (global, local): ([Int], [Int])
    switch deviceClass {
    case .cpu:
      // About 256 pixels to a work-item: enough to hide its start, few enough to keep many cores busy.
      rows = min(height, max(1, 256 / width))
      (global, local) = ([1, (height + rows - 1) / rows, maps], [1, 1, 1])
    case .gpu:
      let group = WorkGroup(width: width, height: height, maps: maps)
      rows = 1
      local = [columnItems * group.columns, group.rows, group.maps]
      global = [
        columnItems * width.roundedUp(to: group.columns), height.roundedUp(to: group.rows),
        maps.roundedUp(to: group.maps),
      ]
    }
    try launch(
      source, kernel, macros: laneMacros + macros,
      arguments: operands + [.int4(shape), .int(Int32(rows))] + settings, global: global, local: local,
      smaller: .more, derivation: derivation)
  }

  /// Launches a kernel that sums up groups of rows, a work-group to each.
  ///
  /// - Parameters:
  ///   - groups: the division of the rows that a sum covers
  ///   - maps: sums times channel blocks
  func launchGroups(
    _ source: KernelSource, _ kernel: String, over shape: SIMD4<Int32>, _ groups: RowGroups, maps: Int,
    macros: [(String, String)] = [], _ operands: [KernelArgument], _ settings: [KernelArgument] = []
  ) throws(OpenCLError) {
    let local: [Int]
    switch deviceClass {
    case .cpu: local = [1, 1, 1]
    case .gpu:
      let group = WorkGroup(width: Int(shape.w), height: groups.rows, maps: 1)
      local = [4 * group.columns, group.rows, 1]
    }
    try launch(
      source, kernel, macros: laneMacros + macros,
      arguments: operands + [.int4(shape), .int(Int32(groups.rows))] + settings,
      global: [local[0], groups.count * local[1], maps], local: local, smaller: .sameNumber)
  }

  /// Launches a kernel that computes one number from `count`, with one work-group.
  func launchTotal(
    _ source: KernelSource, _ kernel: String, of count: Int, _ arguments: [KernelArgument]
  ) throws(OpenCLError) {
    try launchWorkGroups(
      source, kernel, count: 1, items: min(256, max(4, count.roundedUpToPowerOfTwo)), arguments)
  }

  /// Launches `count` work-groups, of one work-item on a CPU, of `items` on a GPU: a power of two from 4 to 256.
  func launchWorkGroups(
    _ source: KernelSource, _ kernel: String, count: Int, items: Int, _ arguments: [KernelArgument]
  ) throws(OpenCLError) {
    let local = deviceClass == .cpu ? 1 : items
    try launch(
      source, kernel, macros: laneMacros, arguments: arguments, global: [count * local, 1, 1],
      local: [local, 1, 1], smaller: .sameNumber)
  }

  /// The work-groups of `launchFlatGroups` for arrays of `floats` numbers.
  func flatGroups(floats: Int) -> Int { (floats + 16383) / 16384 }

  /// Launches a kernel that sums up flat arrays of `floats` numbers, a multiple of 16, by work-groups.
  func launchFlatGroups(
    _ source: KernelSource, _ kernel: String, floats: Int, _ operands: [KernelArgument]
  ) throws(OpenCLError) {
    try launchWorkGroups(
      source, kernel, count: flatGroups(floats: floats), items: 256,
      operands + [.int(Int32(floats / lanes)), .int(Int32(16384 / lanes))])
  }

  /// Launches a kernel over flat arrays of `floats` numbers (weights, vectors), a multiple of 16.
  func launchFlat(
    _ source: KernelSource, _ kernel: String, floats: Int, _ operands: [KernelArgument],
    _ settings: [KernelArgument]
  ) throws(OpenCLError) {
    let vectors = floats / lanes
    // Pages of a CPU's work-item, one vector of a GPU's.
    let run = deviceClass == .cpu ? min(1024, vectors) : 1
    let local = deviceClass == .cpu ? 1 : 256
    try launch(
      source, kernel, macros: laneMacros,
      arguments: operands + [.int(Int32(vectors)), .int(Int32(run))] + settings,
      global: [((vectors + run - 1) / run).roundedUp(to: local)], local: [local], smaller: .more)
  }

  /// Launches a kernel that takes one number per work-item.
  func launchNumbers(
    _ source: KernelSource, _ kernel: String, count: Int, _ arguments: [KernelArgument]
  ) throws(OpenCLError) {
    try launch(source, kernel, macros: laneMacros, arguments: arguments, global: [count])
  }
}

extension Int {
  fileprivate func roundedUp(to multiple: Int) -> Int { (self + multiple - 1) / multiple * multiple }

  fileprivate var roundedUpToPowerOfTwo: Int {
    self <= 1 ? 1 : 1 << (Int.bitWidth - (self - 1).leadingZeroBitCount)
  }
}
