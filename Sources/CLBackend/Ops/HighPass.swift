import Kernels
import Tape

extension HighPass: InteriorOperation, OpenCLOperation {
  /// The low frequencies by four products with bases of few columns, then x without them.
  func plan(_ planner: LaunchPlanner) throws(OpenCLError) {
    let (x, y, disc) = (planner.activation(input), planner.activation(output), leftOut)
    let (H, W, planes) = (x.height, x.width, x.images * x.channels)
    let across = FourierBasis(pixels: W, highest: disc.highest(W))
    let down = FourierBasis(pixels: H, highest: disc.highest(H))
    // Slots of scratch by their use.
    let rows = try across.plan(planner, slot: 0)
    let columns = H == W ? rows : try down.plan(planner, slot: 1)
    let back = try across.plan(planner, transposed: true, slot: 2)
    let halfway = try planner.scratch(floats: planes * H * across.pitch, slot: 3)
    let coefficients = try planner.scratch(floats: planes * down.columns * across.pitch, slot: 4)
    let low = try planner.scratch(floats: planes * H * across.transposedPitch, slot: 5)

    func product(
      _ a: (buffer: Buffer, place: SIMD4<Int32>), _ terms: (count: Int, plane: Int, row: Int, term: Int),
      _ b: Buffer, plane: Int, into target: Buffer, rows: Int, pitch: Int, _ macros: [(String, String)] = []
    ) throws(OpenCLError) {
      try planner.launchFourierProduct(
        rows: rows, pitch: pitch, planes: planes, macros: macros,
        [.buffer(a.buffer), .int4(a.place), .buffer(b), .buffer(target)],
        [
          .int4(SIMD4(Int32(planes), Int32(rows), Int32(pitch), Int32(x.channels))),
          .int4(SIMD4(Int32(terms.count), Int32(terms.plane), Int32(terms.row), Int32(terms.term))),
          .int(Int32(plane)), .int4(x.shape), .long(disc.limit),
        ])
    }
    let plane = H * across.pitch
    // Rows, then columns to frequencies; then back.
    try product(
      (x.buffer, x.place), (W, 0, 16 * Int(x.place.w), 16), rows, plane: 0, into: halfway, rows: H,
      pitch: across.pitch, [("MAPS", "1")])
    try product(
      (columns, .zero), (H, 0, 1, down.pitch), halfway, plane: plane, into: coefficients,
      rows: down.columns, pitch: across.pitch, [("DISC", "1")])
    try product(
      (columns, .zero), (down.columns, 0, down.pitch, 1), coefficients, plane: down.columns * across.pitch,
      into: halfway, rows: H, pitch: across.pitch)
    try product(
      (halfway, .zero), (across.columns, plane, across.pitch, 1), back, plane: 0, into: low, rows: H,
      pitch: across.transposedPitch)
    try planner.launchRows(
      .highPass, "without_low", over: y, x.arguments + y.arguments + [.buffer(low)],
      [.int(Int32(across.transposedPitch))])
  }
}

/// The real Fourier basis of a row of pixels, up to a highest frequency.
private struct FourierBasis {
  let pixels: Int
  let columns: Int

  init(pixels: Int, highest: Int) {
    self.pixels = pixels
    columns = min(pixels, 2 * highest + 1)
  }

  /// Floats from row to row: whole vectors.
  var pitch: Int { (columns + 15) / 16 * 16 }
  var transposedPitch: Int { (pixels + 15) / 16 * 16 }

  /// Adds the launch that makes it.
  func plan(_ planner: LaunchPlanner, transposed: Bool = false, slot: Int) throws(OpenCLError) -> Buffer {
    let (rows, pitch) = transposed ? (columns, transposedPitch) : (pixels, pitch)
    let buffer = try planner.scratch(floats: rows * pitch, slot: slot)
    try planner.launchNumbers(
      .highPass, "fourier_basis", count: rows * pitch,
      [
        .buffer(buffer), .int(Int32(pixels)), .int(Int32(columns)), .int(Int32(pitch)),
        .int(transposed ? 1 : 0),
      ])
    return buffer
  }
}

extension LaunchPlanner {
  /// Launches a product of matrices of each plane, by tiles of a few rows and a vector of columns.
  fileprivate func launchFourierProduct(
    rows: Int, pitch: Int, planes: Int, macros: [(String, String)], _ operands: [KernelArgument],
    _ settings: [KernelArgument]
  ) throws(OpenCLError) {
    // Sums that a vector of the right matrix is multiplied into: a CPU has more registers.
    let (lanes, tile) = deviceClass == .cpu ? (16, 8) : (4, 4)
    let tiles = (rows + tile - 1) / tile
    var local = [1, 1, 1]
    if deviceClass == .gpu {
      let across = min(16, 1 << (pitch / lanes).trailingZeroBitCount)
      local = [across, 64 / across, 1]
    }
    try launch(
      .highPass, "fourier_product", macros: [("LANES", "\(lanes)"), ("ROWS", "\(tile)")] + macros,
      arguments: operands + settings,
      global: [pitch / lanes, (tiles + local[1] - 1) / local[1] * local[1], planes], local: local,
      smaller: .more)
  }
}
