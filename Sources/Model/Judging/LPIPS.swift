import ImageMetrics
import Images
import Tape

/// LPIPS 0.1 of pictures by a network and weights of its channels; see `perceptualDistance`.
public final class LPIPS {
  /// The weights of channels.
  public enum Weights: Sendable, Equatable {
    /// A safetensors file with the tensors of the package `lpips`: lin0.model.1.weight to lin4.model.1.weight, [1, C, 1, 1].
    case file(String)
    /// All are 1: the package's baseline.
    case ones
  }

  /// Pixels on a side that a picture needs. At 32 the fifth maps of VGG-16 are 2 x 2, of AlexNet 1 x 1; fewer would say nothing.
  public static let smallestSide = 32

  private let network: FeatureNetwork
  /// Of each tap's channels.
  public let weights: [[Double]]
  /// The figure of an output beside its target.
  public let kind: FigureKind

  /// - Throws: `ModelError.file` for a network that LPIPS is not defined for, and for weights that are not its.
  public init(_ network: FeatureNetwork, weights: Weights) throws(ModelError) {
    guard let channels = network.tapChannels else {
      throw .file(
        network.path,
        "is neither VGG-16 without batch norm nor AlexNet, for which LPIPS is defined; leave out --lpips-weights"
      )
    }
    self.network = network
    switch weights {
    case .file(let path): self.weights = try Self.read(path, channels, of: network.path)
    case .ones: self.weights = channels.map { [Double](repeating: 1, count: $0) }
    }
    kind = .lpips(network.perceptualName, isBaseline: weights == .ones)
  }

  private static func read(
    _ path: String, _ channels: [Int], of network: String
  ) throws(ModelError) -> [[Double]] {
    let file = try SafetensorsFile(path: path)
    let names = channels.indices.map { "lin\($0).model.1.weight" }
    var result: [[Double]] = []
    for (name, count) in zip(names, channels) {
      guard let entry = file.entries[name], entry.isFloat32 else {
        throw .file(
          path,
          "has no \(name) of type F32; --lpips-weights takes lin0.model.1.weight to lin4.model.1.weight of the package lpips"
        )
      }
      guard entry.shape == [1, count, 1, 1] else {
        throw .file(
          path,
          "\(name) has the shape \(Shape(entry.shape)), not \(Shape([1, count, 1, 1])): it has the weights of another network than \(network)"
        )
      }
      let values = try file.floats(name) ?? []
      guard values.areFinite else { throw .file(path, "\(name) holds NaN or infinite values") }
      guard values.allSatisfy({ $0 >= 0 }) else {
        throw .file(
          path, "\(name) holds a negative weight, by which pictures would be nearer the more they differ")
      }
      result.append(values.map { Double($0) })
    }
    if let other = file.entries.keys.filter({ !names.contains($0) }).min() {
      throw .file(
        path, "has a tensor \(other.inErrors): it has the weights of another network than \(network)")
    }
    return result
  }

  /// A picture as it is compared.
  ///
  /// - Parameter name: the picture's, for errors
  /// - Throws: `ModelError.file` for a picture that is too small, for an array of channels, and for features beyond Float.
  public func features(of picture: Picture, name: String) throws -> PerceptualFeatures {
    try Self.check(picture.size, name: name)
    guard picture.isColour else {
      throw ModelError.file(
        name, "has \(picture.channels) channels, which are no colours; LPIPS compares gray or RGB pictures")
    }
    return try network.taps(of: picture, name: name)
  }

  /// - Throws: `ModelError.file` for a size that is too small.
  public static func check(_ size: PictureSize, name: String) throws(ModelError) {
    guard min(size.width, size.height) >= smallestSide else {
      throw .file(name, "\(size) pixels are too few for LPIPS: it needs \(smallestSide) on a side")
    }
  }

  /// The distance of two pictures of one size, at least 0.
  public func distance(_ a: PerceptualFeatures, _ b: PerceptualFeatures) -> Double {
    perceptualDistance(a, b, weights: weights)
  }

  /// The distance of an output from its target.
  ///
  /// - Parameter name: the pair's, for errors
  public func figure(output: Picture, target: Picture, name: String) throws -> PictureFigures.Perceptual {
    .init(kind, distance(try features(of: output, name: name), try features(of: target, name: name)))
  }

  /// The distances of samples among themselves and from what is right.
  ///
  /// Beside the target, the features of one picture at a time are held, and the mean of those before.
  ///
  /// - Parameters:
  ///   - samples: at least two pictures of one size
  ///   - target: a right output of that size
  ///   - targets: several right outputs of that size; fewer than two are none
  ///   - name: the pair's, for errors
  /// - Returns: the first sample's distance from the target, and all samples'
  public func figures(
    samples: [Picture], target: Picture, targets: [Picture], name: String
  ) throws -> (first: PictureFigures.Perceptual, all: SampleDistances) {
    precondition(samples.count > 1, "a diversity needs two samples")
    let right = try features(of: target, name: name)
    var spread = PerceptualSpread(weights: weights)
    var distances: [Double] = []
    for sample in samples {
      let features = try features(of: sample, name: name)
      spread.add(features)
      distances.append(distance(features, right))
    }
    var targetSpread = PerceptualSpread(weights: weights)
    if targets.count > 1 {
      for target in targets { targetSpread.add(try features(of: target, name: name)) }
    }
    return (
      .init(kind, distances[0]),
      SampleDistances(
        kind, count: samples.count, diversity: spread.meanDistance, best: distances.min() ?? .nan,
        targetDiversity: targets.count > 1 ? targetSpread.meanDistance : nil)
    )
  }
}
