extension Picture {
  /// The samples as planes CHW [3, height, width] in [-1, 1]: x / 127.5 - 1, or x / 32767.5 - 1 for 16
  /// bits. Gray becomes three equal planes, alpha goes as in `rgb()`.
  public func planes() -> [Float] {
    var out = [Float](repeating: 0, count: 3 * width * height)
    out.withUnsafeMutableBufferPointer {
      rgb().writePlanes(x: 0, y: 0, width: width, height: height, isFlipped: false, into: $0)
    }
    return out
  }

  /// Planes [3, height, width] of the samples in [0, 1], less a mean and divided by a standard deviation for each channel:
  /// what networks trained on ImageNet read.
  public func planes(mean: [Float], standardDeviation: [Float]) -> [Float] {
    var planes = planes()
    for channel in 0..<3 {
      // From [-1, 1].
      let factor = 0.5 / standardDeviation[channel]
      let shift = (0.5 - mean[channel]) / standardDeviation[channel]
      for index in channel * size.area..<(channel + 1) * size.area {
        planes[index] = planes[index] * factor + shift
      }
    }
    return planes
  }

  /// Writes a rectangle as planes CHW [channels, height, width] in [-1, 1].
  func writePlanes(
    x: Int, y: Int, width: Int, height: Int, isFlipped: Bool, into out: UnsafeMutableBufferPointer<Float>
  ) {
    precondition(out.count == channels * width * height, "planes are [channels, height, width]")
    precondition(x >= 0 && y >= 0 && x + width <= self.width && y + height <= self.height)
    let area = width * height
    let step = isFlipped ? -channels : channels
    func write<S: FixedWidthInteger & UnsignedInteger>(_ values: [S], half: Float) {
      values.withUnsafeBufferPointer { source in
        for row in 0..<height {
          let first = ((y + row) * self.width + x + (isFlipped ? width - 1 : 0)) * channels
          for channel in 0..<channels {
            let old = source.baseAddress! + (first + channel)
            let plane = out.baseAddress! + (channel * area + row * width)
            for column in 0..<width { plane[column] = Float(old[column &* step]) / half - 1 }
          }
        }
      }
    }
    switch samples {
    case .eight(let values): write(values, half: 127.5)
    case .sixteen(let values): write(values, half: 32767.5)
    }
  }

  /// A picture from planes CHW [channels, height, width] in [-1, 1]: round((x + 1) * 127.5) for 8 bits,
  /// round((x + 1) * 32767.5) for 16, clamped; NaN becomes 0. `planes` may be a slice of a
  /// batch.
  ///
  /// - Parameter hasAlpha: by default so for 2 and 4 channels
  public init(
    planes: some RandomAccessCollection<Float>, width: Int, height: Int, channels: Int = 3, bitDepth: Int = 8,
    hasAlpha: Bool? = nil
  ) {
    precondition(planes.count == width * height * channels, "planes are [channels, height, width]")
    precondition(bitDepth == 8 || bitDepth == 16, "samples have 8 or 16 bits")
    let area = width * height
    let planes = Array(planes)
    func samples<S: FixedWidthInteger & UnsignedInteger>(_: S.Type) -> [S] {
      let largest = Float(S.max)
      return [S](unsafeUninitializedCapacity: area * channels) { out, count in
        for channel in 0..<channels {
          for pixel in 0..<area {
            let level = ((planes[channel * area + pixel] + 1) * (largest / 2)).rounded()
            // max and min let NaN through in one order of their arguments; the comparison does not.
            out[pixel * channels + channel] = level > 0 ? S(min(level, largest)) : 0
          }
        }
        count = area * channels
      }
    }
    self.init(
      width: width, height: height, channels: channels,
      samples: bitDepth == 8 ? .eight(samples(UInt8.self)) : .sixteen(samples(UInt16.self)),
      hasAlpha: hasAlpha)
  }

  /// A sheet of equally large pictures, for example a row input | output | target per pair. 8-bit RGB;
  /// cells that a short row lacks are white.
  public static func sheet(_ rows: [[Picture]]) -> Picture {
    guard let first = rows.first?.first else { preconditionFailure("a sheet needs a picture") }
    let (width, height) = (first.width, first.height)
    let columns = rows.map(\.count).max() ?? 1
    var samples = [UInt8](repeating: 255, count: rows.count * height * columns * width * 3)
    for (row, pictures) in rows.enumerated() {
      for (column, picture) in pictures.enumerated() {
        precondition(
          picture.width == width && picture.height == height, "pictures of a sheet are equally large")
        guard case .eight(let source) = picture.rgb().eightBit().samples else { continue }
        for line in 0..<height {
          let to = (((row * height + line) * columns + column) * width) * 3
          let from = line * width * 3
          samples.replaceSubrange(to..<to + width * 3, with: source[from..<from + width * 3])
        }
      }
    }
    return Picture(
      width: columns * width, height: rows.count * height, channels: 3, samples: .eight(samples))
  }
}
