import CLBackend
import OperationCases
import Tape
import Testing

/// Winograd's form of all three passes, on maps that tiles do not divide, for every kernel it takes.
struct WinogradTests {
  struct Shapes: CustomTestStringConvertible {
    var images = 1
    var inputs = 32
    var outputs = 32
    var height: Int
    var width: Int
    var kernel = 4
    var stride = 2
    var padding = 1

    var testDescription: String {
      "\(images)x\(inputs)x\(height)x\(width) to \(outputs), kernel \(kernel)/\(stride)/\(padding)"
    }
  }

  static let shapes = [
    Shapes(images: 3, inputs: 64, outputs: 96, height: 9, width: 33),
    Shapes(height: 8, width: 14, padding: 0),
    Shapes(height: 12, width: 11, padding: 2), Shapes(inputs: 64, height: 32, width: 31, stride: 1),
    Shapes(height: 14, width: 17, kernel: 2, stride: 1),
    Shapes(images: 2, height: 18, width: 15, kernel: 8, stride: 2, padding: 3),
    Shapes(images: 2, inputs: 64, height: 19, width: 34, kernel: 3, stride: 1, padding: 0),
    Shapes(height: 13, width: 12, kernel: 3, stride: 1),
    Shapes(height: 14, width: 21, kernel: 6, stride: 2, padding: 2),
    // Chains of sums in several pieces, over channels and over tiles.
    Shapes(images: 4, inputs: 320, outputs: 288, height: 14, width: 12, stride: 1),
  ]

  /// Tiles for AVX-512 and for AVX2, whatever the tests' device has.
  @Test(arguments: shapes.map { ($0, 16) } + [shapes[0], shapes[3], shapes[6]].map { ($0, 8) })
  func agreesWithTheReference(_ shapes: Shapes, vectorWidth: Int) throws {
    let tape = Tape()
    let geometry = ConvolutionGeometry(stride: shapes.stride, padding: shapes.padding)
    let x = tape.input("x", [shapes.images, shapes.inputs, shapes.height, shapes.width])
    let kernel = [shapes.outputs, shapes.inputs, shapes.kernel, shapes.kernel]
    let down = tape.parameter("down", Shape(kernel))
    let up = tape.parameter("up", Shape(kernel))
    let bias = tape.parameter("bias", [shapes.outputs])
    let y = try tape.convolution(
      x, weight: down, geometry, bias: bias, inputActivation: Activation(negativeSlope: 0.2))
    let g = tape.input("g", y.shape)
    let relu = Activation(negativeSlope: 0)
    let gate = tape.input("gate", x.shape)
    let outputs = [
      y,
      try tape.transposedConvolution(
        g, weight: up, geometry, inputActivation: relu,
        gate: Gate(tensor: gate, activation: relu), outputSize: (shapes.height, shapes.width)),
      try tape.weightGradient(
        image: x, gradient: g, like: down, geometry, imageActivation: Activation(negativeSlope: 0.2)),
      try tape.weightGradient(image: x, gradient: g, like: up, geometry, gradientActivation: relu),
    ]
    // The last one then lies as a transposed convolution's weight does.
    try tape.adam(
      up, gradient: outputs[3], firstMoment: tape.state("m", up.shape),
      secondMoment: tape.state("v", up.shape),
      schedule: tape.schedule())
    let recording = tape.freeze()
    let steps = 0..<recording.steps.count
    let device = try Device.select("auto").device
    var choices = KernelChoices()
    let standard = try OpenCLExecutor(
      recording, on: device, .init(deviceClass: .cpu, vectorWidth: vectorWidth))
    for variant in try standard.variants(steps) {
      choices[variant.key] = "winograd"
    }
    let executor = try OpenCLExecutor(
      recording, on: device, .init(deviceClass: .cpu, choices: choices, vectorWidth: vectorWidth))
    let reference = ReferenceExecutor(recording)
    for (index, tensor) in [x, down, up, bias, g, gate].enumerated() {
      let values = CaseValues.uniform.make(count: tensor.shape.count, seed: 5, stream: UInt32(index))
      try executor.write(values, to: tensor)
      reference.write(values, to: tensor)
    }
    try executor.run(steps)
    try expectZeroPadding(executor, shapes.testDescription)
    reference.run(steps)
    for output in outputs {
      let comparison = Comparison(try executor.read(output), expected: reference.read(output))
      // Measured: 4.8e-7 with 2 x 2 taps, 1.5e-6 with 3 x 3, 1.7e-6 with 4 x 4.
      let bound = shapes.kernel / shapes.stride == 2 ? 2e-6 : 8e-6
      #expect(comparison.isWithin(bound), "\(recording.name(of: output)): \(comparison)")
    }
  }
}
