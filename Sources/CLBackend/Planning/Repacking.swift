import Kernels
import Tape

/// A weight and the other packing that it is wanted in.
struct Repacking {
  let source: WeightView
  let target: WeightView

  /// The number of weights that one launch of Kernels/packing.cl repacks at most. GPU: all that half a step wants, 48 bytes
  /// of arguments each, of at least 1024 that a device allows. CPU: few, since a launch costs next to nothing there, and
  /// the weights repacked last are still in the caches.
  static func most(_ deviceClass: DeviceClass) -> Int { deviceClass == .gpu ? 20 : 8 }

  /// A launch that repacks up to `most` weights.
  ///
  /// - Parameters:
  ///   - step: the step's name
  ///   - mostWorkItems: of a work-group
  ///   - derivation: the last weight's
  static func launch(
    _ weights: [Repacking], _ step: String, _ deviceClass: DeviceClass, mostWorkItems: Int,
    _ derivation: Derivation
  ) throws(OpenCLError) -> PlannedLaunch {
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
    let rows = mostWorkItems >= 128 ? 4 : 2
    let (lanes, local) = deviceClass == .gpu ? (4, [32, rows]) : (16, [1, 1])
    return try PlannedLaunch(
      "\(step)/repack", .packing, "repack",
      macros: [("ITEM_COUNT", "\(weights.count)"), ("LANES", "\(lanes)")]
        + (deviceClass == .gpu ? [("ROWS_AT_ONCE", "\(rows)")] : []), arguments: arguments,
      global: [local[0] * groups, local[1]], local: local, derivation: derivation)
  }
}
