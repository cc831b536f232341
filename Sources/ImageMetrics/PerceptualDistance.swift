/// The feature maps of a picture that LPIPS compares: some layers of a trained network, behind their ReLU.
public struct PerceptualFeatures: Sendable {
  /// The maps of one layer.
  struct Layer: Sendable {
    let channels: Int
    let pixels: Int
    /// [channels][pixels], behind ReLU.
    let maps: [Float]
    /// 1 / (length over channels + 1e-10) of each pixel's feature vector.
    let factors: [Double]

    /// The maps [pixels] of a channel, multiplied by `factors`.
    @inline(__always)
    func unit(_ channel: Int, _ pixel: Int) -> Double {
      Double(maps[channel * pixels + pixel]) * factors[pixel]
    }
  }

  let layers: [Layer]

  /// Added to each length, so that a vector of zeros stays one.
  static let epsilon = 1e-10

  /// - Parameter layers: of each layer its number of channels and its maps [channels, height, width] before ReLU
  public init(_ layers: [(channels: Int, maps: [Float])]) {
    self.layers = layers.map { channels, maps in
      let pixels = maps.count / channels
      precondition(channels * pixels == maps.count && pixels > 0, "maps are [channels, height, width]")
      let positive = maps.map { max($0, 0) }
      var squares = [Double](repeating: 0, count: pixels)
      for channel in 0..<channels {
        for pixel in 0..<pixels {
          let value = Double(positive[channel * pixels + pixel])
          squares[pixel] += value * value
        }
      }
      return Layer(
        channels: channels, pixels: pixels, maps: positive,
        factors: squares.map { 1 / ($0.squareRoot() + Self.epsilon) })
    }
  }

  /// Whether no feature is NaN or infinite.
  public var areFinite: Bool { layers.allSatisfy { $0.factors.allSatisfy { $0.isFinite && $0 > 0 } } }
}

/// LPIPS (Zhang et al. 2018, "The unreasonable effectiveness of deep features as a perceptual metric", eq. 1; version 0.1 of
/// its code):
///
///     d(a, b) = sum over layers of mean over pixels of sum over channels c of w_c (a^_c - b^_c)^2
///
/// where a^ are the features of a pixel divided by their length over channels. There is no square root.
///
/// - Parameters:
///   - a, b: features of pictures of one size by one network
///   - weights: w of each layer's channels
public func perceptualDistance(
  _ a: PerceptualFeatures, _ b: PerceptualFeatures, weights: [[Double]]
) -> Double {
  precondition(a.layers.count == weights.count && b.layers.count == weights.count, "weights of each layer")
  var sum = 0.0
  for ((a, b), weights) in zip(zip(a.layers, b.layers), weights) {
    precondition(a.channels == b.channels && a.pixels == b.pixels, "features of pictures of one size")
    precondition(a.channels == weights.count, "a weight for each channel")
    var layer = 0.0
    for channel in weights.indices where weights[channel] != 0 {
      var squares = 0.0
      for pixel in 0..<a.pixels {
        let difference = a.unit(channel, pixel) - b.unit(channel, pixel)
        squares += difference * difference
      }
      layer += weights[channel] * squares
    }
    sum += layer / Double(a.pixels)
  }
  return sum
}

/// The mean `perceptualDistance` of all pairs of pictures, which are added one by one, so that the features of all need not be
/// held.
///
/// Squared distances of n vectors in pairs add up to n times those from their mean, which Welford's formula updates:
///
///     mean over pairs of |a_i - a_j|^2 = 2 / (n - 1) sum over i of |a_i - mean|^2
public struct PerceptualSpread: Sendable {
  private let weights: [[Double]]
  /// The means of unit features, [channels][pixels] of each layer.
  private var means: [[Double]] = []
  /// Of squared distances from the means, weighed, meant over pixels and summed over layers.
  private var sum = 0.0
  /// Pictures added so far.
  public private(set) var count = 0

  /// - Parameter weights: of each layer's channels
  public init(weights: [[Double]]) { self.weights = weights }

  /// - Parameter features: of a picture of the size of those before, by the same network
  public mutating func add(_ features: PerceptualFeatures) {
    precondition(features.layers.count == weights.count, "weights of each layer")
    if count == 0 { means = features.layers.map { [Double](repeating: 0, count: $0.maps.count) } }
    count += 1
    let share = 1 / Double(count)
    for (index, layer) in features.layers.enumerated() {
      precondition(layer.maps.count == means[index].count, "features of pictures of one size")
      var squares = 0.0
      means[index].withUnsafeMutableBufferPointer { means in
        for channel in 0..<layer.channels {
          let weight = weights[index][channel]
          for pixel in 0..<layer.pixels {
            let (value, place) = (layer.unit(channel, pixel), channel * layer.pixels + pixel)
            let difference = value - means[place]
            means[place] += share * difference
            squares += weight * difference * (value - means[place])
          }
        }
      }
      // The first picture is its own mean.
      if count > 1 { sum += squares / Double(layer.pixels) }
    }
  }

  /// The mean distance of all pairs; 0 of fewer than two pictures.
  public var meanDistance: Double { count > 1 ? 2 * sum / Double(count - 1) : 0 }
}
