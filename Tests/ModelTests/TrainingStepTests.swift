import Foundation
import Images
import Model
import Tape
import Testing

/// A second model: two generators and two discriminators on unpaired pictures, with a cycle loss (Zhu et al. 2017). Nothing
/// outside this file knows it.
private struct TinyCycle: TrainingStep {
  let recorded: RecordedStep

  init() throws {
    var network = try NetworkConfiguration(size: 32, ngf: 2, ndf: 2)
    (network.generator, network.noiseChannels) = (.resnet6, 1)
    (network.discriminatorLayers, network.spectralNorm) = (1, true)
    var objective = Objective()
    (objective.ganLoss, objective.pixelWeight, objective.gradientPenalty) = (.lsgan, 10, 2)
    let recorder = StepRecorder(objective)
    let generators = ["G_AB", "G_BA"].map { recorder.generator(network, NetworkLabel($0)) }
    let judges = ["D_B", "D_A"].map { recorder.discriminator(network, channels: 3, NetworkLabel($0)) }
    try recorder.section {
      let real = [0, 1].map { recorder.input("input.\($0)", [1, 3, 32, 32], .side($0)) }
      let fake = try zip(generators, real).map { try recorder.draw($0, $1) }
      var losses = WeightedLosses()
      for side in 0..<2 {
        let back = try recorder.draw(generators[1 - side], fake[side])
        losses += try recorder.reconstruct(back, real[side], "cycle_\(side)")
        let name = generators[side].label.name
        losses += try recorder.fool(judges[side], fakes: fake[side], reals: real[1 - side], name).adversarial
      }
      try recorder.update(generators, minimizing: losses)
      for side in 0..<2 {
        let shown = try recorder.pool(fake[side], slots: 2, "pool.\(side)")
        let critic = try recorder.normalized(judges[side])
        var losses = try recorder.judge(critic, fakes: shown, reals: real[1 - side])
        losses += try recorder.penalty(critic, reals: real[1 - side], fakes: fake[side]) { picture in picture
        }
        try recorder.update([judges[side]], minimizing: losses)
      }
    }
    for (generator, name) in zip(generators, ["AtoB", "BtoA"]) {
      try recorder.translation(generator, section: "translate.\(name)", network)
    }
    recorded = recorder.finish()
  }

  /// Trains one step on pictures that depend on the step alone.
  func train(_ executor: any Executor, step: Int) throws {
    let sides = sides.map { side in (0..<side.shape.count).map { Float(sin(Double($0 * (side.id + step)))) } }
    let schedule = Schedule(step: step, learningRate: 2e-4, seed: 1)
    try run(sides, framing: translations[0].framing, schedule, on: executor)
  }
}

/// The lists of a training step, by a model that the program does not have.
@Suite struct TrainingStepTests {
  /// Three steps straight, and two with a resume before the third: the same checkpoint, bit by bit.
  @Test func resumes() throws {
    let (folder, step) = (try TemporaryFolder(), try TinyCycle())
    func save(_ executor: any Executor, _ steps: Int) throws -> String {
      var (options, progress) = (TrainingOptions(), Checkpoint.Progress())
      (progress.step, options.network.levels) = (steps, 8)
      let path = "\(folder.path)/\(steps)"
      try Checkpoint.save(step, executor, options: options, progress: progress, to: path)
      return path
    }
    let (straight, resumed) = (ReferenceExecutor(step.recording), ReferenceExecutor(step.recording))
    try step.initialize(straight, seed: 3)
    for number in 0..<2 { try step.train(straight, step: number) }
    let path = try save(straight, 2)
    try Checkpoint(path: path).restore(step, resumed, path: path)
    let checkpoints = try [straight, resumed].map { executor in
      try step.train(executor, step: 2)
      return try Safetensors(path: save(executor, 3))
    }
    #expect(checkpoints[0] == checkpoints[1])
    #expect(try checkpoints[0] != Safetensors(path: path))
    // The networks and pools are all there, and none twice: G makes two passes a step, D three.
    let entries = checkpoints[0].entries
    #expect(entries["adam.v.G_BA.G_BA.model.1.weight"] != nil && entries["pool.1.images"] != nil)
    #expect(entries["G_AB.model.2.num_batches_tracked"]?.values == .int64([6]))
    #expect(entries["D_A.model.3.num_batches_tracked"]?.values == .int64([9]))
    #expect(try step.losses(straight).notFinite.isEmpty && step.lossKinds.count == 10)
  }

  /// The reference beside itself: every operation is compared, from inputs that are set.
  @Test func isVerifiedStepByStep() throws {
    let step = try TinyCycle()
    let result = try StepVerification(step, ReferenceExecutor(step.recording), seed: 2)
    #expect(result.passes && result.rows.allSatisfy { $0.largestError == 0 })
    let steps = step.recording.steps[step.allSections[0]]
    #expect(
      result.rows.map(\.label)
        == steps.flatMap { Array(repeating: $0.label, count: $0.operation.outputs.count) })
  }

  /// No two passes of a recording draw from one stream, whatever the networks' names are.
  @Test func randomStreamsAreApart() throws {
    let step = try TinyCycle()
    let streams = step.networks.flatMap(\.randomStreams).map(\.numbers)
    #expect(streams.count == 6)
    for (index, a) in streams.enumerated() {
      #expect(streams[..<index].allSatisfy { !$0.overlaps(a) })
    }
    let drawn = step.recording.steps.compactMap { step -> UInt32? in
      switch step.operation {
      case let mask as DropoutMask: mask.stream
      case let noise as GaussianNoise: noise.stream
      case let mix as Mix: mix.stream
      default: nil
      }
    }
    #expect(Set(drawn).count == drawn.count && drawn.count == 6 * 7 + 2)
    #expect(drawn.allSatisfy { stream in streams.contains { $0.contains(stream) } })
  }
}
