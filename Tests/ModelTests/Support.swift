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
