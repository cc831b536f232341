import ArgumentParser
import CLBackend
import Files
import Foundation
import Images
import Interchange
import Model
import Synchronization
import Tape

/// One run of training from the command line, whatever command asked for it: new or resumed, on a device, whose
/// events are the command's.
struct TrainingRun {
  var options: TrainingOptions
  var directory: RunDirectory
  /// The state to go on from, and its file.
  var checkpoint: (Checkpoint, path: String)?
  /// In GiB.
  var memoryLimit: Double?
  var device: DeviceOptions
  var kernels: KernelOptions
  /// The options of the command, and what it trains without any.
  var rows: [OptionRow] = TrainingOptions.rows
  var defaults = TrainingOptions()
  var command = "pix2pix train"
  /// Whether kernels are tested that were tested before.
  var selfTest = false
  /// Whether events are written for TensorBoard.
  var tensorBoard = false

  /// The same from where an earlier call of a command of several trainings left it; nil where it has been done.
  ///
  /// - Parameter what: the training in its command's words, with an article
  /// - Throws: `ModelError.file` where the folder holds a training of other options
  func goingOn(of what: String) throws -> TrainingRun? {
    guard let path = directory.latestCheckpoint() else { return self }
    var checkpoint = try Checkpoint(path: path)
    // Wherever it was begun.
    checkpoint.options.takePlaces(of: options)
    guard checkpoint.options == options else {
      let differences = checkpoint.options.differences(from: options).joined(separator: "; ")
      throw ModelError.file(
        directory.path,
        "holds \(what) of other options (\(differences)); give those that it was begun with, or another --out"
      )
    }
    let plan = TrainingPlan(options, pairs: try options.trainingPairs().count)
    guard checkpoint.progress.step < plan.steps else { return nil }
    var run = self
    run.checkpoint = (checkpoint, path)
    return run
  }

  /// Trains to the end, to Ctrl-C, or for `stopAfter` steps.
  ///
  /// - Parameter goOn: the command that goes on where this one is stopped, without the options of all trainings; nil for
  ///   the same command
  /// - Throws: the signal's `ExitCode` when a signal stopped it, with a checkpoint
  func train(stopAfter: Int? = nil, goOn: String? = nil) throws {
    var device = device
    device.precision = options.precision
    let choice = try device.choose()
    var chosenKernels: KernelChoicesFile?
    var described: [(String, String)] = []
    let trainer = try Trainer(
      options, run: directory, resuming: checkpoint, device: describe(choice, options.precision, &described),
      figureSources: try figureSources(device), featureNetwork: try featureNetwork(device)
    ) { step in
      guard case .openCL(let chosen, _) = choice else {
        note(try MemoryCheck(options: options, limit: memoryLimit).checkReference(step.recording))
        return try device.reference(for: step.recording)
      }
      let executor = try executor(for: step, on: chosen, device)
      chosenKernels = KernelChoicesFile(try executor.allChoices(), executor.device, executor.deviceClass)
      return executor
    }
    do {
      try chosenKernels?.write(to: directory.kernels, replacing: directory.replacing)
    } catch let error as FileError {
      warn("\(error); a resumed run will choose its kernels again")
    }
    do {
      let text = OptionsFile.text(options, rows: rows, defaults: defaults, command: command)
      try OutputFile.write(text.utf8, to: directory.options, replacing: directory.replacing)
    } catch {
      warn("\(error); the training goes on")
    }
    for remark in trainer.remarks { warn(remark) }
    note("\(trainer.dataSummary), on \(described.first?.1 ?? "")")
    if case .reference = choice {
      note("The reference computes slowly, in plain Swift; any OpenCL device is faster.")
    }
    if let checkpoint { note("going on from \(checkpoint.path), step \(checkpoint.0.progress.step)") }

    let interruption = Interruption()
    let stopStep = stopAfter.map { steps in
      let (sum, isTooLarge) = trainer.stepsDone.addingReportingOverflow(steps)
      return isTooLarge ? Int.max : sum
    }
    let writeEvent = eventWriter(after: trainer.stepsDone)
    let outcome = try trainer.train(
      shouldStop: { interruption.signal != nil || (stopStep.map { trainer.stepsDone >= $0 } ?? false) },
      onEvent: {
        TrainingEvents.tell($0)
        writeEvent($0)
      })
    Terminal.endProgress()
    sayEnd(outcome, goOn)
    guard case .interrupted(_, let error) = outcome else { return }
    if let error { throw error }
    if let signal = interruption.signal { throw ExitCode(128 + signal) }
  }

  private func sayEnd(_ outcome: Trainer.Outcome, _ goOn: String?) {
    switch outcome {
    case .finished:
      let last = directory.latestCheckpoint() ?? directory.path
      Terminal.say(
        CommandEvent(
          "done", [("checkpoint", .text(last)), ("report", .text(directory.report))],
          text: "done: \(last)\nlook: \(directory.report)", tone: .good))
    case .interrupted(let path, _):
      let command = goOn.map(resuming)
      Terminal.say(
        CommandEvent(
          "stopped", [("checkpoint", .text(path))] + (command.map { [("go_on", .text($0))] } ?? []),
          text: "stopped at \(path)\ngo on: \(command ?? "the same command")"))
    }
  }

  /// What writes the training's events for TensorBoard, if anything does.
  ///
  /// - Parameter step: done before
  private func eventWriter(after step: Int) -> (Trainer.Event) -> Void {
    #if Protobuf
      guard tensorBoard else { return { _ in } }
      do throws(FileError) {
        let log = try TensorBoardLog(directory.path, after: step, options: options.described) {
          TrainingEvents.tell(.failed($0))
        }
        return { log.note($0) }
      } catch {
        TrainingEvents.tell(.failed("\(error); the training goes on without events for TensorBoard"))
      }
    #endif
    return { _ in }
  }

  /// The command with the run's folder, and with the options that a run does not remember.
  private func resuming(_ command: String) -> String {
    var options = [(name: "--out", value: directory.path)]
    if device.device.lowercased() != "auto" { options.append(("--device", device.device)) }
    if let memoryLimit { options.append(("--memory-limit", "\(memoryLimit)")) }
    return ShellText.command(command, options) + (tensorBoard ? " --tensorboard" : "")
  }

  /// - Throws: `ModelError.training` when the run does not fit into the device's memory
  private func executor(
    for step: any TrainingStep, on chosen: Device, _ device: DeviceOptions
  ) throws -> OpenCLExecutor {
    let check = MemoryCheck(options: options, limit: memoryLimit)
    let remembered = checkpoint == nil ? nil : try rememberedChoices(chosen.description)
    func settings(tunes: Bool) throws -> OpenCLExecutor.Options {
      try device.complete(
        .training(recompute: options.recompute == true), for: step.recording, on: chosen, kernels,
        remembered: remembered, tunes: tunes)
    }
    // Before tuning, which takes a while.
    let untuned = try settings(tunes: false)
    note(try check.check(step, on: chosen, untuned))
    let tuned = try settings(tunes: true)
    if tuned.choices != untuned.choices { note(try check.check(step, on: chosen, tuned)) }
    let executor = try OpenCLExecutor(step.recording, on: chosen, tuned)
    try test(executor, of: step, on: chosen, tuned)
    return executor
  }

  /// Holds the kernels of the training to the reference, at their first use with this driver.
  ///
  /// - Throws: `OpenCLError` when one of them computes wrongly
  private func test(
    _ executor: OpenCLExecutor, of step: any TrainingStep, on device: Device,
    _ settings: OpenCLExecutor.Options
  ) throws {
    let test = try SelfTest(of: executor, step.allSections, on: device, settings, forced: selfTest)
    guard test.isNeeded else { return }
    let duration = try ContinuousClock().measure {
      try test.run(
        options.smallCases.map { options in
          {
            let small = try options.record()
            let reference = ReferenceExecutor(small.recording)
            try small.fill(reference, seed: 0)
            return SelfTest.Case(reference, sections: small.allSections)
          }
        })
    }
    let (all, untested) = (test.count, test.untested)
    let seconds = String(format: "%.1f", duration / .seconds(1))
    let rest = untested.isEmpty ? "" : "; there is none for \(untested.joined(separator: ", "))"
    note(
      "\(all - untested.count) of \(all) kernels agree with the reference on small cases, compiled and tested once for this driver in \(seconds) s\(rest)"
    )
  }

  /// What validation measures besides pictures.
  private func figureSources(_ device: DeviceOptions) throws -> [any FigureSource] {
    guard let scorer = options.scorer else { return [] }
    return [
      ScorerFigureSource(
        try Scorer(RunDirectory.readCheckpoint(of: scorer)) {
          try device.executor(for: $0, kernels, .use, tunes: true)
        })
    ]
  }

  private func featureNetwork(_ device: DeviceOptions) throws -> FeatureNetwork? {
    try options.featureNetwork.map { path in
      try FeatureNetwork(path: path) { try device.executor(for: $0, kernels, .use, tunes: true) }
    }
  }

  /// The kernels that the run took so far; nil when it ran on another device or driver, whose kernels are no better
  /// than any, or before runs remembered them.
  private func rememberedChoices(_ device: DeviceDescription) throws -> KernelChoices? {
    guard FileManager.default.fileExists(atPath: directory.kernels) else { return nil }
    let file: KernelChoicesFile
    do {
      file = try KernelChoicesFile(path: directory.kernels)
    } catch {
      warn("\(error); going on with this device's kernels, whose results may differ in the last bits")
      return nil
    }
    guard file.device == device.fingerprint, file.deviceClass == device.deviceClass else {
      warn("the run began on another device or driver; from here on it computes with this one's kernels")
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

/// Turns the first Ctrl-C, SIGTERM or SIGHUP (a lost session) into a wish to stop, and says so at once; the same again ends
/// the program as usual. A signal that is ignored from the beginning, as under `nohup`, stays ignored.
final class Interruption: Sendable {
  /// The first signal; 0 before it.
  private static let received = Atomic<Int32>(0)

  init() {
    for number in [SIGINT, SIGTERM, SIGHUP] {
      var current = sigaction()
      sigaction(number, nil, &current)
      if unsafeBitCast(current.__sigaction_handler.sa_handler, to: Int.self)
        == unsafeBitCast(SIG_IGN, to: Int.self)
      {
        continue
      }
      Foundation.signal(number) { number in
        _ = Interruption.received.compareExchange(expected: 0, desired: number, ordering: .relaxed)
        Foundation.signal(number, SIG_DFL)
        guard Terminal.mode == .text else { return }
        // The bare call, since a handler may interrupt anything.
        let text: StaticString = "\nstopping after this step, with a checkpoint; once more ends at once\n"
        _ = Foundation.write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount)
      }
    }
  }

  /// The signal that asked to stop.
  var signal: Int32? {
    let number = Self.received.load(ordering: .relaxed)
    return number == 0 ? nil : number
  }
}
