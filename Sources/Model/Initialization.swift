import Foundation
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

  /// Blocks of four numbers that one thread draws at a time.
  private static let blocksAtOnce = 1 << 14

  static func initialValues(_ parameter: NamedTensor, stream: UInt32, seed: UInt64) -> [Float] {
    let count = parameter.tensor.shape.count
    if parameter.name.hasSuffix(".bias") { return [Float](repeating: 0, count: count) }
    let mean = parameter.tensor.shape.rank == 1 ? 1.0 : 0.0
    let generator = Philox(seed: seed)
    var values = [Float](repeating: 0, count: count)
    let blocks = (count + 3) / 4
    values.withUnsafeMutableBufferPointer { values in
      nonisolated(unsafe) let values = values
      inParallel((blocks + blocksAtOnce - 1) / blocksAtOnce) { run in
        for block in run * blocksAtOnce..<min((run + 1) * blocksAtOnce, blocks) {
          let words = generator.words(UInt32(block), 0, stream, initializationStream)
          // Box and Muller: two words make two normal numbers.
          for half in 0..<2 {
            let radius = (-2 * log((Double(words[2 * half]) + 1) / 4_294_967_296)).squareRoot()
            let angle = 2 * Double.pi * Double(words[2 * half + 1]) / 4_294_967_296
            let index = 4 * block + 2 * half
            if index < count { values[index] = Float(mean + 0.02 * (radius * cos(angle))) }
            if index + 1 < count { values[index + 1] = Float(mean + 0.02 * (radius * sin(angle))) }
          }
        }
      }
    }
    return values
  }
}
