/// Watches whether a training with latent codes makes use of them, by the means of its losses since the last look.
package struct CodeWatch {
  /// Fewer nats to a number of the code say nothing of the picture.
  static let leastDivergence = 0.01
  /// Who guesses 0 for every number of a code is wrong by sqrt(2 / pi) = 0.798 in the mean.
  static let mostLatent = 0.7
  /// Readings of the losses before the first warning, about a thousand steps: codes begin with no meaning.
  static let patience = 100

  private let weights: BicycleGAN.Weights
  /// Numbers of all codes of a step.
  private let numbers: Double
  private var sums = (divergence: 0.0, latent: 0.0)
  private var readings = 0
  private var allReadings = 0
  private var said: Set<String> = []

  /// Nil for a training without codes.
  package init?(_ options: TrainingOptions) {
    guard let weights = options.codeLosses, let latent = options.network.latent else { return nil }
    self.weights = weights
    numbers = Double(options.batchSize / 2 * latent.length)
  }

  /// Takes the losses of a step.
  package mutating func note(_ losses: Losses) {
    sums.divergence += losses[BicycleGAN.LossName.divergence] ?? 0
    sums.latent += losses[BicycleGAN.LossName.latent] ?? 0
    readings += 1
    allReadings += 1
  }

  /// What is wrong since the last call, where that was not said before.
  package mutating func warning() -> String? {
    defer { (sums, readings) = ((0, 0), 0) }
    guard allReadings >= Self.patience, readings > 0 else { return nil }
    let count = Double(readings)
    if weights.divergence > 0 {
      let divergence = sums.divergence / count / Double(weights.divergence) / numbers
      if divergence < Self.leastDivergence, said.insert("divergence").inserted {
        return
          "the encoder's codes carry \(text(divergence)) nats a number, less than \(Self.leastDivergence): the code is ignored; try a lower --lambda-kl or a higher --lambda-l1"
      }
    }
    if weights.latent > 0 {
      let latent = sums.latent / count / Double(weights.latent)
      if latent > Self.mostLatent, said.insert("latent").inserted {
        return
          "the encoder misses codes by \(text(latent)) a number, where a guess of 0 misses them by 0.798: the generator ignores the code; try a higher --lambda-latent or a lower --lambda-l1"
      }
    }
    return nil
  }

  private func text(_ value: Double) -> String { NumberText.figure(value) }
}
