import CLBackend
import OperationCases
import Tape
import Testing

/// Kernel variants of GPUs by name, on maps at the bottom of a U-Net: several panels, the last partly filled, more
/// parts of the depth than go into it evenly.
struct GPUVariantTests {
  /// The image, and the variants of a convolution (stride 2) and of its transposed one.
  static let cases: [(image: Shape, variants: [String])] = [
    ([1, 80, 2, 2], ["skinny 1x32/1x32 split 1", "skinny 1x32/1x32 split 8"]),
    ([1, 80, 4, 4], ["skinny 4x32/4x32 split 1", "skinny 4x32/4x32 split 16"]),
    ([3, 80, 3, 4], ["skinny 16x32/16x32 split 1", "skinny 16x32/16x32 split 4"]),
    ([3, 80, 4, 4], ["skinny 16x32/16x32 split 2", "gpu 16x64/4x4 split 8", "gpu 128x64/8x8 split 4"]),
  ]

  @Test(arguments: cases) func variantsAgreeWithTheReference(image: Shape, variants: [String]) throws {
    let tape = Tape()
    let geometry = ConvolutionGeometry(stride: 2, padding: 1)
    let x = tape.input("x", image)
    let w = tape.parameter("w", [144, 80, 4, 4])
    let b = tape.parameter("b", [144])
    let y = try tape.convolution(x, weight: w, geometry, bias: b, inputActivation: .leakyReLU)
    let dx = try tape.transposedConvolution(
      y, weight: w, geometry, inputActivation: .relu, gate: Gate(tensor: x, activation: .leakyReLU),
      outputSize: (image.h, image.w))
    let recording = tape.freeze()
    let reference = ReferenceExecutor(recording)
    let values = [x, w, b].enumerated().map { index, tensor in
      CaseValues.uniform.make(count: tensor.shape.count, seed: 5, stream: UInt32(index))
    }
    for (tensor, values) in zip([x, w, b], values) { reference.write(values, to: tensor) }
    reference.run(0..<2)
    let device = try Device.select("auto").device
    let passes = try OpenCLExecutor(recording, on: device, .init(deviceClass: .gpu)).variants(0..<2)
    for name in variants {
      var choices = KernelChoices()
      for pass in passes { choices[pass.key] = name }
      let executor = try OpenCLExecutor(recording, on: device, .init(deviceClass: .gpu, choices: choices))
      for (tensor, values) in zip([x, w, b], values) { try executor.write(values, to: tensor) }
      try executor.run(0..<1)
      let forward = Comparison(try executor.read(y), expected: reference.read(y))
      try executor.write(reference.read(y), to: y)
      try executor.run(1..<2)
      let backward = Comparison(try executor.read(dx), expected: reference.read(dx))
      // Measured 1.2e-7 skinny, 2.6e-7 in tiles.
      #expect(forward.isWithin(1e-6) && backward.isWithin(1e-6), "\(name), \(image): \(forward); \(backward)")
    }
  }

  /// A depth of 9216 pixels by a variant that does not split it: values of one sign, whose sums in a single chain would
  /// be off by 1.5e-6.
  @Test func longSumsOfPixelsAreTakenInPieces() throws {
    let tape = Tape()
    let x = tape.input("x", [1, 16, 96, 96], kind: .activation)
    let g = tape.input("g", [1, 16, 96, 96], kind: .activation)
    let w = tape.parameter("w", [16, 16, 1, 1])
    let dw = try tape.weightGradient(
      image: x, gradient: g, like: w, ConvolutionGeometry(stride: 1, padding: 0))
    let recording = tape.freeze()
    let device = try Device.select("auto").device
    var choices = KernelChoices()
    for variant in try OpenCLExecutor(recording, on: device, .init(deviceClass: .gpu)).variants(0..<1) {
      choices[variant.key] = "gpu 64x16/4x4 split 1"
    }
    let executor = try OpenCLExecutor(recording, on: device, .init(deviceClass: .gpu, choices: choices))
    let reference = ReferenceExecutor(recording)
    for (index, tensor) in [x, g].enumerated() {
      let values = CaseValues.positive.make(count: tensor.shape.count, seed: 5, stream: UInt32(index))
      try executor.write(values, to: tensor)
      reference.write(values, to: tensor)
    }
    try executor.run(0..<1)
    reference.run(0..<1)
    let comparison = Comparison(try executor.read(dw), expected: reference.read(dw))
    print("long sums of pixels: \(comparison)")
    // Measured 1.4e-7.
    #expect(comparison.isWithin(5e-7), "\(comparison)")
  }

  /// What an H200 takes at batch 1: the kinds of kernels that the layers are meant for.
  @Test func theBottomOfTheNetIsStreamed() throws {
    let device = try Device.select("auto").device
    for (size, expected) in [
      (2, "skinny 1x32/1x32 split "), (4, "skinny 4x32/4x32 split "), (16, "gpu 64x64/8x4"),
    ] {
      let tape = Tape()
      let x = tape.input("x", [1, 512, size, size])
      let w = tape.parameter("w", [512, 512, 4, 4])
      _ = try tape.convolution(x, weight: w, ConvolutionGeometry(stride: 2, padding: 1))
      let executor = try OpenCLExecutor(
        tape.freeze(), on: device, .init(deviceClass: .gpu, computeUnits: 132))
      let name = try #require(try executor.variants(0..<1).first).name
      #expect(name.hasPrefix(expected), "\(size): \(name)")
      // Without the depth split a card with 132 units would be idle for the most part.
      #expect(!name.hasSuffix("split 1"), "\(size): \(name)")
    }
  }
}
