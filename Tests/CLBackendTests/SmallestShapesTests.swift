import CLBackend
import Model
import OperationCases
import Tape
import Testing

/// Every family of convolution kernels, by the names of its variants, on shapes so small that a simulator can run them:
/// scripts/check-kernels does.
struct SmallestShapesTests {
  struct Case: CustomTestStringConvertible {
    var deviceClass: DeviceClass
    /// Of the convolution, its input gradient and its weight gradient; nil: the default.
    var variants: [String?]
    var matrixUnits: MatrixUnits?
    var precision: Precision?
    /// Whether the weight gradient is used where it is made.
    var updates = false
    /// 4 x 4 taps of stride 2, or 3 x 3 of stride 1.
    var taps = 4
    var bound = 1e-6

    var testDescription: String {
      "\(deviceClass) \(variants.map { $0 ?? "default" })\(updates ? " with Adam" : "")\(taps == 3 ? ", 3 x 3" : "")"
    }
  }

  /// Measured: 3.4e-7 by Winograd, 7.3e-7 of 3 x 3 taps, 3.5e-7 by CLBlast, 2.6e-7 otherwise; 2.9e-4 in TF32.
  static let cases = [
    Case(deviceClass: .cpu, variants: [nil, nil, nil]),
    Case(deviceClass: .cpu, variants: ["winograd", "winograd", "winograd"]),
    Case(deviceClass: .cpu, variants: ["winograd", "winograd", "winograd"], taps: 3, bound: 6e-6),
    Case(deviceClass: .cpu, variants: [nil, "dot tiles 1x4x4", nil]),
    Case(deviceClass: .cpu, variants: ["clblast", "clblast", "clblast"]),
    Case(deviceClass: .cpu, variants: [nil, nil, nil], updates: true),
    Case(deviceClass: .gpu, variants: ["gpu 16x64/4x4 split 2", "gpu 64x64/8x4 split 2", nil]),
    Case(deviceClass: .gpu, variants: ["skinny 16x32/16x32 split 2", "skinny 16x32/16x32 split 1", nil]),
    Case(
      deviceClass: .gpu, variants: [nil, nil, nil], matrixUnits: .emulated, precision: .tf32, bound: 9.8e-4),
  ]

  @Test(arguments: cases.filter { DeviceClass.tested.contains($0.deviceClass) }) func agreesWithTheReference(
    _ testCase: Case
  ) throws {
    let tape = Tape()
    let taps = testCase.taps
    let geometry =
      taps == 3 ? ConvolutionGeometry(stride: 1, padding: 0) : ConvolutionGeometry(stride: 2, padding: 1)
    let schedule = tape.schedule()
    let x = tape.input("x", [1, 32, 6, 6], kind: .activation)
    let w = tape.parameter("w", [32, 32, taps, taps])
    let y = try tape.convolution(x, weight: w, geometry, inputActivation: .leakyReLU)
    let g = tape.input("g", y.shape, kind: .activation)
    let dx = try tape.transposedConvolution(g, weight: w, geometry, outputSize: (6, 6))
    let dw = try tape.weightGradient(image: x, gradient: g, like: w, geometry, imageActivation: .leakyReLU)
    let moments = ["m", "v"].map { tape.state($0, w.shape) }
    try tape.adam(
      w, gradient: dw, firstMoment: moments[0], secondMoment: moments[1], schedule: schedule)
    let recording = tape.freeze()
    let device = try Device.select("auto").device
    func executor(_ choices: KernelChoices) throws -> OpenCLExecutor {
      try OpenCLExecutor(
        recording, on: device,
        .init(
          deviceClass: testCase.deviceClass, choices: choices, precision: testCase.precision,
          matrixUnits: testCase.matrixUnits,
          // The variants are those of registers of 16 floats.
          vectorWidth: testCase.deviceClass == .cpu ? 16 : nil, storesGradients: !testCase.updates))
    }
    var choices = KernelChoices()
    for (variant, name) in zip(try executor(choices).variants(0..<3), testCase.variants) {
      choices[variant.key] = name
    }
    let chosen = try executor(choices)
    let reference = ReferenceExecutor(recording)
    for executor in [chosen, reference] as [any Executor] {
      for (index, tensor) in [x, g, w].enumerated() {
        try executor.write(
          CaseValues.uniform.make(count: tensor.shape.count, seed: 3, stream: UInt32(index)), to: tensor)
      }
      try executor.write(Schedule(step: 0, learningRate: 0.01, seed: 0).values, to: schedule)
      try executor.run(0..<4)
    }
    var worst = 0.0
    // The first moment is half the gradient: beta1 is 0.5.
    for output in [y, dx, moments[0]] + (testCase.updates ? [] : [dw]) {
      let comparison = Comparison(try chosen.read(output), expected: reference.read(output))
      #expect(comparison.isWithin(testCase.bound), "\(recording.name(of: output)): \(comparison)")
      worst = max(worst, comparison.relativeL2)
    }
    print("smallest shapes, \(testCase.testDescription), the largest error: \(worst)")
  }

  /// Parts of a weight gradient's pixels, and their sum.
  @Test(arguments: [1, 2]) func splitWeightGradientsAgreeWithTheReference(_ splits: Int) throws {
    let tape = Tape()
    let geometry = ConvolutionGeometry(stride: 1, padding: 0)
    let x = tape.input("x", [1, 8, 8, 8], kind: .activation)
    let g = tape.input("g", [1, 8, 8, 8], kind: .activation)
    let w = tape.parameter("w", [8, 8, 1, 1])
    let dw = try tape.weightGradient(image: x, gradient: g, like: w, geometry)
    let recording = tape.freeze()
    let device = try Device.select("auto").device
    var choices = KernelChoices()
    for variant in try OpenCLExecutor(recording, on: device, .init(deviceClass: .gpu)).variants(0..<1) {
      choices[variant.key] = "gpu 64x16/4x4 split \(splits)"
    }
    let executor = try OpenCLExecutor(recording, on: device, .init(deviceClass: .gpu, choices: choices))
    let reference = ReferenceExecutor(recording)
    for executor in [executor, reference] as [any Executor] {
      for (index, tensor) in [x, g].enumerated() {
        try executor.write(
          CaseValues.uniform.make(count: tensor.shape.count, seed: 3, stream: UInt32(index)), to: tensor)
      }
      try executor.run(0..<1)
    }
    let comparison = Comparison(try executor.read(dw), expected: reference.read(dw))
    print("smallest shapes, \(splits) parts: \(comparison)")
    // Measured 1.5e-7.
    #expect(comparison.isWithin(1e-6), "\(comparison)")
  }

  /// Activations of all sizes in one memory, their borders cleared before each.
  @Test func recomputingChangesNoBitOfTheSmallestStep() throws {
    let configuration = try NetworkConfiguration(size: 32, ngf: 2, ndf: 2)
    let device = try Device.select("auto").device
    func trained(_ recomputation: Recomputation?) throws -> [[Float]] {
      var options = Pix2Pix.Options()
      options.recomputation = recomputation
      let model = try Pix2Pix(configuration, options, sections: .train)
      let executor = try OpenCLExecutor(
        model.recording, on: device,
        .init(deviceClass: DeviceClass.tested[0], kept: .recorded, packsActivations: recomputation != nil))
      try model.initialize(executor, seed: 3)
      for (index, tensor) in model.sides.enumerated() {
        try executor.write(
          CaseValues.uniform.make(count: tensor.shape.count, seed: 3, stream: UInt32(index)), to: tensor)
      }
      try executor.write(Schedule(step: 0, learningRate: 2e-4, seed: 1).values, to: model.schedule)
      try executor.run(section: "train")
      return try model.networks.flatMap(\.parameters).map { try executor.read($0.tensor) }
    }
    let expected = try trained(nil)
    #expect(try trained(.standard) == expected)
    let isFinite = expected.allSatisfy { $0.allSatisfy(\.isFinite) }
    #expect(isFinite)
  }

  @Test func emulatedMatrixUnitsMultiply() throws {
    let device = try Device.select("auto").device
    for operands in MatrixUnits.Operands.allCases {
      #expect(MatrixUnits.multiplies(operands, emulated: true, on: device))
    }
  }
}
