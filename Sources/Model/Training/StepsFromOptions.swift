import Images

// The steps that a run's options ask for.

extension TrainingOptions {
  /// Records the training step.
  ///
  /// - Parameter translates: whether to record also the translations that validation and samples take
  public func record(translates: Bool = true) throws -> any TrainingStep {
    if let unpaired { return try recordCycle(unpaired, translates: translates) }
    if let codeLosses { return try recordCodes(codeLosses, translates: translates) }
    var step = Pix2Pix.Options()
    step.batchSize = batchSize
    step.objective = objective
    step.isWeighted = weights != nil
    step.poolSize = poolSize
    step.teacher = try teacher()
    step.recomputation = recompute ? .standard : nil
    return try Pix2Pix(
      network, step, sections: translates ? [.train, .translate] : .train,
      translationDropout: drawsWithDropout)
  }

  private func recordCycle(_ weights: CycleGAN.Weights, translates: Bool) throws -> any TrainingStep {
    try validate(.objective)
    var step = CycleGAN.Options()
    (step.batchSize, step.objective, step.weights, step.poolSize) = (batchSize, objective, weights, poolSize)
    step.recomputation = recompute ? .standard : nil
    return try CycleGAN(
      network, step, translating: translates ? Direction.allCases : [], dropout: drawsWithDropout)
  }

  private func recordCodes(_ weights: BicycleGAN.Weights, translates: Bool) throws -> any TrainingStep {
    try validate(.objective)
    var step = BicycleGAN.Options()
    (step.batchSize, step.objective, step.weights, step.poolSize) = (batchSize, objective, weights, poolSize)
    step.isWeighted = self.weights != nil
    step.recomputation = recompute ? .standard : nil
    return try BicycleGAN(network, step, translates: translates, dropout: drawsWithDropout)
  }

  /// Records the translation alone, in the direction of these options.
  ///
  /// - Parameters:
  ///   - size: of the pictures; that of the training by default
  ///   - dropout: whether dropout stays on; by default as `drawsWithDropout`
  public func recordTranslation(
    size: PictureSize? = nil, statistics: NormStatistics = .batch, dropout: Bool? = nil,
    keepsFeatures: Bool = false
  ) throws -> any TrainingStep {
    var network = network
    network.size = size ?? network.size
    let drops = dropout ?? drawsWithDropout
    if isUnpaired {
      return try CycleGAN(
        translating: direction, network, statistics: statistics, dropout: drops, keepsFeatures: keepsFeatures)
    }
    if hasCodes {
      return try BicycleGAN(
        translating: network, statistics: statistics, dropout: drops, keepsFeatures: keepsFeatures)
    }
    return try Pix2Pix(
      network, sections: .translate, translationStatistics: statistics, translationDropout: drops,
      keepsFeatures: keepsFeatures)
  }

  /// Records the encoder alone, at the size of the training, of a model with latent codes.
  public func recordEncoding() throws -> any TrainingStep { try BicycleGAN(encoding: network) }

  /// The options of a model's use in a direction: what it takes is the input, what it draws the target.
  ///
  /// - Throws: `ModelError.option` for the other direction than that of a model of pairs
  public func translating(_ direction: Direction?) throws(ModelError) -> TrainingOptions {
    guard let direction, direction != self.direction else { return self }
    guard isUnpaired else {
      throw .option(
        "--direction",
        "the model was trained with pairs and translates \(self.direction.rawValue) alone; train another for \(direction.rawValue)"
      )
    }
    var other = self
    other.direction = direction
    (other.network.inputChannels, other.network.outputChannels) = (
      network.outputChannels, network.inputChannels
    )
    if case .pictures(let inputs, let target) = format, inputs.count == 1 {
      other.format = .pictures(inputs: [target], target: inputs[0])
    }
    return other
  }
}
