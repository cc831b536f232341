import CLBackend
import OperationCases
import Tape
import Testing

/// A weight gradient that is used where it is made gives the step that a stored one gives.
struct WeightUpdateTests {
  /// Lanes of outputs and of inputs, whole blocks and padded ones, maps of one pixel and of many; taps that have no
  /// gradient, with moments of former steps and without; tiles for AVX-512 and for AVX2.
  @Test(
    arguments: [[48, 40, 4, 4], [512, 512, 1, 1], [33, 20, 2, 3], [64, 32, 8, 8]],
    [(withMoments: false, vectorWidth: 16), (true, 16), (true, 8)])
  func usedAndStoredGradientsAgree(_ sizes: [Int], _ settings: (withMoments: Bool, vectorWidth: Int)) throws {
    let (inputs, outputs) = (sizes[0], sizes[1])
    let tape = Tape()
    let geometry = ConvolutionGeometry(stride: 2, padding: 1)
    let schedule = tape.schedule()
    let g = tape.input("g", [1, outputs, sizes[2], sizes[3]])
    let x = tape.input("x", [1, inputs, 2 * sizes[2], 2 * sizes[3]])
    var parameters: [Tensor] = []
    var moments: [Tensor] = []
    var results: [Tensor] = []
    for transposed in [false, true] {
      let weight = tape.parameter("weight \(transposed)", [outputs, inputs, 4, 4])
      _ =
        transposed
        ? try tape.transposedConvolution(g, weight: weight, geometry)
        : try tape.convolution(x, weight: weight, geometry)
      let (m, v) = (tape.state("m \(transposed)", weight.shape), tape.state("v \(transposed)", weight.shape))
      let gradient = try tape.weightGradient(
        image: x, gradient: g, like: weight, geometry, imageActivation: Activation(negativeSlope: 0.2))
      // As in a backward pass, the weight is read behind its gradient and before its step.
      results.append(
        transposed
          ? try tape.convolution(x, weight: weight, geometry)
          : try tape.transposedConvolution(g, weight: weight, geometry))
      try tape.adam(weight, gradient: gradient, firstMoment: m, secondMoment: v, schedule: schedule)
      parameters.append(weight)
      moments += [m, v]
    }
    let recording = tape.freeze()
    let steps = 0..<recording.steps.count
    let device = try Device.select("auto").device
    let stored = try OpenCLExecutor(
      recording, on: device, .init(deviceClass: .cpu, vectorWidth: settings.vectorWidth))
    let used = try OpenCLExecutor(
      recording, on: device,
      .init(deviceClass: .cpu, vectorWidth: settings.vectorWidth, storesGradients: false))
    let reference = ReferenceExecutor(recording)
    let isLarge = parameters[0].shape.count > x.shape.count + g.shape.count
    #expect(try used.launchCount(steps) == stored.launchCount(steps) - (isLarge ? 2 : 0))
    for executor in [stored, used, reference] as [any Executor] {
      for (index, tensor) in ([x, g] + parameters).enumerated() {
        try executor.write(
          CaseValues.uniform.make(count: tensor.shape.count, seed: 3, stream: UInt32(index)), to: tensor)
      }
      for (index, tensor) in moments.enumerated() where settings.withMoments {
        let values = CaseValues.uniform.make(count: tensor.shape.count, seed: 4, stream: UInt32(index))
        // A second moment is a mean of squares.
        try executor.write(index % 2 == 0 ? values : values.map { $0 * $0 }, to: tensor)
      }
      for step in 0..<3 {
        try executor.write(Schedule(step: step, learningRate: 0.01, seed: 0).values, to: schedule)
        try executor.run(steps)
      }
    }
    for tensor in parameters + moments + results {
      let expected = try stored.read(tensor)
      // The same sums in the same order, but a compiler may fuse their last operation with the step's first.
      // Measured 0, and 8.2e-8 from the reference.
      #expect(Comparison(try used.read(tensor), expected: expected).isWithin(1e-7))
      #expect(Comparison(expected, expected: reference.read(tensor)).isWithin(8e-7))
    }
  }
}
