import Tape

// Convolutions as im2col and CLBlast's SGEMM: Kernels/im2col.cl. What a GPU without kernels of its own would get; a
// candidate everywhere, a default nowhere.

extension ConvolutionPass {
  func planCLBlast(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (x, y) = (planner.activation(input), planner.activation(output))
    let weight = planner.weight(weight)
    let (inputs, outputs) = (x.blocks * 16, y.blocks * 16)
    let taps = weight.taps
    let (inputPixels, outputPixels) = (x.images * x.height * x.width, y.images * y.height * y.width)
    let macros = weight.im2colMacros
    let kernelSize = weight.kernelSize(geometry)

    let matrix = try planner.scratch(floats: taps * inputs * outputs, slot: 0)
    // The convolution that this one is or is the input gradient of has (I, O) channels.
    let (imageChannels, gradientChannels) = transposed ? (outputs, inputs) : (inputs, outputs)
    try planner.launch(
      .im2col, "weight_to_matrix", macros: macros,
      arguments: [
        .buffer(weight.buffer), .buffer(matrix), .int4(kernelSize), .int(Int32(imageChannels)),
        .int(Int32(gradientChannels)), .int(Int32(weight.blocks)), .int(transposed ? 1 : 0),
      ],
      global: [outputs / 16, inputs, taps])

    let gateView = gate.map { planner.activation($0.tensor) } ?? y
    let epilogue: [KernelArgument] = [
      .buffer(bias.map { planner.vector($0).buffer } ?? matrix), .buffer(gateView.buffer),
      .int4(gateView.place), .float(gate?.activation.negativeSlope ?? 1), .buffer(y.buffer), .int4(y.place),
    ]
    let flags: [KernelArgument] = [.int(bias == nil ? 0 : 1), .int(gate == nil ? 0 : 1)]
    if transposed {
      let g = try planner.scratch(floats: inputPixels * inputs, slot: 1)
      try planner.im2col(x, inputActivation, to: g, SIMD4(1, 1, 1, 0), over: x, macros)
      let columns = try planner.scratch(floats: inputPixels * taps * outputs, slot: 2)
      planner.product(
        MatrixProduct(rows: inputPixels, columns: taps * outputs, depth: inputs, a: g, b: matrix, c: columns))
      try planner.launch(
        .im2col, "col2im", macros: macros,
        arguments: [.buffer(columns)] + epilogue + [.int4(kernelSize), .int4(y.size), .int4(x.size)] + flags,
        global: [y.blocks, outputPixels])
    } else {
      let columns = try planner.scratch(floats: outputPixels * taps * inputs, slot: 1)
      try planner.im2col(x, inputActivation, to: columns, kernelSize, over: y, macros)
      let result = try planner.scratch(floats: outputPixels * outputs, slot: 2)
      planner.product(
        MatrixProduct(
          rows: outputPixels, columns: outputs, depth: taps * inputs, a: columns, b: matrix, c: result))
      try planner.launch(
        .im2col, "matrix_to_map", macros: macros,
        arguments: [.buffer(result)] + epilogue + [.int4(y.size)] + flags, global: [y.blocks, outputPixels])
    }
  }
}

extension WeightGradient {
  func planCLBlast(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (x, g) = (planner.activation(image), planner.activation(gradient))
    let dw = planner.weight(output)
    let (inputs, outputs) = (x.blocks * 16, g.blocks * 16)
    let pixels = g.images * g.height * g.width
    let macros = dw.im2colMacros
    let columns = try planner.scratch(floats: pixels * dw.taps * inputs, slot: 0)
    try planner.im2col(x, imageActivation, to: columns, dw.kernelSize(geometry), over: g, macros)
    let values = try planner.scratch(floats: pixels * outputs, slot: 1)
    try planner.im2col(g, gradientActivation, to: values, SIMD4(1, 1, 1, 0), over: g, macros)
    let matrix = try planner.scratch(floats: dw.taps * inputs * outputs, slot: 2)
    planner.product(
      MatrixProduct(
        rows: dw.taps * inputs, columns: outputs, depth: pixels, a: columns, b: values, c: matrix,
        isATransposed: true))
    try planner.launch(
      .im2col, "matrix_to_weight", macros: macros,
      arguments: [
        .buffer(matrix), .buffer(dw.buffer), .int4(dw.kernelSize(geometry)), .int(Int32(inputs)),
        .int(Int32(outputs)), .int(Int32(dw.blocks)),
      ],
      global: [g.blocks, inputs, dw.taps])
  }
}

extension LaunchPlanner {
  /// Launches a matrix [pixel of `pixels`][tap][channel] from an activation.
  fileprivate func im2col(
    _ map: ActivationView, _ activation: Activation, to matrix: Buffer, _ kernelSize: SIMD4<Int32>,
    over pixels: ActivationView, _ macros: [(String, String)]
  ) throws(OpenCLError) {
    try launch(
      .im2col, "im2col", macros: macros,
      arguments: map.arguments + [
        .float(activation.negativeSlope), .buffer(matrix), .int4(kernelSize), .int4(map.size),
        .int4(pixels.size),
      ],
      global: [
        map.blocks, Int(kernelSize.x * kernelSize.y), pixels.images * pixels.height * pixels.width,
      ])
  }
}

extension ActivationView {
  /// Blocks, height, width and images, as the kernels take them.
  fileprivate var size: SIMD4<Int32> { SIMD4(Int32(blocks), Int32(height), Int32(width), Int32(images)) }
}

extension WeightView {
  fileprivate var im2colMacros: [(String, String)] { [("LANES_INPUT", lanes == .input ? "1" : "0")] }

  fileprivate func kernelSize(_ geometry: ConvolutionGeometry) -> SIMD4<Int32> {
    SIMD4(
      Int32(packing.kernelHeight), Int32(packing.kernelWidth), Int32(geometry.stride), Int32(geometry.padding)
    )
  }
}
