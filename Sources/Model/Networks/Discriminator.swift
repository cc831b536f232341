import Tape

/// What judges pictures: a PatchGAN, or one for each of several scales of a picture, each half as large as the one
/// before (Wang et al. 2018, pix2pixHD).
public struct Discriminator: Sendable {
  private var patches: [PatchGAN]

  public var parameters: [NamedTensor] { patches.flatMap(\.parameters) }
  public var runningStatistics: [NamedTensor] { patches.flatMap(\.runningStatistics) }
  /// What the weights' spectral norms start their power iteration from.
  public var singularVectors: [NamedTensor] { patches.flatMap(\.singularVectors) }

  /// Declares the parameters on the tape: those of scales behind the first under names that begin with "scale1.",
  /// "scale2." and so on.
  ///
  /// - Parameter channels: of what is judged
  public init(_ configuration: NetworkConfiguration, channels: Int, on tape: Tape) {
    patches = (0..<configuration.scales).map { scale in
      PatchGAN(configuration, channels: channels, prefix: scale == 0 ? "" : "scale\(scale).", on: tape)
    }
  }

  /// The same with the weights that its convolutions shall take: where there is spectral norm, records the division of the
  /// weights as they are now, after one step of their power iteration. All passes between two updates can share it.
  public func normalized(on tape: Tape) throws(TapeError) -> Discriminator {
    var result = self
    for scale in patches.indices { result.patches[scale] = try patches[scale].normalized(on: tape) }
    return result
  }

  /// Records one pass over pictures [N, channels, H, W], or several whose batches lie one behind the other.
  ///
  /// - Returns: what each scale's PatchGAN made
  public func record(
    _ pictures: Tensor, passes: Int = 1, on tape: Tape, training: Bool
  ) throws(TapeError) -> [PatchGAN.Pass] {
    var pictures = pictures
    var result: [PatchGAN.Pass] = []
    for (scale, patch) in patches.enumerated() {
      if scale > 0 {
        pictures = try tape.scope("D.scale\(scale)") { () throws(TapeError) in
          try tape.averagePool(pictures, by: 2)
        }
      }
      result.append(try patch.record(pictures, passes: passes, on: tape, training: training))
    }
    return result
  }
}
