import Foundation
import Images

/// The samples of a picture as numbers in 0...255, [height][width][channels]: the operands of figures over pixels.
///
/// Three channels, RGB: gray is repeated and alpha composited as `Picture.rgb()` does. An array keeps its channels. 16-bit
/// samples are divided by 257 and not rounded, so that fine differences count.
public struct Pixels: Sendable, Equatable {
  /// In pixels.
  public let width: Int
  /// In pixels.
  public let height: Int
  /// 3, or an array's channels.
  public let channels: Int
  /// height * width * channels numbers.
  public let values: [Double]

  public init(_ picture: Picture) {
    let opaque = picture.opaque()
    let values: [Double] =
      switch opaque.samples {
      case .eight(let samples): samples.map { Double($0) }
      case .sixteen(let samples): samples.map { Double($0) / 257 }
      }
    self.init(width: picture.width, height: picture.height, channels: opaque.channels, values: values)
  }

  init(width: Int, height: Int, channels: Int, values: [Double]) {
    self.width = width
    self.height = height
    self.channels = channels
    self.values = values
  }

  /// Figures compare pixel with pixel, so both pictures must have one size; readers of files check it.
  func checkSize(_ other: Pixels) {
    precondition(width == other.width && height == other.height, "pictures that are compared have one size")
    precondition(channels == other.channels, "pictures that are compared have the same channels")
  }
}

/// The mean of |a - b| over all pixels and channels, in 0...255: the generator's L1 loss in samples.
public func meanAbsoluteError(_ a: Pixels, _ b: Pixels) -> Double {
  a.checkSize(b)
  var sum = 0.0
  for index in a.values.indices { sum += abs(a.values[index] - b.values[index]) }
  return sum / Double(a.values.count)
}

/// The mean of (a - b)^2 over all pixels and channels, in 0...65025.
public func meanSquaredError(_ a: Pixels, _ b: Pixels) -> Double {
  a.checkSize(b)
  var sum = 0.0
  for index in a.values.indices {
    let difference = a.values[index] - b.values[index]
    sum += difference * difference
  }
  return sum / Double(a.values.count)
}

/// The peak signal-to-noise ratio of a mean squared error over samples in 0...255, in dB:
/// 10 log10(255^2 / MSE), infinite where the pictures are equal.
public func peakSignalToNoiseRatio(meanSquaredError: Double) -> Double {
  10 * log10(255 * 255 / meanSquaredError)
}
