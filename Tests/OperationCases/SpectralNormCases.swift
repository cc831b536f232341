import Tape

private let weights: [Shape] = [
  [16, 3, 4, 4], [48, 20, 3, 3], [1, 40, 4, 4], [33, 70, 1, 1], [3, 64, 3, 3],
]

/// The weight and u; alone, and with two convolutions behind, which want it packed in their way, with the gradient.
let spectralNormCases: [OperationCase] = weights.flatMap { shape in
  let products = shape.count / shape[0] + shape[0]
  return [true, false].map { updates in
    OperationCase(
      "spectral norm \(shape)\(updates ? "" : ", u stays")", bound: bound(terms: products, extra: 16)
    ) { recorder in
      let w = recorder.parameter("w", shape)
      let u = recorder.state("u", [shape[0]], .around(0.25))
      let y = try recorder.tape.spectralNorm(w, u: u, updates: updates)
      return [y, u]
    }
  } + [
    OperationCase("spectral norm \(shape), convolved", bound: bound(terms: 4 * products, extra: 16)) {
      recorder in
      let tape = recorder.tape
      let w = recorder.parameter("w", shape)
      let u = recorder.state("u", [shape[0]], .around(0.25))
      let normalized = try tape.spectralNorm(w, u: u)
      let geometry = ConvolutionGeometry(stride: 2, padding: 1)
      let parts = try (0..<2).map { _ in
        try tape.convolution(
          recorder.input("x", [1, shape[1], 6, 6]), weight: normalized, geometry)
      }
      let y = try tape.combination(1, parts[0], -0.5, parts[1])
      return [y, u] + (try recorder.gradients(of: y, withRespectTo: [w]))
    }
  ]
}
