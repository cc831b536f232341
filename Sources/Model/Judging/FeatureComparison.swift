import Foundation
import ImageMetrics
import Images
import Tape

/// Feature vectors of outputs and of their targets, made by one network.
public struct FeatureComparison: Sendable {
  public let outputs: Features
  public let targets: Features
  /// The vectors' origin, for errors.
  private let source: String

  /// - Parameters:
  ///   - outputs, targets: a vector per picture, all of one length; at least two pictures
  ///   - source: the vectors' origin, for errors
  init(outputs: [[Double]], targets: [[Double]], source: String) {
    self.outputs = Features(outputs)
    self.targets = Features(targets)
    self.source = source
  }

  /// Reads two safetensors files of one F32 tensor [pictures, features] each.
  ///
  /// - Throws: `ModelError.file` for a file of another content, and for vectors of different lengths.
  public init(outputFile: String, targetFile: String) throws(ModelError) {
    outputs = try Features(path: outputFile)
    targets = try Features(path: targetFile)
    source = outputFile
    guard outputs.dimension == targets.dimension else {
      throw .file(
        targetFile,
        "has \(targets.dimension) features a picture where \(outputFile) has \(outputs.dimension); use one network"
      )
    }
  }

  /// The Fréchet distance between the outputs' and the targets' vectors, all numbers finite.
  ///
  /// - Throws: `ModelError.file` when its singular values do not converge.
  public func figure(_ kind: FigureKind = .frechetDistance) throws(ModelError) -> Figure {
    guard let distance = frechetDistance(outputs, targets) else {
      throw .file(source, "the singular values for the Fréchet distance did not converge")
    }
    return Figure(kind, value: distance, count: outputs.count)
  }

  /// The kernel distance between them, which has no such bias in small sets, a thousandfold.
  ///
  /// - Parameter kind: of the Fréchet distance of these features
  public func kernelFigure(_ kind: FigureKind = .frechetDistance) -> Figure {
    Figure(kind.asKernelDistance, value: 1000 * kernelDistance(outputs, targets), count: outputs.count)
  }

  /// A warning for fewer pictures than covariances of full rank need.
  public var remark: String? {
    let (count, dimension) = (min(outputs.count, targets.count), outputs.dimension)
    guard count <= dimension else { return nil }
    return
      "the Fréchet distance of \(count) pictures is biased upwards: a covariance of \(dimension) features needs \(dimension + 1) to be of full rank; compare it with distances of as many pictures only, or take the kernel distance"
  }
}

extension Features {
  fileprivate init(path: String) throws(ModelError) {
    let file = try SafetensorsFile(path: path)
    guard file.entries.count == 1, let (name, entry) = file.entries.first, entry.isFloat32,
      entry.shape.count == 2, entry.shape[0] >= 2, entry.shape[1] >= 1,
      // LAPACK counts by them.
      entry.shape.allSatisfy({ $0 <= Int32.max }),
      let values = try file.floats(name)
    else {
      throw .file(path, "is not one F32 tensor [vectors, features] of at least 2 vectors")
    }
    guard values.areFinite else { throw .file(path, "\(name.inErrors) holds NaN or infinite values") }
    self.init(count: entry.shape[0], dimension: entry.shape[1], floats: values)
  }
}

/// A network and the features that it has made of outputs and targets so far.
public struct FeatureCollector {
  private let network: FeatureNetwork
  private let path: String
  private var outputs: [[Double]] = []
  private var targets: [[Double]] = []

  /// - Parameters:
  ///   - path: the network's file
  ///   - count: pictures that will be compared
  /// - Throws: `ModelError.option` for fewer than two pictures, before anything takes time.
  public init(network: FeatureNetwork, path: String, count: Int) throws(ModelError) {
    guard count >= 2 else {
      throw .option("--feature-network", "a Fréchet distance needs at least 2 pictures, not \(count)")
    }
    self.network = network
    self.path = path
  }

  /// A line why pictures of a size have no features of this network; nil where they have.
  func refusal(of size: PictureSize) -> String? {
    min(size.width, size.height) < network.smallestSide
      ? "no Fréchet distance: pictures of \(size) pixels are too small for features of \(path), which needs \(network.smallestSide) on a side"
      : nil
  }

  /// Adds a picture and its target, resized to the picture's size.
  ///
  /// - Parameter name: the pair's, for errors
  public mutating func add(output: Picture, target: Picture, name: String) throws {
    let fitted = target.resized(
      width: output.width, height: output.height, method: target.isPalette ? .nearest : .bicubic)
    outputs.append(try network.features(of: output, name: name))
    targets.append(try network.features(of: fitted, name: name))
  }

  /// The features of at least two pictures.
  public var comparison: FeatureComparison {
    FeatureComparison(outputs: outputs, targets: targets, source: path)
  }

  /// The Fréchet distance under the network's name: "frechet_distance_vgg16" for vgg16.safetensors.
  public var kind: FigureKind {
    let name = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
    let key = name.lowercased().map { $0.isLetter || $0.isNumber ? $0 : "_" }
    return FigureKind("frechet_distance_" + String(key), "Fréchet distance, \(name)", better: .lower)
  }
}
