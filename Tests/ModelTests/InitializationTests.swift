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
    model.generator.parameters + (model.discriminator?.parameters ?? [])
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
    let statistics = try values(seed: 3) { $0.generator.runningStatistics }
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
}
