import Foundation
import ImageMetrics
import Model

/// A run in a few numbers and words, for lists and for pages that follow it.
struct RunSummary: Sendable, Codable, Equatable {
  /// A figure of validation.
  struct Value: Sendable, Codable, Equatable {
    let key: String
    let name: String
    /// "lower" or "higher".
    let better: String
    /// Left out where it was not measured.
    let best: Double?
    let bestEpoch: Int?
    let last: Double?
  }

  let name: String
  /// See `RecordedRun.State`.
  let state: String
  /// The state in a sentence.
  let words: String
  let step: Int
  /// Left out where it is not known.
  let steps: Int?
  let epoch: Double
  let millisecondsPerStep: Double?
  let secondsLeft: Double?
  let device: String?
  let samples: [Int]
  let checkpoints: [Int]
  let figures: [Value]
  /// The options that are not at their defaults, as options.yaml has them.
  let options: [String: String]
  /// Other than before where the run's page looks otherwise.
  let revision: String

  init(_ run: RecordedRun, name: String) {
    self.name = name
    state = run.state.rawValue
    words = run.words
    (step, steps, epoch) = (run.step, run.totalSteps, run.epoch)
    (millisecondsPerStep, secondsLeft) = (run.millisecondsPerStep, run.secondsLeft)
    device = run.plan?.device
    (samples, checkpoints) = (run.sampleSteps, run.checkpointSteps)
    figures = run.figures.map { figure in
      let values = run.values(of: figure)
      let best = figure.best(of: values.map(\.value)).map { values[$0] }
      func finite(_ value: Double?) -> Double? { value.flatMap { $0.isFinite ? $0 : nil } }
      return Value(
        key: figure.key, name: figure.title, better: figure.better.rawValue, best: finite(best?.value),
        bestEpoch: best?.epoch, last: finite(values.last?.value))
    }
    options = Dictionary(run.optionWords.map { ($0.name, $0.value) }) { first, _ in first }
    revision = run.fingerprint
  }
}

extension RecordedRun {
  /// The state in a sentence.
  var words: String {
    let last = history.last
    func time(_ date: Date?) -> String {
      guard let date else { return "" }
      let format = DateFormatter()
      format.dateFormat = "yyyy-MM-dd HH:mm"
      return format.string(from: date)
    }
    let steps = totalSteps.map { "step \(step) of \($0)" } ?? "step \(step)"
    let resumed = last?.kind == .resumed ? ", resumed at step \(last?.step ?? 0)" : ""
    return switch state {
    case .starting: "Starting\(resumed): nothing is written down yet."
    case .running: "Running: \(steps)\(resumed)."
    case .stalled: "Stands still: no step since \(time(lastChange)), at \(steps)."
    case .finished: "Finished: \(steps)\(last.map { ", on \(time($0.time))" } ?? "")."
    case .stopped: "Stopped at \(steps)\(reason(last)). train --resume goes on."
    case .killed:
      "Was killed, or the machine went down, at \(steps), after \(time(lastChange)). train --resume goes on."
    case .diverged: "Diverged at \(steps)\(reason(last))"
    case .failed: "Failed at \(steps)\(reason(last))"
    case .unknown: "Ended, or begun by an earlier version: \(steps)."
    }
  }

  private func reason(_ event: RunEvent?) -> String {
    guard let detail = event?.detail, !detail.isEmpty else { return "" }
    return ": \(detail)"
  }
}
