import ImageMetrics

import func Foundation.cos
import func Foundation.pow

/// The length of a run on its pairs, and the learning rate of each step.
public struct TrainingPlan: Sendable {
  public let stepsPerEpoch: Int
  /// Steps in all.
  public let steps: Int
  /// Epochs in all, the last one perhaps cut short.
  public var epochs: Int { (steps + stepsPerEpoch - 1) / stepsPerEpoch }
  private let options: TrainingOptions

  /// - Parameter pairs: to train on, at least a batch
  public init(_ options: TrainingOptions, pairs: Int) {
    self.options = options
    stepsPerEpoch = pairs / options.batchSize
    switch options.length {
    case .epochs(let constant, let decaying): steps = (constant + decaying) * stepsPerEpoch
    case .steps(let count): steps = count
    }
  }

  /// The learning rate of a step, by the policy.
  ///
  /// - Parameters:
  ///   - step: counted from 0
  ///   - reductions: how often a plateau has lowered it
  public func learningRate(step: Int, reductions: Int = 0) -> Double {
    let (rate, epoch) = (options.learningRate, step / stepsPerEpoch)
    switch options.policy {
    case .constant: return rate
    case .linear:
      guard case .epochs(let constant, let decaying) = options.length else { return rate }
      // The PyTorch version's: rate * (1 - (epoch - constant) / (decaying + 1)), epochs counted from 1.
      return rate * (1 - Double(max(0, epoch + 1 - constant)) / Double(decaying + 1))
    case .step(let every): return rate * pow(0.1, Double(epoch / every))
    case .plateau: return rate * pow(LearningRatePolicy.plateauFactor, Double(reductions))
    case .cosine:
      let share =
        options.epochs.map { Double(epoch) / Double($0) } ?? Double(step) / Double(steps)
      return rate * (1 + cos(Double.pi * share)) / 2
    }
  }
}

extension Checkpoint.Progress {
  /// Counts a reduction of the learning rate when a figure has not become better by a hundredth for too long, by the rule of
  /// PyTorch's ReduceLROnPlateau with mode min or max and threshold_mode rel.
  package mutating func notePlateau(_ figure: Double, _ better: FigureKind.Better) {
    let isBetter =
      switch better {
      case .lower: figure < (plateauBest ?? .infinity) * (1 - LearningRatePolicy.plateauThreshold)
      case .higher: figure > (plateauBest ?? -.infinity) * (1 + LearningRatePolicy.plateauThreshold)
      }
    if isBetter {
      (plateauBest, badEpochs) = (figure, 0)
    } else {
      badEpochs += 1
      if badEpochs > LearningRatePolicy.plateauPatience {
        (rateReductions, badEpochs) = (rateReductions + 1, 0)
      }
    }
  }
}
