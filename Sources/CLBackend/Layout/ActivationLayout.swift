import Tape

/// The position of an activation within a storage, in pixels of 16 floats.
struct ActivationPlacement: Hashable, Sendable {
  /// The storage's number.
  var storage: Int
  /// First interior pixel, image stride, channel-block stride, row stride.
  var place: SIMD4<Int32>
}

/// One buffer of activations: [N][blocks][H + 2 border][W + 2 border][16] and the spare pixels behind it.
struct ActivationStorage: Hashable, Sendable {
  var images: Int
  var blocks: Int
  var height: Int
  var width: Int
  var border: Int
  /// Filling channels of the last block.
  var filling: Int

  init(_ shape: Shape, border: Int) {
    (images, blocks, height, width) = (shape.n, shape.blocks, shape.h, shape.w)
    self.border = border
    filling = blocks * 16 - shape.c
  }

  /// Pixels behind the last row that a kernel's tile may read.
  static let sparePixels = 32

  /// The map of one block of one image; the storage holds `images * blocks` of them.
  var map: ActivationMap { ActivationMap(height: height, width: width, border: border) }

  var rowStride: Int { width + 2 * border }
  var blockStride: Int { rowStride * (height + 2 * border) }
  var pixels: Int { images * blocks * blockStride + Self.sparePixels }

  func place(image: Int = 0, block: Int = 0) -> SIMD4<Int32> {
    SIMD4(
      Int32((image * blocks + block) * blockStride + border * rowStride + border),
      Int32(blocks * blockStride), Int32(blockStride), Int32(rowStride))
  }
}

/// The map of one block of channels, with the border around it.
struct ActivationMap: Hashable, Sendable {
  let height: Int
  let width: Int
  let border: Int

  var pixels: Int { (height + 2 * border) * (width + 2 * border) }
}

extension Shape {
  /// Blocks of 16 channels.
  var blocks: Int { (c + 15) / 16 }
}
