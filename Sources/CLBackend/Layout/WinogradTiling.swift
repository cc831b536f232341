import Tape

/// The division of a convolution's output (or of a phase of a transposed one's) into tiles that are transformed each: a
/// pure function of its shape.
struct WinogradTiling: Hashable, Sendable {
  let transposed: Bool
  let geometry: ConvolutionGeometry
  /// Taps along one axis of each convolution of stride 1 that this one is a sum of.
  let taps: Int
  /// Outputs of a tile along one axis.
  var tileSide: Int { Self.tileSide(taps: taps) }
  let images: Int
  let down: Int
  let across: Int

  /// nil unless the convolutions of stride 1 have 2 x 2, 3 x 3 or 4 x 4 taps.
  ///
  /// - Parameters:
  ///   - height, width: of a convolution's output, or of one phase of a transposed convolution's
  init?(
    transposed: Bool, _ geometry: ConvolutionGeometry, kernelHeight: Int, kernelWidth: Int, images: Int,
    height: Int, width: Int
  ) {
    guard kernelHeight == kernelWidth, kernelHeight.isMultiple(of: geometry.stride),
      [2, 3, 4].contains(kernelHeight / geometry.stride)
    else { return nil }
    self.transposed = transposed
    self.geometry = geometry
    self.images = images
    taps = kernelHeight / geometry.stride
    // Phases of a transposed convolution that are a pixel behind (see winograd_output) need one more.
    let behind = transposed && geometry.stride > 1 ? 1 : 0
    let side = Self.tileSide(taps: taps)
    down = (height + behind + side - 1) / side
    across = (width + behind + side - 1) / side
  }

  var count: Int { images * down * across }
  /// Transformed values of a tile.
  var positions: Int { (tileSide + taps - 1) * (tileSide + taps - 1) }
  /// As Kernels/winograd.clh has it.
  private static func tileSide(taps: Int) -> Int { taps == 3 ? 4 : 3 }
  /// Phases of the stride along both axes: convolutions of stride 1, summed over or not.
  var stridePhases: Int { geometry.stride * geometry.stride }
  /// The blocks along the depth of the product that each block of input channels becomes.
  var residues: Int { transposed ? 1 : stridePhases }
  var phases: Int { transposed ? stridePhases : 1 }
}

/// Transformed tiles in a buffer, [position][block][tile][16].
struct WinogradTiles {
  let tiling: WinogradTiling
  let blocks: Int
  /// Tiles, rounded up to whole work-items of the product.
  let padded: Int

  /// Vectors of 16 floats from position to position. One more than needed keeps positions off the same cache sets.
  var stride: Int { blocks * padded + 1 }
  var floats: Int { tiling.positions * stride * 16 }

  init(_ tiling: WinogradTiling, blocks: Int, itemTiles: Int = 1) {
    self.tiling = tiling
    self.blocks = blocks
    padded = (tiling.count + itemTiles - 1) / itemTiles * itemTiles
  }
}
