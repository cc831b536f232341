import Tape

/// The channels in the vector lanes of a packed weight [O, I, KH, KW]; see Kernels/layout.clh.
public enum WeightLanes: Sendable, Hashable {
  /// The convolution's output channels, taps in row order: a convolution streams them.
  case output
  /// Its input channels, taps ordered by phase of the stride: a transposed convolution streams them.
  case input
}

/// The layout of a packed weight: [panels of 32][blocks of 16][taps][16][32].
struct WeightPacking: Hashable, Sendable {
  let lanes: WeightLanes
  let outputs: Int
  let inputs: Int
  let kernelHeight: Int
  let kernelWidth: Int
  /// The layer's stride, which decides the order of taps.
  let stride: Int

  init(
    lanes: WeightLanes, outputs: Int, inputs: Int, kernelHeight: Int, kernelWidth: Int, stride: Int
  ) {
    self.lanes = lanes
    self.outputs = outputs
    self.inputs = inputs
    self.kernelHeight = kernelHeight
    self.kernelWidth = kernelWidth
    self.stride = stride
  }

  /// - Parameter weight: [O, I, KH, KW]
  init(_ weight: Shape, lanes: WeightLanes, stride: Int) {
    self.init(
      lanes: lanes, outputs: weight[0], inputs: weight[1], kernelHeight: weight[2], kernelWidth: weight[3],
      stride: stride)
  }

  /// The same weight with other channels in the lanes.
  func with(lanes: WeightLanes) -> WeightPacking {
    WeightPacking(
      lanes: lanes, outputs: outputs, inputs: inputs, kernelHeight: kernelHeight, kernelWidth: kernelWidth,
      stride: stride)
  }

  var panels: Int { ((lanes == .output ? outputs : inputs) + 31) / 32 }
  var blocks: Int { ((lanes == .output ? inputs : outputs) + 15) / 16 }
  var taps: Int { kernelHeight * kernelWidth }
  var floats: Int { panels * blocks * taps * 16 * 32 }

  /// The position of tap (kh, kw).
  func tap(_ kh: Int, _ kw: Int) -> Int {
    guard lanes == .input else { return kh * kernelWidth + kw }
    // TAP() of layout.clh: a run for each phase of the stride, the taps of a run in reverse.
    let (rows, rowsBefore) = Self.phase(kh, kernelHeight, stride)
    let (columns, columnsBefore) = Self.phase(kw, kernelWidth, stride)
    return rowsBefore * kernelWidth + rows * columnsBefore + (rows - 1 - kh / stride) * columns
      + columns - 1 - kw / stride
  }

  /// The number of taps in the phase of tap k, and in all phases before it.
  private static func phase(_ k: Int, _ kernel: Int, _ stride: Int) -> (taps: Int, before: Int) {
    let phase = k % stride
    return ((kernel - phase + stride - 1) / stride, phase * (kernel / stride) + min(phase, kernel % stride))
  }

  /// The packed offsets of a kernel's weights, in row order, from its first tap.
  var tapOffsets: [Int] {
    (0..<kernelHeight).flatMap { kh in (0..<kernelWidth).map { kw in 512 * tap(kh, kw) } }
  }

  /// Calls `body` for the kernel [KH, KW] of every pair of channels, with its row-major index in [O, I, KH, KW] and the
  /// packed index of its first tap, on all cores: a panel's blocks, which fit into a cache, one after the other.
  func visitKernels(_ body: (_ plain: Int, _ packed: Int) -> Void) {
    let taps = taps
    let (laneCount, scalarCount) = lanes == .output ? (outputs, inputs) : (inputs, outputs)
    inParallel(panels * blocks) { block in
      let (panel, scalars) = (block / blocks, block % blocks)
      for lane in panel * 32..<min((panel + 1) * 32, laneCount) {
        for scalar in scalars * 16..<min((scalars + 1) * 16, scalarCount) {
          let (o, i) = lanes == .output ? (lane, scalar) : (scalar, lane)
          body((o * inputs + i) * taps, (block * taps * 16 + scalar % 16) * 32 + lane % 32)
        }
      }
    }
  }
}
