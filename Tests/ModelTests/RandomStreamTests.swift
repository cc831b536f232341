import Model
import Tape
import Testing

/// Whether everything random in a recording is drawn from a stream of its own.
@Suite struct RandomStreamTests {
  static let cases =
    ObjectiveTests.plainCases + ObjectiveTests.otherCases + [
      ObjectiveTests.Case("noise with gradient penalty") { network, options in
        network.noiseChannels = 2
        options.objective.gradientPenalty = 10
      },
      ObjectiveTests.Case("resnet-9 with noise") { network, _ in
        (network.generator, network.noiseChannels) = (.resnet9, 1)
      },
    ]

  /// The random stream of an operation, by the name that it has in every one.
  private static func stream(of operation: any Operation) -> UInt32? {
    Mirror(reflecting: operation).children.first { $0.label == "stream" }?.value as? UInt32
  }

  /// The labels of the steps that draw random numbers, by the stream. All draws of a stream begin with its first number,
  /// so that two of one stream overlap.
  static func draws(of recording: Recording, schedule: Tensor) -> [UInt32: [String]] {
    var draws: [UInt32: [String]] = [:]
    for step in recording.steps where step.operation.inputs.contains(schedule) {
      // Adam takes its step size from the schedule; a mix's gradient takes the mix's own numbers once more.
      if step.operation is Adam || step.operation is MixGradient { continue }
      guard let stream = stream(of: step.operation) else {
        Issue.record("\(step.label) \(step.name) reads the schedule, but names no stream")
        continue
      }
      draws[stream, default: []].append("\(step.label) \(step.name)")
    }
    return draws
  }

  /// Masks, noise and mixes that are drawn with the same numbers, in a training step or in it and a translation.
  @Test(arguments: cases) func areDisjoint(_ testCase: ObjectiveTests.Case) throws {
    let model = try testCase.model(sections: [.train, .translate])
    let draws = Self.draws(of: model.recording, schedule: model.schedule)
    for (stream, steps) in draws { #expect(steps.count == 1, "stream \(stream): \(steps)") }
    if model.configuration.noiseChannels > 0 { #expect(draws.count > 1) }
    for case let gradient as MixGradient in model.recording.steps.map(\.operation) {
      #expect(draws[gradient.stream]?.first?.hasSuffix(" \(Mix.name)") == true)
    }
  }
}
