import Foundation
import Model
import Tape
import Testing

/// Networks against PyTorch's in float64, from the same parameters and pictures: see Fixtures/make_networks.py.
@Suite struct ModuleTests {
  private struct Expected: Decodable {
    let count: Int
    let step: Int
    let values: [Double]
  }

  private static func expected(_ name: String) throws -> Expected {
    let url = try #require(
      Bundle.module.url(forResource: "networks", withExtension: "json", subdirectory: "Fixtures"))
    return try #require(JSONDecoder().decode([String: Expected].self, from: Data(contentsOf: url))[name])
  }

  /// Runs what `record` makes of an input and compares it. Measured: at most 7e-13.
  private func compare(
    _ name: String, _ shape: Shape,
    _ record: (Tape, Tensor) throws -> (output: Tensor, parameters: [NamedTensor])
  ) throws {
    let tape = Tape()
    let input = tape.input("input", shape)
    let (output, parameters) = try record(tape, input)
    let executor = ReferenceExecutor(tape.freeze(), precision: .float64)
    func sines(_ count: Int, _ phase: Double, _ step: Double) -> [Double] {
      (0..<count).map { sin(Double($0) * step + phase) }
    }
    let sorted = parameters.sorted { $0.name < $1.name }
    for (index, parameter) in sorted.enumerated() {
      let shape = parameter.tensor.shape
      let isScale = shape.rank == 1 && parameter.name.hasSuffix("weight")
      let scale = shape.rank == 4 ? (2 / Double(shape.count / shape[0])).squareRoot() : 0.25
      executor.write(
        sines(shape.count, Double(index), 1.37).map { (isScale ? 1 : 0) + scale * $0 }, to: parameter.tensor)
    }
    executor.write(sines(shape.count, 0.5, 0.11), to: input)
    executor.run(0..<executor.recording.steps.count)
    let values = executor.readDouble(output)
    let expected = try Self.expected(name)
    #expect(values.count == expected.count)
    let errors = expected.values.enumerated().map { abs(values[$0 * expected.step] - $1) }
    #expect(errors.allSatisfy { $0 <= 5e-12 }, "\(name): \(errors.max() ?? .nan)")
  }

  @Test(
    arguments: [
      ("resnet-6 batch", [2, 3, 24, 36], GeneratorKind.resnet6, 4, NormKind.batch, false, 3, 3),
      ("resnet-9 instance", [1, 1, 32, 32], .resnet9, 3, .instance, false, 1, 2),
      ("resnet-6 affine", [2, 3, 32, 24], .resnet6, 2, .instance, true, 3, 3),
    ] as [(String, Shape, GeneratorKind, Int, NormKind, Bool, Int, Int)])
  func resnets(
    _ name: String, _ shape: Shape, _ kind: GeneratorKind, _ ngf: Int, _ norm: NormKind, _ affine: Bool,
    _ inputs: Int, _ outputs: Int
  ) throws {
    try compare(name, shape) { tape, input in
      var network = NetworkConfiguration()
      (network.generator, network.ngf, network.norm, network.affine) = (kind, ngf, norm, affine)
      (network.inputChannels, network.outputChannels, network.dropout) = (inputs, outputs, false)
      let generator = ResNet(network, blocks: try #require(kind.residualBlocks), NetworkLabel("G"), on: tape)
      let pass = try generator.record(input, on: tape, dropout: .off, training: false)
      return (pass.output, generator.parameters)
    }
  }

  @Test(
    arguments: [
      ("pixel batch", [2, 6, 9, 7], 5, NormKind.batch), ("pixel instance", [2, 4, 8, 8], 8, .instance),
    ] as [(String, Shape, Int, NormKind)])
  func pixelDiscriminators(_ name: String, _ shape: Shape, _ ndf: Int, _ norm: NormKind) throws {
    try compare(name, shape) { tape, input in
      var network = NetworkConfiguration()
      (network.discriminatorLayers, network.ndf, network.norm) = (0, ndf, norm)
      let patch = PatchGAN(network, channels: shape.c, NetworkLabel("D", prefix: ""), on: tape)
      return (try patch.record(input, on: tape, training: false).logits, patch.parameters)
    }
  }
}
