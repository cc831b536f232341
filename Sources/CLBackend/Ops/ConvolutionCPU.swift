import Tape

// The convolutions of CPU devices: Kernels/convolution_cpu.cl, weight_gradient_cpu.cl and packing.cl.

/// Which form and tile a pass takes on a CPU: a pure function of its shape.
struct CPUConvolutionChoice: Equatable {
  enum Form: Equatable {
    /// Lanes are output channels: `blocks` blocks of 16.
    case stream(blocks: Int)
    /// Lanes are input channels, summed over at the end: `outputs` output channels.
    case dot(outputs: Int)
  }

  var form: Form
  var tileHeight: Int
  var tileWidth: Int

  /// - Parameters:
  ///   - packed: the packing the weight has
  ///   - accumulators: how many vectors of 16 floats the registers hold besides operands
  init(_ pass: ConvolutionPass, packed: WeightLanes, accumulators: Int) {
    let (height, width) = (pass.cellHeight, pass.cellWidth)
    let outputs = pass.output.shape.c
    // Few outputs would leave most lanes empty. And where the weights lie the other way and are read for a few
    // pixels only, turning them costs more than the sums over lanes.
    let few = outputs <= Placement.fewChannels
    let deep = height * width <= 64
    if packed != pass.streamLanes, few || deep {
      let lanes = few ? outputs : 4
      (tileHeight, tileWidth) = Self.tile(height, width, pixels: accumulators / lanes)
      form = .dot(outputs: few || tileHeight * tileWidth > 1 ? lanes : 8)
    } else {
      let blocks = outputs > 16 ? 2 : 1
      (tileHeight, tileWidth) = Self.tile(height, width, pixels: min(8, accumulators / blocks))
      form = .stream(blocks: blocks)
    }
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
}

extension DeviceDescription {
  /// Vectors of 16 floats that accumulators may fill: 32 AVX-512 registers hold 16 and their operands, 16 AVX2
  /// registers of half the width hold 6.
  var accumulators: Int { nativeFloatVectorWidth >= 16 ? 16 : 6 }
}

extension ConvolutionPass {
  func planCPU(_ planner: LaunchPlanner) throws(OpenCLError) {
    let x = try planner.activated(input, inputActivation)
    let y = planner.activation(output)
    let choice = CPUConvolutionChoice(
      self, packed: planner.weight(weight).lanes, accumulators: planner.device.accumulators)
    let few = x.channels < 16
    let cells = SIMD4(
      Int32(cellWidth), Int32((cellWidth + choice.tileWidth - 1) / choice.tileWidth),
      Int32((cellWidth + choice.tileWidth - 1) / choice.tileWidth * (cellHeight / choice.tileHeight)), 0)
    var macros =
      geometryMacros(kernelHeight: kernelHeight, kernelWidth: kernelWidth, geometry) + [
        ("TRANSPOSED", transposed ? "1" : "0"), ("TILE_H", "\(choice.tileHeight)"),
        ("TILE_W", "\(choice.tileWidth)"), ("HAS_BIAS", bias == nil ? "0" : "1"),
        ("HAS_GATE", gate == nil ? "0" : "1"),
      ]
    // Absent operands are stood in for by one that is there; the kernel does not read them.
    let gateView = gate.map { planner.activation($0.tensor) } ?? y
    func arguments(_ weight: WeightView, _ sizes: SIMD4<Int32>) -> [KernelArgument] {
      [
        .buffer(x.buffer), .int4(x.place), .buffer(weight.buffer),
        .buffer(bias.map { planner.vector($0).buffer } ?? weight.buffer), .buffer(gateView.buffer),
        .int4(gateView.place), .float(gate?.activation.negativeSlope ?? 1), .buffer(y.buffer), .int4(y.place),
        .int4(sizes), .int4(cells),
      ]
    }
    let images = y.images * phases * phases
    switch choice.form {
    case .stream(let blocks):
      macros += [("BLOCKS", "\(blocks)"), ("FEW_INPUTS", few ? "1" : "0")]
      let weight = try planner.weight(weight, lanes: streamLanes)
      let sizes = SIMD4(Int32(x.blocks), Int32(y.blocks), Int32(y.height), Int32(y.width))
      try planner.launch(
        .convolutionCPU, "convolve_stream", macros: macros,
        arguments: arguments(weight, sizes) + [.int(Int32(x.channels))],
        global: [Int(cells.z), (y.blocks + blocks - 1) / blocks, images], local: [1, 1, 1])
    case .dot(let outputs):
      macros.append(("OUTPUTS", "\(outputs)"))
      let sizes = SIMD4(Int32(x.blocks), Int32(y.channels), Int32(y.height), Int32(y.width))
      try planner.launch(
        .convolutionCPU, "convolve_dot", macros: macros,
        arguments: arguments(planner.weight(weight), sizes),
        global: [Int(cells.z), (y.channels + outputs - 1) / outputs, images], local: [1, 1, 1])
    }
  }
}

extension WeightGradient {
  func planCPU(_ planner: LaunchPlanner) throws(OpenCLError) {
    let x = try planner.activated(image, imageActivation)
    let g = try planner.activated(gradient, gradientActivation)
    let dw = planner.weight(output)
    let (lanes, broadcast) = dw.lanes == .output ? (g, x) : (x, g)
    let registers = planner.device.accumulators
    // Two blocks only where there are two, since the second is read.
    let blocks = lanes.blocks.isMultiple(of: 2) ? 2 : 1
    let most = min(8, max(2, registers / blocks / 2 * 2))
    let channels = broadcast.channels <= most ? broadcast.channels : [8, 4, 2].first { $0 <= most }!
    let parts = (min(16, broadcast.channels) + channels - 1) / channels
    try planner.launch(
      .weightGradientCPU, "weight_gradient",
      macros: geometryMacros(
        kernelHeight: output.shape[2], kernelWidth: output.shape[3], geometry) + [
          ("LANES_INPUT", dw.lanes == .input ? "1" : "0"), ("BROADCAST", "\(channels)"),
          ("BLOCKS", "\(blocks)"),
        ],
      arguments: [
        .buffer(lanes.buffer), .int4(lanes.place), .buffer(broadcast.buffer), .int4(broadcast.place),
        .buffer(dw.buffer),
        .int4(SIMD4(Int32(broadcast.blocks), Int32(g.images), Int32(g.height), Int32(g.width))),
        .int(Int32(parts)),
      ],
      global: [dw.taps * parts, lanes.blocks / blocks, broadcast.blocks], local: [1, 1, 1])
  }
}

extension LaunchPlanner {
  /// Launches the making of a weight's other packing.
  func planRepacking(from source: WeightView, to target: WeightView) throws(OpenCLError) {
    let packing = source.packing
    try launch(
      .packing, "repack",
      macros: [
        ("KERNEL_H", "\(packing.kernelHeight)"), ("KERNEL_W", "\(packing.kernelWidth)"),
        ("STRIDE", "\(packing.stride)"), ("FROM_PHASE_ORDER", source.lanes == .input ? "1" : "0"),
      ],
      arguments: [
        .buffer(source.buffer), .buffer(target.buffer), .int(Int32(source.blocks)),
        .int(Int32(target.blocks)),
      ],
      global: [target.panels, target.blocks], local: [1, 1])
  }
}
