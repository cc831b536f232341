import CLBackend
import Tape
import Testing

/// The padding by Kernels/layout.clh: borders are never written, filling channels are zero, and so are the fillings of vectors
/// and packed weights. Tests of values call this after every run.
func expectZeroPadding(
  _ executor: OpenCLExecutor, _ name: String, sourceLocation: SourceLocation = #_sourceLocation
) throws {
  for line in try executor.nonZeroPadding() {
    Issue.record("\(name), \(executor.deviceClass): \(line)", sourceLocation: sourceLocation)
  }
}

struct PaddingTests {
  /// A kernel variant that writes beyond the edge of its map, or into filling channels: both the weight gradients that
  /// are stored and those that are used at once.
  @Test(arguments: TuningTests.layers)
  func everyVariantLeavesZeros(
    _ deviceClass: DeviceClass, _ inputs: Int, _ outputs: Int, _ size: Int, _ stride: Int
  ) throws {
    let passes = try TuningTests.recording(
      inputs: inputs, outputs: outputs, size: size, stride: stride, images: 2)
    let recording = try TuningTests.recording(
      inputs: inputs, outputs: outputs, size: size, stride: stride, images: 2, bordered: true)
    let device = try Device.select("auto").device
    var variants: [PassKey: [String]] = [:]
    let lister = try Tuner(
      device, .init(deviceClass: deviceClass),
      candidates: { key, listed in
        variants[key] = TuningTests.tried(listed.map(\.name))
        return []
      },
      isRight: { _ in true })
    _ = try lister.tune(passes, seconds: 600)
    #expect(variants.count == 3)
    let rounds = try #require(variants.values.map(\.count).max())
    for storesGradients in deviceClass == .cpu ? [true, false] : [true] {
      for round in 0..<rounds {
        let choices = KernelChoices(variants.mapValues { $0[round % $0.count] })
        let executor = try OpenCLExecutor(
          recording, on: device,
          .init(deviceClass: deviceClass, choices: choices, storesGradients: storesGradients))
        for tensor in recording.tensors where tensor.role != .intermediate {
          let ones = [Float](repeating: 1, count: tensor.tensor.shape.count)
          try executor.write(ones, to: tensor.tensor)
        }
        try executor.run(0..<passes.steps.count)
        try expectZeroPadding(executor, "\(choices.names)")
      }
    }
  }

  /// The check itself: zeros of padding, times infinity, are NaN.
  @Test(arguments: [TensorKind.activation, .weight, .vector]) func theCheckSeesWhatIsNotZero(
    _ kind: TensorKind
  ) throws {
    let shape: Shape = kind == .vector ? [24] : [2, 3, 4, 5]
    for (factor, isZero) in [(1, true), (Float.infinity, false)] {
      let tape = Tape()
      let x = tape.input("x", shape, kind: kind)
      _ = try tape.combination(factor, x, 1, x)
      let executor = try OpenCLExecutor(tape.freeze(), on: Device.select("auto").device)
      try executor.write([Float](repeating: 1, count: shape.count), to: x)
      try executor.run(0..<1)
      #expect(try executor.nonZeroPadding().isEmpty == isZero)
    }
  }
}
