/// How the learning rate goes, as the PyTorch version names it.
public enum LearningRatePolicy: Sendable, Codable, Equatable {
  case constant
  /// Constant, then towards 0: see `TrainingOptions.Length`.
  case linear
  /// A tenth of it after every so many epochs.
  case step(every: Int)
  /// A fifth of it whenever the figure that the best checkpoint is chosen by has not become better by a hundredth for more
  /// than five validations.
  case plateau
  /// Half a cosine from the rate down to 0 (Loshchilov and Hutter 2017, without restarts), by the epoch or, where there
  /// are steps only, by the step.
  case cosine

  /// A policy on the command line.
  enum Name: String, CaseIterable, OptionValue {
    case constant, linear, step, plateau, cosine
  }

  init(_ name: Name) {
    switch name {
    case .constant: self = .constant
    case .linear: self = .linear
    case .step: self = .step(every: Self.standardInterval)
    case .plateau: self = .plateau
    case .cosine: self = .cosine
    }
  }

  var name: Name {
    switch self {
    case .constant: .constant
    case .linear: .linear
    case .step: .step
    case .plateau: .plateau
    case .cosine: .cosine
    }
  }

  static let standardInterval = 50
  static let plateauFactor = 0.2
  static let plateauThreshold = 0.01
  static let plateauPatience = 5
}
