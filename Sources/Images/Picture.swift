/// A picture in memory: rows from top to bottom, channels interleaved (HWC), no padding.
///
/// Channels are 1 gray, 2 gray + alpha, 3 RGB, 4 RGBA; of an array (NPY) any number, none of them alpha. Colour profiles and
/// gamma chunks are not applied: samples are what the file stores.
public struct Picture: Sendable, Equatable {
  /// H*W*C samples, 0...255 or 0...65535.
  public enum Samples: Sendable, Equatable {
    case eight([UInt8])
    case sixteen([UInt16])
  }

  /// In pixels, at least 1.
  public let width: Int
  /// In pixels, at least 1.
  public let height: Int
  /// 1...`maximumChannels`.
  public let channels: Int
  /// The last channel is the opacity of the others.
  public let hasAlpha: Bool
  public let samples: Samples
  /// The palette of a file that stored indices into one, in the file's order, unused and repeated entries
  /// included; nil for any other file. The samples are the colours.
  public let palette: [Colour]?

  /// The file stored palette indices, so this is probably a label map: its colours name classes, and blends of them mean
  /// nothing. Pairs resize it by nearest neighbour.
  public var isPalette: Bool { palette != nil }

  /// The largest side that is read, in pixels.
  public static let maximumSide = 16384
  /// The most pixels that are read.
  public static let maximumPixels = 1 << 28
  /// The most channels of an array.
  public static let maximumChannels = 256

  /// - Parameter hasAlpha: by default so for 2 and 4 channels
  public init(
    width: Int, height: Int, channels: Int, samples: Samples, palette: [Colour]? = nil, hasAlpha: Bool? = nil
  ) {
    precondition(width > 0 && height > 0, "a picture needs pixels")
    precondition((1...Self.maximumChannels).contains(channels), "a picture has 1 to 256 channels")
    let hasAlpha = hasAlpha ?? (channels == 2 || channels == 4)
    precondition(!hasAlpha || channels == 2 || channels == 4, "alpha is beside gray or colours")
    let count =
      switch samples {
      case .eight(let values): values.count
      case .sixteen(let values): values.count
      }
    precondition(count == width * height * channels, "samples are H*W*C")
    self.width = width
    self.height = height
    self.channels = channels
    self.hasAlpha = hasAlpha
    self.samples = samples
    self.palette = palette
  }

  /// 8 or 16.
  public var bitDepth: Int {
    switch samples {
    case .eight: 8
    case .sixteen: 16
    }
  }

  /// Gray or RGB, with or without alpha, ready to be shown; not so an array of 2, 4 or more channels.
  public var isColour: Bool { channels == 1 || channels == 3 || hasAlpha }

  /// The memory that the samples take.
  var byteCount: Int { width * height * channels * (bitDepth / 8) }

  /// Three channels of the same depth: gray becomes three equal channels; alpha is composited over white, as a page shows
  /// a cut-out (c' = (c*a + max*(max-a)) / max, rounded), so that colours hidden under transparent pixels do not reach the
  /// network. An array's first three channels, or its first.
  public func rgb() -> Picture {
    if channels == 3 { return self }
    let converted: Samples =
      switch samples {
      case .eight(let values): .eight(rgb(values))
      case .sixteen(let values): .sixteen(rgb(values))
      }
    return Picture(width: width, height: height, channels: 3, samples: converted, palette: palette)
  }

  private func rgb<S: FixedWidthInteger & UnsignedInteger>(_ values: [S]) -> [S] {
    let pixels = values.count / channels
    let colours = channels < 3 ? 1 : 3
    let white = UInt64(S.max)
    return [S](unsafeUninitializedCapacity: pixels * 3) { out, count in
      for pixel in 0..<pixels {
        let alpha = hasAlpha ? UInt64(values[pixel * channels + channels - 1]) : white
        for channel in 0..<3 {
          let value = UInt64(values[pixel * channels + (colours == 3 ? channel : 0)])
          out[pixel * 3 + channel] = S((value * alpha + white * (white - alpha) + white / 2) / white)
        }
      }
      count = pixels * 3
    }
  }

  /// Colours without alpha, as `rgb()`; an array keeps its channels.
  public func opaque() -> Picture { isColour ? rgb() : self }

  /// The same samples, none of them alpha.
  func withoutAlpha() -> Picture {
    Picture(
      width: width, height: height, channels: channels, samples: samples, palette: palette, hasAlpha: false)
  }

  /// One channel of the same depth: the luma of ITU-R BT.601, (19595 R + 38470 G + 7471 B) / 65536 rounded, as
  /// Pillow's mode "L" has it; alpha goes as in `rgb()`.
  public func gray() -> Picture {
    if channels == 1 { return self }
    let luma: Samples =
      switch rgb().samples {
      case .eight(let values): .eight(Self.luma(values))
      case .sixteen(let values): .sixteen(Self.luma(values))
      }
    return Picture(width: width, height: height, channels: 1, samples: luma, palette: palette)
  }

  private static func luma<S: FixedWidthInteger & UnsignedInteger>(_ values: [S]) -> [S] {
    [S](unsafeUninitializedCapacity: values.count / 3) { out, count in
      count = values.count / 3
      for pixel in 0..<count {
        let red = UInt64(values[pixel * 3]) * 19595
        let green = UInt64(values[pixel * 3 + 1]) * 38470
        let blue = UInt64(values[pixel * 3 + 2]) * 7471
        out[pixel] = S((red + green + blue + 0x8000) >> 16)
      }
    }
  }

  /// Four channels of the same depth: gray becomes three equal channels, and a picture without alpha is
  /// opaque.
  public func rgba() -> Picture {
    guard isColour else { return rgb().rgba() }
    if channels == 4 { return self }
    let converted: Samples =
      switch samples {
      case .eight(let values): .eight(Self.rgba(values, channels: channels))
      case .sixteen(let values): .sixteen(Self.rgba(values, channels: channels))
      }
    return Picture(width: width, height: height, channels: 4, samples: converted, palette: palette)
  }

  private static func rgba<S: FixedWidthInteger & UnsignedInteger>(_ values: [S], channels: Int) -> [S] {
    let pixels = values.count / channels
    return [S](unsafeUninitializedCapacity: pixels * 4) { out, count in
      count = pixels * 4
      for pixel in 0..<pixels {
        let from = pixel * channels
        for channel in 0..<3 { out[pixel * 4 + channel] = values[from + (channels < 3 ? 0 : channel)] }
        out[pixel * 4 + 3] = channels == 2 ? values[from + 1] : S.max
      }
    }
  }

  /// The same picture with 8-bit samples; 16-bit ones are divided by 257 and rounded.
  public func eightBit() -> Picture {
    guard case .sixteen(let values) = samples else { return self }
    return Picture(
      width: width, height: height, channels: channels,
      samples: .eight(values.map { UInt8((UInt32($0) + 128) / 257) }), palette: palette, hasAlpha: hasAlpha)
  }

  /// The rectangle with its top left corner at (x, y), which must lie inside.
  public func cropped(x: Int, y: Int, width: Int, height: Int) -> Picture {
    precondition(
      x >= 0 && y >= 0 && x + width <= self.width && y + height <= self.height, "the cut leaves the picture")
    func cut<S>(_ values: [S]) -> [S] {
      var out: [S] = []
      out.reserveCapacity(width * height * channels)
      for row in y..<y + height {
        let start = (row * self.width + x) * channels
        out += values[start..<start + width * channels]
      }
      return out
    }
    let part: Samples =
      switch samples {
      case .eight(let values): .eight(cut(values))
      case .sixteen(let values): .sixteen(cut(values))
      }
    return Picture(
      width: width, height: height, channels: channels, samples: part, palette: palette, hasAlpha: hasAlpha)
  }
}
