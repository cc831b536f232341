import Tape

/// An activation as kernels see it.
struct ActivationView {
  let buffer: Buffer
  /// See Kernels/layout.clh.
  let place: SIMD4<Int32>
  let images: Int
  let channels: Int
  let height: Int
  let width: Int

  init(_ buffer: Buffer, _ place: SIMD4<Int32>, images: Int, channels: Int, height: Int, width: Int) {
    self.buffer = buffer
    self.place = place
    self.images = images
    self.channels = channels
    self.height = height
    self.width = width
  }

  init(_ buffer: Buffer, _ place: SIMD4<Int32>, _ shape: Shape) {
    self.init(buffer, place, images: shape.n, channels: shape.c, height: shape.h, width: shape.w)
  }

  /// Blocks of 16 channels.
  var blocks: Int { (channels + 15) / 16 }

  /// (N, C, H, W)
  var shape: SIMD4<Int32> { SIMD4(Int32(images), Int32(channels), Int32(height), Int32(width)) }

  /// Buffer and place, as every kernel takes them.
  var arguments: [KernelArgument] { [.buffer(buffer), .int4(place)] }

  /// Some of the images.
  func slice(image: Int, images: Int) -> ActivationView {
    var place = place
    place.x += Int32(image) * place.y
    return ActivationView(buffer, place, images: images, channels: channels, height: height, width: width)
  }

  /// Some of the channels, from a block on.
  func slice(block: Int, channels: Int) -> ActivationView {
    var place = place
    place.x += Int32(block) * place.z
    return ActivationView(buffer, place, images: images, channels: channels, height: height, width: width)
  }
}

/// A vector [C] or [N, C] as kernels see it.
struct VectorView {
  let buffer: Buffer
  let rows: Int
  let channels: Int

  /// Floats from row to row.
  var stride: Int { Self.stride(channels) }

  /// Floats, padding included.
  var floats: Int { rows * stride }

  static func stride(_ channels: Int) -> Int { (channels + 31) / 32 * 32 }

  /// Rows and channels of a vector; a scalar is a vector of one.
  static func size(_ shape: Shape) -> (rows: Int, channels: Int) {
    switch shape.rank {
    case 0: (1, 1)
    case 1: (1, shape[0])
    default: (shape[0], shape.count / shape[0])
    }
  }
}

/// A packed weight as kernels see it.
struct WeightView {
  let buffer: Buffer
  let packing: WeightPacking

  var lanes: WeightLanes { packing.lanes }
  /// Panels of 32 lane channels.
  var panels: Int { packing.panels }
  /// Blocks of 16 broadcast channels.
  var blocks: Int { packing.blocks }
  var taps: Int { packing.taps }
}
