import Random
import Tape

extension TrainingStep {
  /// Sets every parameter and state as the PyTorch version does: weights by `initialization`, norm scales from N(1, 0.02),
  /// biases and shifts 0, running means 0 and variances 1, moments 0. Power iterations start from random unit vectors.
  ///
  /// Numbers are counted, not drawn in turn: the same seed gives the same networks on every executor. Frozen networks are set,
  /// too, behind the others.
  public func initialize(
    _ executor: any Executor, _ initialization: Initialization = .normal, seed: UInt64
  ) throws {
    let networks = networks + frozen
    let parameters = networks.flatMap(\.parameters)
    for (index, parameter) in parameters.enumerated() {
      try executor.write(
        initialization.values(of: parameter, stream: UInt32(index), seed: seed), to: parameter.tensor)
    }
    for (index, vector) in networks.flatMap(\.states).enumerated() {
      let values = Philox(seed: seed).normals(
        count: vector.tensor.shape.count, mean: 0, deviation: 1, stream: UInt32(parameters.count + index),
        purpose: Initialization.purpose)
      let norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
      try executor.write(values.map { $0 / norm }, to: vector.tensor)
    }
    for statistic in networks.flatMap(\.runningStatistics) {
      let value: Float = statistic.name.hasSuffix("running_var") ? 1 : 0
      try executor.write([Float](repeating: value, count: statistic.tensor.shape.count), to: statistic.tensor)
    }
    for moments in networks.flatMap(\.moments) {
      for moment in [moments.first, moments.second] { try executor.clear(moment.tensor) }
    }
    for state in states { try executor.clear(state.tensor) }
  }
}
