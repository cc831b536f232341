import Tape

// The convolutions of CPU devices: Kernels/convolution_cpu.cl, weight_gradient_cpu.cl and packing.cl.

/// The form and tile of a pass on a CPU: a pure function of its shape.
struct CPUConvolutionChoice: Equatable {
  enum Form: Equatable {
    /// Lanes are output channels: `blocks` blocks of 16.
    case stream(blocks: Int)
    /// Lanes are input channels, summed over at the end: `outputs` output channels.
    case dot(outputs: Int)
    /// The same over many tiles that share weights in the first-level cache.
    case dotTiles(outputs: Int)
    /// The same for few output channels, all of them.
    case dotFew(outputs: Int)
  }

  var form: Form
  var tileHeight: Int
  var tileWidth: Int

  /// - Parameters:
  ///   - packed: the packing the weight has
  ///   - accumulators: vectors of 16 floats that the registers hold besides operands
  init(_ pass: ConvolutionPass, packed: WeightLanes, accumulators: Int) {
    let (height, width) = (pass.cellHeight, pass.cellWidth)
    let (inputs, outputs) = (pass.input.shape.c, pass.output.shape.c)
    // Few outputs would leave most lanes empty.
    let few = outputs <= 8
    // Weights in the other packing, read for a few pixels only, cost more to repack than to sum over lanes: 512 to 512
    // channels take 1.0 ms to repack and 0.6 to stream onto 8 x 8 pixels, 0.7 in dot form; onto 16 x 16 the two are equal,
    // beyond streaming wins.
    let deep = height * width <= 64
    if packed == pass.streamLanes || !few && !deep {
      // Two blocks share a broadcast value, but where sums fill the registers their operands would spill: with AVX2
      // 1 x 3 x 32 reaches 45 GFLOP/s of 117, 1 x 6 x 16 reaches 108.
      let blocks = outputs > 16 && accumulators >= 16 ? 2 : 1
      (tileHeight, tileWidth) =
        accumulators >= 16
        ? Self.tile(height, width, pixels: accumulators / blocks)
        : Self.narrowTile(height, width, pixels: accumulators)
      form = .stream(blocks: blocks)
    } else if few {
      (tileHeight, tileWidth) = Self.tile(height, width, pixels: max(1, accumulators / outputs))
      form =
        Self.keepsWeights(pass, inputs: inputs, outputs: outputs)
        ? .dotFew(outputs: outputs) : .dot(outputs: outputs)
    } else {
      (tileHeight, tileWidth) = Self.tile(height, width, pixels: max(1, accumulators / 4))
      // At least eight chains of sums, where registers hold them: each waits four cycles for itself.
      let outputs = tileHeight * tileWidth == 1 && accumulators >= 8 ? 8 : 4
      let tiles = height / tileHeight * ((width + tileWidth - 1) / tileWidth)
      form = tiles >= 4 && Self.sharesWeights(pass) ? .dotTiles(outputs: outputs) : .dot(outputs: outputs)
    }
  }

  /// Whether `dotTiles` takes the pass: input blocks in pairs, and equally many taps in all phases.
  static func sharesWeights(_ pass: ConvolutionPass) -> Bool {
    pass.input.shape.c.isMultiple(of: 32) && pass.kernelHeight.isMultiple(of: pass.phases)
      && pass.kernelWidth.isMultiple(of: pass.phases)
  }

  /// `dotFew` keeps weights of at most 24 KiB in the first-level cache.
  static func keepsWeights(_ pass: ConvolutionPass, inputs: Int, outputs: Int) -> Bool {
    pass.kernelHeight * pass.kernelWidth * ((inputs + 15) / 16) * outputs * 64 <= 24 << 10
  }

  /// Pixels side by side in a row first: a row's tiles may overhang its end, but no tile the last row.
  private static func tile(_ height: Int, _ width: Int, pixels: Int) -> (Int, Int) {
    let powerOfTwo = 1 << (Int.bitWidth - 1 - pixels.leadingZeroBitCount)
    var tileWidth = min(8, powerOfTwo)
    while tileWidth > 1, tileWidth / 2 >= width { tileWidth /= 2 }
    var tileHeight = powerOfTwo / tileWidth
    while !height.isMultiple(of: tileHeight) { tileHeight /= 2 }
    return (tileHeight, tileWidth)
  }

  /// The tile of at most so many pixels, of any number, that covers the map soonest where few sums fit: four pixels
  /// take as long as five, since multiply-adds wait for those before them.
  private static func narrowTile(_ height: Int, _ width: Int, pixels: Int) -> (Int, Int) {
    var best = (height: 1, width: 1, cost: Int.max)
    for tileHeight in [1, 2] where height.isMultiple(of: tileHeight) {
      for tileWidth in 1...max(1, pixels / tileHeight) where tileWidth <= max(width, 1) {
        let tiles = height / tileHeight * ((width + tileWidth - 1) / tileWidth)
        let cost = tiles * (2 * max(4, tileHeight * tileWidth) + 1)
        if cost < best.cost { best = (tileHeight, tileWidth, cost) }
      }
    }
    return (best.height, best.width)
  }
}

/// The division of a weight gradient into work-items on a CPU: a pure function of its shape.
struct CPUWeightGradientChoice: Equatable {
  /// Blocks of 16 lane channels, broadcast channels and taps side by side that are summed up together.
  var blocks: Int
  var broadcast: Int
  var rowTaps: Int
  /// A block's broadcast channels take so many work-items or pieces.
  var shares: Int
  /// Pieces (a part of one run of taps) of a work-item.
  var pieces: Int

  /// - Parameters:
  ///   - laneBlocks: blocks of 16 channels in the lanes
  ///   - broadcastChannels: on the other side
  ///   - pixels: of the gradient's maps, of all images
  init(
    laneBlocks: Int, broadcastChannels: Int, kernelHeight: Int, kernelWidth: Int, pixels: Int,
    accumulators: Int
  ) {
    // Two blocks only where there are two, since the second is read.
    let blocks = laneBlocks.isMultiple(of: 2) ? 2 : 1
    let most = min(8, max(2, accumulators / blocks / 2 * 2))
    let broadcast = broadcastChannels <= most ? broadcastChannels : [8, 4, 2].first { $0 <= most }!
    // Fewer operands than a convolution's tile has: half as many accumulators again fit into AVX-512's registers.
    let room = accumulators >= 16 ? accumulators * 3 / 2 : accumulators
    rowTaps = (1...kernelWidth).last {
      kernelWidth.isMultiple(of: $0) && ($0 == 1 || $0 * broadcast * blocks <= room)
    }!
    shares = (min(16, broadcastChannels) + broadcast - 1) / broadcast
    // 512 pixels take about as long as ten starts of a work-item.
    pieces = max(1, min(kernelHeight * kernelWidth / rowTaps * shares, 512 / pixels))
    self.blocks = blocks
    self.broadcast = broadcast
  }
}

extension DeviceDescription {
  /// Vectors of 16 floats that accumulators may fill: 32 AVX-512 registers hold 16 and their operands, 16 AVX2
  /// registers of half the width hold 6.
  var accumulators: Int { nativeFloatVectorWidth >= 16 ? 16 : 6 }
}

extension ConvolutionPass {
  func planCPU(_ choice: CPUConvolutionChoice, _ planner: LaunchPlanner) throws(OpenCLError) {
    let x = try planner.activated(input, inputActivation)
    let y = planner.activation(output)
    let tilesAcross = (cellWidth + choice.tileWidth - 1) / choice.tileWidth
    let tilesDown = cellHeight / choice.tileHeight
    let phaseImages = y.images * phases * phases

    var macros =
      geometryMacros(kernelHeight: kernelHeight, kernelWidth: kernelWidth, geometry) + [
        ("TRANSPOSED", transposed ? "1" : "0"), ("TILE_H", "\(choice.tileHeight)"),
        ("TILE_W", "\(choice.tileWidth)"), ("HAS_BIAS", bias == nil ? "0" : "1"),
        ("HAS_GATE", gate == nil ? "0" : "1"),
      ]
    let kernel: String
    let global: [Int]
    var weight = planner.weight(weight)
    switch choice.form {
    case .stream(let blocks):
      let few = x.channels < 16
      kernel = few ? "convolve_stream_few" : "convolve_stream"
      macros.append(("BLOCKS", "\(blocks)"))
      if few { macros.append(("FEW_INPUTS", "\(x.channels)")) }
      weight = try planner.weight(self.weight, lanes: streamLanes)
      global =
        few
        ? [tilesDown, 1, phaseImages]
        : [tilesAcross * tilesDown, (y.blocks + blocks - 1) / blocks, phaseImages]
    case .dot(let outputs):
      kernel = "convolve_dot"
      macros.append(("OUTPUTS", "\(outputs)"))
      global = [tilesAcross * tilesDown, (y.channels + outputs - 1) / outputs, phaseImages]
    case .dotTiles(let outputs):
      kernel = "convolve_dot_tiles"
      // Sums of 16 tiles and weights of 16 taps: 16 and 8 KiB, half of the first-level cache.
      let tiles = min(16, tilesAcross * tilesDown)
      macros += [
        ("OUTPUTS", "\(outputs)"), ("TILES", "\(tiles)"), ("CHUNK", "\(max(1, 16 / tapsOfPhase))"),
      ]
      global = [
        (tilesAcross * tilesDown + tiles - 1) / tiles, (y.channels + outputs - 1) / outputs, phaseImages,
      ]
    case .dotFew(let outputs):
      kernel = "convolve_dot_few"
      macros += [("OUTPUTS", "\(outputs)"), ("INPUT_BLOCKS", "\(x.blocks)")]
      global = [tilesDown, 1, y.images]
    }
    // Kernels do not read the stand-ins of absent operands.
    let gateView = gate.map { planner.activation($0.tensor) } ?? y
    try planner.launch(
      .convolutionCPU, kernel, macros: macros,
      arguments: [
        .buffer(x.buffer), .int4(x.place), .buffer(weight.buffer),
        .buffer(bias.map { planner.vector($0).buffer } ?? weight.buffer), .buffer(gateView.buffer),
        .int4(gateView.place), .float(gate?.activation.negativeSlope ?? 1), .buffer(y.buffer), .int4(y.place),
        .int4(SIMD4(Int32(x.blocks), Int32(x.height), Int32(x.width), 0)),
        .int4(SIMD4(Int32(y.channels), Int32(y.height), Int32(y.width), 0)),
        .int4(SIMD4(Int32(cellWidth), Int32(tilesAcross), Int32(tilesAcross * tilesDown), 0)),
      ],
      global: global, local: [1, 1, 1])
  }
}

extension WeightGradient {
  /// - Parameter adam: the step that takes the gradient at once, in place of storing it
  func planCPU(
    _ choice: CPUWeightGradientChoice, _ planner: LaunchPlanner, _ adam: Adam? = nil
  ) throws(OpenCLError) {
    let x = try planner.activated(image, imageActivation)
    let g = try planner.activated(gradient, gradientActivation)
    let dw = planner.weight(output)
    let (lanes, broadcast) = dw.lanes == .output ? (g, x) : (x, g)
    let target: [KernelArgument]
    if let adam {
      target =
        [adam.parameter, adam.firstMoment, adam.secondMoment].map { .buffer(planner.flatBuffer($0)) } + [
          .buffer(planner.vector(adam.schedule).buffer), adam.constants,
        ]
    } else {
      target = [.buffer(dw.buffer)]
    }
    let pieces = dw.taps / choice.rowTaps * choice.shares
    try planner.launch(
      .weightGradientCPU, "weight_gradient",
      macros: geometryMacros(
        kernelHeight: output.shape[2], kernelWidth: output.shape[3], geometry) + [
          ("LANES_INPUT", dw.lanes == .input ? "1" : "0"), ("BROADCAST", "\(choice.broadcast)"),
          ("BLOCKS", "\(choice.blocks)"), ("ROW_TAPS", "\(choice.rowTaps)"),
          ("ADAM", adam == nil ? "0" : "1"),
        ],
      arguments: [
        .buffer(x.buffer), .int4(x.place), .buffer(g.buffer), .int4(g.place),
      ] + target + [
        .int4(
          SIMD4(Int32(broadcast.blocks), Int32(g.images), Int32(choice.shares), Int32(choice.pieces))),
        .int4(SIMD4(Int32(x.height), Int32(x.width), Int32(g.height), Int32(g.width))),
      ],
      global: [
        (pieces + choice.pieces - 1) / choice.pieces, lanes.blocks / choice.blocks, broadcast.blocks,
      ],
      local: [1, 1, 1])
  }
}
