import OperationCases
import Tape
import Testing

/// How long the reference takes for layers of the default model: a note, no requirement. On two cores of an EPYC
/// 6 to 15 GFLOP/s, so that the 87 GFLOP of a training step at 256 x 256 take some 10 s; layers of 2 x 2 pixels 1.
@Suite(.serialized) struct ReferenceSpeedTests {
  struct Layer: Sendable, CustomTestStringConvertible {
    let name: String
    let image: Shape
    let outputs: Int
    let stride: Int
    var testDescription: String { name }
  }

  static let layers = [
    Layer(name: "conv1 3 -> 64 at 256", image: [1, 3, 256, 256], outputs: 64, stride: 2),
    Layer(name: "conv4 256 -> 512 at 32", image: [1, 256, 32, 32], outputs: 512, stride: 2),
    Layer(name: "conv8 512 -> 512 at 2", image: [1, 512, 2, 2], outputs: 512, stride: 2),
    Layer(name: "deconv4 1024 -> 256 at 16", image: [1, 256, 32, 32], outputs: 1024, stride: 2),
    Layer(name: "D's conv4 256 -> 512 at 32", image: [1, 256, 32, 32], outputs: 512, stride: 1),
  ]

  @Test(arguments: layers) func time(_ layer: Layer) throws {
    let tape = Tape()
    let geometry = ConvolutionGeometry(stride: layer.stride, padding: 1)
    let x = tape.input("x", layer.image)
    let w = tape.parameter("w", [layer.outputs, layer.image.c, 4, 4])
    let y = try tape.convolution(x, weight: w, geometry, inputActivation: .leakyReLU)
    _ = try tape.transposedConvolution(
      y, weight: w, geometry, inputActivation: .relu, outputSize: (layer.image.h, layer.image.w))
    _ = try tape.weightGradient(image: x, gradient: y, like: w, geometry, imageActivation: .leakyReLU)
    let recording = tape.freeze()
    let executor = ReferenceExecutor(recording)
    for (stream, tensor) in [x, w].enumerated() {
      executor.write(
        CaseValues.uniform.make(count: tensor.shape.count, seed: 1, stream: UInt32(stream)), to: tensor)
    }
    var line = "reference, \(layer.name):"
    for (index, step) in recording.steps.enumerated() {
      let seconds = ContinuousClock().measure { executor.run(index..<index + 1) } / .seconds(1)
      let rate = step.operation.flops / seconds / 1e9
      line += " \(step.name) \(Int(seconds * 1000)) ms, \((rate * 100).rounded() / 100) GFLOP/s;"
    }
    print(line)
  }
}
