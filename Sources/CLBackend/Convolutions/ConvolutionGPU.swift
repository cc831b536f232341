import Kernels
import Tape

// The convolutions of GPUs: Kernels/convolution_gpu.cl and weight_gradient_gpu.cl in plain fp32, their counterparts for
// NVIDIA's matrix units, and convolution_skinny.cl for few pixels. All take the same arguments and launch ranges.

/// A work-group's tile of a matrix product, and its division into shares.
struct GPUTile: Hashable {
  /// The unit that computes a share of the tile.
  enum Sharing: String {
    case workItems = "gpu"
    /// 32 work-items each, for matrix units.
    case warps
    /// Every work-item computes the whole tile over its own rows of the depth.
    case depth = "skinny"
  }

  let rows: Int
  let columns: Int
  let sharing: Sharing
  let shareRows: Int
  let shareColumns: Int

  init(rows: Int, columns: Int, itemRows: Int, itemColumns: Int) {
    (self.rows, self.columns, shareRows, shareColumns) = (rows, columns, itemRows, itemColumns)
    sharing = .workItems
  }

  init(rows: Int, columns: Int, warpRows: Int, warpColumns: Int) {
    (self.rows, self.columns, shareRows, shareColumns) = (rows, columns, warpRows, warpColumns)
    sharing = .warps
  }

  /// A tile for up to 16 rows: of 1, 4 or 16.
  init(skinny rows: Int) {
    (self.rows, columns) = (rows <= 1 ? 1 : rows <= 4 ? 4 : 16, 32)
    (shareRows, shareColumns) = (self.rows, columns)
    sharing = .depth
  }

  var workItems: Int {
    let shares = rows / shareRows * (columns / shareColumns)
    return switch sharing {
    case .workItems: shares
    case .warps: 32 * shares
    case .depth: 256
    }
  }

  /// Bytes of local memory that the programs declare.
  var localMemory: Int {
    switch sharing {
    case .workItems: 16 * max(5 * rows + 4 * columns, 4 * (rows + columns) + 128)
    case .warps: 128 * (rows + columns)
    case .depth: 16 * 256 * min(rows, 4)
    }
  }

  /// Whether a device can run a work-group of the tile.
  func fits(_ device: DeviceDescription) -> Bool {
    workItems <= device.maxWorkGroupSize && localMemory <= device.localMemory
  }

  func count(rows: Int, columns: Int) -> Int {
    (rows + self.rows - 1) / self.rows * ((columns + self.columns - 1) / self.columns)
  }
}

/// The tiles that a product of many columns is made of.
struct GPUTileSet {
  /// The fewest reads of local memory, for products that fill the device with it.
  let large: GPUTile
  let medium: GPUTile
  /// For the bottom of a U-Net, where few rows meet many weights.
  let low: GPUTile

  static let plain = GPUTileSet(
    large: GPUTile(rows: 128, columns: 64, itemRows: 8, itemColumns: 8),
    medium: GPUTile(rows: 64, columns: 64, itemRows: 8, itemColumns: 4),
    low: GPUTile(rows: 16, columns: 64, itemRows: 4, itemColumns: 4))

  private static let largeOfWarps = GPUTile(rows: 128, columns: 64, warpRows: 64, warpColumns: 32)
  private static let mediumOfWarps = GPUTile(rows: 64, columns: 64, warpRows: 32, warpColumns: 32)

  /// Fragments are 16 rows high.
  static let convolutionOfWarps = GPUTileSet(
    large: largeOfWarps, medium: mediumOfWarps,
    low: GPUTile(rows: 16, columns: 64, warpRows: 16, warpColumns: 32))
  /// Rows are read four at a time from two fragments.
  static let weightGradientOfWarps = GPUTileSet(
    large: largeOfWarps, medium: mediumOfWarps,
    low: GPUTile(rows: 32, columns: 64, warpRows: 32, warpColumns: 32))
}

/// The distribution of a matrix product over a GPU: a pure function of its shape and the device.
struct GPUProduct: Equatable {
  let tile: GPUTile
  /// Sections of the depth with partial sums of their own, added up in order.
  let splits: Int
  /// Plain unless warps share the tile.
  let arithmetic: MatrixArithmetic

  /// Work-groups of 64 or 128 work-items that keep a compute unit busy: one computes while others load.
  static let groupsPerUnit = 4
  /// The fewest steps of 16 for which a section of the depth is worth its start and its sums' way through memory.
  static let leastSteps = 8
  /// The kernel that adds up partial sums goes over them one after the other.
  static let mostSplits = 64

  init(tile: GPUTile, splits: Int, _ arithmetic: MatrixArithmetic) {
    self.tile = tile
    self.splits = splits
    self.arithmetic = tile.sharing == .warps ? arithmetic : .plain
  }

  /// - Parameters:
  ///   - tile: the only one, or the tiles to choose from
  ///   - products: products of that shape side by side in the launch
  ///   - steps: of 16 along the depth
  init(
    tile: GPUTile? = nil, of tiles: GPUTileSet, rows: Int, columns: Int, products: Int = 1, steps: Int,
    _ target: KernelTarget
  ) {
    let busy = Self.groupsPerUnit * max(1, target.device.computeUnits)
    let chosen: GPUTile
    if let tile {
      chosen = tile
    } else if rows <= tiles.low.rows || !tiles.medium.fits(target.device) {
      chosen = tiles.low
    } else {
      let large = tiles.large.count(rows: rows, columns: columns)
      let medium = tiles.medium.count(rows: rows, columns: columns)
      // Only where the large tiles waste little more beyond the last row.
      let isLarge =
        2 * products * large >= busy && 16 * large <= 9 * medium && tiles.large.fits(target.device)
      chosen = isLarge ? tiles.large : tiles.medium
    }
    // Groups of 256 work-items are half as many. A device half full gains less from a split than the second kernel
    // costs.
    let wanted = chosen.sharing == .depth ? busy / 2 : busy
    let groups = products * chosen.count(rows: rows, columns: columns)
    self.init(
      tile: chosen,
      splits: 2 * groups >= wanted
        ? 1 : max(1, min(wanted / groups, steps / Self.leastSteps, Self.mostSplits)),
      target.arithmetic)
  }
}

extension GPUProduct {
  /// A convolution in either direction: rows are output pixels of a phase, columns output channels.
  init(_ pass: ConvolutionPass, _ target: KernelTarget) {
    let (inputs, outputs) = (pass.input.shape.c, pass.output.shape.c)
    let tile: GPUTile? =
      switch outputs {
      case ...4: GPUTile(rows: 128, columns: 4, itemRows: 2, itemColumns: 4)
      case ...16:
        GPUTile(
          rows: target.device.maxWorkGroupSize >= 128 ? 128 : 64, columns: 16, itemRows: 4, itemColumns: 4)
      // Up to four pixels gain nothing from shared reads.
      default: pass.cells <= 4 ? pass.skinnyTile.flatMap { $0.fits(target.device) ? $0 : nil } : nil
      }
    self.init(
      tile: tile, of: target.arithmetic == .plain ? .plain : .convolutionOfWarps,
      rows: pass.cells, columns: outputs,
      products: pass.phases * pass.phases, steps: (inputs + 15) / 16 * pass.tapsOfPhase, target)
  }

  /// A weight gradient: rows are broadcast channels of every tap, columns lane channels, the depth pixels.
  init(_ pass: WeightGradient, lanes: WeightLanes, _ target: KernelTarget) {
    let (image, gradient) = (pass.image.shape, pass.gradient.shape)
    let (laneChannels, broadcastChannels) =
      lanes == .output ? (gradient.c, image.c) : (image.c, gradient.c)
    let taps = pass.output.shape[2] * pass.output.shape[3]
    // With input lanes a tile holds rows of one tap only.
    let quads = (broadcastChannels + 3) / 4 * 4
    let rows = lanes == .input ? quads : taps * quads
    var tile: GPUTile?
    if laneChannels <= 16 { tile = GPUTile(rows: 64, columns: 16, itemRows: 4, itemColumns: 4) }
    // Most of a tile of warps would be empty.
    let isPlain = target.arithmetic == .plain || rows <= 16
    self.init(
      tile: tile, of: isPlain ? .plain : .weightGradientOfWarps, rows: rows, columns: laneChannels,
      products: lanes == .input ? taps : 1, steps: (gradient.n * gradient.h * gradient.w + 15) / 16, target)
  }

  /// A kernel and the program it is in.
  fileprivate typealias Entry = (source: KernelSource, kernel: String)

  /// The kernel, and the macros that say how it multiplies and how its tiles are shared out.
  /// - Parameter names: of the product's rows and columns in macros
  fileprivate func program(
    plain: Entry, matrixUnits: Entry, names: (String, String)
  ) -> (entry: Entry, macros: [(String, String)]) {
    var macros = [("TILE_\(names.0)", "\(tile.rows)"), ("TILE_\(names.1)", "\(tile.columns)")]
    guard tile.sharing != .depth else { return ((.convolutionSkinny, "convolve_skinny"), [macros[0]]) }
    let part = tile.sharing == .warps ? "WARP" : "ITEM"
    macros += [
      ("\(part)_\(names.0)", "\(tile.shareRows)"), ("\(part)_\(names.1)", "\(tile.shareColumns)"),
    ]
    guard let format = arithmetic.format else { return (plain, macros) }
    macros.append(("PRECISION", format.rawValue))
    if arithmetic.emulated { macros.append(("MMA_EMULATED", "1")) }
    return (matrixUnits, macros)
  }
}

extension ConvolutionPass {
  /// The most taps that one phase has.
  var tapsOfPhase: Int {
    func taps(_ kernel: Int) -> Int { (kernel + phases - 1) / phases }
    return taps(kernelHeight) * taps(kernelWidth)
  }

  /// Output pixels of one phase of all images: the rows of the product.
  var cells: Int { output.shape.n * cellHeight * cellWidth }

  /// The tile that streams the weights of few pixels past them; nil where there are more, or few channels.
  var skinnyTile: GPUTile? {
    cells <= 16 && input.shape.c > 8 && output.shape.c > 16 ? GPUTile(skinny: cells) : nil
  }

  /// Adds the launch of a product of whole depth.
  func planGPU(_ product: GPUProduct, _ planner: LaunchPlanner) throws(OpenCLError) {
    _ = try launch(product, planner, into: planner.activation(output).buffer)
  }

  /// Adds the launch of a product of split depth.
  func planPartialSums(
    _ product: GPUProduct, _ planner: LaunchPlanner
  ) throws(OpenCLError) -> PartialSums {
    let y = planner.activation(output)
    let positions = y.images * y.height * y.width
    let buffer = try planner.scratch(floats: product.splits * positions * y.blocks * 16)
    let (program, epilogue) = try launch(product, planner, into: buffer)
    let columns = product.tile.columns
    let quads = min(y.blocks * 4, (y.channels + columns - 1) / columns * columns / 4)
    return PartialSums(
      buffer: buffer, count: product.splits, bias: bias, gate: gate, quads: quads, program: program,
      epilogue: epilogue)
  }

  /// - Parameter buffer: the result's, or that of the partial sums
  /// - Returns: the program, and bias and gate as its kernels take them
  private func launch(
    _ product: GPUProduct, _ planner: LaunchPlanner, into buffer: Buffer
  ) throws(OpenCLError) -> (
    program: (source: KernelSource, macros: [(String, String)]), epilogue: [KernelArgument]
  ) {
    let (x, y) = (planner.activation(input), planner.activation(output))
    let weight = try planner.weight(weight, lanes: streamLanes)
    let tile = product.tile
    let inputQuads =
      switch x.channels {
      case ...4: 1
      case ...8: 2
      default: 4
      }
    // Kernels do not read the stand-ins of absent operands.
    let gateView = gate.map { planner.activation($0.tensor) } ?? y
    let epilogue: [KernelArgument] = [
      .buffer(bias.map { planner.vector($0).buffer } ?? weight.buffer), .int(bias == nil ? 0 : 1),
      .buffer(gateView.buffer), .int4(gateView.place), .float(gate?.activation.negativeSlope ?? 1),
    ]
    var (entry, macros) = product.program(
      plain: (.convolutionGPU, "convolve"), matrixUnits: (.convolutionNVIDIA, "convolve_units"),
      names: ("PIXELS", "CHANNELS"))
    macros += [("TRANSPOSED", transposed ? "1" : "0"), ("INPUT_QUADS", "\(inputQuads)")]
    try planner.launch(
      entry.source, entry.kernel, macros: macros,
      arguments: x.arguments + [.float(inputActivation.negativeSlope), .buffer(weight.buffer)] + epilogue
        + y.arguments + [
          .buffer(buffer), .int4(SIMD4(Int32(x.blocks), Int32(x.height), Int32(x.width), Int32(x.images))),
          .int4(SIMD4(Int32(y.blocks), Int32(y.height), Int32(y.width), Int32(product.splits))),
          .int4(weight.packing.kernelGeometry(geometry)),
        ],
      global: [
        (cells + tile.rows - 1) / tile.rows * tile.workItems,
        (y.channels + tile.columns - 1) / tile.columns, phases * phases * product.splits,
      ],
      local: [tile.workItems, 1, 1])
    return ((entry.source, macros), epilogue)
  }
}

extension WeightGradient {
  func planGPU(
    _ product: GPUProduct, _ planner: LaunchPlanner
  ) throws(OpenCLError) -> WeightGradientTiles {
    let (x, g) = (planner.activation(image), planner.activation(gradient))
    let dw = planner.weight(output)
    let (lanes, broadcast) = dw.lanes == .output ? (g, x) : (x, g)
    let (tile, splits) = (product.tile, product.splits)

    let quads = (broadcast.channels + 3) / 4
    let tileQuads = tile.rows / 4
    let quadsOfTap = dw.lanes == .output ? quads : (quads + tileQuads - 1) / tileQuads * tileQuads
    let rows = dw.taps * quadsOfTap * 4
    let sums = splits == 1 ? dw.buffer : try planner.scratch(floats: splits * rows * lanes.blocks * 16)
    // The kernel takes both, and writes the second where the depth is split: the first is not written before the sum.
    let sizes = SIMD4(Int32(quads), Int32(broadcast.blocks), Int32(lanes.blocks), Int32(quadsOfTap))
    var (entry, macros) = product.program(
      plain: (.weightGradientGPU, "weight_gradient_gpu"),
      matrixUnits: (.weightGradientNVIDIA, "weight_gradient_units"), names: ("ROWS", "LANES"))
    macros.append(("LANES_INPUT", dw.lanes == .input ? "1" : "0"))
    let kernelGeometry = dw.packing.kernelGeometry(geometry)
    let sum = WeightGradientSum(
      gradient: output, partialSums: sums, target: dw, sizes: sizes, splits: splits,
      items: dw.taps * quads * 4 * lanes.blocks * 4, geometry: kernelGeometry)
    return WeightGradientTiles(
      pass: self, source: entry.source, kernel: entry.kernel, macros: macros,
      arguments: x.arguments + [.float(imageActivation.negativeSlope)] + g.arguments + [
        .float(gradientActivation.negativeSlope), .buffer(splits == 1 ? dw.buffer : sums), .buffer(sums),
        .int4(sizes),
        .int4(SIMD4(Int32(g.images), Int32(g.height), Int32(g.width), Int32(splits))),
        .int4(kernelGeometry),
      ],
      groups: tile.count(rows: rows, columns: lanes.blocks * 16) * splits, workItems: tile.workItems,
      sum: splits > 1 ? sum : nil)
  }
}

extension WeightPacking {
  /// KH, KW, stride and padding, as the kernels take them.
  fileprivate func kernelGeometry(_ geometry: ConvolutionGeometry) -> SIMD4<Int32> {
    SIMD4(Int32(kernelHeight), Int32(kernelWidth), Int32(geometry.stride), Int32(geometry.padding))
  }
}
