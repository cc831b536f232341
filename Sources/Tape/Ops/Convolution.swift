// Convolutions are three operations closed under differentiation: forward, input gradient (which is the
// transposed convolution) and weight gradient. Each one's gradient is written with the other two.
//
// N images, I input channels, O output channels, KH x KW kernel, S stride, P padding:
//   image    x  [N, I, H,  W ]     act(x) is what the kernel sees
//   gradient g  [N, O, OH, OW]     OH = (H + 2P - KH) / S + 1
//   weight   w  [O, I, KH, KW]

/// One of the three operations.
public protocol ConvolutionOperation: DifferentiableOperation {
  var output: Tensor { get }

  /// The definition: an element of the output by its row-major index, with the sum in Double. `evaluate` computes all of
  /// them in another order of loops, see QuickConvolution.swift.
  func element(_ index: Int, _ memory: ReferenceMemory) -> Double
}

extension ConvolutionOperation {
  public var isConvolution: Bool { true }
}

/// y[n,o,oy,ox] = sum over i,kh,kw of act(x)[n,i,oy*S+kh-P,ox*S+kw-P] * w[o,i,kh,kw] + b[o], times the gate.
public struct Convolution: ConvolutionOperation {
  public static let name = "convolution"
  public private(set) var input: Tensor
  public private(set) var weight: Tensor
  public private(set) var bias: Tensor?
  public private(set) var gate: Gate?
  public private(set) var output: Tensor
  public let geometry: ConvolutionGeometry
  public let inputActivation: Activation

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&input, &weight)
    visitor.reads(&bias, &gate)
    visitor.writes(&output)
  }

  public var stripRule: StripRule {
    guard gate == nil else { return .cannot("it has a gate") }
    let (geometry, kernel, height) = (geometry, weight.shape[2], input.shape.h)
    let (S, P) = (geometry.stride, geometry.padding)
    return .rows(
      StripRows(
        inputRows: { rows in
          // The strip starts where an output row's kernel does; the rows above it are padding.
          let first = max(0, (rows.lowerBound * S - P).roundedDown(to: S))
          return first..<min(height, (rows.upperBound - 1) * S - P + kernel)
        },
        firstOutputRow: { $0 / S }, outputHeight: { geometry.outputSize($0, kernel: kernel) ?? 0 }))
  }

  public var settings: String { convolutionSettings(geometry, inputActivation, gate) }
  public var flops: Double { 2 * Double(output.shape.count) * Double(weight.shape.count / weight.shape[0]) }

  public func differentiate(_ dy: Tensor, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    let dy = try tape.ungated(dy, gate)
    try gradients.record(
      of: weight,
      tape.weightGradient(
        image: input, gradient: dy, like: weight, geometry, imageActivation: inputActivation))
    if let bias { try gradients.record(of: bias, tape.channelSum(dy)) }
    try gradients.record(
      of: input,
      tape.transposedConvolution(
        dy, weight: weight, geometry, gate: Gate(behind: inputActivation, of: input),
        outputSize: (input.shape.h, input.shape.w)))
  }

  public func element(_ index: Int, _ memory: ReferenceMemory) -> Double {
    let (x, w) = (Grid(input, memory), Grid(weight, memory))
    let (n, o, oy, ox) = output.shape.coordinates(index)
    let (S, P) = (geometry.stride, geometry.padding)
    var sum = bias.map { memory[$0][o] } ?? 0
    for i in 0..<w.c {
      for kh in 0..<w.h {
        for kw in 0..<w.w {
          sum += inputActivation(x[n, i, oy * S + kh - P, ox * S + kw - P]) * w[o, i, kh, kw]
        }
      }
    }
    return gated(sum, gate, index, memory)
  }
}

/// x[n,i,iy,ix] = sum over o and all oy,ox,kh,kw with oy*S+kh-P == iy, ox*S+kw-P == ix
/// of act(g)[n,o,oy,ox] * w[o,i,kh,kw], + b[i], times the gate.
public struct TransposedConvolution: ConvolutionOperation {
  public static let name = "transposed convolution"
  public private(set) var input: Tensor
  public private(set) var weight: Tensor
  public private(set) var bias: Tensor?
  public private(set) var gate: Gate?
  public private(set) var output: Tensor
  public let geometry: ConvolutionGeometry
  public let inputActivation: Activation

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&input, &weight)
    visitor.reads(&bias, &gate)
    visitor.writes(&output)
  }

  public var stripRule: StripRule {
    guard gate == nil else { return .cannot("it has a gate") }
    let (geometry, kernel, height) = (geometry, weight.shape[2], input.shape.h)
    let (S, P) = (geometry.stride, geometry.padding)
    // The rows that the whole output has beyond the least size.
    let rest = output.shape.h - (geometry.transposedOutputSize(height, kernel: kernel) ?? 0)
    return .rows(
      StripRows(
        alignment: S,
        inputRows: { rows in
          // Output row r is a sum over input rows (r + P - K + 1) / S, rounded up, to (r + P) / S.
          let first = max(0, (rows.lowerBound + P - kernel + 1).roundedDown(to: S) / S)
          return first..<min(height, (rows.upperBound - 1 + P) / S + 1)
        },
        firstOutputRow: { $0 * S },
        outputHeight: { (geometry.transposedOutputSize($0, kernel: kernel) ?? 0) + rest }))
  }

  public var settings: String { convolutionSettings(geometry, inputActivation, gate) }
  public var flops: Double { 2 * Double(input.shape.count) * Double(weight.shape.count / weight.shape[0]) }

  public func differentiate(_ dy: Tensor, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    let dy = try tape.ungated(dy, gate)
    try gradients.record(
      of: weight,
      tape.weightGradient(
        image: dy, gradient: input, like: weight, geometry, gradientActivation: inputActivation))
    if let bias { try gradients.record(of: bias, tape.channelSum(dy)) }
    try gradients.record(
      of: input,
      tape.convolution(dy, weight: weight, geometry, gate: Gate(behind: inputActivation, of: input)))
  }

  public func element(_ index: Int, _ memory: ReferenceMemory) -> Double {
    let (g, w) = (Grid(input, memory), Grid(weight, memory))
    let (n, i, iy, ix) = output.shape.coordinates(index)
    let (S, P) = (geometry.stride, geometry.padding)
    var sum = 0.0
    for o in 0..<g.c {
      for kh in 0..<w.h where (iy + P - kh).isMultiple(of: S) {
        for kw in 0..<w.w where (ix + P - kw).isMultiple(of: S) {
          sum += inputActivation(g[n, o, (iy + P - kh) / S, (ix + P - kw) / S]) * w[o, i, kh, kw]
        }
      }
    }
    return gated((bias.map { memory[$0][i] } ?? 0) + sum, gate, index, memory)
  }
}

/// dw[o,i,kh,kw] = sum over n,oy,ox of act(g)[n,o,oy,ox] * act(x)[n,i,oy*S+kh-P,ox*S+kw-P].
public struct WeightGradient: ConvolutionOperation {
  public static let name = "weight gradient"
  public private(set) var image: Tensor
  public private(set) var gradient: Tensor
  public private(set) var output: Tensor
  public let geometry: ConvolutionGeometry
  public let imageActivation: Activation
  public let gradientActivation: Activation

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&image, &gradient)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .onlyInTraining }

  public var settings: String {
    "\(geometry), image \(imageActivation), gradient \(gradientActivation)"
  }
  public var flops: Double {
    2 * Double(gradient.shape.count) * Double(output.shape.count / output.shape[0])
  }

  public func differentiate(_ dy: Tensor, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    try gradients.record(
      of: image,
      tape.transposedConvolution(
        gradient, weight: dy, geometry, inputActivation: gradientActivation,
        gate: Gate(behind: imageActivation, of: image), outputSize: (image.shape.h, image.shape.w)))
    try gradients.record(
      of: gradient,
      tape.convolution(
        image, weight: dy, geometry, inputActivation: imageActivation,
        gate: Gate(behind: gradientActivation, of: gradient)))
  }

  public func element(_ index: Int, _ memory: ReferenceMemory) -> Double {
    let (x, g) = (Grid(image, memory), Grid(gradient, memory))
    let (o, i, kh, kw) = output.shape.coordinates(index)
    let (S, P) = (geometry.stride, geometry.padding)
    var sum = 0.0
    for n in 0..<gradient.shape.n {
      for oy in 0..<g.h {
        for ox in 0..<g.w {
          sum +=
            gradientActivation(g[n, o, oy, ox])
            * imageActivation(x[n, i, oy * S + kh - P, ox * S + kw - P])
        }
      }
    }
    return sum
  }
}

extension Tape {
  /// Records y = conv2d(act(x), w) + b, times the gate.
  ///
  /// - Parameters:
  ///   - input: x [N, I, H, W]
  ///   - weight: w [O, I, KH, KW]
  ///   - bias: b [O]
  ///   - gate: a tensor of y's shape whose activation's derivative multiplies y
  /// - Returns: y [N, O, (H + 2P - KH) / S + 1, (W + 2P - KW) / S + 1]
  public func convolution(
    _ input: Tensor, weight: Tensor, _ geometry: ConvolutionGeometry, bias: Tensor? = nil,
    inputActivation: Activation = .none, gate: Gate? = nil
  ) throws(TapeError) -> Tensor {
    let (x, w) = (input.shape, weight.shape)
    guard x.rank == 4, w.rank == 4, x.c == w[1] else {
      throw .shape(
        operation: Convolution.name, reason: "an input \(x) does not fit a weight \(w) [O, I, KH, KW]")
    }
    guard let h = geometry.outputSize(x.h, kernel: w[2]), let width = geometry.outputSize(x.w, kernel: w[3])
    else {
      throw .shape(
        operation: Convolution.name, reason: "an input \(x) is smaller than the kernel \(w[2]) x \(w[3])")
    }
    let output = intermediate("convolution", [x.n, w[0], h, width], kind: .activation)
    try check(Convolution.name, bias: bias, gate: gate, output: output)
    record(
      Convolution(
        input: input, weight: weight, bias: bias, gate: gate, output: output, geometry: geometry,
        inputActivation: inputActivation))
    return output
  }

  /// Records x = conv_transpose2d(act(g), w) + b, times the gate: also the gradient of a convolution's input.
  ///
  /// - Parameters:
  ///   - input: g [N, O, OH, OW]
  ///   - weight: w [O, I, KH, KW], as the convolution in the other direction has it
  ///   - bias: b [I]
  ///   - outputSize: H and W, where several sizes have the same OH and OW; by default (OH - 1) S + KH - 2P
  /// - Returns: x [N, I, H, W]
  public func transposedConvolution(
    _ input: Tensor, weight: Tensor, _ geometry: ConvolutionGeometry, bias: Tensor? = nil,
    inputActivation: Activation = .none, gate: Gate? = nil, outputSize: (h: Int, w: Int)? = nil
  ) throws(TapeError) -> Tensor {
    let (g, w) = (input.shape, weight.shape)
    guard g.rank == 4, w.rank == 4, g.c == w[0] else {
      throw .shape(
        operation: TransposedConvolution.name,
        reason: "an input \(g) does not fit a weight \(w) [its channels, output channels, KH, KW]")
    }
    let h = outputSize?.h ?? geometry.transposedOutputSize(g.h, kernel: w[2]) ?? 0
    let width = outputSize?.w ?? geometry.transposedOutputSize(g.w, kernel: w[3]) ?? 0
    guard h > 0, width > 0, geometry.outputSize(h, kernel: w[2]) == g.h,
      geometry.outputSize(width, kernel: w[3]) == g.w
    else {
      throw .shape(
        operation: TransposedConvolution.name,
        reason: "no \(h) x \(width) output has an input \(g) under a kernel \(w[2]) x \(w[3]), \(geometry)")
    }
    let output = intermediate("transposed", [g.n, w[1], h, width], kind: .activation)
    try check(TransposedConvolution.name, bias: bias, gate: gate, output: output)
    record(
      TransposedConvolution(
        input: input, weight: weight, bias: bias, gate: gate, output: output, geometry: geometry,
        inputActivation: inputActivation))
    return output
  }

  /// Records the gradient of a convolution's weight.
  ///
  /// - Parameters:
  ///   - image: x [N, I, H, W]
  ///   - gradient: g [N, O, OH, OW]
  ///   - weight: a tensor [O, I, KH, KW] that gives the shape
  public func weightGradient(
    image: Tensor, gradient: Tensor, like weight: Tensor, _ geometry: ConvolutionGeometry,
    imageActivation: Activation = .none, gradientActivation: Activation = .none
  ) throws(TapeError) -> Tensor {
    let (x, g, w) = (image.shape, gradient.shape, weight.shape)
    guard x.rank == 4, g.rank == 4, x.n == g.n, w.rank == 4, w[0] == g.c, w[1] == x.c,
      geometry.outputSize(x.h, kernel: w[2]) == g.h, geometry.outputSize(x.w, kernel: w[3]) == g.w
    else {
      throw .shape(
        operation: WeightGradient.name,
        reason: "an image \(x) and a gradient \(g) do not make a weight \(w) with \(geometry)")
    }
    let output = intermediate("weight", w, kind: .weight)
    record(
      WeightGradient(
        image: image, gradient: gradient, output: output, geometry: geometry,
        imageActivation: imageActivation, gradientActivation: gradientActivation))
    return output
  }

  private func check(_ name: String, bias: Tensor?, gate: Gate?, output: Tensor) throws(TapeError) {
    if let bias, bias.shape != [output.shape.c] {
      throw .shape(operation: name, reason: "a bias \(bias.shape) does not fit an output \(output.shape)")
    }
    if let gate, gate.tensor.shape != output.shape {
      throw .shape(
        operation: name, reason: "a gate \(gate.tensor.shape) does not fit an output \(output.shape)")
    }
  }

  /// The gradient that arrives at a gated result, taken through the gate.
  fileprivate func ungated(_ gradient: Tensor, _ gate: Gate?) throws(TapeError) -> Tensor {
    guard let gate else { return gradient }
    return try activationGradient(gradient, at: gate.tensor, gate.activation)
  }
}

/// A result times the derivative of the gate's activation.
private func gated(_ result: Double, _ gate: Gate?, _ index: Int, _ memory: ReferenceMemory) -> Double {
  guard let gate else { return result }
  return result * gate.activation.derivative(memory[gate.tensor][index])
}

/// A tensor of rank 4 by its coordinates: zero beyond the edges of its maps, where the padding is.
private struct Grid {
  let (c, h, w): (Int, Int, Int)
  private let values: UnsafeMutableBufferPointer<Double>

  init(_ tensor: Tensor, _ memory: ReferenceMemory) {
    (c, h, w) = (tensor.shape.c, tensor.shape.h, tensor.shape.w)
    values = memory[tensor]
  }

  subscript(i: Int, j: Int, row: Int, column: Int) -> Double {
    guard row >= 0, row < h, column >= 0, column < w else { return 0 }
    return values[((i * c + j) * h + row) * w + column]
  }
}

extension Shape {
  /// The coordinates of an element of a tensor of rank 4.
  fileprivate func coordinates(_ index: Int) -> (Int, Int, Int, Int) {
    (index / (c * h * w), index / (h * w) % c, index / w % h, index % w)
  }
}
