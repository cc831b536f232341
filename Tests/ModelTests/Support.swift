import Foundation
import Model
import Tape
import Testing

/// A folder of its own for a test, removed when the value goes.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "pix2pix-model-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// The smallest model there is: quick on the reference.
func smallModel(norm: NormKind = .batch, ngf: Int = 2) throws -> Pix2Pix {
  try Pix2Pix(NetworkConfiguration(size: 32, ngf: ngf, ndf: 2, norm: norm), sections: [.train, .translate])
}

/// Runs one training step on pictures that depend on the step alone.
func trainStep(_ model: any TrainingStep, _ executor: any Executor, step: Int) throws {
  for (offset, tensor) in model.sides.enumerated() {
    let values = (0..<tensor.shape.count).map { Float(sin(Double($0 * (3 + offset) + 7 * step))) }
    try executor.write(values, to: tensor)
  }
  try executor.write(Schedule(step: step, learningRate: 2e-4, seed: 1).values, to: model.schedule)
  try executor.run(section: "train")
}

/// A change of a training step's networks and options, under a name.
struct StepCase<Options>: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let change: @Sendable (inout NetworkConfiguration, inout Options) -> Void

  init(_ name: String, _ change: @escaping @Sendable (inout NetworkConfiguration, inout Options) -> Void) {
    (testDescription, self.change) = (name, change)
  }
}

/// Fills a step's pictures, weights and choices of pools with values that depend on their place alone.
func write(pictures step: some TrainingStep, _ executor: ReferenceExecutor) {
  for input in step.inputs {
    let count = input.tensor.shape.count
    switch input.source {
    case .side(let side): executor.write((0..<count).map { sin(Double($0 * (3 + side))) }, to: input.tensor)
    case .weights: executor.write((0..<count).map { 1 + sin(Double($0)) / 2 }, to: input.tensor)
    case .pool:
      let choices = (0..<count / 2).map { ImagePoolChoice(.store, slot: $0) }
      executor.write(ImagePoolChoice.values(of: choices), to: input.tensor)
    case .mask: Issue.record("masks are drawn")
    }
  }
}

/// An executor in Double with a step's first networks and pictures, and a schedule that learns nothing: each loss is taken
/// through the other networks as they are.
func unlearning(_ step: some TrainingStep) throws -> ReferenceExecutor {
  let executor = ReferenceExecutor(step.recording, precision: .float64)
  try step.initialize(executor, .kaiming, seed: 3)
  executor.write(Schedule(step: 0, learningRate: 0, seed: 1).values, to: step.schedule)
  write(pictures: step, executor)
  return executor
}

/// Replays PyTorch's run of that folder of Fixtures on the reference, and holds it to the run's bounds.
func goldenRun(_ name: String) throws -> GoldenVerification {
  let path = try #require(
    Bundle.module.path(forResource: "golden", ofType: "safetensors", inDirectory: "Fixtures/\(name)"))
  let golden = try Golden(path: path)
  let result = try GoldenVerification(golden, ReferenceExecutor(golden.step.recording))
  for kind in GoldenVerification.Kind.allCases {
    let worst = try #require(result.worst(kind), "no \(kind)")
    #expect(worst.passes, "\(worst.name): \(worst.relativeError), bound \(worst.bound)")
  }
  #expect(result.steps == 3)
  return result
}

extension TrainingOptions {
  /// Those of a tiny training, by their words on the command line.
  static func tiny(_ words: [String: String]) throws -> TrainingOptions {
    var options = TrainingOptions()
    let all = ["--size": "32", "--ngf": "2", "--ndf": "2", "--patch": "16", "--steps": "6", "--seed": "7"]
      .merging(words) { $1 }
    try options.set(TrainingOptions.rows.compactMap { row in all[row.name].map { GivenOption(row, [$0]) } })
    return options
  }

  /// Trains on the reference, or goes on with the run that the folder holds.
  func train(
    in path: String, until stop: Int = .max, features: FeatureNetwork? = nil
  ) throws -> RunDirectory {
    let run = RunDirectory(path)
    var options = self
    let checkpoint = run.latestCheckpoint() == nil ? nil : try RunDirectory.readCheckpoint(of: run.path)
    if checkpoint == nil { try options.readFormat() }
    let trainer = try Trainer(options, run: run, resuming: checkpoint, featureNetwork: features) {
      ReferenceExecutor($0.recording)
    }
    _ = try trainer.train(shouldStop: { trainer.stepsDone >= stop }, onEvent: { _ in })
    return run
  }
}

/// The error for the user that `body` throws; the test fails if it throws none.
func modelError(_ body: () throws -> Void) throws -> ModelError {
  try #require(throws: ModelError.self) { try body() }
}

/// The slope of an objective along a direction of all parameters of some networks, by the step's gradients and by central
/// differences of the losses that it reports, in Double.
struct SlopeComparison: CustomStringConvertible {
  let slope: Double
  let differences: [Double]
  /// Relative. A larger step rounds less, a smaller one crosses fewer kinks of ReLUs: the best of three.
  var error: Double { differences.map { abs(slope - $0) / abs($0) }.min() ?? .nan }
  var description: String { "\(slope), by differences \(differences), error \(error)" }

  /// - Parameters:
  ///   - executor: with inputs, and a schedule that learns nothing
  ///   - weight: of a loss as reported, in the networks' objective
  init(
    _ networks: [Network], of step: any TrainingStep, on executor: ReferenceExecutor,
    weight: (LossTerm) -> Double
  ) throws {
    let states = (step.networks.flatMap(\.states) + step.states).map {
      ($0.tensor, executor.readDouble($0.tensor))
    }
    try executor.run(section: "train")
    let parameters = networks.flatMap(\.parameters)
    let values = parameters.map { executor.readDouble($0.tensor) }
    let directions = parameters.enumerated().map { index, parameter in
      (0..<parameter.tensor.shape.count).map { sin(Double(7 * $0 + 13 * index + 1)) }
    }
    let gradients = networks.flatMap(\.gradients).map { executor.readDouble($0) }
    slope = zip(gradients, directions).reduce(0) { sum, pair in
      sum + zip(pair.0, pair.1).reduce(0) { $0 + $1.0 * $1.1 }
    }
    func setStates() {
      for (tensor, values) in states { executor.write(values, to: tensor) }
    }
    func loss(at distance: Double) throws -> Double {
      for (parameter, (values, direction)) in zip(parameters, zip(values, directions)) {
        executor.write(zip(values, direction).map { $0 + distance * $1 }, to: parameter.tensor)
      }
      setStates()
      try executor.run(section: "train")
      return step.losses.reduce(0) {
        $0 + weight($1) * Double($1.factor) * executor.readDouble($1.tensor)[0]
      }
    }
    differences = try [1e-6, 1e-7, 1e-8].map { (try loss(at: $0) - loss(at: -$0)) / (2 * $0) }
    _ = try loss(at: 0)
    setStates()
  }
}
