import ImageMetrics

/// A report made of a run's tables, as the trainer has them in memory and as others read them from its files.
extension TrainingReport {
  /// - Parameters:
  ///   - rows: step, epoch, and the losses in the order of `lossKinds`
  ///   - figures: the columns of `validations` that are known
  ///   - best: the key of the figure that chooses the best checkpoint
  ///   - sampleSteps: of all strips that there are
  ///   - mostSamples: strips to show at most, spread over the run
  ///   - picture: the strip of a step; nil where it cannot be read
  init(
    title: String, lossKinds: [LossKind], rows: [[Double]], figures: [FigureKind],
    validations: [RunLog.ValidationRow], best: String, sampleSteps: [Int], mostSamples: Int,
    picture: (Int) -> ReportPicture?, options: [(String, String)], device: [(String, String)],
    timings: [(String, String)] = [], undecided: LossChart.Reference?
  ) {
    let samples = Self.spread(sampleSteps, most: mostSamples).compactMap { step in
      picture(step).map { picture in
        let epoch = rows.last { $0[0] <= Double(step) }?[1] ?? 0
        return Sample(step: step, epoch: Int(epoch.rounded(.up)), picture: picture)
      }
    }
    self.init(
      title: title, lossKinds: lossKinds,
      losses: rows.map { LossPoint(step: Int($0[0]), epoch: $0[1], values: Array($0.dropFirst(2))) },
      figures: figures,
      validations: validations.map { row in
        Validation(epoch: row.epoch, values: figures.map { row.values[$0.key] ?? .nan })
      }, best: figures.first { $0.key == best }, samples: samples, options: options, device: device,
      timings: timings, undecided: undecided)
  }

  /// Some of many steps, the first and the last among them; of a single one the last.
  package static func spread(_ steps: [Int], most: Int) -> [Int] {
    guard most > 1 else { return steps.suffix(most) }
    // The last comes after the others, so that it has a place of its own.
    let stride = max(1, (steps.count + most - 3) / (most - 1))
    return steps.enumerated().filter { $0.offset.isMultiple(of: stride) || $0.offset == steps.count - 1 }
      .map(\.element)
  }
}
