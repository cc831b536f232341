import CLBackend
import Foundation
import Model
import Random
import Tape

extension Benchmark {
  /// Times the training step and the generator's forward pass, after a first step that must be right.
  func timeStep(on device: Device, _ results: inout Results) throws {
    var options = try TrainingOptions(ofStep: network.given + objective.given, batchSize: batchSize)
    options.recompute = recompute
    let model = try options.record()
    let translation = model.translations[0]
    let (train, translate) = (model.allSections[0], model.allSections[1])
    func firstStep(_ target: any Executor) throws -> (picture: [Float], losses: Losses) {
      try model.initialize(target, seed: 0)
      try model.fillInputs(target, seed: 0)
      try target.write(
        Philox(seed: 1).uniform(count: translation.input.shape.count, stream: 2), to: translation.input)
      try target.write(Schedule(step: 0, seed: 0).values, to: model.schedule)
      try target.run(translate)
      try target.run(train)
      return (try target.read(translation.output), try model.losses(target))
    }
    // The reference goes first and is gone before the device's buffers are there, so that it is no part of the peak.
    let expected = noCheck ? nil : try firstStep(ReferenceExecutor(model.recording))
    let isPeakOwn = resetPeakResidentBytes()
    var settings = try settings(.training(recompute: recompute))
    settings.profiling = profile
    let executor = try OpenCLExecutor(
      model.recording, on: device,
      try self.device.complete(settings, for: model.recording, on: device, kernels, tunes: true))
    let first = try firstStep(executor)
    if let expected {
      let picture = Comparison(first.picture, expected: expected.picture)
      let lossError =
        zip(first.losses.values, expected.losses.values).map { abs($0 - $1) / abs($1) }.max() ?? .nan
      // Errors of sixteen convolutions in a row, normed after most.
      let bound = 10 * executor.precision.convolutionBound
      guard picture.isWithin(bound), lossError <= bound else {
        throw ModelError.training(
          "the step is wrong on \(executor.name): the picture by \(scientific(picture.relativeL2)), the losses by \(scientific(lossError)) relative; run pix2pix verify"
        )
      }
    }
    results.stepMs = try executor.seconds(train, count: repeats) * 1e3
    if profile { try printProfile(executor, train) }
    results.forwardMs = try executor.seconds(translate, count: repeats) * 1e3
    results.deviceBytes = executor.allocatedBytes
    results.peakResidentBytes = peakResidentBytes()
    results.launches = try executor.launchCount(train)
    guard !json else { return }
    print(
      String(
        format:
          "%@, ngf %d, ndf %d, batch %d: step %.1f ms, generator forward %.1f ms, %.1f GFLOP a step",
        options.network.size.description, options.network.ngf, options.network.ndf, options.batchSize,
        results.stepMs ?? 0, results.forwardMs ?? 0, model.recording.flops(train) / 1e9))
    print(
      "\(results.launches ?? 0) launches a step; device memory \(bytesText(executor.allocatedBytes)), the process\(isPeakOwn ? "" : " with the reference") peaked at \(bytesText(peakResidentBytes()))"
    )
  }

  private func printProfile(_ executor: OpenCLExecutor, _ range: Range<Int>) throws {
    _ = try executor.profile()
    try executor.run(range)
    try executor.finish()
    let times = try executor.profile()
    var (byKernel, byLayer) = ([String: Share](), [String: Share]())
    var end = times.first?.start ?? 0
    for time in times {
      // "fake.D.conv2 norm/normalize"; a prime for the way back, Adam's steps named by their parameter.
      let words = time.label.components(separatedBy: " ")
      var layer = words[0].replacing(#/\.model\..*/#, with: " parameters")
      if layer.isEmpty || layer == "′" { layer = "losses" + layer }
      let gap = Double(time.start > end ? time.start - end : 0) / 1e6
      end = max(end, time.end)
      byKernel[words.dropFirst().joined(separator: " "), default: Share()].add(time.milliseconds, gap)
      byLayer[layer, default: Share()].add(time.milliseconds, gap)
    }
    let total = times.reduce(0) { $0 + $1.milliseconds }
    for (name, shares) in [("layer (′ backward)", byLayer), ("operation/kernel", byKernel)] {
      let table =
        Table(
          [name, "launches", "ms", "%", "waited before, ms"],
          shares.sorted { ($1.value.ms, $0.key) < ($0.value.ms, $1.key) }.map {
            [
              $0.key, String($0.value.count), String(format: "%.2f", $0.value.ms),
              String(format: "%.1f", 100 * $0.value.ms / total), String(format: "%.2f", $0.value.gap),
            ]
          }
        ).description
      // A note is one line.
      for line in table.components(separatedBy: "\n") + [""] { note(line) }
    }
    if let first = times.first, let last = times.last {
      note(
        String(
          format: "%.1f ms in %d launches, %.1f ms between them", total, times.count,
          Double(last.end - first.start) / 1e6 - total))
    }
  }

  /// What launches of one kind take, and the time from the end of those before.
  private struct Share {
    var (count, ms, gap) = (0, 0.0, 0.0)

    mutating func add(_ ms: Double, _ gap: Double) {
      count += 1
      self.ms += ms
      self.gap += gap
    }
  }
}
