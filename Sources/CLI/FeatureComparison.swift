import Foundation
import Images
import Metrics
import Model

/// Features of outputs and targets by a network, gathered picture by picture.
struct FeatureComparison {
  private let network: FeatureNetwork
  private let path: String
  private var outputs: [Double] = []
  private var targets: [Double] = []

  /// - Parameter count: pictures that will be compared, for a refusal before anything takes time
  init(network: FeatureNetwork, path: String, count: Int) throws {
    guard count >= 2 else {
      throw ModelError.option(
        "--feature-network", "a Fréchet distance needs at least 2 pictures, not \(count)")
    }
    self.network = network
    self.path = path
  }

  /// Adds a picture and its target, at the picture's size.
  ///
  /// - Parameter name: the pair's, for errors
  mutating func add(output: Picture, target: Picture, name: String) throws {
    let fitted = target.resized(
      width: output.width, height: output.height, method: target.isPalette ? .nearest : .bicubic)
    outputs += try network.features(of: output, name: name)
    targets += try network.features(of: fitted, name: name)
  }

  /// Of the outputs and of the targets.
  var features: (outputs: Features, targets: Features) {
    func features(_ values: [Double]) -> Features {
      Features(
        count: values.count / network.featureCount, dimension: network.featureCount, values: values)
    }
    return (features(outputs), features(targets))
  }

  /// Its key and name say whose features are compared: "frechet_distance_vgg16" those of vgg16.safetensors.
  func figure() throws -> Figure {
    let name = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
    let key = name.lowercased().map { $0.isLetter || $0.isNumber ? $0 : "_" }
    let kind = FigureKind("frechet_distance_" + String(key), "Fréchet distance, \(name)", better: .lower)
    return try .frechetDistance(features.outputs, features.targets, kind, source: path)
  }
}

extension Figure {
  /// The Fréchet distance of two sets of features.
  ///
  /// - Parameters:
  ///   - a, b: of equal dimension, all numbers finite
  ///   - source: where they come from, for errors
  static func frechetDistance(
    _ a: Features, _ b: Features, _ kind: FigureKind = .frechetDistance, source: String
  ) throws -> Figure {
    guard let distance = Metrics.frechetDistance(a, b) else {
      throw ModelError.file(source, "the singular values for the Fréchet distance did not converge")
    }
    return Figure(kind, value: distance, count: a.count)
  }
}

extension Features {
  /// What is to be known of a Fréchet distance of fewer vectors than they have numbers.
  func remark(beside other: Features) -> String? {
    let count = min(count, other.count)
    guard count <= dimension else { return nil }
    return
      "the Fréchet distance of \(count) pictures is biased upwards: a covariance of \(dimension) features needs \(dimension + 1) to be of full rank; compare it with distances of as many pictures only"
  }
}
