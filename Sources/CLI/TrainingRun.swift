import CLBackend
import Foundation
import Images
import Model
import Synchronization
import Tape

/// One run of training from the command line, whatever command asked for it: new or resumed, on a device, with its
/// progress on the terminal.
struct TrainingRun {
  var options: TrainingOptions
  var directory: RunDirectory
  /// The state to go on from, and its file.
  var checkpoint: (Checkpoint, path: String)?
  /// In GiB.
  var memoryLimit: Double?
  var device: DeviceOptions
  var kernels: KernelOptions

  /// Trains to the end, to Ctrl-C, or for `stopAfter` steps.
  ///
  /// - Parameter goOn: the command that goes on where this one is stopped
  /// - Returns: whether it came to the end
  @discardableResult
  func train(stopAfter: Int? = nil, goOn: String) throws -> Bool {
    var device = device
    device.precision = options.precision
    let choice = try device.choose()
    var chosenKernels: KernelChoicesFile?
    var described: [(String, String)] = []
    let trainer = try Trainer(
      options, run: directory, resuming: checkpoint, device: describe(choice, options.precision, &described),
      figureSources: try figureSources(device)
    ) { recording in
      let check = MemoryCheck(options: options, limit: memoryLimit)
      var remembered: KernelChoices?
      switch choice {
      case .reference: note(try check.checkReference(recording))
      case .openCL(let chosen, _):
        remembered = checkpoint == nil ? nil : try rememberedChoices(chosen.description)
        // Before tuning, which takes a while.
        let known = try kernels.choices(
          for: recording, on: chosen, precision: options.precision, remembered: remembered)
        note(try check.check(recording, on: chosen, known))
      }
      let executor = try device.executor(
        for: recording, kernels, storesGradients: false, sharesRooms: true,
        packsActivations: options.recompute, remembered: { _ in remembered }, tunes: true)
      if let executor = executor as? OpenCLExecutor {
        chosenKernels = KernelChoicesFile(try executor.allChoices(), executor.device, executor.deviceClass)
      }
      return executor
    }
    try chosenKernels?.write(to: directory.kernels)
    let counts = trainer.pairCounts
    note(
      "\(counts.training) pairs to train on, \(counts.validation) to validate with, on \(described.first?.1 ?? "")"
    )
    if case .reference = choice {
      note("The reference computes slowly, in plain Swift; any OpenCL device is faster.")
    }
    if let checkpoint { note("going on from \(checkpoint.path), step \(checkpoint.0.progress.step)") }

    let interruption = Interruption()
    let stopStep = stopAfter.map { trainer.stepsDone + $0 }
    let line = ProgressLine()
    let outcome = try trainer.train(
      shouldStop: { interruption.isRequested || (stopStep.map { trainer.stepsDone >= $0 } ?? false) },
      onEvent: { line.show($0) })
    line.end()
    switch outcome {
    case .finished:
      print("done: \(directory.latestCheckpoint() ?? directory.path)")
      print("look: \(directory.report)")
      return true
    case .interrupted(let path):
      print("stopped at \(path)")
      print("go on: \(goOn)")
      return false
    }
  }

  /// What validation measures besides pictures.
  private func figureSources(_ device: DeviceOptions) throws -> [any FigureSource] {
    guard let scorer = options.scorer else { return [] }
    let path = try RunDirectory.checkpoint(of: scorer)
    return [
      ScorerFigureSource(
        try Scorer((Checkpoint(path: path), path)) {
          try device.executor(for: $0, kernels, sharesRooms: true, tunes: true)
        })
    ]
  }

  /// The kernels that the run took so far; nil when it ran on another device or driver, whose kernels are no better
  /// than any, or before runs remembered them.
  private func rememberedChoices(_ device: DeviceDescription) throws -> KernelChoices? {
    guard FileManager.default.fileExists(atPath: directory.kernels) else { return nil }
    let file = try KernelChoicesFile(path: directory.kernels)
    guard file.device == device.fingerprint, file.deviceClass == device.deviceClass else {
      note("the run began on another device or driver; from here on it computes with this one's kernels")
      return nil
    }
    return file.choices(source: directory.kernels)
  }

  private func describe(
    _ choice: DeviceOptions.Choice, _ precision: Precision?, _ rows: inout [(String, String)]
  ) -> [(String, String)] {
    switch choice {
    case .reference: rows = [("device", "CPU reference")]
    case .openCL(let device, let reason):
      let description = device.description
      rows = [
        ("device", description.name), ("platform", description.platform),
        ("driver", description.driverVersion),
        ("compute units", "\(description.computeUnits)"), ("memory", bytesText(description.globalMemory)),
        ("chosen", reason), ("precision", (precision ?? .standard(on: device)).rawValue),
      ]
    }
    return rows
  }
}

/// Turns the first Ctrl-C (or SIGTERM) into a wish to stop; the second ends the program as usual.
final class Interruption: Sendable {
  private static let requested = Atomic<Bool>(false)

  init() {
    for number in [SIGINT, SIGTERM] {
      signal(number) { number in
        Interruption.requested.store(true, ordering: .relaxed)
        signal(number, SIG_DFL)
      }
    }
  }

  var isRequested: Bool { Self.requested.load(ordering: .relaxed) }
}

/// Progress on one line of a terminal, or a line now and then elsewhere.
final class ProgressLine {
  private let isTerminal = isatty(STDOUT_FILENO) == 1
  private let clock = ContinuousClock()
  private var lastPlain: ContinuousClock.Instant?
  private var isOpen = false

  func show(_ event: Trainer.Event) {
    switch event {
    case .progress(let progress):
      let text = Self.text(progress)
      if isTerminal {
        Self.write("\r\u{1B}[K\(text)")
        isOpen = true
      } else {
        // A log wants a line every few seconds, not every few steps.
        let now = clock.now
        guard lastPlain.map({ now - $0 >= .seconds(5) }) ?? true || progress.step == progress.totalSteps
        else { return }
        lastPlain = now
        plain(text)
      }
    case .validated(let epoch, let figures, let best, let isBest):
      // The chosen figure, and the one that all runs have.
      let shown = ([best] + (best == .l1 ? [] : [.l1])).compactMap { kind in
        figures.first { $0.kind == kind }.map { "\(kind.title) \(String(format: "%.4g", $0.value))" }
      }
      plain(
        "epoch \(epoch): validation \(shown.joined(separator: ", "))\(isBest ? "; the best so far" : "")")
    case .sampled: break
    case .saved(let path): plain("saved \(path)")
    }
  }

  func end() {
    if isOpen { Self.write("\n") }
    isOpen = false
  }

  private func plain(_ text: String) {
    end()
    Self.write(text + "\n")
  }

  /// Unbuffered, so that a log can be followed.
  private static func write(_ text: String) {
    FileHandle.standardOutput.write(Data(text.utf8))
  }

  private static func text(_ progress: Trainer.Progress) -> String {
    let losses = zip(progress.losses.names, progress.losses.values).map {
      "\($0) \(String(format: "%.3f", $1))"
    }
    return String(
      format: "epoch %d/%d step %d/%d  %.1f ms/step  %.1f pictures/s  %@  %@ left",
      progress.epoch + 1, progress.totalEpochs, progress.step, progress.totalSteps,
      progress.millisecondsPerStep, progress.picturesPerSecond, losses.joined(separator: " "),
      duration(progress.secondsLeft))
  }

  private static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite else { return "?" }
    let whole = Int(seconds.rounded())
    if whole < 90 { return "\(whole) s" }
    if whole < 5400 { return "\((whole + 30) / 60) min" }
    return String(format: "%.1f h", Double(whole) / 3600)
  }
}
