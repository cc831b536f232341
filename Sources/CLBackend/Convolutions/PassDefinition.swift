import Tape

// What the tuner needs of a pass besides its kernels: how to record it alone, and its definition.

/// The layer of a pass: the shapes of its image and gradient side and of its weight [O, I, KH, KW].
struct PassLayer {
  let image: Shape
  let gradient: Shape
  let weight: Shape
  let geometry: ConvolutionGeometry
}

extension ConvolutionPass {
  var layer: PassLayer {
    PassLayer(
      image: transposed ? output.shape : input.shape, gradient: transposed ? input.shape : output.shape,
      weight: weight.shape, geometry: geometry)
  }

  func record(
    on tape: Tape, image: Tensor, gradient: Tensor, weight w: Tensor
  ) throws(TapeError) -> (output: Tensor, operands: [Tensor]) {
    let bias = bias.map { tape.parameter("bias", $0.shape) }
    let gate = gate.map { Gate(tensor: tape.input("gate", $0.tensor.shape), activation: $0.activation) }
    let result =
      transposed
      ? try tape.transposedConvolution(
        gradient, weight: w, geometry, bias: bias, inputActivation: inputActivation, gate: gate,
        outputSize: (image.shape.h, image.shape.w))
      : try tape.convolution(
        image, weight: w, geometry, bias: bias, inputActivation: inputActivation, gate: gate)
    return (result, [transposed ? gradient : image, w] + [bias, gate?.tensor].compactMap { $0 })
  }

  func definition(at index: Int, _ values: [Int: [Float]]) -> Double {
    let (x, w) = (Grid(values[input.id]!, input.shape), Grid(values[weight.id]!, weight.shape))
    let (n, c, row, column) = Grid.coordinates(index, output.shape)
    let (S, P) = (geometry.stride, geometry.padding)
    var sum = 0.0
    for kh in 0..<kernelHeight {
      for kw in 0..<kernelWidth {
        var (iy, ix) = (row * S + kh - P, column * S + kw - P)
        if transposed {
          (iy, ix) = (row + P - kh, column + P - kw)
          guard iy.isMultiple(of: S), ix.isMultiple(of: S) else { continue }
          (iy, ix) = (iy / S, ix / S)
        }
        guard iy >= 0, iy < input.shape.h, ix >= 0, ix < input.shape.w else { continue }
        for i in 0..<input.shape.c {
          let value = inputActivation.definition(x[n, i, iy, ix])
          sum += value * (transposed ? w[i, c, kh, kw] : w[c, i, kh, kw])
        }
      }
    }
    if let bias { sum += Double(values[bias.id]![c]) }
    guard let gate, values[gate.tensor.id]![index] <= 0 else { return sum }
    return sum * Double(gate.activation.negativeSlope)
  }
}

extension WeightGradient {
  var layer: PassLayer {
    PassLayer(image: image.shape, gradient: gradient.shape, weight: output.shape, geometry: geometry)
  }

  func record(
    on tape: Tape, image x: Tensor, gradient g: Tensor, weight w: Tensor
  ) throws(TapeError) -> (output: Tensor, operands: [Tensor]) {
    let result = try tape.weightGradient(
      image: x, gradient: g, like: w, geometry, imageActivation: imageActivation,
      gradientActivation: gradientActivation)
    // The gradient lies as the parameter of its Adam step.
    try tape.adam(
      w, gradient: result, firstMoment: tape.state("m", w.shape), secondMoment: tape.state("v", w.shape),
      schedule: tape.schedule())
    return (result, [x, g])
  }

  func definition(at index: Int, _ values: [Int: [Float]]) -> Double {
    let (x, g) = (Grid(values[image.id]!, image.shape), Grid(values[gradient.id]!, gradient.shape))
    let (o, i, kh, kw) = Grid.coordinates(index, output.shape)
    var sum = 0.0
    for n in 0..<gradient.shape.n {
      for oy in 0..<gradient.shape.h {
        let iy = oy * geometry.stride + kh - geometry.padding
        guard iy >= 0, iy < image.shape.h else { continue }
        for ox in 0..<gradient.shape.w {
          let ix = ox * geometry.stride + kw - geometry.padding
          guard ix >= 0, ix < image.shape.w else { continue }
          sum +=
            imageActivation.definition(x[n, i, iy, ix]) * gradientActivation.definition(g[n, o, oy, ox])
        }
      }
    }
    return sum
  }
}

extension Activation {
  fileprivate func definition(_ value: Double) -> Double {
    value > 0 ? value : value * Double(negativeSlope)
  }
}

/// A tensor of four dimensions, indexed by its coordinates.
private struct Grid {
  private let values: [Float]
  private let (b, c, d): (Int, Int, Int)

  static func coordinates(_ index: Int, _ shape: Shape) -> (Int, Int, Int, Int) {
    (
      index / (shape[1] * shape[2] * shape[3]), index / (shape[2] * shape[3]) % shape[1],
      index / shape[3] % shape[2], index % shape[3]
    )
  }

  init(_ values: [Float], _ shape: Shape) {
    self.values = values
    (b, c, d) = (shape[1], shape[2], shape[3])
  }

  subscript(i: Int, j: Int, k: Int, l: Int) -> Double { Double(values[((i * b + j) * c + k) * d + l]) }
}
