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
