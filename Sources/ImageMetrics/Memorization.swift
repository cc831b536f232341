import Images

/// A test for outputs learned by heart: is an output nearer to a picture of the training set than to its own target?
///
/// The distance is the mean absolute difference of pictures reduced to 32 x 32. At that size textures and edges, which
/// differ pixel by pixel between any two pictures, are averaged away; the places and colours of things remain, by which a
/// copied scene is recognised. Where training and held-out pictures are alike (frames
/// of one film), a good output is near both: then compare with the share for the targets of another model or split.
public struct Memorization: Sendable {
  /// A picture reduced to 32 x 32.
  public struct Thumbnail: Sendable, Equatable {
    public static let side = 32
    let samples: [UInt8]

    public init(_ picture: Picture) {
      let reduced = picture.opaque().eightBit().resized(
        width: Self.side, height: Self.side, method: .bilinear)
      guard case .eight(let samples) = reduced.samples else {
        preconditionFailure("pictures of 8 bits stay so")
      }
      self.samples = samples
    }

    /// The samples as numbers, [32][32][channels] in 0...255.
    public var values: [Double] { samples.map(Double.init) }

    /// The mean absolute difference, in 0...255.
    public func distance(_ other: Thumbnail) -> Double {
      var sum: Int32 = 0
      samples.withUnsafeBufferPointer { a in
        other.samples.withUnsafeBufferPointer { b in
          for index in 0..<a.count { sum &+= abs(Int32(a[index]) &- Int32(b[index])) }
        }
      }
      return Double(sum) / Double(samples.count)
    }
  }

  /// A reduced training target and the name of its pair.
  public typealias TrainingTarget = (name: String, thumbnail: Thumbnail)

  /// An output beside the training target that is nearest to it.
  public struct Example: Sendable, Equatable {
    public let name: String
    /// To the output's own target, in 0...255.
    public let ownDistance: Double
    /// To the nearest training target, in 0...255.
    public let nearestDistance: Double
    public let nearestName: String

    public var isNearerToTraining: Bool { nearestDistance < ownDistance }
  }

  /// Compares an output with its target and all training targets; the first of equally near ones is named.
  /// - Parameter training: at least one.
  public static func example(
    name: String, output: Thumbnail, target: Thumbnail, training: [TrainingTarget]
  ) -> Example {
    precondition(!training.isEmpty, "there are training targets")
    var nearest = (name: "", distance: Double.infinity)
    for candidate in training {
      let distance = output.distance(candidate.thumbnail)
      if distance < nearest.distance { nearest = (candidate.name, distance) }
    }
    return Example(
      name: name, ownDistance: output.distance(target), nearestDistance: nearest.distance,
      nearestName: nearest.name)
  }

  /// The examples that are nearer to a training target, the clearest first.
  public static func worst(_ examples: [Example], count: Int) -> [Example] {
    let nearer = examples.filter(\.isNearerToTraining)
    return Array(
      nearer.sorted {
        ($1.ownDistance - $1.nearestDistance, $0.name) < ($0.ownDistance - $0.nearestDistance, $1.name)
      }.prefix(count))
  }
}
