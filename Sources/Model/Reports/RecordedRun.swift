import Files
import Foundation
import ImageMetrics

/// A run as its files tell it, finished or under way, in this process or another.
public struct RecordedRun: Sendable {
  /// What the run is doing, or how it ended.
  public enum State: String, Sendable, CaseIterable {
    /// At work, and nothing is written down yet.
    case starting
    case running
    /// At work, but no step has ended for long.
    case stalled
    case finished
    /// Ended before its last step, with a checkpoint.
    case stopped
    /// Ended without a word: by SIGKILL, a power cut or a lack of memory.
    case killed
    case diverged
    case failed
    /// A run of an earlier version of the program, which wrote no history.csv.
    case unknown

    /// Whether more is to come.
    public var isAtWork: Bool { [.starting, .running, .stalled].contains(self) }
  }

  public let directory: RunDirectory
  private var lossLines: FollowedLines
  private var validationLines: FollowedLines
  private var historyLines: FollowedLines
  private var lossNames: [String] = []
  private var losses: ThinnedRows?
  private var figureKeys: [String] = []
  private var validations: [RunLog.ValidationRow] = []
  /// Of the last rows.
  private var milliseconds: [Double] = []
  private var optionsFrom: String?

  public private(set) var history: [RunEvent] = []
  /// Of the newest checkpoint; nil before the first.
  public private(set) var options: TrainingOptions?
  /// As options.yaml has them: names without dashes, values as written.
  public private(set) var optionWords: [(name: String, value: String)] = []
  public private(set) var sampleSteps: [Int] = []
  public private(set) var checkpointSteps: [Int] = []
  /// Of the last row.
  public private(set) var step = 0
  public private(set) var epoch = 0.0
  public private(set) var state = State.unknown
  /// The time of the last file written.
  public private(set) var lastChange: Date?

  public init(_ path: String) {
    directory = RunDirectory(path)
    lossLines = FollowedLines(directory.losses)
    validationLines = FollowedLines(directory.validation)
    historyLines = FollowedLines(directory.history)
  }

  /// Whether a folder holds a run: its tables, or checkpoints.
  public static func isRun(_ path: String) -> Bool {
    let run = RunDirectory(path)
    return FileIdentity(run.losses) != nil || run.latestCheckpoint() != nil
  }

  /// Reads what the files have more than before.
  ///
  /// - Parameter now: what ages are counted to
  public mutating func update(now: Date = Date()) {
    readLosses()
    readValidations()
    readHistory()
    (sampleSteps, checkpointSteps) = (directory.sampleSteps(), directory.checkpointSteps())
    if let newest = checkpointSteps.last.map(directory.checkpoint), newest != optionsFrom {
      if let checkpoint = try? Checkpoint(path: newest) {
        (options, optionsFrom) = (checkpoint.options, newest)
        if losses == nil { step = checkpoint.progress.step }
      }
    }
    readOptions()
    lastChange = [
      directory.losses, directory.validation, directory.history, directory.samples,
      "\(directory.path)/checkpoints",
    ].compactMap(Self.changeTime).max()
    state = currentState(now)
  }

  /// What decides whether the run looks otherwise than before.
  public var fingerprint: String {
    "\(step) \(validations.count) \(history.count) \(sampleSteps.count) \(sampleSteps.last ?? 0) \(checkpointSteps.last ?? 0) \(state)"
  }

  // MARK: The files

  private mutating func readLosses() {
    var (isAnew, lines) = lossLines.next()
    if isAnew { (losses, lossNames, milliseconds, step, epoch) = (nil, [], [], 0, 0) }
    if lossNames.isEmpty, let header = lines.first {
      // step, epoch, losses, learning_rate, ms_per_step
      lossNames = Array(RunLog.fields(header).dropFirst(2).dropLast(2))
      losses = ThinnedRows(width: 2 + lossNames.count)
      lines.removeFirst()
    }
    for line in lines {
      guard let row = RunLog.lossRow(line, lossNames) else { continue }
      losses?.add(row)
      (step, epoch) = (Int(row[0]), row[1])
    }
    milliseconds = (milliseconds + lines.suffix(20).compactMap { RunLog.rateAndTime($0)?.milliseconds })
      .suffix(20)
  }

  private mutating func readValidations() {
    var (isAnew, lines) = validationLines.next()
    if isAnew { (figureKeys, validations) = ([], []) }
    if figureKeys.isEmpty, let header = lines.first {
      figureKeys = Array(RunLog.fields(header).dropFirst(2))
      lines.removeFirst()
    }
    validations += lines.compactMap { RunLog.validationRow($0, figureKeys) }
  }

  private mutating func readHistory() {
    let (isAnew, lines) = historyLines.next()
    if isAnew { history = [] }
    history += lines.compactMap { RunEvent(line: $0) }
  }

  private mutating func readOptions() {
    // One screen of text at most; whatever else has the name is not read.
    let bytes = (try? RegularFile.contents(directory.options, limit: 1 << 16)) ?? []
    optionWords = String(decoding: bytes, as: UTF8.self).split(separator: "\n").compactMap { line in
      let parts = line.split(separator: ":", maxSplits: 1)
      guard !line.hasPrefix("#"), parts.count == 2 else { return nil }
      return (String(parts[0]), parts[1].trimmingCharacters(in: .whitespaces))
    }
  }

  private static func changeTime(_ path: String) -> Date? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    return Date(timeIntervalSince1970: Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) / 1e9)
  }

  // MARK: The state

  /// What the last beginning said.
  public var plan: RunEvent.Plan? { history.last { $0.plan != nil }?.plan }

  /// Steps in all, where they are known.
  public var totalSteps: Int? { plan?.steps ?? options.flatMap(\.steps) }

  /// The median of the last rows.
  public var millisecondsPerStep: Double? {
    milliseconds.isEmpty ? nil : milliseconds.sorted()[milliseconds.count / 2]
  }

  /// Of a run that is at work.
  public var secondsLeft: Double? {
    guard state == .running, let perStep = millisecondsPerStep, let totalSteps else { return nil }
    return Double(max(0, totalSteps - step)) * perStep / 1e3
  }

  /// Seconds without a written line after which a run at work stands still: those of many steps, of a validation or a save.
  private var patience: Double { max(60, 20 * Double(Trainer.readEvery) * (millisecondsPerStep ?? 0) / 1e3) }

  private func currentState(_ now: Date) -> State {
    let age = lastChange.map { now.timeIntervalSince($0) } ?? .infinity
    guard let last = history.last else {
      if FolderLock.isHeld(directory.path) { return age > patience ? .stalled : .running }
      return totalSteps.map { step >= $0 } == true ? .finished : .unknown
    }
    switch last.kind {
    case .finished: return .finished
    case .stopped: return .stopped
    case .diverged: return .diverged
    case .failed: return .failed
    case .started, .resumed:
      // The lock of another machine is not seen here.
      guard FolderLock.isHeld(directory.path) || age < 15 else { return .killed }
      if age > patience { return .stalled }
      return step > last.step ? .running : .starting
    }
  }

  // MARK: The report

  private var lossKinds: [LossKind] {
    let known = plan?.losses ?? []
    return lossNames.map { name in known.first { $0.name == name } ?? LossKind(name, .reconstruction) }
  }

  /// Figures in the order of validation.csv, of the kinds that this version knows.
  public var figures: [FigureKind] {
    figureKeys.compactMap { key in FigureKind.ofRuns.first { $0.key == key } }
  }

  /// The figure that the best checkpoint is chosen by.
  public var bestFigure: FigureKind? { figures.first { $0.key == bestKey } }

  private var bestKey: String { options?.best ?? TrainingOptions().best }

  /// The values of a figure with their epochs, NaN where it was not measured.
  public func values(of figure: FigureKind) -> [(epoch: Int, value: Double)] {
    validations.map { ($0.epoch, $0.values[figure.key] ?? .nan) }
  }

  /// Steps, and the values of a loss there.
  public func values(ofLoss name: String) -> [(step: Int, value: Double)] {
    guard let column = lossNames.firstIndex(of: name) else { return [] }
    return (losses?.rows ?? []).map { (Int($0[0]), $0[2 + column]) }
  }

  /// In the order of losses.csv.
  public var namesOfLosses: [String] { lossNames }

  /// The run's page.
  ///
  /// - Parameters:
  ///   - mostSamples: strips to show at most
  ///   - picture: the strip of a step
  public func report(
    title: String, mostSamples: Int = 0, picture: (Int) -> ReportPicture? = { _ in nil }
  ) -> TrainingReport {
    TrainingReport(
      title: title, lossKinds: lossKinds, rows: losses?.rows ?? [], figures: figures,
      validations: validations, best: bestKey, sampleSteps: sampleSteps, mostSamples: mostSamples,
      picture: picture,
      options: options?.described ?? optionWords.map { ($0.name, $0.value) },
      device: plan.map { [("device", $0.device)] } ?? [], undecided: options?.objective.undecided)
  }
}
