import Tape

/// A weight and its other packing, which is to be made.
struct Repacking {
  let source: WeightView
  let target: WeightView

  /// How many weights one launch of Kernels/packing.cl turns at most. On a GPU all that half a step wants: 48 bytes of
  /// arguments each, of at least 1024 that a device allows. On a CPU a launch costs next to nothing, and what was turned
  /// last should be in the caches still.
  static func most(_ deviceClass: DeviceClass) -> Int { deviceClass == .gpu ? 20 : 8 }
}

extension LaunchPlanner {
  /// Launches the making of other packings, of up to `Repacking.most` weights.
  func planRepacking(_ weights: [Repacking]) throws(OpenCLError) {
    var arguments: [KernelArgument] = []
    var groups = 0
    for weight in weights {
      let (source, target, packing) = (weight.source, weight.target, weight.source.packing)
      arguments += [
        .buffer(source.buffer), .buffer(target.buffer),
        .int4(
          SIMD4(Int32(groups), Int32(target.panels), Int32(source.blocks), Int32(target.blocks))),
        .int4(
          SIMD4(
            Int32(packing.kernelHeight), Int32(packing.kernelWidth), Int32(packing.stride),
            source.lanes == .input ? 1 : 0)),
      ]
      groups += target.panels * source.panels * (deviceClass == .gpu ? source.taps : 1)
    }
    let (lanes, local) = deviceClass == .gpu ? (4, [32, 4]) : (16, [1, 1])
    try launch(
      .packing, "repack", macros: [("ITEM_COUNT", "\(weights.count)"), ("LANES", "\(lanes)")],
      arguments: arguments, global: [local[0] * groups, local[1]], local: local)
  }
}
