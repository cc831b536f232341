import Images

/// The pictures that a run trains on.
public enum TrainingPictures: Sendable {
  case pairs(PairSource)
  case unpaired(UnpairedSource)

  /// What an epoch has: pairs, or pictures of the larger side.
  public var count: Int {
    switch self {
    case .pairs(let source): source.count
    case .unpaired(let source): source.count
    }
  }

  /// How many there are, in words.
  var summary: String {
    switch self {
    case .pairs(let source): "\(source.count) pairs"
    case .unpaired(let source): "\(source.a.count) pictures of A and \(source.b.count) of B"
    }
  }

  var remarks: [String] {
    switch self {
    case .pairs(let source): source.remarks
    case .unpaired(let source): source.remarks
    }
  }

  /// Every file.
  var files: [String] {
    switch self {
    case .pairs(let source): source.files
    case .unpaired(let source): source.files
    }
  }
}

extension PairSource {
  /// Every file that is read.
  var files: [String] {
    pairs.flatMap { $0.moreInputs + [$0.inputFile, $0.targetFile] }
  }
}

/// Where a run's pictures lie, in the words of its options.
extension TrainingOptions {
  /// The pictures to train on.
  public func trainingPictures() throws -> TrainingPictures {
    guard isUnpaired else { return .pairs(try trainingPairs()) }
    guard let source = try unpairedPictures(of: .train) else {
      throw ModelError.option(
        "--unpaired", "\(data) has no trainA and trainB, nor A/train and B/train, nor train/A and train/B")
    }
    return .unpaired(source)
  }

  /// Pairs, or pictures without inputs, whose targets are those that the generator of this direction is trained on.
  public func trainingTargets() throws -> PairSource {
    switch try trainingPictures() {
    case .pairs(let source): source
    case .unpaired(let source): source[direction.reversed.source]
    }
  }

  /// Pictures without pairs to validate with: those of the split val, else of test; nil where there are none.
  ///
  /// - Parameter remark: takes a line about a split without pictures
  func unpairedValidation(_ remark: (String) -> Void = { _ in }) throws -> UnpairedSource? {
    guard isUnpaired else { return nil }
    for split in [Split.val, .test] {
      do {
        if let source = try unpairedPictures(of: split) { return source }
      } catch let error as ImageError {
        remark("\(error); there is nothing to validate with in \"\(split.rawValue)\"")
      }
    }
    return nil
  }

  /// Pictures without pairs of the side that is translated: of the validation, else of the training.
  public func exampleInputs() throws -> PairSource? {
    guard isUnpaired else { return nil }
    if let source = try unpairedValidation() { return source[direction.source] }
    return try unpairedPictures(of: .train)?[direction.source]
  }

  private func unpairedPictures(of split: Split) throws -> UnpairedSource? {
    try UnpairedSource.pictures(
      of: split, in: targets.map { .twoFolders(inputs: data, targets: $0) } ?? .folder(data, .aToB))
  }

  /// The pairs to train on.
  public func trainingPairs() throws -> PairSource {
    guard let source = try pairs(of: .train) else {
      throw ImageError.noPairs(folder: data, reason: "no pictures for the split \"train\"")
    }
    return source
  }

  /// The pairs to validate with: those of their own folder, else of the split val, else of test; nil where there are
  /// none.
  ///
  /// - Parameter remark: takes a line about a split that holds no pairs
  public func validationPairs(_ remark: (String) -> Void = { _ in }) throws -> PairSource? {
    guard let validationData else {
      if isUnpaired { return nil }
      return try validationPairs(of: .val, remark) ?? validationPairs(of: .test, remark)
    }
    // All that lies there is for validation.
    var other = self
    (other.data, other.targets, other.validationData) = (validationData, validationTargets, nil)
    return try other.pairs(of: .train, others: .val)
  }

  /// A split that holds no pairs keeps nobody from training.
  private func validationPairs(of split: Split, _ remark: (String) -> Void) throws -> PairSource? {
    func without(_ reason: String) -> PairSource? {
      remark("\(reason); there is nothing to validate with in \"\(split.rawValue)\"")
      return nil
    }
    do {
      return try pairs(of: split)
    } catch ImageError.noPictures(let folder) {
      return without("\(folder) holds no pictures")
    } catch ImageError.noOtherFolder(let folder, let other) {
      return without("\(other) has no partner \(folder)")
    } catch let error as ImageError where validateEvery == 0 {
      return without("\(error)")
    }
  }

  /// The pairs of a split with all that belongs to them; nil where there are none of it.
  ///
  /// - Parameter others: the split that further inputs and weights are of, where it is another
  public func pairs(of split: Split, others: Split? = nil) throws -> PairSource? {
    let found: PairSource?
    if case .photographs = format {
      found = try PairSource.pairs(of: split, in: .photographs(data))
    } else if let targets {
      // Two folders given by name are A and B, and may be trained backwards too.
      let source = try PairSource.pairs(
        of: split, in: .twoFolders(inputs: data, targets: targets))
      found = direction == .aToB ? source : source?.reversed()
    } else {
      found = try PairSource.pairs(of: split, in: .folder(data, direction))
    }
    guard var source = found else { return nil }
    for folder in moreInputs { source = try source.adding(inputs: folder, split: others ?? split) }
    if let weights { source = try source.adding(weights: weights, split: others ?? split) }
    return source
  }
}
