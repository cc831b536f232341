import Foundation
import Model
import Tape
import Testing

@Suite struct InitializationTests {
  private func values(
    seed: UInt64, of select: (Pix2Pix) -> [NamedTensor]
  ) throws -> [(name: String, values: [Float])] {
    let model = try smallModel(ngf: 8)
    let executor = ReferenceExecutor(model.recording)
    try model.initialize(executor, seed: seed)
    return select(model).map { ($0.name, executor.read($0.tensor)) }
  }

  private func parameters(_ model: Pix2Pix) -> [NamedTensor] {
    model.networks.flatMap(\.parameters)
  }

  /// Mean and variance within five of their standard errors, and the tails of a normal distribution.
  @Test func weightsAreNormal() throws {
    let all = try values(seed: 3, of: parameters)
    for (mean, isWanted) in [
      (0.0, { (count: Int, name: String) in count >= 512 && name.hasSuffix(".weight") }),
      (1.0, { (count: Int, name: String) in count < 512 && name.hasSuffix(".weight") }),
    ] {
      let numbers = all.filter {
        isWanted($0.values.count, $0.name) && abs(Double($0.values[0]) - mean) < 0.5
      }
      .flatMap(\.values).map(Double.init)
      let n = Double(numbers.count)
      #expect(n > 200)
      let actual = numbers.reduce(0, +) / n
      let variance = numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / n
      #expect(abs(actual - mean) < 5 * 0.02 / n.squareRoot())
      #expect(abs(variance / (0.02 * 0.02) - 1) < 5 * (2 / n).squareRoot())
      let beyond = Double(numbers.count { abs($0 - mean) > 2 * 0.02 }) / n
      #expect(abs(beyond - 0.0455) < 5 * (0.0455 * 0.9545 / n).squareRoot())
    }
  }

  @Test func theRestIsConstant() throws {
    for (name, values) in try values(seed: 3, of: parameters) where name.hasSuffix(".bias") {
      #expect(values.allSatisfy { $0 == 0 }, "\(name)")
    }
    let statistics = try values(seed: 3) { $0.networks[0].runningStatistics }
    #expect(!statistics.isEmpty)
    for (name, values) in statistics {
      let expected: Float = name.hasSuffix("running_var") ? 1 : 0
      #expect(values.allSatisfy { $0 == expected }, "\(name)")
    }
  }

  @Test func seedDecides() throws {
    let (first, again) = (try values(seed: 3, of: parameters), try values(seed: 3, of: parameters))
    let other = try values(seed: 1 << 40 | 3, of: parameters)
    for index in first.indices {
      #expect(first[index].values == again[index].values)
      guard first[index].name.hasSuffix(".weight") else { continue }
      #expect(first[index].values != other[index].values, "\(first[index].name)")
    }
    // No two tensors share their numbers.
    let beginnings = first.filter { $0.name.hasSuffix(".weight") }.map { $0.values.prefix(8).map { $0 } }
    #expect(Set(beginnings).count == beginnings.count)
  }

  /// Variances by PyTorch's formulas for gain 0.02, whose fan in is the second size times the kernel's area.
  @Test(arguments: [Initialization.xavier, .kaiming])
  func variancesFollowTheFans(_ initialization: Initialization) throws {
    let model = try smallModel(ngf: 8)
    let executor = ReferenceExecutor(model.recording)
    try model.initialize(executor, initialization, seed: 4)
    for parameter in parameters(model) where parameter.tensor.shape.count >= 2048 {
      let (out, fanIn) = (parameter.tensor.shape[0] * 16, Double(parameter.tensor.shape[1] * 16))
      let expected = initialization == .xavier ? 0.0004 * 2 / (fanIn + Double(out)) : 2 / fanIn
      let values = executor.read(parameter.tensor).map(Double.init)
      let variance = values.reduce(0) { $0 + $1 * $1 } / Double(values.count)
      #expect(abs(variance / expected - 1) < 5 * (2 / Double(values.count)).squareRoot(), "\(parameter.name)")
    }
  }

  /// Rows, or columns where there are fewer, are orthonormal times 0.02.
  @Test func orthogonalWeights() throws {
    var network = try NetworkConfiguration(size: 32, ngf: 8, ndf: 16)
    network.discriminatorLayers = 0
    let model = try Pix2Pix(network, sections: .train)
    let executor = ReferenceExecutor(model.recording, precision: .float64)
    try model.initialize(executor, .orthogonal, seed: 4)
    let weights = parameters(model).filter { $0.tensor.shape.rank == 4 }
    #expect(weights.contains { $0.tensor.shape[0] * $0.tensor.shape[0] > $0.tensor.shape.count })
    for weight in weights {
      let (values, rows) = (executor.readDouble(weight.tensor), weight.tensor.shape[0])
      let columns = values.count / rows
      func product(_ i: Int, _ j: Int) -> Double {
        rows <= columns
          ? (0..<columns).reduce(0) { $0 + values[i * columns + $1] * values[j * columns + $1] }
          : (0..<rows).reduce(0) { $0 + values[$1 * columns + i] * values[$1 * columns + j] }
      }
      for i in 0..<min(rows, columns, 24) {
        for j in 0...i {
          // Written as Float. Measured: 3e-8.
          let error = abs(product(i, j) / 0.0004 - (i == j ? 1 : 0))
          #expect(error <= 1e-7, "\(weight.name), \(i) and \(j): \(error)")
        }
      }
    }
  }

  /// Beside numpy's QR with the signs of R's diagonal taken out, of a 3 x 5 and a 4 x 2 matrix of sin(1), sin(4),
  /// sin(9) and so on.
  @Test func orthonormalFactors() {
    for (rows, count, expected) in Self.factors {
      let factor = OrthogonalFactor.of((1...count).map { sin(Double($0 * $0)) }, rows: rows)
      for (value, other) in zip(factor, expected) { #expect(abs(value - other) <= 1e-14) }
    }
  }

  private static let factors: [(Int, Int, [Double])] = [
    (
      3, 15,
      [
        0.6756525066289547, -0.6076686091494702, 0.33090729521147916, -0.23116970291726646,
        -0.10627079640862999, -0.708103892762132, -0.3914101692252987, 0.43635059538527987,
        -0.29768060430221016, -0.257626419862794, -0.01552930166741662, -0.2751158531658969,
        -0.30806114573560994, 0.5650780741836054, -0.7140414614653229,
      ]
    ),
    (
      4, 8,
      [
        0.626312931540481, -0.05104605627351587, 0.3067427651028435, 0.049417241419043995,
        -0.09851036351202716, -0.9909564548261878, -0.7098849879543577, 0.11383119531906373,
      ]
    ),
  ]
}
