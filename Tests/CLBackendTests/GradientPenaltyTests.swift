import CLBackend
import OperationCases
import Tape
import Testing

/// A critic's step with a gradient penalty (Gulrajani et al. 2017): gradients of gradients through convolutions, norms, a
/// slice, normalised weights, with everything that shares launches.
struct GradientPenaltyTests {
  private struct Critic {
    let recording: Recording
    let fill: [(tensor: Tensor, values: [Float])]
    /// Read after a run.
    let results: [Tensor]

    init(parts: Int) throws {
      let tape = Tape()
      var fill: [(Tensor, [Float])] = []
      func filled(_ tensor: Tensor, _ values: CaseValues = .scaled(0.25)) -> Tensor {
        fill.append((tensor, values.make(count: tensor.shape.count, seed: 9, stream: UInt32(fill.count))))
        return tensor
      }
      let schedule = tape.schedule()
      fill.append((schedule, Schedule(step: 3, learningRate: 1e-2, seed: 5).values))
      let pictures: Shape = [2, 3, 12, 12]
      let condition = filled(tape.input("condition", pictures), .uniform)
      let (real, fake) = (
        filled(tape.input("real", pictures), .uniform), filled(tape.input("fake", pictures), .uniform)
      )
      let weights = [[20, 6, 4, 4], [36, 20, 4, 4], [1, 36, 3, 3]].enumerated().map {
        filled(tape.parameter("w\($0)", Shape($1)))
      }
      let singular = filled(tape.state("u", [36]), .positive)
      let scale = filled(tape.parameter("scale", [36]), .positive)
      let half = ConvolutionGeometry(stride: 2, padding: 1)
      let middle = try tape.spectralNorm(weights[1], u: singular)
      func judge(_ picture: Tensor) throws -> Tensor {
        let first = try tape.convolution(
          tape.concatenation([condition, picture]), weight: weights[0], half)
        let second = try tape.convolution(first, weight: middle, half, inputActivation: .leakyReLU)
        let norm = try tape.norm(second, scale: scale, parts: parts).output
        return try tape.convolution(
          norm, weight: weights[2], ConvolutionGeometry(stride: 1, padding: 1), inputActivation: .leakyReLU)
      }
      let mixed = try tape.mix(real, fake, stream: 1, schedule: schedule)
      let logits = try judge(mixed)
      // The sum of the logits, as their distance from values far above.
      let far = filled(tape.input("far", logits.shape), .around(1000))
      let sum = try tape.pixelLoss(.l1, logits, far)
      let slope = try tape.gradients(of: [(sum, Float(logits.shape.count))], withRespectTo: [mixed])
      let penalty = try tape.gradientPenalty(slope[0])
      let losses = [
        tape.logitLoss(.crossEntropy(target: 1), try judge(real)),
        tape.logitLoss(.crossEntropy(target: 0), try judge(fake)),
      ]
      let parameters = weights + [scale]
      let gradients = try tape.gradients(
        of: losses.map { ($0, 1) } + [(penalty, 10)], withRespectTo: parameters)
      for (index, (parameter, gradient)) in zip(parameters, gradients).enumerated() {
        try tape.adam(
          parameter, gradient: gradient,
          firstMoment: filled(tape.state("m\(index)", parameter.shape), .scaled(1e-3)),
          secondMoment: filled(tape.state("v\(index)", parameter.shape), .positive), schedule: schedule)
      }
      recording = tape.freeze()
      self.fill = fill
      results = [penalty] + losses + parameters + [singular]
    }

    func fill(_ executor: some Executor) throws {
      for (tensor, values) in fill { try executor.write(values, to: tensor) }
    }
  }

  /// Per image and per batch; every tensor.
  @Test(arguments: DeviceClass.tested, [1, 2]) func aStepAgreesWithTheReference(
    _ deviceClass: DeviceClass, parts: Int
  ) throws {
    let critic = try Critic(parts: parts)
    let device = try Device.select("auto").device
    let steps = critic.recording.steps.indices
    let together = try OpenCLExecutor(critic.recording, on: device, .init(deviceClass: deviceClass))
    let alone = try OpenCLExecutor(critic.recording, on: device, .init(deviceClass: deviceClass))
    let reference = ReferenceExecutor(critic.recording)
    for executor in [together, alone, reference] as [any Executor] { try critic.fill(executor) }
    try together.run(steps)
    for index in steps { try alone.run(index..<index + 1) }
    reference.run(steps)
    var worst = (error: 0.0, name: "")
    for description in critic.recording.tensors {
      let (tensor, name) = (description.tensor, description.name)
      let values = try together.read(tensor)
      #expect(try values == alone.read(tensor), "\(name)")
      // Measured: 1.3e-6, a weight's gradient.
      let comparison = Comparison(values, expected: reference.read(tensor), floor: 1e-4)
      #expect(comparison.isWithin(1e-5), "\(name): \(comparison)")
      if comparison.relativeL2 > worst.error { worst = (comparison.relativeL2, name) }
    }
    print("gradient penalty, class \(deviceClass), \(parts) parts, the largest error: \(worst)")
  }

  /// What nobody reads shares rooms, and launches are left to others then.
  @Test(arguments: DeviceClass.tested) func sharedRoomsChangeNothing(_ deviceClass: DeviceClass) throws {
    let critic = try Critic(parts: 2)
    let device = try Device.select("auto").device
    let executors = [
      try OpenCLExecutor(critic.recording, on: device, .init(deviceClass: deviceClass)),
      try OpenCLExecutor(
        critic.recording, on: device, .init(deviceClass: deviceClass, kept: .only(Set(critic.results)))),
    ]
    for executor in executors {
      try critic.fill(executor)
      for _ in 0..<2 { try executor.run(critic.recording.steps.indices) }
    }
    for tensor in critic.results {
      let comparison = Comparison(try executors[1].read(tensor), expected: try executors[0].read(tensor))
      #expect(comparison.isWithin(1e-6), "\(critic.recording.name(of: tensor)): \(comparison)")
    }
  }
}
