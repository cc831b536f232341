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
    (network.generator, network.discriminatorLayers, network.noiseChannels) = (.resnet6, 1, 1)
    network.spectralNorm = true
    var objective = Objective()
    (objective.ganLoss, objective.lambdaL1, objective.gradientPenalty) = (.lsgan, 10, 2)
    let recorder = StepRecorder(objective)
    let toB = recorder.generator(network, NetworkLabel("G_AB"))
    let toA = recorder.generator(network, NetworkLabel("G_BA"))
    let judgeA = recorder.discriminator(network, channels: 3, NetworkLabel("D_A"))
    let judgeB = recorder.discriminator(network, channels: 3, NetworkLabel("D_B"))
    try recorder.section {
      let a = recorder.input("input.A", [1, 3, 32, 32], .side(0))
      let b = recorder.input("input.B", [1, 3, 32, 32], .side(1))
      let (fakeB, fakeA) = (try recorder.draw(toB, a), try recorder.draw(toA, b))
      var losses = try recorder.reconstruct(recorder.draw(toA, fakeB), a, "cycle_A")
      losses += try recorder.reconstruct(recorder.draw(toB, fakeA), b, "cycle_B")
      losses += try recorder.fool(judgeB, fakes: fakeB, reals: b, "G_AB").adversarial
      losses += try recorder.fool(judgeA, fakes: fakeA, reals: a, "G_BA").adversarial
      try recorder.update([toB, toA], minimizing: losses)
      for (judge, fake, real) in [(judgeA, fakeA, a), (judgeB, fakeB, b)] {
        let shown = try recorder.pool(fake, slots: 2, "pool.\(judge.label.name)")
        let critic = try recorder.normalized(judge)
        var losses = try recorder.judge(critic, fakes: shown, reals: real)
        losses += try recorder.penalty(critic, reals: real, fakes: fake) { picture in picture }
        try recorder.update([judge], minimizing: losses)
      }
    }
    try recorder.translation(toB, section: "translate.AtoB", network)
    try recorder.translation(toA, section: "translate.BtoA", network)
    recorded = recorder.finish()
  }

  /// Trains one step on pictures that depend on the step alone.
  func train(_ executor: any Executor, step: Int) throws {
    var network = NetworkConfiguration()
    (network.size, network.generator) = (32, .resnet6)
    let sides = sides.map { side in (0..<side.shape.count).map { Float(sin(Double($0 * (side.id + step)))) } }
    let schedule = Schedule(step: step, learningRate: 2e-4, seed: 1)
    try run(sides, framing: Framing(network), schedule, on: executor)
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
    #expect(entries["adam.v.G_BA.G_BA.model.1.weight"] != nil && entries["pool.D_B.images"] != nil)
    #expect(entries["G_AB.model.2.num_batches_tracked"]?.values == .int64([6]))
    #expect(entries["D_A.model.3.num_batches_tracked"]?.values == .int64([9]))
    #expect(try step.losses(straight).notFinite.isEmpty && step.lossNames.count == 10)
  }

  /// The reference beside itself: every operation is compared, from inputs that are set.
  @Test func isVerifiedStepByStep() throws {
    let step = try TinyCycle()
    let result = try StepVerification(step, ReferenceExecutor(step.recording), seed: 2)
    #expect(result.passes && result.rows.allSatisfy { $0.largestError == 0 })
    #expect(result.rows.count >= step.allSections[0].count)
    let compared = Set(result.rows.map(\.operation))
    #expect(compared.isSuperset(of: step.recording.steps[step.allSections[0]].map(\.name)))
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
