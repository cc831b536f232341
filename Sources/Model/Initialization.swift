import Random
import Tape

extension Pix2Pix {
  /// Sets every parameter and state as the PyTorch version does: weights from N(0, 0.02), norm scales from
  /// N(1, 0.02), biases and shifts 0, running means 0 and variances 1, moments 0.
  ///
  /// Numbers are counted, not drawn in turn: the same seed gives the same network on every executor.
  public func initialize(_ executor: any Executor, seed: UInt64) throws {
    let parameters = generator.parameters + (discriminator?.parameters ?? [])
    for (index, parameter) in parameters.enumerated() {
      try executor.write(
        Self.initialValues(parameter, stream: UInt32(index), seed: seed), to: parameter.tensor)
    }
    for statistic in generator.runningStatistics + (discriminator?.runningStatistics ?? []) {
      let value: Float = statistic.name.hasSuffix("running_var") ? 1 : 0
      try executor.write([Float](repeating: value, count: statistic.tensor.shape.count), to: statistic.tensor)
    }
    for moment in moments {
      for tensor in [moment.first, moment.second] { try executor.clear(tensor) }
    }
  }

  /// Initialisation's own random stream: word 3 of the counter, where training has the step.
  private static let initializationStream: UInt32 = 0x1417

  /// Numbers that one thread draws at a time.
  private static let numbersAtOnce = 1 << 16

  static func initialValues(_ parameter: NamedTensor, stream: UInt32, seed: UInt64) -> [Float] {
    let count = parameter.tensor.shape.count
    if parameter.name.hasSuffix(".bias") { return [Float](repeating: 0, count: count) }
    let mean = parameter.tensor.shape.rank == 1 ? 1.0 : 0.0
    let generator = Philox(seed: seed)
    return [Float](unsafeUninitializedCapacity: count) { values, initialized in
      initialized = count
      nonisolated(unsafe) let values = values
      inParallel((count + numbersAtOnce - 1) / numbersAtOnce) { run in
        // Eight blocks of four numbers at a time.
        let end = min((run + 1) * numbersAtOnce, count)
        for first in stride(from: run * numbersAtOnce, to: end, by: 32) {
          let normals = generator.normals(from: UInt32(first / 4), 0, stream, initializationStream)
          for block in 0..<8 {
            let index = first + 4 * block
            if index < end { values[index] = Float(mean + 0.02 * normals.0[block]) }
            if index + 1 < end { values[index + 1] = Float(mean + 0.02 * normals.1[block]) }
            if index + 2 < end { values[index + 2] = Float(mean + 0.02 * normals.2[block]) }
            if index + 3 < end { values[index + 3] = Float(mean + 0.02 * normals.3[block]) }
          }
        }
      }
    }
  }
}
