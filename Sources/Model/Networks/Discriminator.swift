import Tape

/// A judge of pictures: a PatchGAN, or one for each of several scales of a picture, each half as large as the one before
/// (Wang et al. 2018, pix2pixHD).
public struct Discriminator: DeclaredNetwork {
  public let label: NetworkLabel
  private var patches: [PatchGAN]

  public var parameters: [NamedTensor] { patches.flatMap(\.parameters) }
  public var runningStatistics: [NamedTensor] { patches.flatMap(\.runningStatistics) }
  public var states: [NamedTensor] { patches.flatMap(\.states) }

  /// Declares the parameters on the tape. The names of the second scale's begin with "scale1.", of the third's with "scale2.",
  /// and so on.
  ///
  /// - Parameter channels: of the pictures that it judges
  public init(
    _ configuration: NetworkConfiguration, channels: Int, _ label: NetworkLabel, on tape: Tape
  ) {
    self.label = label
    patches = (0..<configuration.scales).map { scale in
      let prefix = scale == 0 ? label.prefix : "\(label.prefix)scale\(scale)."
      return PatchGAN(
        configuration, channels: channels, NetworkLabel(label.name, prefix: prefix), on: tape)
    }
  }

  /// The discriminator with the weights of its next passes: where there is spectral norm, records one step of the power
  /// iteration and the division of the present weights. All passes between two updates can share it.
  public func normalized(on tape: Tape) throws(TapeError) -> Discriminator {
    var result = self
    for scale in patches.indices { result.patches[scale] = try patches[scale].normalized(on: tape) }
    return result
  }

  /// Records one pass over pictures [N, channels, H, W], or several whose batches lie one behind the other.
  ///
  /// - Returns: the results of each scale's PatchGAN
  public func record(
    _ pictures: Tensor, passes: Int = 1, on tape: Tape, training: Bool
  ) throws(TapeError) -> [PatchGAN.Pass] {
    var pictures = pictures
    var result: [PatchGAN.Pass] = []
    for (scale, patch) in patches.enumerated() {
      if scale > 0 {
        pictures = try tape.scope("\(label.name).scale\(scale)") { () throws(TapeError) in
          try tape.averagePool(pictures, by: 2)
        }
      }
      result.append(try patch.record(pictures, passes: passes, on: tape, training: training))
    }
    return result
  }
}
