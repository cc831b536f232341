import Tape

/// A packed weight as Kernels/spectral_norm.cl reads it: a matrix of tiles of 16 rows x 32 columns, which are the lanes.
private struct TileGrid {
  let packing: WeightPacking

  /// The other vector's elements are the input channels and taps.
  var columnsAreOutputs: Bool { packing.lanes == .output }

  /// Tiles side by side, and one below the other.
  var columns: Int { packing.panels * (columnsAreOutputs ? 1 : packing.taps) }
  var rows: Int { packing.blocks * (columnsAreOutputs ? packing.taps : 1) }

  /// v lies as the weight of output channel 0: in steps of 32 along the rows, or in runs of 32 with steps of 512.
  private var rowStride: Int { columnsAreOutputs ? 32 : 1 }
  private var columnStride: Int { columnsAreOutputs ? 32 : 512 }

  /// The elements of v, filling included, and where they lie.
  var vCount: Int { columnsAreOutputs ? rows * 16 : columns * 32 }
  var vArguments: [KernelArgument] {
    let (run, step) = columnsAreOutputs ? (1, rowStride) : (32, columnStride)
    return [.int(Int32(vCount)), .int(Int32(run)), .int(Int32(step))]
  }

  var arguments: [KernelArgument] {
    [
      .int4(SIMD4(Int32(columns), Int32(rows), Int32(columnsAreOutputs ? 1 : packing.taps), 0)),
      .int(Int32(rowStride)), .int(Int32(columnStride)),
    ]
  }
}

extension SpectralNorm: OpenCLOperation {
  var borders: [(tensor: Tensor, pixels: Int)] { [] }
  /// v lies as the weight of output channel 0.
  var weightLayout: WeightLayout { .alike }

  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (w, v) = (planner.weight(weight), planner.weight(v))
    let sigma = KernelArgument.buffer(planner.vector(sigma).buffer)
    let u = planner.vector(u)
    let grid = TileGrid(packing: w.packing)
    let product = try planner.scratch(floats: u.stride)
    // v is normalised behind both products, and with it the second product.
    try planner.launchProduct(w, grid, alongColumns: grid.columnsAreOutputs, u.buffer, into: v.buffer)
    try planner.launchProduct(w, grid, alongColumns: !grid.columnsAreOutputs, v.buffer, into: product)
    try planner.launchTotal(
      .spectralNorm, "power_iteration", of: grid.vCount,
      [.buffer(v.buffer), .buffer(product), .buffer(u.buffer), sigma] + grid.vArguments
        + [.int(Int32(u.channels)), .int(updates ? 1 : 0)])
    let normalized = planner.weight(output)
    precondition(normalized.packing == w.packing, "a normalised weight lies otherwise than the weight")
    try planner.launchFlat(
      .spectralNorm, "divide", floats: w.packing.floats,
      [.buffer(w.buffer), sigma, .buffer(normalized.buffer)], [])
  }
}

extension SpectralNormGradient: OpenCLOperation {
  var borders: [(tensor: Tensor, pixels: Int)] { [] }
  var weightLayout: WeightLayout { .alike }

  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (dy, y, dw) = (planner.weight(gradient), planner.weight(normalized), planner.weight(output))
    precondition(
      dy.packing == y.packing && dw.packing == y.packing, "a weight's gradient lies otherwise than it")
    let grid = TileGrid(packing: y.packing)
    let groups = planner.flatGroups(floats: y.packing.floats)
    let sums = KernelArgument.buffer(try planner.scratch(floats: groups))
    let sum = KernelArgument.buffer(try planner.scratch(floats: 1, slot: 1))
    try planner.launchFlatGroups(
      .spectralNorm, "product_sums", floats: y.packing.floats, [.buffer(dy.buffer), .buffer(y.buffer), sums])
    try planner.launchTotal(.loss, "loss_total", of: groups, [sums, sum, .int(Int32(groups)), .float(1)])
    let vectors = [planner.weight(v).buffer, planner.vector(u).buffer]
    try planner.launchFlat(
      .spectralNorm, "spectral_norm_gradient", floats: dw.packing.floats,
      [.buffer(dy.buffer)] + (grid.columnsAreOutputs ? vectors : vectors.reversed()).map { .buffer($0) }
        + [.buffer(planner.vector(sigma).buffer), sum, .buffer(dw.buffer)],
      grid.arguments)
  }
}

extension LaunchPlanner {
  /// Launches the product of a weight as a matrix with a vector: its rows' with it, or its columns'.
  fileprivate func launchProduct(
    _ weight: WeightView, _ grid: TileGrid, alongColumns: Bool, _ vector: Buffer, into result: Buffer
  ) throws(OpenCLError) {
    let operands: [KernelArgument] = [.buffer(weight.buffer), .buffer(vector), .buffer(result)]
    if alongColumns {
      try launchWorkGroups(
        .spectralNorm, "row_products", count: grid.rows * 16, items: 64, operands + grid.arguments)
    } else {
      try launchWorkGroups(
        .spectralNorm, "column_products", count: grid.columns * 2, items: 256, operands + grid.arguments)
    }
  }
}
