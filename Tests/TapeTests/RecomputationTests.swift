import Tape
import Testing

/// Results of forward passes that are made again: the same values from fewer tensors that last.
@Suite struct RecomputationTests {
  /// Two convolutions with norms, a dropout and a skip, a loss, and Adam: everything that a recording has.
  private struct Net {
    let tape = Tape()
    let input: Tensor
    let target: Tensor
    let schedule: Tensor
    let parameters: [Tensor]
    let running: [Tensor]
    let loss: Tensor
    let first: Tensor

    init() throws {
      let tape = tape
      input = tape.input("x", [2, 3, 8, 8])
      target = tape.input("y", [2, 3, 8, 8])
      schedule = tape.schedule()
      parameters = [
        tape.parameter("down", [16, 3, 4, 4]), tape.parameter("deep", [16, 16, 4, 4]),
        tape.parameter("up", [32, 3, 4, 4]), tape.parameter("scale", [16]),
        tape.parameter("middle", [16, 16, 4, 4]),
      ]
      running = [tape.state("mean", [16]), tape.state("variance", [16])]
      let half = ConvolutionGeometry(stride: 2, padding: 1)
      let (input, target, schedule, parameters, running) = (input, target, schedule, parameters, running)
      let (loss, first) = try tape.section("train") {
        let first = try tape.scope("first") { try tape.convolution(input, weight: parameters[0], half) }
        let skip = try tape.scope("norm") {
          let norm = try tape.norm(first, scale: parameters[3])
          try tape.runningStatistics(norm, mean: running[0], variance: running[1])
          return norm.output
        }
        let deep = try tape.scope("deep") {
          try tape.convolution(skip, weight: parameters[1], half, inputActivation: .leakyReLU)
        }
        let back = try tape.scope("middle") {
          let up = try tape.transposedConvolution(deep, weight: parameters[4], half, inputActivation: .relu)
          let mask = try tape.dropoutMask(up.shape, stream: 3, schedule: schedule)
          return try tape.multiply(tape.norm(up).output, mask)
        }
        let picture = try tape.scope("last") {
          try tape.tanh(
            try tape.transposedConvolution(
              tape.concatenation([skip, back]), weight: parameters[2], half, inputActivation: .relu))
        }
        let loss = try tape.pixelLoss(.l2, picture, target)
        let gradients = try tape.gradients(of: [(loss, 1)], withRespectTo: parameters)
        for (index, gradient) in gradients.enumerated() {
          let shape = gradient.shape
          try tape.adam(
            parameters[index], gradient: gradient, firstMoment: tape.state("m\(index)", shape),
            secondMoment: tape.state("v\(index)", shape), schedule: schedule)
        }
        return (loss, first)
      }
      tape.keep(loss)
      (self.loss, self.first) = (loss, first)
    }
  }

  private func run(_ net: Net, _ recording: Recording) throws -> [[Double]] {
    let executor = ReferenceExecutor(recording)
    var word: UInt32 = 1
    func noise(_ count: Int) -> [Double] {
      (0..<count).map { _ in
        word = word &* 1_664_525 &+ 1_013_904_223
        return Double(word >> 8) / Double(1 << 23) - 1
      }
    }
    for tensor in [net.input, net.target] + net.parameters {
      executor.write(noise(tensor.shape.count), to: tensor)
    }
    for step in 0..<3 {
      executor.write(Schedule(step: step, learningRate: 0.01, seed: 7).values, to: net.schedule)
      try executor.run(section: "train")
    }
    return ([net.loss] + net.parameters + net.running).map { executor.readDouble($0) }
  }

  @Test(arguments: [
    Recomputation(perLayer: 0, once: 0), Recomputation(perLayer: 128, once: 128),
    Recomputation(perLayer: 0, once: 1e9), Recomputation(perLayer: 1e9, once: 1e9),
  ])
  func changesNoBit(_ limits: Recomputation) throws {
    let net = try Net()
    let recording = net.tape.freeze()
    let again = recording.recomputing(limits)
    #expect(again.steps.count > recording.steps.count)
    #expect(try run(net, again) == run(net, recording))
    // Side effects happen once.
    for name in ["running statistics", "Adam"] {
      #expect(
        again.steps.count { $0.name == name } == recording.steps.count { $0.name == name }, "\(name)")
    }
    #expect(again.tensors.enumerated().allSatisfy { $0 == $1.tensor.id })
    #expect(again.sections == ["train": 0..<again.steps.count])
  }

  /// Nothing that is made again is read behind the forward pass, and every step reads what was written before it.
  @Test func forwardResultsEndWithTheForwardPass() throws {
    let net = try Net()
    let recording = net.tape.freeze()
    let again = recording.recomputing(Recomputation(perLayer: 0, once: 0))
    let boundary = try #require(again.steps.firstIndex { $0.isBackward })
    var written = Set(again.tensors.filter { $0.role != .intermediate }.map(\.tensor))
    for (index, step) in again.steps.enumerated() {
      #expect(written.isSuperset(of: step.operation.inputs), "\(index) \(step.label)")
      written.formUnion(step.operation.outputs)
    }
    let readLater = again.steps[boundary...].flatMap { $0.operation.inputs }
    for step in recording.steps
    where !step.isBackward && ["norm", "multiply", "dropout mask"].contains(step.name) {
      #expect(!readLater.contains(step.operation.outputs[0]), "\(step.label) \(step.name)")
    }
    // A convolution's result is kept, for it costs too much.
    #expect(readLater.contains(net.first))
    #expect(again.flops() == recording.flops())
  }

  @Test func nothingToMakeAgain() throws {
    let net = try Net()
    let recording = net.tape.freeze()
    let same = recording.recomputing(Recomputation(perLayer: -1, once: -1))
    #expect(same.description == recording.description && same.tensors.count == recording.tensors.count)
  }
}
