import Foundation
import ImageMetrics
import Model

/// A training's events as those of the command that trains.
enum TrainingEvents {
  static func tell(_ event: Trainer.Event) {
    switch event {
    case .progress(let progress): Terminal.show(CommandProgress(progress))
    case .validated(let step, let epoch, let figures, let best, let isBest):
      // The chosen figure, and the one that all runs have.
      let shown = ([best] + (best == .l1 ? [] : [.l1])).compactMap { kind in
        figures.first { $0.kind == kind }.map { "\(kind.title) \(String(format: "%.4g", $0.value))" }
      }
      Terminal.say(
        CommandEvent(
          "validated",
          [
            ("step", .integer(step)), ("epoch", .integer(epoch)),
            ("figures", .object(figures.map { ($0.kind.key, .number($0.value)) })),
            ("best", .text(best.key)), ("is_best", .flag(isBest)),
          ],
          text:
            "epoch \(epoch): validation \(shown.joined(separator: ", "))\(isBest ? "; the best so far" : "")")
      )
    case .sampled(let step, let path):
      Terminal.say(CommandEvent("sampled", [("step", .integer(step)), ("file", .text(path))]))
    case .saved(let path):
      Terminal.say(CommandEvent("saved", [("file", .text(path))], text: "saved \(path)", tone: .good))
    case .warned(let text):
      Terminal.say(CommandEvent("warning", [("text", .text(text))], text: text, tone: .warning))
    case .failed(let text):
      Terminal.say(CommandEvent("failed", [("text", .text(text))], text: text, tone: .warning))
    }
  }
}

extension CommandProgress {
  fileprivate init(_ progress: Trainer.Progress) {
    let losses = zip(progress.losses.names, progress.losses.values)
    let words = losses.map { "\($0) \(String(format: "%.3f", $1))" }
    self.init(
      done: progress.step, total: progress.totalSteps, secondsLeft: progress.secondsLeft,
      words: [
        "step \(progress.step)/\(progress.totalSteps)", "epoch \(progress.epoch + 1)/\(progress.totalEpochs)",
        "\(Self.milliseconds(progress.millisecondsPerStep))/step",
      ] + words)
    logLine = String(
      format: "epoch %d/%d step %d/%d  %.1f ms/step  %.1f pictures/s  %@  %@ left",
      progress.epoch + 1, progress.totalEpochs, progress.step, progress.totalSteps,
      progress.millisecondsPerStep, progress.picturesPerSecond, words.joined(separator: " "),
      Self.duration(progress.secondsLeft))
    fields = [
      ("step", .integer(progress.step)), ("steps", .integer(progress.totalSteps)),
      ("epoch", .integer(progress.epoch + 1)), ("epochs", .integer(progress.totalEpochs)),
      ("losses", .object(losses.map { ($0, .number($1)) })),
      ("learning_rate", .number(progress.learningRate)),
      ("ms_per_step", .number(progress.millisecondsPerStep)),
      ("pictures_per_second", .number(progress.picturesPerSecond)),
      ("seconds_left", .number(progress.secondsLeft)),
    ]
  }
}
