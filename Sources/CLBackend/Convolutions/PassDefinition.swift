import Tape

// Passes recorded alone, for the tuner.

extension ConvolutionPass {
  var layer: PassLayer {
    PassLayer(
      image: transposed ? output.shape : input.shape, gradient: transposed ? input.shape : output.shape,
      weight: weight.shape, geometry: geometry)
  }

  func record(
    on tape: Tape, image: Tensor, gradient: Tensor, weight w: Tensor
  ) throws(TapeError) -> (output: Tensor, operands: [Tensor]) {
    let bias = bias.map { _ in tape.parameter("bias", [w.shape[transposed ? 1 : 0]]) }
    let resultShape = transposed ? image.shape : gradient.shape
    let gate = gate.map { Gate(tensor: tape.input("gate", resultShape), activation: $0.activation) }
    let result =
      transposed
      ? try tape.transposedConvolution(
        gradient, weight: w, geometry, bias: bias, inputActivation: inputActivation, gate: gate,
        outputSize: (image.shape.h, image.shape.w))
      : try tape.convolution(
        image, weight: w, geometry, bias: bias, inputActivation: inputActivation, gate: gate)
    return (result, [transposed ? gradient : image, w] + [bias, gate?.tensor].compactMap { $0 })
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
}
