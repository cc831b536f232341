import Files
import Foundation
import ImageMetrics
import Images
import Tape

/// Trains pix2pix on an executor and keeps the run's folder: losses and validation here, checkpoints, samples and the report
/// in TrainerFiles.swift.
public final class Trainer {
  /// How far a run is, for whoever watches.
  public struct Progress: Sendable {
    public var step: Int
    public var totalSteps: Int
    /// From 0.
    public var epoch: Int
    public var totalEpochs: Int
    public var losses: Losses
    /// Of the last step.
    public var learningRate: Double
    /// Mean over the steps since the last report.
    public var millisecondsPerStep: Double
    public var picturesPerSecond: Double
    public var secondsLeft: Double

    package init(
      step: Int, totalSteps: Int, epoch: Int, totalEpochs: Int, losses: Losses, learningRate: Double,
      millisecondsPerStep: Double, picturesPerSecond: Double, secondsLeft: Double
    ) {
      (self.step, self.totalSteps, self.epoch, self.totalEpochs) = (step, totalSteps, epoch, totalEpochs)
      (self.losses, self.learningRate) = (losses, learningRate)
      self.millisecondsPerStep = millisecondsPerStep
      (self.picturesPerSecond, self.secondsLeft) = (picturesPerSecond, secondsLeft)
    }
  }

  public enum Event: Sendable {
    case progress(Progress)
    /// All figures, and the kind of the one that says which checkpoint is the best.
    case validated(step: Int, epoch: Int, [Figure], best: FigureKind, isBest: Bool)
    /// A sample strip was written to a file.
    case sampled(step: Int, String)
    case saved(String)
    /// Something beside the training failed; the training goes on.
    case failed(String)
    /// The training does not do what it was begun for.
    case warned(String)
  }

  public enum Outcome: Sendable, Equatable {
    case finished
    /// Stopped before its end, with the checkpoint to go on from: on request, or by the error of a picture.
    case interrupted(checkpoint: String, by: ImageError?)
  }

  let options: TrainingOptions
  private let plan: TrainingPlan
  let run: RunDirectory
  /// The right to write the run's folder.
  private let lock: FolderLock
  let step: any TrainingStep
  private let framing: Framing
  let executor: any Executor
  let data: TrainingData
  /// Nil where there are no pictures for it, or it was not asked for.
  let validation: Validation?
  var progress: Checkpoint.Progress
  private(set) var log: RunLog
  let history: RunHistory
  private let isResumed: Bool
  private var codeWatch: CodeWatch?
  let device: [(String, String)]
  private(set) var waitedSeconds = 0.0
  private(set) var trainedSeconds = 0.0
  private(set) var trainedSteps = 0
  private(set) var validationSeconds = 0.0
  private(set) var validations = 0
  /// The step of the last checkpoint, or the one that the run began with.
  var savedStep: Int

  /// Steps from one reading of the losses to the next: reading waits for the device.
  public static let readEvery = 10

  /// Prepares a new run, or one that goes on from a checkpoint.
  ///
  /// - Parameters:
  ///   - makeExecutor: allocates the step's tensors on the device of the training
  ///   - checkpoint: the state to go on from, and its path for errors
  ///   - device: what the report says of the device
  ///   - figureSources: further figures to validate with, beside those of pictures
  ///   - featureNetwork: what sees distances of drawn pictures from true ones
  public init(
    _ options: TrainingOptions, run: RunDirectory, resuming checkpoint: (Checkpoint, path: String)? = nil,
    device: [(String, String)] = [], figureSources: [any FigureSource] = [],
    featureNetwork: FeatureNetwork? = nil,
    makeExecutor: (any TrainingStep) throws -> any Executor
  ) throws {
    try options.validate()
    self.options = options
    framing = options.network.framing
    self.run = run
    self.device = device
    data = try TrainingData(options)
    remarks = data.remarks
    progress = checkpoint?.0.progress ?? Checkpoint.Progress()
    plan = TrainingPlan(options, pairs: data.training.count)
    savedStep = progress.step
    guard progress.step < plan.steps else {
      throw ModelError.training(
        "\(checkpoint?.path ?? run.path) has done \(progress.step) of \(plan.steps) steps already; give a larger \(options.epochs == nil ? "--steps" : "--epochs") to go on"
      )
    }
    validation = try Validation(options, data, further: figureSources, features: featureNetwork)
    step = try options.record()
    try checkpoint?.0.check(step, path: checkpoint?.path ?? "")
    executor = try makeExecutor(step)
    for section in step.sections { try executor.expect(section: section) }
    if let checkpoint {
      try checkpoint.0.restore(step, executor, path: checkpoint.path)
    } else {
      try step.initialize(executor, options.initialization, seed: options.seed)
      if let model = options.from {
        let (source, path) = try RunDirectory.readCheckpoint(of: model)
        remarks += try source.begin(step, executor, path: path)
      }
    }
    try options.fillTeacher(step, executor)
    // Validations and samples would meet a lack of memory behind many steps.
    for section in step.allSections { try executor.reserve(section) }
    try executor.finish()
    lock = try run.open(isNew: checkpoint == nil) { [data] in data.files }
    // Another process may have trained here while this one was getting ready.
    guard checkpoint != nil || run.latestCheckpoint() == nil else { throw RunDirectory.holdsRun(run.path) }
    log = try RunLog(
      run, losses: step.lossKinds, figures: validation?.kinds ?? [], upTo: progress.step,
      fresh: checkpoint == nil)
    history = try RunHistory(run, stepsPerEpoch: plan.stepsPerEpoch, fresh: checkpoint == nil)
    isResumed = checkpoint != nil
    codeWatch = CodeWatch(options)
    if let best = validation?.best, let earlier = progress.best, earlier.figure != best.key {
      try chooseBest(by: best, earlier)
    }
  }

  /// Goes on by another figure than the best checkpoint was chosen by so far: the best is now, of the states that are still
  /// there, the one whose validation says so; none where that figure was not measured.
  private func chooseBest(by kind: FigureKind, _ earlier: Checkpoint.Progress.Best) throws {
    // Plateaus of the other figure say nothing of this one's.
    (progress.plateauBest, progress.badEpochs) = (nil, 0)
    let kept = Set(run.checkpointSteps() + [earlier.step])
    let rows = log.validations.filter { kept.contains($0.step) && $0.values[kind.key] != nil }
    let values = rows.map { $0.values[kind.key] ?? .nan }
    guard let place = kind.best(of: values) else {
      progress.best = nil
      return
    }
    progress.best = .init(figure: kind.key, value: values[place], step: rows[place].step)
    if rows[place].step != earlier.step { try run.makeBest(step: rows[place].step) }
  }

  /// Lines about pictures that are left out, and about the weights that the run begins with.
  public private(set) var remarks: [String]
  /// How many pictures there are to train on and to validate with, in words.
  public var dataSummary: String { data.summary }
  public var stepsDone: Int { progress.step }

  /// Trains until the last step, or until `shouldStop` says so, which is asked after every step.
  ///
  /// A file beside the checkpoints that cannot be written ends nothing, and a checkpoint that cannot is tried again when the
  /// next one is due: both are said as events.
  ///
  /// - Throws: `ModelError.diverged` when a loss or weight is NaN or infinite: the last checkpoint is kept. `FileError` when
  ///   the last checkpoint cannot be written.
  public func train(shouldStop: () -> Bool, onEvent: (Event) -> Void) throws -> Outcome {
    let start = RunEvent.Plan(
      steps: plan.steps, stepsPerEpoch: plan.stepsPerEpoch,
      process: Int(ProcessInfo.processInfo.processIdentifier), device: device.first?.1 ?? "",
      losses: step.lossKinds)
    note(isResumed ? .resumed : .started, plan: start, onEvent)
    do {
      let outcome = try trainToEnd(shouldStop, onEvent)
      switch outcome {
      case .finished: note(.finished, onEvent)
      case .interrupted(_, let error): note(.stopped, detail: error.map { "\($0)" } ?? "", onEvent)
      }
      return outcome
    } catch {
      let isDivergence = if case ModelError.diverged = error { true } else { false }
      note(isDivergence ? .diverged : .failed, detail: "\(error)", onEvent)
      throw error
    }
  }

  private func trainToEnd(_ shouldStop: () -> Bool, _ onEvent: (Event) -> Void) throws -> Outcome {
    let reader = PairReader(
      augmentation: Augmentation(size: options.network.size, jitter: options.jitter, seed: options.seed),
      format: options.format)
    let prefetcher =
      switch data.training {
      case .pairs(let source):
        Prefetcher(source: source, reader: reader, batchSize: options.batchSize, startStep: progress.step)
      case .unpaired(let source):
        Prefetcher(unpaired: source, reader: reader, batchSize: options.batchSize, startStep: progress.step)
      }
    defer { prefetcher.stop() }
    do {
      return try train(prefetcher, shouldStop, onEvent)
    } catch let error as ImageError {
      // A file that has changed since the start, or is damaged behind its header.
      if progress.step > savedStep {
        try save(isBest: false, scheduled: true, isLast: true, onEvent)
        try tolerating(onEvent) { try writeReport() }
      }
      guard let checkpoint = run.latestCheckpoint() else { throw error }
      return .interrupted(checkpoint: checkpoint, by: error)
    }
  }

  private func train(
    _ prefetcher: Prefetcher, _ shouldStop: () -> Bool, _ onEvent: (Event) -> Void
  ) throws -> Outcome {
    let (stepsPerEpoch, total) = (plan.stepsPerEpoch, plan.steps)
    let saveEvery = options.saveEvery ?? stepsPerEpoch
    let sampleEvery = options.sampleEvery ?? stepsPerEpoch
    let clock = ContinuousClock()
    var measured = clock.now
    var measuredSteps = 0

    while progress.step < total {
      let batch = try prefetcher.next()
      let rate = plan.learningRate(step: progress.step, reductions: progress.rateReductions)
      try step.run(
        [batch.input, batch.target], weights: batch.weights, framing: framing,
        Schedule(step: progress.step, learningRate: rate, seed: options.seed), on: executor)
      progress.step += 1
      measuredSteps += 1

      let done = progress.step == total
      let stopping = shouldStop()
      let epochEnds = progress.step.isMultiple(of: stepsPerEpoch)
      let saves = progress.step.isMultiple(of: saveEvery) || done || stopping
      let samples = progress.step.isMultiple(of: sampleEvery) || done
      guard progress.step.isMultiple(of: Self.readEvery) || epochEnds || saves || samples else { continue }

      waitedSeconds = prefetcher.waitedSeconds
      let seconds = (clock.now - measured) / .seconds(1)
      onEvent(
        .progress(
          try logLosses(epoch: batch.epoch, rate: rate, seconds: seconds, steps: measuredSteps, onEvent)))

      if epochEnds, let warning = codeWatch?.warning() { onEvent(.warned(warning)) }

      let earlierBest = progress.best
      var isBest = false
      if let validation,
        done || epochEnds && (progress.step / stepsPerEpoch).isMultiple(of: options.validateEvery)
      {
        isBest = try validate(validation, epoch: (progress.step + stepsPerEpoch - 1) / stepsPerEpoch, onEvent)
      }
      if saves || isBest {
        try save(
          isBest: isBest, scheduled: saves, isLast: done || stopping, earlierBest: earlierBest, onEvent)
      }
      if samples { try tolerating(onEvent) { onEvent(.sampled(step: progress.step, try writeSample())) } }
      if samples || done || stopping { try tolerating(onEvent) { try writeReport() } }
      if stopping && !done {
        return .interrupted(checkpoint: run.checkpoint(step: progress.step), by: nil)
      }
      measured = clock.now
      measuredSteps = 0
    }
    return .finished
  }

  /// Does something that the training does not need; an error of files is said, and the training goes on.
  func tolerating(_ onEvent: (Event) -> Void, _ body: () throws -> Void) throws {
    do {
      try body()
    } catch let error as FileError {
      onEvent(.failed("\(error); the training goes on"))
    } catch let error as ImageError {
      onEvent(.failed("\(error); the training goes on"))
    }
  }

  /// Reads the losses of the last step and writes them down.
  ///
  /// - Parameters:
  ///   - epoch: of the last batch
  ///   - rate: the learning rate of the last step
  ///   - seconds: the time of the `steps` since the last reading
  private func logLosses(
    epoch: Int, rate: Double, seconds: Double, steps: Int, _ onEvent: (Event) -> Void
  ) throws -> Progress {
    let losses = try step.losses(executor)
    trainedSeconds += seconds
    trainedSteps += steps
    guard losses.notFinite.isEmpty else {
      let bad = losses.notFinite.joined(separator: ", ")
      throw divergence("\(bad) became NaN or infinite by step \(progress.step)")
    }
    codeWatch?.note(losses)
    let perStep = seconds / Double(steps)
    try tolerating(onEvent) {
      try log.add(
        RunLog.LossRow(
          step: progress.step, epoch: Double(progress.step) / Double(plan.stepsPerEpoch), losses: losses,
          learningRate: rate, milliseconds: perStep * 1e3))
    }
    return Progress(
      step: progress.step, totalSteps: plan.steps, epoch: epoch, totalEpochs: plan.epochs, losses: losses,
      learningRate: rate,
      millisecondsPerStep: perStep * 1e3, picturesPerSecond: Double(options.batchSize) / perStep,
      secondsLeft: perStep * Double(plan.steps - progress.step))
  }

  /// The error of a run that diverged, with the checkpoint to go on from.
  func divergence(_ what: String) -> ModelError {
    .diverged("\(what); \(keptCheckpoint). Resume or begin again with a lower --learning-rate.")
  }

  // MARK: Validation

  /// Translates the planes of a picture.
  ///
  /// - Parameter index: of the picture. Masks of dropout depend on it alone, so that epochs can be compared.
  func translate(
    _ direction: Direction, _ planes: [Float], code: [Float]? = nil, _ index: Int
  ) throws -> [Float] {
    try step.translation(direction)(planes, code: code, index: index, seed: options.seed, on: executor)
  }

  /// The latent code of a target's planes, of a model that has codes.
  func encode(_ planes: [Float]) throws -> [Float] {
    guard let encoding = step.encoding else { preconditionFailure("a model without codes has no encoder") }
    return try encoding(planes, on: executor)
  }

  /// Measures and writes down all figures; whether the chosen one is the best so far.
  private func validate(_ validation: Validation, epoch: Int, _ onEvent: (Event) -> Void) throws -> Bool {
    var figures: [Figure] = []
    let duration = try ContinuousClock().measure {
      figures = try validation.figures(
        { direction, planes, code, index in
          let output = try translate(direction, planes, code: code, index)
          guard output.areFinite else {
            throw divergence("the generator's pictures became NaN or infinite by step \(progress.step)")
          }
          return output
        }, encode: encode)
    }
    validationSeconds += duration / .seconds(1)
    validations += 1
    let value = figures.first { $0.kind == validation.best }?.value ?? .nan
    let isBest = validation.best.isBetter(value, than: progress.best?.value)
    if isBest { progress.best = .init(figure: validation.best.key, value: value, step: progress.step) }
    if options.learningRatePolicy == .plateau { progress.notePlateau(value, validation.best.better) }
    try tolerating(onEvent) {
      try log.add(
        RunLog.ValidationRow(
          step: progress.step, epoch: epoch,
          values: Dictionary(uniqueKeysWithValues: figures.map { ($0.kind.key, $0.value) })))
    }
    onEvent(.validated(step: progress.step, epoch: epoch, figures, best: validation.best, isBest: isBest))
    return isBest
  }
}
