// Convolutions are three operations closed under differentiation: forward, input gradient (which is the
// transposed convolution) and weight gradient. Each one's gradient is written with the other two.
//
// N images, I input channels, O output channels, KH x KW kernel, S stride, P padding:
//   image    x  [N, I, H,  W ]     act(x) is what the kernel sees
//   gradient g  [N, O, OH, OW]     OH = (H + 2P - KH) / S + 1
//   weight   w  [O, I, KH, KW]

/// Stride and padding, the same in both directions.
public struct ConvolutionGeometry: Hashable, Sendable, CustomStringConvertible {
  public let stride: Int
  public let padding: Int

  public init(stride: Int, padding: Int) {
    self.stride = stride
    self.padding = padding
  }

  public var description: String { "stride \(stride), padding \(padding)" }

  /// The size of a convolution's output; nil when the kernel does not fit.
  public func outputSize(_ size: Int, kernel: Int) -> Int? {
    let room = size + 2 * padding - kernel
    return room >= 0 ? room / stride + 1 : nil
  }

  /// The size of a transposed convolution's output (PyTorch's, without output padding); nil when nothing is left.
  public func transposedOutputSize(_ size: Int, kernel: Int) -> Int? {
    let result = (size - 1) * stride + kernel - 2 * padding
    return result > 0 ? result : nil
  }
}

/// Multiplies a result by the derivative of an activation at `tensor`, of the result's shape: the backward pass
/// of an activation, recorded with the convolution that feeds it.
public struct Gate: Hashable, Sendable {
  public let tensor: Tensor
  public let activation: Activation

  public init(tensor: Tensor, activation: Activation) {
    self.tensor = tensor
    self.activation = activation
  }
}

/// y[n,o,oy,ox] = sum over i,kh,kw of act(x)[n,i,oy*S+kh-P,ox*S+kw-P] * w[o,i,kh,kw] + b[o], times the gate.
public struct Convolution: Operation {
  public static let name = "convolution"
  public private(set) var input: Tensor
  public private(set) var weight: Tensor
  public private(set) var bias: Tensor?
  public private(set) var gate: Gate?
  public private(set) var output: Tensor
  public let geometry: ConvolutionGeometry
  public let inputActivation: Activation

  public var inputs: [Tensor] { [input, weight] + [bias, gate?.tensor].compactMap { $0 } }
  public var outputs: [Tensor] { [output] }

  public mutating func replaceTensors(_ replacement: (Tensor) -> Tensor) {
    input = replacement(input)
    weight = replacement(weight)
    bias = bias.map(replacement)
    gate = gate.map { Gate(tensor: replacement($0.tensor), activation: $0.activation) }
    output = replacement(output)
  }

  public var settings: String { convolutionSettings(geometry, inputActivation, gate) }
  public var flops: Double { 2 * Double(output.shape.count) * Double(weight.shape.count / weight.shape[0]) }

  public func recordGradients(
    _ upstream: [Gradient?], needed: (Tensor) -> Bool, on tape: Tape
  ) throws(TapeError) -> [(input: Tensor, gradient: Tensor)] {
    let gradient = try tape.ungated(upstream, gate)
    var result: [(Tensor, Tensor)] = []
    if needed(weight) {
      result.append(
        (
          weight,
          try tape.weightGradient(
            image: input, gradient: gradient, like: weight, geometry, imageActivation: inputActivation)
        ))
    }
    if let bias, needed(bias) { result.append((bias, try tape.channelSum(gradient))) }
    if needed(input) {
      let gate = inputActivation == .none ? nil : Gate(tensor: input, activation: inputActivation)
      result.append(
        (
          input,
          try tape.transposedConvolution(
            gradient, weight: weight, geometry, gate: gate, outputSize: (input.shape.h, input.shape.w))
        ))
    }
    return result
  }

  public func evaluate(_ memory: ReferenceMemory) {
    let (w, y) = (memory[weight], memory[output])
    let bias = bias.map { memory[$0] }
    let (I, H, W) = (input.shape.c, input.shape.h, input.shape.w)
    let (O, OH, OW) = (output.shape.c, output.shape.h, output.shape.w)
    let (KH, KW, S, P) = (weight.shape[2], weight.shape[3], geometry.stride, geometry.padding)
    let rows = (0..<KH).map { positionsInside(OH, $0, S, P, H) }
    let columns = Columns(width: W, positions: OW, kernel: KW, geometry)
    let x = columns.sorted(memory.activated(input, inputActivation), memory)
    inParallel(output.shape.n * O) { plane in
      let (n, o) = (plane / O, plane % O)
      let out = y.baseAddress! + plane * OH * OW
      for p in 0..<OH * OW { out[p] = bias?[o] ?? 0 }
      for i in 0..<I {
        for kh in 0..<KH {
          for oy in rows[kh] {
            let line = x + ((n * I + i) * H + oy * S + kh - P) * columns.pitch
            for kw in 0..<KW {
              let factor = w[((o * I + i) * KH + kh) * KW + kw]
              add(factor, line + columns.offsets[kw], to: out + oy * OW, columns.inside[kw])
            }
          }
        }
      }
    }
    apply(gate, to: y, memory)
  }
}

/// x[n,i,iy,ix] = sum over o and all oy,ox,kh,kw with oy*S+kh-P == iy, ox*S+kw-P == ix
/// of act(g)[n,o,oy,ox] * w[o,i,kh,kw], + b[i], times the gate.
public struct TransposedConvolution: Operation {
  public static let name = "transposed convolution"
  public private(set) var input: Tensor
  public private(set) var weight: Tensor
  public private(set) var bias: Tensor?
  public private(set) var gate: Gate?
  public private(set) var output: Tensor
  public let geometry: ConvolutionGeometry
  public let inputActivation: Activation

  public var inputs: [Tensor] { [input, weight] + [bias, gate?.tensor].compactMap { $0 } }
  public var outputs: [Tensor] { [output] }

  public mutating func replaceTensors(_ replacement: (Tensor) -> Tensor) {
    input = replacement(input)
    weight = replacement(weight)
    bias = bias.map(replacement)
    gate = gate.map { Gate(tensor: replacement($0.tensor), activation: $0.activation) }
    output = replacement(output)
  }

  public var settings: String { convolutionSettings(geometry, inputActivation, gate) }
  public var flops: Double { 2 * Double(input.shape.count) * Double(weight.shape.count / weight.shape[0]) }

  public func recordGradients(
    _ upstream: [Gradient?], needed: (Tensor) -> Bool, on tape: Tape
  ) throws(TapeError) -> [(input: Tensor, gradient: Tensor)] {
    let gradient = try tape.ungated(upstream, gate)
    var result: [(Tensor, Tensor)] = []
    if needed(weight) {
      result.append(
        (
          weight,
          try tape.weightGradient(
            image: gradient, gradient: input, like: weight, geometry, gradientActivation: inputActivation)
        ))
    }
    if let bias, needed(bias) { result.append((bias, try tape.channelSum(gradient))) }
    if needed(input) {
      let gate = inputActivation == .none ? nil : Gate(tensor: input, activation: inputActivation)
      result.append((input, try tape.convolution(gradient, weight: weight, geometry, gate: gate)))
    }
    return result
  }

  public func evaluate(_ memory: ReferenceMemory) {
    let (g, w, x) = (memory.activated(input, inputActivation), memory[weight], memory[output])
    let bias = bias.map { memory[$0] }
    let (O, OH, OW) = (input.shape.c, input.shape.h, input.shape.w)
    let (I, H, W) = (output.shape.c, output.shape.h, output.shape.w)
    let (KH, KW, S, P) = (weight.shape[2], weight.shape[3], geometry.stride, geometry.padding)
    let rows = (0..<KH).map { positionsInside(OH, $0, S, P, H) }
    let columns = Columns(width: W, positions: OW, kernel: KW, geometry)
    let sums = memory.zeros(output.shape.n * I * H * columns.pitch).baseAddress!
    inParallel(output.shape.n * I) { plane in
      let (n, i) = (plane / I, plane % I)
      for o in 0..<O {
        for kh in 0..<KH {
          for oy in rows[kh] {
            let line = g.baseAddress! + ((n * O + o) * OH + oy) * OW
            let out = sums + (plane * H + oy * S + kh - P) * columns.pitch
            for kw in 0..<KW {
              let factor = w[((o * I + i) * KH + kh) * KW + kw]
              add(factor, line, to: out + columns.offsets[kw], columns.inside[kw])
            }
          }
        }
      }
      for iy in 0..<H {
        for ix in 0..<W {
          x[(plane * H + iy) * W + ix] =
            (bias?[i] ?? 0) + sums[(plane * H + iy) * columns.pitch + columns.position(ix)]
        }
      }
    }
    apply(gate, to: x, memory)
  }
}

/// dw[o,i,kh,kw] = sum over n,oy,ox of act(g)[n,o,oy,ox] * act(x)[n,i,oy*S+kh-P,ox*S+kw-P].
public struct WeightGradient: Operation {
  public static let name = "weight gradient"
  public private(set) var image: Tensor
  public private(set) var gradient: Tensor
  public private(set) var output: Tensor
  public let geometry: ConvolutionGeometry
  public let imageActivation: Activation
  public let gradientActivation: Activation

  public var inputs: [Tensor] { [image, gradient] }
  public var outputs: [Tensor] { [output] }

  public mutating func replaceTensors(_ replacement: (Tensor) -> Tensor) {
    image = replacement(image)
    gradient = replacement(gradient)
    output = replacement(output)
  }

  public var settings: String {
    "\(geometry), image \(imageActivation), gradient \(gradientActivation)"
  }
  public var flops: Double {
    2 * Double(gradient.shape.count) * Double(output.shape.count / output.shape[0])
  }

  public func recordGradients(
    _ upstream: [Gradient?], needed: (Tensor) -> Bool, on tape: Tape
  ) throws(TapeError) -> [(input: Tensor, gradient: Tensor)] {
    let weight = try tape.ungated(upstream, nil)
    var result: [(Tensor, Tensor)] = []
    if needed(image) {
      let gate = imageActivation == .none ? nil : Gate(tensor: image, activation: imageActivation)
      result.append(
        (
          image,
          try tape.transposedConvolution(
            gradient, weight: weight, geometry, inputActivation: gradientActivation, gate: gate,
            outputSize: (image.shape.h, image.shape.w))
        ))
    }
    if needed(gradient) {
      let gate = gradientActivation == .none ? nil : Gate(tensor: gradient, activation: gradientActivation)
      result.append(
        (
          gradient,
          try tape.convolution(image, weight: weight, geometry, inputActivation: imageActivation, gate: gate)
        ))
    }
    return result
  }

  public func evaluate(_ memory: ReferenceMemory) {
    let (g, dw) = (memory.activated(gradient, gradientActivation), memory[output])
    let (N, I, H, W) = (image.shape.n, image.shape.c, image.shape.h, image.shape.w)
    let (O, OH, OW) = (gradient.shape.c, gradient.shape.h, gradient.shape.w)
    let (KH, KW, S, P) = (output.shape[2], output.shape[3], geometry.stride, geometry.padding)
    let rows = (0..<KH).map { positionsInside(OH, $0, S, P, H) }
    let columns = Columns(width: W, positions: OW, kernel: KW, geometry)
    let x = columns.sorted(memory.activated(image, imageActivation), memory)
    inParallel(O * I) { pair in
      let (o, i) = (pair / I, pair % I)
      for kh in 0..<KH {
        for kw in 0..<KW {
          var sum = 0.0
          for n in 0..<N {
            for oy in rows[kh] {
              let line = g.baseAddress! + ((n * O + o) * OH + oy) * OW
              let imageLine = x + ((n * I + i) * H + oy * S + kh - P) * columns.pitch
              sum += product(line, imageLine + columns.offsets[kw], columns.inside[kw])
            }
          }
          dw[(pair * KH + kh) * KW + kw] = sum
        }
      }
    }
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
  fileprivate func ungated(_ upstream: [Gradient?], _ gate: Gate?) throws(TapeError) -> Tensor {
    guard case .tensor(let gradient)? = upstream[0] else {
      preconditionFailure("a convolution's output is no loss")
    }
    guard let gate else { return gradient }
    return try activationGradient(gradient, at: gate.tensor, gate.activation)
  }
}

private func convolutionSettings(
  _ geometry: ConvolutionGeometry, _ activation: Activation, _ gate: Gate?
) -> String {
  var text = geometry.description
  if activation != .none { text += ", input \(activation)" }
  if let gate { text += ", gated by \(gate.activation)" }
  return text
}

/// The positions o in 0..<count whose tap k falls inside a line of `size` values: 0 <= o * S + k - P < size.
private func positionsInside(_ count: Int, _ k: Int, _ stride: Int, _ padding: Int, _ size: Int) -> Range<Int>
{
  let first = max(0, (padding - k + stride - 1) / stride)
  let end = min(count, size + padding - k <= 0 ? 0 : (size + padding - k - 1) / stride + 1)
  return first..<max(first, end)
}

/// The columns of an image sorted by their remainder by the stride: first 0, S, 2S, ..., then 1, S + 1, ...
///
/// Then the columns that one tap meets, ox * S + kw - P for successive ox, lie side by side whatever the stride,
/// and the inner loops run over neighbours.
private struct Columns {
  private let width: Int
  private let stride: Int
  /// The values of a sorted line: columns per remainder, times remainders.
  let pitch: Int
  /// For each tap kw the positions ox that fall inside the line.
  let inside: [Range<Int>]
  /// For each tap kw where in a sorted line the column of ox lies, less ox.
  let offsets: [Int]

  init(width: Int, positions: Int, kernel: Int, _ geometry: ConvolutionGeometry) {
    let (S, P) = (geometry.stride, geometry.padding)
    let share = (width + S - 1) / S
    self.width = width
    stride = S
    pitch = share * S
    inside = (0..<kernel).map { positionsInside(positions, $0, S, P, width) }
    offsets = (0..<kernel).map { kw in
      // kw - P = shift * S + remainder, rounded down for those left of the image.
      let shift = (kw + P * S - P) / S - P
      return (kw - P - shift * S) * share + shift
    }
  }

  /// Where the column ix lies in a sorted line.
  func position(_ ix: Int) -> Int {
    ix % stride * (pitch / stride) + ix / stride
  }

  /// The values with the columns of every line sorted.
  func sorted(
    _ values: UnsafeMutableBufferPointer<Double>, _ memory: ReferenceMemory
  ) -> UnsafeMutablePointer<Double> {
    if stride == 1 { return values.baseAddress! }
    let result = memory.zeros(values.count / width * pitch)
    inParallel(values.count / width) { line in
      for ix in 0..<width {
        result[line * pitch + position(ix)] = values[line * width + ix]
      }
    }
    return result.baseAddress!
  }
}

/// out[p] += factor * values[p] for the positions of a range.
@inline(__always)
private func add(
  _ factor: Double, _ values: UnsafeMutablePointer<Double>, to out: UnsafeMutablePointer<Double>,
  _ range: Range<Int>
) {
  for p in range { out[p] += factor * values[p] }
}

/// The sum of a[p] * b[p] over the positions of a range: four sums side by side, so that none waits for another.
@inline(__always)
private func product(
  _ a: UnsafeMutablePointer<Double>, _ b: UnsafeMutablePointer<Double>, _ range: Range<Int>
) -> Double {
  var sums = SIMD4<Double>.zero
  var p = range.lowerBound
  while p + 4 <= range.upperBound {
    sums += SIMD4(a[p], a[p + 1], a[p + 2], a[p + 3]) * SIMD4(b[p], b[p + 1], b[p + 2], b[p + 3])
    p += 4
  }
  while p < range.upperBound {
    sums[0] += a[p] * b[p]
    p += 1
  }
  return sums.sum()
}

private func apply(_ gate: Gate?, to values: UnsafeMutableBufferPointer<Double>, _ memory: ReferenceMemory) {
  guard let gate else { return }
  let at = memory[gate.tensor]
  for i in values.indices {
    values[i] *= gate.activation.derivative(at[i])
  }
}
