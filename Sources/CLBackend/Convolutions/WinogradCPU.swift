import Tape

// The convolutions of CPU devices by Winograd's minimal filtering: Kernels/winograd_cpu.cl.

extension WinogradTiling {
  /// The macros of all kernels of this tiling, one program, on a device whose registers hold so many sums.
  func macros(accumulators: Int) -> [(String, String)] {
    [
      ("R", "\(taps)"), ("STRIDE", "\(geometry.stride)"),
      ("PADDING", "\(geometry.padding)"), ("TRANSPOSED", transposed ? "1" : "0"),
      ("TILES", "\(itemTiles(accumulators: accumulators))"),
      ("BLOCKS", "\(Self.itemBlocks(accumulators: accumulators))"),
      ("BROADCAST", "\(Self.itemBroadcast(accumulators: accumulators))"),
    ]
  }
}

extension WinogradTiles {
  /// As the kernels take them.
  fileprivate var argument: KernelArgument {
    .int4(SIMD4(Int32(tiling.across), Int32(tiling.down), Int32(padded), Int32(stride)))
  }
}

extension WinogradTiling {
  /// Blocks of 16 lane channels of a work-item of the products.
  static func itemBlocks(accumulators: Int) -> Int { accumulators >= 16 ? 2 : 1 }

  /// Broadcast channels of a work-item of the weight gradient's product.
  static func itemBroadcast(accumulators: Int) -> Int { accumulators >= 16 ? 8 : 4 }

  /// Tiles of a work-item of the product: as many as registers hold, with few left over at the end.
  func itemTiles(accumulators: Int) -> Int {
    guard accumulators >= 16 else { return accumulators }
    return (8...12).reversed().min {
      (count + $0 - 1) / $0 * $0 < (count + $1 - 1) / $1 * $1
    }!
  }
}

extension WinogradTiling {
  /// Floating-point operations of a CPU while its memory delivers a byte: 460 GFLOP/s beside 42 GB/s.
  static let operationsPerByte = 11.0

  /// Whether the kernels take these channels: whole panels of lanes, whichever side fills them.
  static func takes(inputs: Int, outputs: Int) -> Bool {
    inputs.isMultiple(of: 32) && outputs.isMultiple(of: 32)
  }

  /// Whether the multiplications saved are worth the traffic of transformed tiles and weights, each written and read: they
  /// are where maps are large and weights are few.
  func pays(inputs: Int, outputs: Int) -> Bool {
    guard Self.takes(inputs: inputs, outputs: outputs) else { return false }
    let (tiles, positions) = (Double(count), Double(positions))
    let weights = Double(stridePhases * inputs * outputs)
    let outputsOfTile = Double(tileSide * tileSide)
    let direct = 2 * tiles * outputsOfTile * Double(taps * taps) * weights
    let products = 2 * tiles * positions * weights
    let floats =
      weights * (Double(taps * taps) + 2 * positions)
      + 2 * tiles * positions * Double(residues * inputs + phases * outputs)
    return products + 4 * floats * Self.operationsPerByte < direct
  }
}

extension ConvolutionPass {
  /// The Winograd form of this pass, if there is one.
  var winogradTiling: WinogradTiling? {
    WinogradTiling(
      transposed: transposed, geometry, kernelHeight: kernelHeight, kernelWidth: kernelWidth,
      images: output.shape.n, height: cellHeight, width: cellWidth)
  }

  func planWinograd(_ tiling: WinogradTiling, _ planner: LaunchPlanner) throws(OpenCLError) {
    let y = planner.activation(output)
    let accumulators = planner.device.accumulators
    let macros = tiling.macros(accumulators: accumulators)
    let itemTiles = tiling.itemTiles(accumulators: accumulators)
    let itemBlocks = WinogradTiling.itemBlocks(accumulators: accumulators)
    let (v, inputTiles) = try planner.winogradInput(input, inputActivation, tiling, itemTiles: itemTiles)
    let depth = inputTiles.blocks

    let weight = try planner.weight(weight, lanes: streamLanes)
    let panels = weight.panels
    let weightStride = tiling.phases * panels * depth * 32 + 1
    let u = try planner.derived(
      self.weight, .winogradWeight(transposed: transposed),
      floats: tiling.positions * weightStride * 16
    ) { (u, derivation) throws(OpenCLError) in
      try planner.launch(
        .winogradCPU, "winograd_weight", macros: macros,
        arguments: [
          .buffer(weight.buffer), .buffer(u),
          .int4(SIMD4(Int32(weight.blocks), Int32(panels), Int32(weightStride), 0)),
        ],
        global: [weight.blocks, panels], local: [1, 1], derivation: derivation)
    }

    let outputTiles = WinogradTiles(tiling, blocks: tiling.phases * panels * 2, itemTiles: itemTiles)
    let m = try planner.scratch(floats: outputTiles.floats)
    try planner.launch(
      .winogradCPU, "winograd_product", macros: macros,
      arguments: [
        .buffer(v), .buffer(u), .buffer(m), .int4(SIMD4(Int32(depth), Int32(weightStride), 0, 0)),
        inputTiles.argument, outputTiles.argument,
      ],
      global: [outputTiles.padded / itemTiles, tiling.phases * panels * 2 / itemBlocks, tiling.positions],
      local: [1, 1, 1])

    let gateView = gate.map { planner.activation($0.tensor) } ?? y
    try planner.launch(
      .winogradCPU, "winograd_output", macros: macros,
      arguments: [
        .buffer(m), .buffer(bias.map { planner.vector($0).buffer } ?? m), .buffer(gateView.buffer),
        .int4(gateView.place), .float(gate?.activation.negativeSlope ?? 1), .buffer(y.buffer), .int4(y.place),
        .int4(SIMD4(Int32(y.channels), Int32(y.height), Int32(y.width), 0)),
        .int4(SIMD4(Int32(panels * 2), bias == nil ? 0 : 1, gate == nil ? 0 : 1, 0)), outputTiles.argument,
      ],
      global: [tiling.down, y.blocks * tiling.phases, y.images], local: [1, 1, 1])
  }
}

extension WeightGradient {
  var winogradTiling: WinogradTiling? {
    WinogradTiling(
      transposed: false, geometry, kernelHeight: output.shape[2], kernelWidth: output.shape[3],
      images: gradient.shape.n, height: gradient.shape.h, width: gradient.shape.w)
  }

  func planWinograd(_ tiling: WinogradTiling, _ planner: LaunchPlanner) throws(OpenCLError) {
    let dw = planner.weight(output)
    let g = planner.activation(gradient)
    // Padded as a convolution pads them, so that its tiles serve here too.
    let accumulators = planner.device.accumulators
    let macros = tiling.macros(accumulators: accumulators)
    let itemTiles = tiling.itemTiles(accumulators: accumulators)
    let (v, imageTiles) = try planner.winogradInput(image, imageActivation, tiling, itemTiles: itemTiles)
    let gradientTiles = WinogradTiles(tiling, blocks: g.blocks)
    let d = try planner.derived(
      gradient, .winogradGradient(tiling, gradientActivation), floats: gradientTiles.floats
    ) { (d, derivation) throws(OpenCLError) in
      try planner.launch(
        .winogradCPU, "winograd_gradient", macros: macros,
        arguments: [
          .buffer(g.buffer), .int4(g.place), .float(gradientActivation.negativeSlope), .buffer(d),
          .int4(SIMD4(Int32(g.blocks), Int32(g.height), Int32(g.width), 0)), gradientTiles.argument,
        ],
        global: [tiling.down, g.blocks, g.images], local: [1, 1, 1], derivation: derivation)
    }

    let itemBlocks = WinogradTiling.itemBlocks(accumulators: accumulators)
    let broadcast = WinogradTiling.itemBroadcast(accumulators: accumulators)
    let lanesInput = KernelArgument.int(dw.lanes == .input ? 1 : 0)
    let stride = tiling.stridePhases * dw.panels * dw.blocks * 32 + 1
    let du = try planner.scratch(floats: tiling.positions * stride * 16)
    let sizes = SIMD4(Int32(dw.blocks), Int32(dw.panels), Int32(tiling.count), Int32(stride))
    try planner.launch(
      .winogradCPU, "winograd_weight_product", macros: macros,
      arguments: [
        .buffer(v), .buffer(d), .buffer(du), .int4(sizes), lanesInput, imageTiles.argument,
        gradientTiles.argument,
      ],
      global: [
        dw.blocks * 16 / broadcast, dw.panels * 2 / itemBlocks * tiling.stridePhases, tiling.positions,
      ],
      local: [1, 1, 1])
    try planner.launch(
      .winogradCPU, "winograd_weight_gradient", macros: macros,
      arguments: [.buffer(du), .buffer(dw.buffer), .int4(sizes), lanesInput],
      global: [dw.blocks, dw.panels], local: [1, 1])
  }
}

extension LaunchPlanner {
  /// The transformed tiles of a map, shared by all passes that read it so.
  fileprivate func winogradInput(
    _ tensor: Tensor, _ activation: Activation, _ tiling: WinogradTiling, itemTiles: Int
  ) throws(OpenCLError) -> (Buffer, WinogradTiles) {
    let x = self.activation(tensor)
    let tiles = WinogradTiles(tiling, blocks: x.blocks * tiling.residues, itemTiles: itemTiles)
    let buffer = try derived(tensor, .winogradInput(tiling, activation), floats: tiles.floats) {
      (buffer, derivation) throws(OpenCLError) in
      try launch(
        .winogradCPU, "winograd_input", macros: tiling.macros(accumulators: device.accumulators),
        arguments: [
          .buffer(x.buffer), .int4(x.place), .float(activation.negativeSlope), .buffer(buffer),
          .int4(SIMD4(Int32(x.blocks), Int32(x.height), Int32(x.width), 0)), tiles.argument,
        ],
        global: [tiling.down, tiles.blocks, x.images], local: [1, 1, 1], derivation: derivation)
    }
    return (buffer, tiles)
  }
}
