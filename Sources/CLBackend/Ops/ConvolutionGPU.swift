import Tape

// The convolutions of GPUs: Kernels/convolution_gpu.cl and weight_gradient_gpu.cl.

/// A work-group's tile of a matrix product and each work-item's share of it.
struct GPUTile: Hashable {
  let rows: Int
  let columns: Int
  let itemRows: Int
  let itemColumns: Int

  var workItems: Int { rows / itemRows * (columns / itemColumns) }

  func count(rows: Int, columns: Int) -> Int {
    (rows + self.rows - 1) / self.rows * ((columns + self.columns - 1) / self.columns)
  }

  /// 8 x 8 sums a work-item: the fewest reads of local memory, for products that fill the device so too.
  static let large = GPUTile(rows: 128, columns: 64, itemRows: 8, itemColumns: 8)
  static let medium = GPUTile(rows: 64, columns: 64, itemRows: 8, itemColumns: 4)
  /// For the bottom of a U-Net, where few rows meet many weights.
  static let low = GPUTile(rows: 16, columns: 64, itemRows: 4, itemColumns: 4)
}

/// How a matrix product is spread over a GPU: a pure function of its shape and the device's compute units.
struct GPUProduct: Equatable {
  let tile: GPUTile
  /// Parts of the depth that are computed apart and then added in order.
  let splits: Int

  /// Work-groups of 64 or 128 work-items that keep a compute unit busy: one computes while others load.
  static let groupsPerUnit = 4
  /// Steps of 16 that make a part of the depth worth its start and its sums' way through memory.
  static let leastSteps = 8
  /// The second kernel adds the parts one after the other.
  static let mostSplits = 64

  /// - Parameters:
  ///   - tile: nil for the best one of 64 columns
  ///   - products: products of that shape side by side in the launch
  ///   - steps: of 16 along the depth
  init(tile: GPUTile? = nil, rows: Int, columns: Int, products: Int = 1, steps: Int, computeUnits: Int) {
    let wanted = Self.groupsPerUnit * max(1, computeUnits)
    if let tile {
      self.tile = tile
    } else if rows <= GPUTile.low.rows {
      self.tile = .low
    } else {
      let large = GPUTile.large.count(rows: rows, columns: columns)
      let medium = GPUTile.medium.count(rows: rows, columns: columns)
      // Only where little more of the large tiles lies beyond the last row.
      self.tile = 2 * products * large >= wanted && 16 * large <= 9 * medium ? .large : .medium
    }
    // A device half full gains less from a split than the second kernel costs.
    let groups = products * self.tile.count(rows: rows, columns: columns)
    splits =
      2 * groups >= wanted ? 1 : max(1, min(wanted / groups, steps / Self.leastSteps, Self.mostSplits))
  }
}

extension GPUProduct {
  /// A convolution in either direction: rows are output pixels of a phase, columns output channels.
  init(_ pass: ConvolutionPass, computeUnits: Int) {
    let (inputs, outputs) = (pass.input.shape.c, pass.output.shape.c)
    let tile: GPUTile? =
      switch outputs {
      case ...4: GPUTile(rows: 128, columns: 4, itemRows: 2, itemColumns: 4)
      case ...16: GPUTile(rows: 128, columns: 16, itemRows: 4, itemColumns: 4)
      default: nil
      }
    self.init(
      tile: tile, rows: pass.output.shape.n * pass.cellHeight * pass.cellWidth, columns: outputs,
      products: pass.phases * pass.phases, steps: (inputs + 15) / 16 * pass.tapsOfPhase,
      computeUnits: computeUnits)
  }

  /// A weight gradient: rows are broadcast channels of every tap, columns lane channels, the depth pixels.
  init(_ pass: WeightGradient, lanes: WeightLanes, computeUnits: Int) {
    let (image, gradient) = (pass.image.shape, pass.gradient.shape)
    let (laneChannels, broadcastChannels) =
      lanes == .output ? (gradient.c, image.c) : (image.c, gradient.c)
    let taps = pass.output.shape[2] * pass.output.shape[3]
    // With input lanes a tile holds rows of one tap only.
    let quads = (broadcastChannels + 3) / 4 * 4
    let rows = lanes == .input ? quads : taps * quads
    var tile: GPUTile?
    if laneChannels <= 16 { tile = GPUTile(rows: 64, columns: 16, itemRows: 4, itemColumns: 4) }
    self.init(
      tile: tile, rows: rows, columns: laneChannels, products: lanes == .input ? taps : 1,
      steps: (gradient.n * gradient.h * gradient.w + 15) / 16, computeUnits: computeUnits)
  }
}

extension ConvolutionPass {
  /// The most taps that one phase has.
  var tapsOfPhase: Int {
    func taps(_ kernel: Int) -> Int { (kernel + phases - 1) / phases }
    return taps(kernelHeight) * taps(kernelWidth)
  }

  func planGPU(_ product: GPUProduct, _ planner: LaunchPlanner) throws(OpenCLError) {
    let (x, y) = (planner.activation(input), planner.activation(output))
    let weight = try planner.weight(weight, lanes: streamLanes)
    let (tile, splits) = (product.tile, product.splits)
    let inputQuads =
      switch x.channels {
      case ...4: 1
      case ...8: 2
      default: 4
      }

    // Absent operands are stood in for by one that is there; the kernels do not read them.
    let gateView = gate.map { planner.activation($0.tensor) } ?? y
    let epilogue: [KernelArgument] = [
      .buffer(bias.map { planner.vector($0).buffer } ?? weight.buffer), .int(bias == nil ? 0 : 1),
      .buffer(gateView.buffer), .int4(gateView.place), .float(gate?.activation.negativeSlope ?? 1),
      .buffer(y.buffer), .int4(y.place),
    ]
    let positions = y.images * y.height * y.width
    let parts = splits == 1 ? y.buffer : try planner.scratch(floats: splits * positions * y.blocks * 16)
    let outputSize = SIMD4(Int32(y.blocks), Int32(y.height), Int32(y.width), Int32(splits))
    let cells = y.images * cellHeight * cellWidth
    let writtenQuads = min(y.blocks * 4, (y.channels + tile.columns - 1) / tile.columns * tile.columns / 4)
    let macros = [
      ("TRANSPOSED", transposed ? "1" : "0"), ("TILE_PIXELS", "\(tile.rows)"),
      ("TILE_CHANNELS", "\(tile.columns)"), ("ITEM_PIXELS", "\(tile.itemRows)"),
      ("ITEM_CHANNELS", "\(tile.itemColumns)"), ("INPUT_QUADS", "\(inputQuads)"),
    ]
    try planner.launch(
      .convolutionGPU, "convolve", macros: macros,
      arguments: x.arguments + [.float(inputActivation.negativeSlope), .buffer(weight.buffer)] + epilogue + [
        .buffer(parts), .int4(SIMD4(Int32(x.blocks), Int32(x.height), Int32(x.width), Int32(x.images))),
        .int4(outputSize), .int4(weight.packing.kernelGeometry(geometry)),
      ],
      global: [
        (cells + tile.rows - 1) / tile.rows * tile.workItems,
        (y.channels + tile.columns - 1) / tile.columns, phases * phases * splits,
      ],
      local: [tile.workItems, 1, 1])
    guard splits > 1 else { return }
    try planner.launch(
      .convolutionGPU, "convolve_sum", macros: macros,
      arguments: [.buffer(parts)] + epilogue + [
        .int(Int32(y.images)), .int4(outputSize), .int(Int32(writtenQuads)),
      ],
      global: [(positions * writtenQuads + 63) / 64 * 64], local: [64])
  }
}

extension WeightGradient {
  func planGPU(_ product: GPUProduct, _ planner: LaunchPlanner) throws(OpenCLError) {
    let (x, g) = (planner.activation(image), planner.activation(gradient))
    let dw = planner.weight(output)
    let (lanes, broadcast) = dw.lanes == .output ? (g, x) : (x, g)
    let (tile, splits) = (product.tile, product.splits)

    let quads = (broadcast.channels + 3) / 4
    let tileQuads = tile.rows / 4
    let quadsOfTap = dw.lanes == .output ? quads : (quads + tileQuads - 1) / tileQuads * tileQuads
    let rows = dw.taps * quadsOfTap * 4
    let parts = splits == 1 ? dw.buffer : try planner.scratch(floats: splits * rows * lanes.blocks * 16)
    let sizes = SIMD4(Int32(quads), Int32(broadcast.blocks), Int32(lanes.blocks), Int32(quadsOfTap))
    let macros = [
      ("LANES_INPUT", dw.lanes == .input ? "1" : "0"), ("TILE_ROWS", "\(tile.rows)"),
      ("TILE_LANES", "\(tile.columns)"), ("ITEM_ROWS", "\(tile.itemRows)"),
      ("ITEM_LANES", "\(tile.itemColumns)"),
    ]
    try planner.launch(
      .weightGradientGPU, "weight_gradient", macros: macros,
      arguments: x.arguments + [.float(imageActivation.negativeSlope)] + g.arguments + [
        .float(gradientActivation.negativeSlope), .buffer(dw.buffer), .buffer(parts), .int4(sizes),
        .int4(SIMD4(Int32(g.images), Int32(g.height), Int32(g.width), Int32(splits))),
        .int4(dw.packing.kernelGeometry(geometry)),
      ],
      global: [
        (rows + tile.rows - 1) / tile.rows * tile.workItems,
        (lanes.blocks * 16 + tile.columns - 1) / tile.columns, splits,
      ],
      local: [tile.workItems, 1, 1])
    guard splits > 1 else { return }
    try planner.launch(
      .weightGradientGPU, "weight_gradient_sum", macros: macros,
      arguments: [
        .buffer(parts), .buffer(dw.buffer), .int4(sizes), .int(Int32(splits)),
        .int4(dw.packing.kernelGeometry(geometry)),
      ],
      global: [(dw.taps * quads * 4 * lanes.blocks * 4 + 63) / 64 * 64], local: [64])
  }
}

extension LaunchPlanner {
  /// Launches the making of a weight's other packing, a work-group for each 32 x 32 of a tap.
  func planRepackingGPU(from source: WeightView, to target: WeightView) throws(OpenCLError) {
    try launch(
      .convolutionGPU, "repack_gpu",
      arguments: [
        .buffer(source.buffer), .buffer(target.buffer), .int(Int32(source.blocks)),
        .int(Int32(target.blocks)),
        .int4(source.packing.kernelGeometry(ConvolutionGeometry(stride: source.packing.stride, padding: 0))),
        .int(source.lanes == .input ? 1 : 0),
      ],
      global: [32 * target.panels, 4 * source.panels, source.taps], local: [32, 4, 1])
  }
}

extension WeightPacking {
  /// KH, KW, stride and padding, as the kernels take them.
  fileprivate func kernelGeometry(_ geometry: ConvolutionGeometry) -> SIMD4<Int32> {
    SIMD4(Int32(kernelHeight), Int32(kernelWidth), Int32(geometry.stride), Int32(geometry.padding))
  }
}
