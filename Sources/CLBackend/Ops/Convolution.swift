import Tape

extension Convolution: PassOperation {
  var borders: [(tensor: Tensor, pixels: Int)] { [(input, geometry.padding)] }

  var weightLayout: WeightLayout {
    .convolved(
      weight, lanes: weight.shape[0] <= Placement.fewChannels ? .input : .output, stride: geometry.stride)
  }

  var pass: any VariedPass {
    ConvolutionPass(
      transposed: false, input: input, inputActivation: inputActivation, weight: weight, bias: bias,
      gate: gate, output: output, geometry: geometry)
  }
}

extension TransposedConvolution: PassOperation {
  var borders: [(tensor: Tensor, pixels: Int)] {
    let (S, P) = (geometry.stride, geometry.padding)
    func border(_ kernel: Int, _ image: Int, _ gradient: Int) -> Int {
      // Whole cells of S x S output pixels are computed, so the last one may overhang the image.
      let cells = (image + S - 1) / S * S
      return max(0, (kernel - 1 - P) / S, (cells - 1 + P) / S - gradient + 1)
    }
    let (x, g, w) = (output.shape, input.shape, weight.shape)
    return [(input, max(border(w[2], x.h, g.h), border(w[3], x.w, g.w)))]
  }

  var weightLayout: WeightLayout {
    .convolved(
      weight, lanes: weight.shape[1] <= Placement.fewChannels ? .output : .input, stride: geometry.stride)
  }

  var pass: any VariedPass {
    ConvolutionPass(
      transposed: true, input: input, inputActivation: inputActivation, weight: weight, bias: bias,
      gate: gate, output: output, geometry: geometry)
  }
}

extension WeightGradient: PassOperation {
  var borders: [(tensor: Tensor, pixels: Int)] { [(image, geometry.padding)] }

  var weightLayout: WeightLayout { .gradient(output, stride: geometry.stride) }

  var pass: any VariedPass { self }
}
