import Images

/// The pictures of a run, found and looked at before anything takes time: a picture that cannot be read is said now, not
/// when its turn comes.
struct TrainingData {
  let training: TrainingPictures
  /// Pairs to validate with.
  let validation: PairSource?
  /// Pictures without pairs to validate with.
  let unpairedValidation: UnpairedSource?
  /// Lines about pictures that are left out.
  let remarks: [String]

  /// Reads the headers of all pictures, and the first ones whole.
  ///
  /// - Throws: `ImageError` for pictures that cannot be read, `ModelError.option` for options that they do not suit
  init(_ options: TrainingOptions) throws {
    training = try options.trainingPictures()
    var remarks = training.remarks
    let validation = try options.validationPairs { remarks.append($0) }
    if let validation { remarks += validation.remarks }
    let unpaired = try options.unpairedValidation { remarks.append($0) }
    if let unpaired { remarks += unpaired.remarks }
    switch training {
    case .pairs(let source):
      try PairHeaders(source).check(options.format)
      try PairReader.check(source.pairs[0], options.format)
    case .unpaired(let source):
      try source.check(options.format)
      for side in Direction.Side.allCases {
        try PairReader.check(source[side].pairs[0], options.format.side(side))
      }
    }
    /// Nil where the pictures do not suit and nothing is validated.
    func suiting<Source>(_ source: Source?, _ check: (Source) throws(ImageError) -> Void) throws -> Source? {
      guard let source else { return nil }
      do throws(ImageError) {
        try check(source)
        return source
      } catch {
        guard options.validateEvery == 0 else { throw error }
        remarks.append("\(error); samples are drawn of training \(options.isUnpaired ? "pictures" : "pairs")")
        return nil
      }
    }
    self.validation = try suiting(validation) { source throws(ImageError) in
      try PairHeaders(source).check(options.format)
    }
    unpairedValidation = try suiting(unpaired) { source throws(ImageError) in
      try source.check(options.format)
    }
    self.remarks = remarks
    try checkOptions(options)
  }

  /// The pictures of sample strips: those to validate with, else those of the training.
  var samples: TrainingPictures {
    switch training {
    case .pairs(let source): .pairs(validation ?? source)
    case .unpaired(let source): .unpaired(unpairedValidation ?? source)
    }
  }

  /// How many pictures there are for what.
  var summary: String {
    let sources = [validation.map(TrainingPictures.pairs), unpairedValidation.map(TrainingPictures.unpaired)]
    let counts = sources.compactMap { $0?.summary }
    return
      "\(training.summary) to train on, \(counts.isEmpty ? "0" : counts.joined(separator: " and ")) to validate with"
  }

  /// Every file that the run reads.
  var files: [String] {
    training.files + (validation?.files ?? []) + (unpairedValidation?.files ?? [])
  }

  private func checkOptions(_ options: TrainingOptions) throws(ModelError) {
    let canValidate = validation != nil || unpairedValidation != nil
    let what = options.isUnpaired ? "pictures" : "pairs"
    func reason(_ what: String) -> String { "by validation \(what), and \(options.data) has none" }
    guard options.learningRatePolicy != .plateau || canValidate else {
      throw .option("--learning-rate-policy", "plateau goes \(reason(what))")
    }
    guard options.best == options.usualBest || canValidate else {
      throw .option("--best", "goes \(reason(what))")
    }
    guard options.featureNetwork == nil || canValidate else {
      throw .option("--feature-network", "goes \(reason(what))")
    }
    // A scorer compares what it reads with the label maps that are a pair's inputs.
    guard options.scorer == nil || validation != nil else {
      throw .option("--scorer", "goes \(reason("pairs"))")
    }
    guard training.count >= options.batchSize else {
      throw .option(
        "--batch-size", "\(options.batchSize) is more than the \(training.summary) in \(options.data)")
    }
  }
}

extension UnpairedSource {
  /// Refuses pictures that the formats of A and of B cannot take, by their headers.
  ///
  /// - Throws: the errors of `PairHeaders`
  func check(_ format: PairFormat) throws(ImageError) {
    for side in Direction.Side.allCases {
      try PairHeaders(self[side]).check(format.side(side))
    }
  }
}

extension PairFormat {
  /// The format of one side's pictures as their own pairs: A's are the inputs, B's the targets.
  public func side(_ side: Direction.Side) -> PairFormat {
    guard case .pictures(let inputs, let target) = self else { return self }
    let format = side == .a ? inputs[0] : target
    return .pictures(inputs: [format], target: format)
  }
}
