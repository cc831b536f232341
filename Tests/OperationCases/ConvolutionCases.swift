import Random
import Tape

/// One of the kernels that are tested: "4/2/1" is a 4 x 4 kernel with stride 2 and padding 1.
private struct Kernel: CustomStringConvertible {
  let size: Int
  let geometry: ConvolutionGeometry

  init(_ size: Int, _ stride: Int, _ padding: Int) {
    self.size = size
    geometry = ConvolutionGeometry(stride: stride, padding: padding)
  }

  var description: String { "\(size)/\(geometry.stride)/\(geometry.padding)" }
  var taps: Int { size * size }
}

/// A convolution's operands, whichever of the three operations is recorded with them.
private struct ConvolutionSpecification {
  var kernel: Kernel
  /// The convolution's input [N, I, H, W].
  var image: Shape
  /// O
  var outputs: Int
  /// What is applied to the operand in the role of the image, and to the one in the role of the gradient.
  var imageActivation = Activation.none
  var gradientActivation = Activation.none
  var bias = false
  var gate: Activation?
  /// Small integers, whose sums are exact: the result must be equal.
  var integers = false

  /// [N, O, OH, OW]
  var gradient: Shape {
    let size = { kernel.geometry.outputSize($0, kernel: kernel.size) ?? 0 }
    return [image.n, outputs, size(image.h), size(image.w)]
  }
  var weight: Shape { [outputs, image.c, kernel.size, kernel.size] }
  var values: CaseValues { integers ? .integers : .uniform }

  func name(_ operation: String, _ settings: [String]) -> String {
    var parts = ["\(operation) \(kernel) image \(image) gradient \(gradient)"]
    parts += settings
    if bias { parts.append("bias") }
    if let gate { parts.append("gate \(gate)") }
    if integers { parts.append("integers") }
    return parts.joined(separator: ", ")
  }

  func bound(terms: Int) -> Double {
    integers ? 0 : OperationCases.bound(terms: terms)
  }

  var convolution: OperationCase {
    OperationCase(
      name("convolution", ["input \(imageActivation)"]), bound: bound(terms: image.c * kernel.taps)
    ) { [self] recorder in
      let x = recorder.input("x", image, values)
      let w = recorder.parameter("w", weight, values)
      let b = bias ? recorder.parameter("b", [outputs], values) : nil
      let gate = gate.map { Gate(tensor: recorder.input("gate", gradient, values), activation: $0) }
      return [
        try recorder.tape.convolution(
          x, weight: w, kernel.geometry, bias: b, inputActivation: imageActivation, gate: gate)
      ]
    }
  }

  var transposed: OperationCase {
    OperationCase(
      name("transposed convolution", ["input \(gradientActivation)"]),
      bound: bound(terms: outputs * kernel.taps)
    ) { [self] recorder in
      let g = recorder.input("g", gradient, values)
      let w = recorder.parameter("w", weight, values)
      let b = bias ? recorder.parameter("b", [image.c], values) : nil
      let gate = gate.map { Gate(tensor: recorder.input("gate", image, values), activation: $0) }
      return [
        try recorder.tape.transposedConvolution(
          g, weight: w, kernel.geometry, bias: b, inputActivation: gradientActivation, gate: gate,
          outputSize: (image.h, image.w))
      ]
    }
  }

  var weightGradient: OperationCase {
    var bare = self
    bare.bias = false
    bare.gate = nil
    return OperationCase(
      bare.name("weight gradient", ["image \(imageActivation)", "gradient \(gradientActivation)"]),
      bound: bound(terms: gradient.n * gradient.h * gradient.w)
    ) { [self] recorder in
      let x = recorder.input("x", image, values)
      let g = recorder.input("g", gradient, values)
      let w = recorder.tape.parameter("w", weight)
      return [
        try recorder.tape.weightGradient(
          image: x, gradient: g, like: w, kernel.geometry, imageActivation: imageActivation,
          gradientActivation: gradientActivation)
      ]
    }
  }
}

private let kernels = [
  Kernel(4, 2, 1), Kernel(4, 1, 1), Kernel(3, 1, 1), Kernel(3, 2, 1), Kernel(7, 1, 3), Kernel(1, 1, 0),
  Kernel(5, 3, 2),
]

/// Every kernel with every pair of channels; batch, size, activations, bias and gate are drawn for each.
private let crossed: [ConvolutionSpecification] = {
  let channels = [(1, 1), (3, 64), (6, 16), (16, 3), (24, 48), (48, 24), (8, 1), (64, 64)]
  let large = [(16, 16), (33, 17), (9, 32), (12, 20), (15, 4)]
  let small = [(8, 8), (5, 7), (4, 12), (10, 4), (9, 6)]
  let activations: [Activation] = [.none, .leakyReLU, .relu]
  let gates: [Activation?] = [nil, nil, .relu, nil, .leakyReLU]
  let random = Philox(seed: 2017)
  var result: [ConvolutionSpecification] = []
  for kernel in kernels {
    for (inputs, outputs) in channels {
      let first = random.words(UInt32(result.count), 0)
      let second = random.words(UInt32(result.count), 1)
      let sizes = inputs * outputs > 400 ? small : large
      let (h, w) = sizes[Int(first.x % 5)]
      var specification = ConvolutionSpecification(
        kernel: kernel, image: [1 + Int(first.y % 3), inputs, h, w], outputs: outputs)
      specification.imageActivation = activations[Int(first.z % 3)]
      specification.gradientActivation = activations[Int(first.w % 3)]
      specification.bias = second.x % 2 == 0
      specification.gate = gates[Int(second.y % 5)]
      result.append(specification)
    }
  }
  return result
}()

/// The same kernels with small integers, whose sums are exact in single precision.
private let exact: [ConvolutionSpecification] = kernels.enumerated().flatMap { index, kernel in
  [
    ConvolutionSpecification(
      kernel: kernel, image: [2, 16, 12, 9], outputs: 48, imageActivation: .relu, bias: true, gate: .relu,
      integers: true),
    ConvolutionSpecification(
      kernel: kernel, image: [1 + index % 3, 3, 13, 18], outputs: 16, gradientActivation: .relu,
      integers: true),
    ConvolutionSpecification(
      kernel: kernel, image: [1, 16, 8, 7], outputs: 3, gradientActivation: .relu, bias: true,
      integers: true),
  ]
}

/// The smallest maps there are, and images that leave rows and columns unused (several image sizes have one
/// gradient size).
private let edges: [ConvolutionSpecification] = {
  var result: [ConvolutionSpecification] = []
  for kernel in kernels {
    // The smallest image of a gradient of 1 x 1, and the largest.
    let smallest = max(1, kernel.size - 2 * kernel.geometry.padding)
    let largest = kernel.size - 2 * kernel.geometry.padding + kernel.geometry.stride - 1
    for size in Set([smallest, largest]).sorted() {
      result.append(
        ConvolutionSpecification(
          kernel: kernel, image: [2, 24, size, size], outputs: 16, imageActivation: .leakyReLU, bias: true))
    }
  }
  for size in [(32, 33), (33, 32), (7, 5), (2, 3)] {
    result.append(
      ConvolutionSpecification(
        kernel: Kernel(4, 2, 1), image: [1, 16, size.0, size.1], outputs: 8, gradientActivation: .relu,
        gate: .leakyReLU))
  }
  for size in [(10, 11), (12, 10)] {
    result.append(
      ConvolutionSpecification(
        kernel: Kernel(5, 3, 2), image: [2, 8, size.0, size.1], outputs: 16, bias: true, gate: .relu))
  }
  return result
}()

let convolutionCases = (crossed + exact + edges).map(\.convolution)
let transposedConvolutionCases = (crossed + exact + edges).map(\.transposed)
let weightGradientCases = (crossed + exact + edges).map(\.weightGradient)
