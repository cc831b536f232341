// The definitions of Convolution.swift in the form in which the reference computes whole outputs: on all cores, with inner
// loops over neighbours in memory. Forward and transposed sums are added up in the definition's order and have its bits.

extension Convolution {
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

extension TransposedConvolution {
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

extension WeightGradient {
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
