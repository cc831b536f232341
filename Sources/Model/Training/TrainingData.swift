import Images

/// The pairs of a run, found and looked at before anything takes time: a picture that cannot be read is said now, not when
/// its turn comes.
struct TrainingData {
  let training: PairSource
  let validation: PairSource?
  /// Lines about pictures that are left out.
  let remarks: [String]

  /// Reads the headers of all pictures, and the first pair whole.
  ///
  /// - Throws: `ImageError` for pictures that cannot be read, `ModelError.option` for options that they do not suit
  init(_ options: TrainingOptions) throws {
    training = try options.trainingPairs()
    var remarks = training.remarks
    let validation = try options.validationPairs { remarks.append($0) }
    if let validation { remarks += validation.remarks }
    try PairHeaders(training).check(options.format)
    try PairReader.check(training.pairs[0], options.format)
    let problem = validation.flatMap { Self.problem($0, options.format) }
    if let problem, options.validateEvery > 0 { throw problem }
    if let problem { remarks.append("\(problem); samples are drawn of training pairs") }
    self.validation = problem == nil ? validation : nil
    self.remarks = remarks
    try checkOptions(options)
  }

  private static func problem(_ source: PairSource, _ format: PairFormat) -> ImageError? {
    do throws(ImageError) {
      try PairHeaders(source).check(format)
      return nil
    } catch {
      return error
    }
  }

  private func checkOptions(_ options: TrainingOptions) throws(ModelError) {
    guard options.learningRatePolicy != .plateau || validation != nil else {
      throw .option(
        "--learning-rate-policy", "plateau goes by validation pairs, and \(options.data) has none")
    }
    guard options.best == TrainingOptions().best || validation != nil else {
      throw .option("--best", "goes by validation pairs, and \(options.data) has none")
    }
    guard training.count >= options.batchSize else {
      throw .option(
        "--batch-size", "\(options.batchSize) is more than the \(training.count) pairs in \(options.data)")
    }
  }
}
