/// A filter that makes new pixels from old ones.
public enum ResizeMethod: String, Sendable, CaseIterable {
  /// The pixel under the new pixel's centre: for label maps, since their values must not be mixed.
  case nearest
  /// A triangle of radius 1, widened on reduction.
  case bilinear
  /// Catmull-Rom (a = -0.5) of radius 2, widened on reduction.
  case bicubic

  /// The radius of the filter in pixels of the coarser grid.
  fileprivate var support: Double { self == .bicubic ? 2 : 1 }

  fileprivate func weight(_ distance: Double) -> Double {
    let x = abs(distance)
    switch self {
    case .nearest: preconditionFailure("nearest has no weights")
    case .bilinear: return x < 1 ? 1 - x : 0
    case .bicubic:
      let a = -0.5
      if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
      if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
      return 0
    }
  }
}

extension Picture {
  /// The picture at another size. Follows Pillow's `Image.resize` to the last bit for 8-bit samples:
  /// filters widen on reduction (antialiasing), horizontal pass before vertical, samples rounded and
  /// clamped between the two. 16-bit samples go the same way at their own depth.
  ///
  /// Colours are multiplied by alpha before filtering and divided by it afterwards, so that colours under transparent
  /// pixels do not show at edges; under alpha 0 they become 0.
  public func resized(width newWidth: Int, height newHeight: Int, method: ResizeMethod) -> Picture {
    precondition(newWidth > 0 && newHeight > 0, "a picture needs pixels")
    if newWidth == width && newHeight == height { return self }
    if method != .nearest, hasAlpha {
      return multipliedByAlpha().resizedSamples(newWidth, newHeight, method).dividedByAlpha()
    }
    return resizedSamples(newWidth, newHeight, method)
  }

  private func resizedSamples(_ newWidth: Int, _ newHeight: Int, _ method: ResizeMethod) -> Picture {
    let resized: Samples =
      switch (samples, method) {
      case (.eight(let values), .nearest): .eight(nearest(values, newWidth, newHeight))
      case (.sixteen(let values), .nearest): .sixteen(nearest(values, newWidth, newHeight))
      case (.eight(let values), _):
        .eight(filtered(values, newWidth, newHeight, method, accumulator: Int32.self, bits: 22))
      case (.sixteen(let values), _):
        .sixteen(filtered(values, newWidth, newHeight, method, accumulator: Int64.self, bits: 32))
      }
    return Picture(
      width: newWidth, height: newHeight, channels: channels, samples: resized, palette: palette,
      hasAlpha: hasAlpha)
  }

  /// c * a / max, rounded, for each colour.
  private func multipliedByAlpha() -> Picture {
    changingColours { colour, alpha, top in (colour * alpha + top / 2) / top }
  }

  /// c * max / a, cut off and clamped, for each colour that has an alpha.
  private func dividedByAlpha() -> Picture {
    changingColours { colour, alpha, top in alpha == 0 ? colour : min(colour * top / alpha, top) }
  }

  /// Every colour, replaced by a function of itself, its pixel's alpha and the largest sample.
  private func changingColours(_ change: (UInt64, UInt64, UInt64) -> UInt64) -> Picture {
    func changed<S: FixedWidthInteger & UnsignedInteger>(_ values: [S]) -> [S] {
      var out = values
      for pixel in stride(from: 0, to: values.count, by: channels) {
        let alpha = UInt64(values[pixel + channels - 1])
        for place in pixel..<pixel + channels - 1 {
          out[place] = S(change(UInt64(values[place]), alpha, UInt64(S.max)))
        }
      }
      return out
    }
    let new: Samples =
      switch samples {
      case .eight(let values): .eight(changed(values))
      case .sixteen(let values): .sixteen(changed(values))
      }
    return Picture(width: width, height: height, channels: channels, samples: new, palette: palette)
  }

  private func nearest<S>(_ values: [S], _ newWidth: Int, _ newHeight: Int) -> [S] {
    let columns = nearestIndices(from: width, to: newWidth)
    let rows = nearestIndices(from: height, to: newHeight)
    return [S](unsafeUninitializedCapacity: newWidth * newHeight * channels) { out, count in
      for row in rows {
        for column in columns {
          let source = (row * width + column) * channels
          for channel in 0..<channels {
            out.initializeElement(at: count + channel, to: values[source + channel])
          }
          count += channels
        }
      }
    }
  }

  /// Weights are fixed-point numbers of `bits` fractional bits, which an accumulator holds together with
  /// a sample and the overshoot of the filter.
  private func filtered<S: FixedWidthInteger & UnsignedInteger, A: FixedWidthInteger & SignedInteger>(
    _ values: [S], _ newWidth: Int, _ newHeight: Int, _ method: ResizeMethod, accumulator: A.Type, bits: Int
  ) -> [S] {
    var current = values
    if newWidth != width {
      let taps = Taps<A>(from: width, to: newWidth, method: method, bits: bits)
      current = filterRows(current, rows: height, width: width, channels: channels, taps)
    }
    if newHeight != height {
      let taps = Taps<A>(from: height, to: newHeight, method: method, bits: bits)
      current = filterColumns(current, rowLength: newWidth * channels, taps)
    }
    return current
  }
}

/// floor((i + 0.5) * from / to) for i in 0..<to. Where that lies exactly between two pixels, rounding
/// decides; adding the scale up step by step makes it fall as in Pillow (at 256 -> 286 it does, once).
private func nearestIndices(from: Int, to: Int) -> [Int] {
  let scale = Double(from) / Double(to)
  var center = scale * 0.5
  return (0..<to).map { _ in
    defer { center += scale }
    return min(Int(center), from - 1)
  }
}

/// The old positions that each new one reads, and their weights.
private struct Taps<A: FixedWidthInteger & SignedInteger> {
  /// The first old position and their number, for each new position.
  var spans: [(start: Int, count: Int)] = []
  /// `stride` weights for each new position.
  var weights: [A] = []
  let stride: Int
  let bits: Int

  init(from oldSize: Int, to newSize: Int, method: ResizeMethod, bits: Int) {
    let scale = Double(oldSize) / Double(newSize)
    let filterScale = max(scale, 1)
    let support = method.support * filterScale
    self.bits = bits
    stride = Int(support.rounded(.up)) * 2 + 1
    weights = [A](repeating: 0, count: newSize * stride)
    for position in 0..<newSize {
      let center = (Double(position) + 0.5) * scale
      let start = max(0, Int(center - support + 0.5))
      let end = min(oldSize, Int(center + support + 0.5))
      let raw = (start..<end).map { method.weight((Double($0) - center + 0.5) * (1 / filterScale)) }
      let sum = raw.reduce(0, +)
      spans.append((start, end - start))
      for (index, weight) in raw.enumerated() {
        // At a picture's edge the filter is cut off and the rest scaled to a sum of 1.
        weights[position * stride + index] = A((weight / sum * Double(1 << bits)).rounded())
      }
    }
  }
}

/// Rounds a fixed-point sum (half is already added) to a sample, clamping the filter's overshoot.
@inline(__always)
private func sample<S: FixedWidthInteger, A: FixedWidthInteger>(_ sum: A, _ bits: Int, as: S.Type) -> S {
  S(truncatingIfNeeded: min(max(sum >> A(truncatingIfNeeded: bits), 0), A(truncatingIfNeeded: S.max)))
}

/// [rows][width][channels] -> [rows][new width][channels].
private func filterRows<S: FixedWidthInteger & UnsignedInteger, A: FixedWidthInteger & SignedInteger>(
  _ values: [S], rows: Int, width: Int, channels: Int, _ taps: Taps<A>
) -> [S] {
  let newWidth = taps.spans.count
  let half = A(1) << A(taps.bits - 1)
  return [S](unsafeUninitializedCapacity: rows * newWidth * channels) { out, count in
    count = rows * newWidth * channels
    values.withUnsafeBufferPointer { source in
      taps.weights.withUnsafeBufferPointer { weights in
        for row in 0..<rows {
          for x in 0..<newWidth {
            let (start, taken) = taps.spans[x]
            let weight = weights.baseAddress! + x * taps.stride
            for channel in 0..<channels {
              var old = source.baseAddress! + ((row * width + start) * channels + channel)
              var sum = half
              for tap in 0..<taken {
                sum &+= A(truncatingIfNeeded: old.pointee) &* weight[tap]
                old += channels
              }
              out[(row * newWidth + x) * channels + channel] = sample(sum, taps.bits, as: S.self)
            }
          }
        }
      }
    }
  }
}

/// [rows][rowLength] -> [new rows][rowLength], a whole row at a time. The inner loops index from a row's own
/// start: arithmetic on indices there, which Swift checks for overflow, would keep them from becoming
/// vector instructions.
private func filterColumns<S: FixedWidthInteger & UnsignedInteger, A: FixedWidthInteger & SignedInteger>(
  _ values: [S], rowLength: Int, _ taps: Taps<A>
) -> [S] {
  let newRows = taps.spans.count
  let half = A(1) << A(taps.bits - 1)
  var sums = [A](repeating: half, count: rowLength)
  return [S](unsafeUninitializedCapacity: newRows * rowLength) { out, count in
    count = newRows * rowLength
    values.withUnsafeBufferPointer { source in
      sums.withUnsafeMutableBufferPointer { sums in
        for row in 0..<newRows {
          let (start, taken) = taps.spans[row]
          sums.update(repeating: half)
          for tap in 0..<taken {
            let weight = taps.weights[row * taps.stride + tap]
            let old = source.baseAddress! + (start + tap) * rowLength
            for x in 0..<rowLength { sums[x] &+= A(truncatingIfNeeded: old[x]) &* weight }
          }
          let new = out.baseAddress! + row * rowLength
          for x in 0..<rowLength { new[x] = sample(sums[x], taps.bits, as: S.self) }
        }
      }
    }
  }
}
