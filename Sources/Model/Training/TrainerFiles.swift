import Files
import Foundation
import ImageMetrics
import Images

/// What a trainer writes into the run's folder beside its log: checkpoints, samples, the report.
extension Trainer {
  /// Rows of a sample strip.
  private static let sampleRows = 4

  // MARK: Checkpoints

  /// Writes the checkpoints that are due.
  ///
  /// - Parameters:
  ///   - isBest: as best.safetensors
  ///   - scheduled: as the step's checkpoint
  ///   - isLast: no other will follow, so that an error of writing it is thrown
  ///   - earlierBest: the best so far when the new one cannot be written
  func save(
    isBest: Bool, scheduled: Bool, isLast: Bool, earlierBest: Checkpoint.Progress.Best? = nil,
    _ onEvent: (Event) -> Void
  ) throws {
    // The best first: should it fail, the step's checkpoint does not speak of it.
    if isBest {
      do {
        try write(to: run.best)
        if !scheduled { onEvent(.saved(run.best)) }
      } catch let error as FileError {
        progress.best = earlierBest
        onEvent(.failed("\(error); the best checkpoint stays the one before it"))
      }
    }
    guard scheduled else { return }
    // First, so that after a power cut the tables have all rows up to the checkpoint.
    try tolerating(onEvent) { try log.flush() }
    let path = run.checkpoint(step: progress.step)
    do {
      try write(to: path)
    } catch let error as FileError {
      guard !isLast else { throw FileError(error.path, "\(error.reason); \(keptCheckpoint)") }
      onEvent(.failed("\(error); it is tried again when the next checkpoint is due, and \(keptCheckpoint)"))
      return
    }
    savedStep = progress.step
    onEvent(.saved(path))
    try tolerating(onEvent) { try run.prune(keep: options.keep) }
  }

  /// - Throws: `FileError`, and `ModelError.diverged` with the checkpoint to go on from
  private func write(to path: String) throws {
    do {
      try Checkpoint.save(
        step, executor, options: options, progress: progress, to: path, replacing: run.replacing)
    } catch ModelError.diverged(let what) {
      throw divergence(what)
    }
  }

  /// The checkpoint to go on from, in words.
  var keptCheckpoint: String {
    run.latestCheckpoint().map { "the last good checkpoint is \($0)" } ?? "no checkpoint was written yet"
  }

  /// Writes down what happens to the run.
  func note(
    _ kind: RunEvent.Kind, detail: String = "", plan: RunEvent.Plan? = nil, _ onEvent: (Event) -> Void
  ) {
    do {
      try history.add(RunEvent(kind, step: progress.step, plan: plan, detail: detail))
    } catch {
      onEvent(.failed("\(error); the run's history lacks that it was \(kind.rawValue)"))
    }
  }

  // MARK: Report and samples

  func writeReport() throws {
    let size = options.network.size
    var timings = [
      ("steps", "\(progress.step)"),
      ("this session", "\(trainedSteps) steps in \(String(format: "%.1f", trainedSeconds)) s"),
    ]
    if trainedSteps > 0 {
      timings.append(("ms per step", String(format: "%.1f", 1e3 * trainedSeconds / Double(trainedSteps))))
      timings.append(
        (
          "waiting for pictures",
          String(
            format: "%.2f s in all, %.2f ms per step", waitedSeconds,
            1e3 * waitedSeconds / Double(trainedSteps))
        ))
    }
    if let validation, validations > 0 {
      timings.append(
        (
          "validation",
          String(
            format: "%.1f s in all, %.1f ms per \(options.isUnpaired ? "picture" : "pair")",
            validationSeconds,
            1e3 * validationSeconds / Double(validations * validation.count))
        ))
    }
    try log.writeReport(
      run, title: "\(options.isUnpaired ? "CycleGAN" : options.hasCodes ? "BicycleGAN" : "pix2pix"), \(size)",
      best: options.best,
      options: options.described, device: device,
      timings: timings,
      undecided: options.objective.undecided)
  }

  /// A strip of the same few pictures every time: input, output, or outputs, and target of pairs; of pictures without pairs each one, its
  /// translation, and the way back.
  func writeSample() throws -> String {
    let rows =
      switch data.samples {
      case .pairs(let source): try pairedRows(source)
      case .unpaired(let source): try unpairedRows(source)
      }
    let path = run.sample(step: progress.step)
    try Picture.sheet(rows.map { row in row.map { $0.rgb().eightBit() } })
      .write(to: path, replacing: run.replacing)
    return path
  }

  private func reader(_ format: PairFormat) -> PairReader {
    PairReader(
      augmentation: Augmentation(size: options.network.size, jitter: false, seed: options.seed),
      format: format)
  }

  /// The indices of a strip's rows, spread over a source.
  private func sampled(of count: Int) -> [Int] {
    let rows = min(Self.sampleRows, count)
    return (0..<rows).map { $0 * count / rows }
  }

  private func pairedRows(_ source: PairSource) throws -> [[Picture]] {
    let (size, format) = (options.network.size, options.format)
    return try sampled(of: source.count).map { index in
      let pair = try reader(format).planes(of: source.pairs[index], epoch: 0, index: index)
      let results = (try outputs(of: pair.input, target: pair.target, index) + [pair.target]).map {
        format.targetPicture($0, input: pair.input, size: size)
      }
      return format.inputPictures(pair.input, size: size) + results
    }
  }

  /// What the generator draws of an input; with latent codes a picture with the target's code and two with random ones.
  private func outputs(of input: [Float], target: [Float], _ index: Int) throws -> [[Float]] {
    guard let latent = options.network.latent else { return [try translate(.aToB, input, index)] }
    let random = (0..<2).map { sample in
      LatentCode.drawn(latent.length, index: index, seed: Translator.seed(options.seed, sample: sample))
    }
    return try ([encode(target)] + random).map { try translate(.aToB, input, code: $0, index) }
  }

  /// A row has both directions: a picture of A, its translation and the way back, then the same from B.
  private func unpairedRows(_ source: UnpairedSource) throws -> [[Picture]] {
    let strips = try Direction.allCases.map { direction in
      let side = direction.source
      let (own, other) = (options.format.side(side), options.format.side(direction.reversed.source))
      let size = options.network.size
      return try sampled(of: source[side].count).map { index in
        let planes = try reader(own).planes(of: source[side].pairs[index], epoch: 0, index: index).target
        let between = try translate(direction, planes, index)
        let back = try translate(direction.reversed, between, index)
        return [
          own.targetPicture(planes, input: planes, size: size),
          other.targetPicture(between, input: between, size: size),
          own.targetPicture(back, input: back, size: size),
        ]
      }
    }
    return zip(strips[0], strips[1]).map { $0 + $1 }
  }
}
