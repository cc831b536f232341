/// How a picture is brought to another size.
public enum Interpolation: Sendable {
  /// Catmull-Rom (a = -1/2), widened when the picture shrinks so that nothing aliases: Pillow's BICUBIC.
  case bicubic
  /// The triangle, widened likewise: Pillow's BILINEAR.
  case bilinear
  /// The value at the middle: for label maps.
  case nearest

  /// Half the width of the kernel, in source pixels.
  fileprivate var support: Double { self == .bicubic ? 2 : 1 }

  fileprivate func weight(_ distance: Double) -> Double {
    let x = abs(distance)
    if self == .bilinear { return max(0, 1 - x) }
    // Keys 1981 with a = -1/2.
    if x < 1 { return (1.5 * x - 2.5) * x * x + 1 }
    if x < 2 { return ((-0.5 * x + 2.5) * x - 4) * x + 2 }
    return 0
  }
}

extension Picture {
  /// The picture at another size; antialiased when it shrinks. Rounded after each direction, as Pillow does.
  public func resized(width newWidth: Int, height newHeight: Int, _ interpolation: Interpolation) -> Picture {
    precondition(newWidth > 0 && newHeight > 0)
    if newWidth == width && newHeight == height { return self }
    if interpolation == .nearest {
      let columns = Self.nearest(width, newWidth)
      let rows = Self.nearest(height, newHeight)
      var result = [UInt16](repeating: 0, count: newWidth * newHeight * channels)
      for y in 0..<newHeight {
        for x in 0..<newWidth {
          for c in 0..<channels {
            result[(y * newWidth + x) * channels + c] = samples[(rows[y] * width + columns[x]) * channels + c]
          }
        }
      }
      return with(result, newWidth, newHeight)
    }
    let across = Self.coefficients(width, newWidth, interpolation)
    let down = Self.coefficients(height, newHeight, interpolation)
    var narrow = [UInt16](repeating: 0, count: newWidth * height * channels)
    let top = Float(maximum)
    samples.withUnsafeBufferPointer { source in
      narrow.withUnsafeMutableBufferPointer { target in
        for y in 0..<height {
          for x in 0..<newWidth {
            let (first, weights) = across[x]
            for c in 0..<channels {
              var sum: Float = 0
              var at = (y * width + first) * channels + c
              for weight in weights {
                sum += weight * Float(source[at])
                at += channels
              }
              target[(y * newWidth + x) * channels + c] = UInt16(min(top, max(0, sum + 0.5)))
            }
          }
        }
      }
    }
    var result = [UInt16](repeating: 0, count: newWidth * newHeight * channels)
    let row = newWidth * channels
    narrow.withUnsafeBufferPointer { source in
      result.withUnsafeMutableBufferPointer { target in
        for y in 0..<newHeight {
          let (first, weights) = down[y]
          for i in 0..<row {
            var sum: Float = 0
            var at = first * row + i
            for weight in weights {
              sum += weight * Float(source[at])
              at += row
            }
            target[y * row + i] = UInt16(min(top, max(0, sum + 0.5)))
          }
        }
      }
    }
    return with(result, newWidth, newHeight)
  }

  private func with(_ samples: [UInt16], _ width: Int, _ height: Int) -> Picture {
    Picture(
      width: width, height: height, channels: channels, maximum: maximum, samples: samples,
      isPalette: isPalette)
  }

  /// The source position of every target position.
  private static func nearest(_ size: Int, _ newSize: Int) -> [Int] {
    (0..<newSize).map { min(size - 1, Int((Double($0) + 0.5) * Double(size) / Double(newSize))) }
  }

  /// For every target position the first source position and the weights from there on, which sum to 1.
  private static func coefficients(
    _ size: Int, _ newSize: Int, _ interpolation: Interpolation
  ) -> [(first: Int, weights: [Float])] {
    let scale = Double(size) / Double(newSize)
    let widening = max(1, scale)
    let support = interpolation.support * widening
    return (0..<newSize).map { target in
      let center = (Double(target) + 0.5) * scale
      let first = max(0, Int(center - support + 0.5))
      let end = min(size, Int(center + support + 0.5))
      let weights = (first..<end).map { interpolation.weight((Double($0) - center + 0.5) / widening) }
      let sum = weights.reduce(0, +)
      return (first, weights.map { Float($0 / sum) })
    }
  }
}
