import Images

/// Relations between options.
extension TrainingOptions {
  static let rules = [
    networkRules, codeRules, unpairedRules, objectiveRules, termRules, trainingRules,
  ].flatMap(\.self)

  private static let networkRules: [OptionRule] = [
    OptionRule("--levels", .networks) { options in
      let (network, most) = (options.network, options.network.mostLevels)
      return network.generator.residualBlocks != nil || (2...most).contains(network.levels)
        ? nil : "\(network.levels) halvings do not suit \(network.size) pixels; give 2 to \(most)"
    },
    OptionRule("input channels", .networks) { channels($0.network.inputChannels) },
    OptionRule("output channels", .networks) { channels($0.network.outputChannels) },
    OptionRule("--affine", .networks) { options in
      switch (options.network.affine, options.network.norm) {
      case (false, _), (_, .instance): nil
      case (_, .batch): "batch norm has a scale and shift already"
      case (_, .none): "goes with --norm instance"
      }
    },
    OptionRule("--patch", .networks) { $0.network.patchProblem },
  ]

  private static func channels(_ count: Int) -> String? {
    (1...NetworkConfiguration.mostChannels).contains(count)
      ? nil : "\(count) is not from 1 to \(NetworkConfiguration.mostChannels)"
  }

  private static let objectiveRules: [OptionRule] = [
    OptionRule("--lambda-gan", .objective) { options in
      options.objective.isAdversarial && options.objective.lambdaGAN == 0
        ? "0 leaves nothing of --objective \(options.objective.kind.rawValue)'s GAN" : nil
    },
    OptionRule("--lambda-l1", .objective) { options in
      let objective = options.objective
      return !objective.isAdversarial && objective.pixelDistance != nil && objective.pixelWeight == 0
        && options.distillation == nil
        ? "0 leaves nothing of --objective \(objective.kind.rawValue)" : nil
    },
    OptionRule("--minimax", .objective) { options in
      options.objective.minimax && !(options.objective.isAdversarial && options.objective.ganLoss == .bce)
        ? "goes with a GAN of --gan-loss bce, whose generator has two losses" : nil
    },
    OptionRule("--teacher", .objective) { options in
      options.distillation != nil && options.objective.output == .logits
        ? "draws pictures, and --objective cross-entropy draws none" : nil
    },
    OptionRule("--lambda-teacher", .objective) { options in
      guard let weights = options.distillation?.weights else { return nil }
      return weights.pixels + weights.edges + weights.high > 0
        ? nil : "0, with --lambda-teacher-edges and -high of 0, leaves nothing of --teacher"
    },
    adversarial("--lambda-feature-matching") { $0.objective.lambdaFeatureMatching > 0 },
    adversarial("--gradient-penalty") { $0.objective.gradientPenalty > 0 },
    adversarial("--pool") { $0.poolSize > 0 },
    OptionRule("--weights", .objective) { options in
      if options.weights != nil, options.distillation != nil, options.objective.pixelWeight == 0 {
        return "are of the pixels of a target, and --teacher leaves it out; add --lambda-l1 100"
      }
      return options.weights != nil && options.objective.pixelDistance == nil
        ? "--objective \(options.objective.kind.rawValue) has no pixel loss" : nil
    },
  ]

  private static let termRules = PictureTerm.all.map { term in
    OptionRule(term.row.name, .objective) { options in
      options.objective.output == .logits && options.objective[weightOf: term.loss.name] != 0
        ? "is a loss of pictures, and --objective cross-entropy draws none" : nil
    }
  }

  private static let hasNoTarget = "compares a picture with its target; --unpaired has none"

  private static let unpairedRules: [OptionRule] =
    [
      unpaired("--objective") { options in
        options.objective.kind == .gan
          ? nil : "\(options.objective.kind.rawValue) needs pairs; --unpaired has none"
      },
      unpaired("--teacher") { options in
        options.distillation == nil ? nil : "is a model of pairs; --unpaired has none"
      },
      unpaired("--weights") { $0.weights == nil ? nil : hasNoTarget },
      unpaired("--lambda-feature-matching") { $0.objective.lambdaFeatureMatching > 0 ? hasNoTarget : nil },
      unpaired("--input") { options in
        options.moreInputs.isEmpty
          ? nil : "--unpaired has no pictures that belong to others; leave it out"
      },
      unpaired("--lambda-identity") { options in
        let (a, b) = (options.network.inputChannels, options.network.outputChannels)
        return a == b || options.cycleWeights.identity == 0
          ? nil : "A has \(a) \(a == 1 ? "channel" : "channels") and B \(b); give 0"
      },
    ]
    + PictureTerm.all.map { term in
      unpaired(term.row.name) { $0.objective[weightOf: term.loss.name] == 0 ? nil : hasNoTarget }
    }

  /// - Parameter problem: of options without pairs
  private static func unpaired(
    _ name: String, _ problem: @escaping @Sendable (TrainingOptions) -> String?
  ) -> OptionRule {
    OptionRule(name, .objective) { options in options.isUnpaired ? problem(options) : nil }
  }

  private static let codeRules: [OptionRule] = [
    OptionRule("--latent", .objective) { options in
      options.hasCodes && options.isUnpaired
        ? "a code is found in a picture's target; --unpaired has none" : nil
    },
    OptionRule("--teacher", .objective) { options in
      options.hasCodes && options.distillation != nil
        ? "draws one picture of an input, and --latent asks for many; leave one of them out" : nil
    },
    OptionRule("--objective", .objective) { options in
      options.hasCodes && !options.objective.isAdversarial
        ? "\(options.objective.kind.rawValue) has no discriminator, and nothing else asks for the diversity of --latent"
        : nil
    },
    // A code's maps have one value, and what a convolution makes of them is one to a channel: a norm's mean.
    OptionRule("--generator", .objective) { options in
      options.hasCodes && options.network.generator.residualBlocks != nil && options.network.norm != .none
        ? "a \(options.network.generator.rawValue)'s first norm takes codes away again; give unet, or --norm none"
        : nil
    },
    OptionRule("--latent-at", .objective) { options in
      options.network.latent?.place == .all && options.network.generator.residualBlocks != nil
        ? "a \(options.network.generator.rawValue) has no levels that take codes; give input" : nil
    },
    OptionRule("--batch-size", .objective) { options in
      options.hasCodes && !options.batchSize.isMultiple(of: 2)
        ? "\(options.batchSize) is odd, and --latent takes halves of a batch; give an even number" : nil
    },
  ]

  /// An option of the discriminator.
  private static func adversarial(
    _ name: String, _ isOn: @escaping @Sendable (TrainingOptions) -> Bool
  ) -> OptionRule {
    OptionRule(name, .objective) { options in
      isOn(options) && !options.objective.isAdversarial
        ? "--objective \(options.objective.kind.rawValue) has no discriminator" : nil
    }
  }

  private static let trainingRules: [OptionRule] = [
    OptionRule("--gan-loss", .training) { options in
      let (objective, isBounded) = (options.objective, options.network.spectralNorm)
      return objective.ganLoss == .wgan && objective.gradientPenalty == 0 && !isBounded
        ? "wgan asks for a critic whose slope is bounded: add --gradient-penalty 10 or --spectral-norm" : nil
    },
    OptionRule("--objective", .training) { options in
      if options.objective.output == .pictures { return nil }
      if case .labels = options.format.target { return nil }
      return "cross-entropy learns the classes of label maps: add --target-format palette or index"
    },
    OptionRule("--learning-rate-policy", .training) { options in
      options.policy == .linear && options.epochs == nil ? "linear goes with --epochs" : nil
    },
    OptionRule("--decay-epochs", .training) { options in
      guard let epochs = options.epochs, let decaying = options.decayEpochs, decaying > epochs else {
        return nil
      }
      return "\(decaying) is more than the \(epochs) epochs"
    },
  ]

  /// Options that say the same in two ways: one of each pair may be given.
  public static let alternatives = [("--steps", "--epochs"), ("--labels", "--input-format")]

  /// What makes no sense on a command line.
  static let usages: [OptionUsage] =
    alternatives.map { option, other in
      OptionUsage(option) { _, given in given.contains(other) ? "give it or \(other), not both" : nil }
    } + [
      OptionUsage("--decay-epochs") { options, _ in
        options.epochs == nil ? "goes with --epochs; --steps keeps the rate constant" : nil
      },
      OptionUsage("--decay-epochs") { options, _ in
        options.policy == .linear ? nil : "goes with --learning-rate-policy linear"
      },
      OptionUsage("--learning-rate-step") { options, _ in
        options.policyName == .step ? nil : "goes with --learning-rate-policy step"
      },
      OptionUsage("--task") { options, _ in
        let kinds = options.kinds
        return options.targets == nil && options.moreInputs.isEmpty && kinds.labels == nil
          && kinds.inputs.isEmpty
          ? nil : "makes inputs of photographs; leave out --targets, --input, --labels and formats"
      },
      OptionUsage("--direction") { options, _ in
        options.isUnpaired ? "both directions are trained; translate has --direction" : nil
      },
      OptionUsage("--lambda-l1") { options, _ in
        options.isUnpaired ? hasNoTarget : nil
      },
      OptionUsage("--task") { options, _ in
        options.isUnpaired ? "makes pairs of photographs; --unpaired has none" : nil
      },
      OptionUsage("--unlabelled") { options, _ in
        options.kinds.target?.isOfLabels == true ? nil : "goes with --target-format palette or index"
      },
      OptionUsage("--input-format") { options, _ in
        let folders = 1 + options.moreInputs.count
        return options.kinds.inputs.count == folders
          ? nil : "give it once for each of \(folders) inputs, or not at all"
      },
    ]
    + ["--lambda-cycle", "--lambda-cycle-back", "--lambda-identity"].map { name in
      OptionUsage(name) { options, _ in options.isUnpaired ? nil : "goes with --unpaired" }
    }
    + ["--latent-at", "--lambda-latent", "--lambda-kl"].map { name in
      OptionUsage(name) { options, _ in options.hasCodes ? nil : "goes with --latent" }
    }
    + ["--lambda-teacher", "--lambda-teacher-edges", "--lambda-teacher-high", "--teacher-radius"].map {
      name in
      OptionUsage(name) { options, _ in options.distillation == nil ? "goes with --teacher" : nil }
    }
}

extension TrainingOptions {
  /// Checks every option and their relations.
  ///
  /// - Parameter group: the part to check; everything when nil
  /// - Throws: `ModelError.option` naming the first option that is out of range.
  public func validate(_ group: OptionRow.Group? = nil) throws(ModelError) {
    for row in Self.rows where group == nil || row.group == group {
      if let reason = row.problem(self) { throw .option(row.name, reason) }
    }
    for rule in Self.rules where group == nil || rule.group == group {
      if let reason = rule.problem(self) { throw .option(rule.option, reason) }
    }
  }

  /// Checks that the networks read and draw the format's planes, as `readFormat` leaves them.
  ///
  /// - Throws: `ModelError.option`
  func validateFormat() throws(ModelError) {
    guard network.output == objective.output else {
      throw .option("--objective", "\(objective.kind.rawValue) does not end in \(network.output.rawValue)")
    }
    if case .pictures(let inputs, let target) = format {
      guard inputs.count == 1 + moreInputs.count else {
        throw .option("--input", "\(inputs.count) formats are not one for each input")
      }
      for format in inputs + [target] where !(1...Palette.maximumCount).contains(format.channels) {
        throw .option("--input-format", "\(format.channels) planes are not from 1 to \(Palette.maximumCount)")
      }
    }
    guard format.inputChannels == network.inputChannels, format.targetChannels == network.outputChannels
    else {
      throw .option(
        "--input-format",
        "\(format.inputChannels) planes to \(format.targetChannels) are not the networks' "
          + "\(network.inputChannels) to \(network.outputChannels)")
    }
  }

  /// Why options that were given together make no sense; nil when they do.
  public func misuse(of given: [GivenOption]) -> ModelError? {
    let names = Set(given.map(\.row.name))
    for usage in Self.usages where names.contains(usage.option) {
      if let reason = usage.problem(self, names) { return .option(usage.option, reason) }
    }
    return nil
  }

  /// Sets the options given.
  public mutating func set(_ given: [GivenOption]) throws(ModelError) {
    let names = Set(given.map(\.row.name))
    // Defaults first, so that what else is given stands.
    let takesDefaults = names.contains("--unpaired") && !isUnpaired
    if takesDefaults { takeUnpairedDefaults() }
    let takesCodes = names.contains("--latent") && !hasCodes
    if takesCodes { takeLatentDefaults() }
    if names.contains("--teacher"), distillation == nil {
      distillation = Distillation(teacher: "")
      objective.pixelWeight = 0
    }
    for option in given { try option.row.set(&self, option.words) }
    if takesCodes {
      if !names.contains("--latent-at"), network.generator.residualBlocks != nil { codePlace = .input }
      if !names.contains("--scales"), network.patchProblem != nil { network.scales = 1 }
    }
    let side = min(network.size.width, network.size.height)
    if takesDefaults, !names.contains("--generator"), side < Self.sideOfNineBlocks {
      network.generator = .resnet6
    }
    network.output = objective.output
  }

  /// The options of a run that goes on, with those changed that were given.
  ///
  /// - Throws: `ModelError.option` when one is given that may not change, and is not the run's own
  public func resumed(with given: [GivenOption]) throws(ModelError) -> TrainingOptions {
    var options = self
    for option in given {
      let row = option.row
      var changed = options
      try row.set(&changed, option.words)
      // A value given again changes nothing, not even another option that would follow from it.
      guard row.words(changed) != row.words(options) else { continue }
      guard row.mayChange else {
        throw .option(
          row.name, "the run has \(row.text(self)), not \(row.text(changed)); a resumed run cannot change it")
      }
      options = changed
    }
    // A run's folders may have moved; which there are is a matter of the networks.
    for name in ["--input", "--weights", "--teacher"] {
      let (had, has) = (Self.row(name).words(self), Self.row(name).words(options))
      guard had.count == has.count else {
        if name == "--teacher" {
          throw .option(name, "the run was begun without a teacher; begin another with --from to give it one")
        }
        throw .option(name, "the run has \(had.count), not \(has.count); a resumed run cannot change that")
      }
    }
    return options
  }

  /// The options as names and values, for reports.
  public var described: [(String, String)] {
    Self.rows.filter { $0.isShown(self) }.map { ($0.label, $0.text(self)) }
  }

  /// The options whose values differ from others', in words.
  public func differences(from other: TrainingOptions) -> [String] {
    Self.rows.filter { $0.words(self) != $0.words(other) }
      .map { "\($0.name) \($0.text(self)), not \($0.text(other))" }
  }
}

extension NetworkConfiguration {
  /// Throws `ModelError.option` naming the first option that is out of range.
  public func validate() throws(ModelError) {
    var options = TrainingOptions()
    options.network = self
    try options.validate(.networks)
  }
}

extension Objective {
  /// Throws `ModelError.option` naming the first option that is out of range.
  public func validate() throws(ModelError) {
    var options = TrainingOptions()
    options.objective = self
    try options.validate(.objective)
  }
}
