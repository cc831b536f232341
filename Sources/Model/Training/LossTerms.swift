import Tape

/// A loss as reports name it, and the chart that shows it.
public struct LossKind: Sendable, Hashable {
  /// Losses of like scale and sense, which share a chart.
  public enum Family: String, Sendable, CaseIterable {
    /// Distances of the generator's picture from the target.
    case reconstruction
    /// Distances of the generator's picture from its teacher's.
    case teacher
    /// Distances of pictures from themselves behind generators, where there are no targets.
    case cycle
    /// How far latent codes are from a standard normal distribution, and from what an encoder finds of them.
    case code
    /// The discriminator's own losses.
    case discriminator
    /// The generator's loss against the discriminator.
    case adversarial
  }

  public let name: String
  public let family: Family

  public init(_ name: String, _ family: Family) { (self.name, self.family) = (name, family) }

  /// The same loss of a generator of another name than "G".
  func of(_ generator: String) -> LossKind { LossKind("\(generator)\(name.dropFirst())", family) }
}

/// A term of the generator's loss that looks at its picture and the target. The row is a full description of the term.
public struct PictureTerm: Sendable {
  public let loss: LossKind
  /// The option of its weight, which leaves it out at 0.
  public let row: OptionRow
  /// Records the loss of outputs and targets, [N, C, H, W] each.
  let record: @Sendable (_ tape: Tape, _ output: Tensor, _ target: Tensor) throws(TapeError) -> Tensor

  private init(
    _ name: String, _ option: String, _ help: String,
    record: @escaping @Sendable (Tape, Tensor, Tensor) throws(TapeError) -> Tensor
  ) {
    loss = LossKind(name, .reconstruction)
    row = OptionRow(
      option, \.objective[weightOf: name], .objective, help, range: .weight, shown: .unlessDefault)
    self.record = record
  }

  /// In the order of recording and reports.
  public static let all = [
    PictureTerm("G_SSIM", "--lambda-ssim", "Weight of 1 - SSIM of output and target (Wang et al. 2004).") {
      tape, output, target throws(TapeError) in try tape.ssimLoss(output, target)
    },
    PictureTerm(
      "G_edges", "--lambda-edges",
      "Weight of the difference of their edges, the differences of neighbouring pixels."
    ) { tape, output, target throws(TapeError) in try tape.edgeLoss(output, target) },
  ]
}
