import ImageMetrics
import Testing

@Suite struct KernelDistanceTests {
  /// k(x, y) = (x y + 1)^3 in one dimension: 27 within a, 1 within b, and 1, 8, 1 and 27
  /// between them: 27 + 1 - 2 * 37 / 4.
  @Test func byHand() {
    let a = Features(count: 2, dimension: 1, values: [1, 2])
    let b = Features(count: 2, dimension: 1, values: [0, 1])
    #expect(kernelDistance(a, b) == 9.5)
  }

  /// The definition, sum by sum, on the Fréchet distance's sets. Measured, relative: 4.4e-16.
  @Test(arguments: try Fixtures.shared.get().frechet) func byTheDefinition(_ sets: Fixtures.FrechetCase) {
    let d = sets.dimension
    func vectors(_ values: [Double]) -> [ArraySlice<Double>] {
      stride(from: 0, to: values.count, by: d).map { values[$0..<$0 + d] }
    }
    func k(_ x: ArraySlice<Double>, _ y: ArraySlice<Double>) -> Double {
      let product = zip(x, y).reduce(0.0) { $0 + $1.0 * $1.1 } / Double(d) + 1
      return product * product * product
    }
    let (a, b) = (vectors(sets.a), vectors(sets.b))
    func within(_ set: [ArraySlice<Double>]) -> Double {
      var sum = 0.0
      for i in set.indices { for j in set.indices where i != j { sum += k(set[i], set[j]) } }
      return sum / Double(set.count * (set.count - 1))
    }
    let between = a.reduce(0.0) { sum, x in b.reduce(sum) { $0 + k(x, $1) } } / Double(a.count * b.count)
    let expected = within(a) + within(b) - 2 * between
    let size = abs(within(a)) + abs(within(b)) + 2 * abs(between)
    let (first, second) = (
      Features(count: a.count, dimension: d, values: sets.a),
      Features(count: b.count, dimension: d, values: sets.b)
    )
    #expect(abs(kernelDistance(first, second) - expected) <= 4e-15 * size)
    #expect(abs(kernelDistance(second, first) - expected) <= 4e-15 * size)
  }

  /// Sets of one distribution are 0 apart in the mean, on either side of it, where their Fréchet distance is above 0.
  @Test func smallSetsHaveNoBias() throws {
    var (distances, frechet): ([Double], [Double]) = ([], [])
    // SplitMix64 (Steele et al. 2014), evenly distributed in [-1, 1).
    var state: UInt64 = 1
    func number() -> Double {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return Double((z ^ (z >> 31)) >> 11) / Double(1 << 52) - 1
    }
    for _ in 0..<60 {
      let sets = (0..<2).map { _ in
        Features(count: 12, dimension: 6, values: (0..<72).map { _ in number() })
      }
      distances.append(kernelDistance(sets[0], sets[1]))
      frechet.append(try #require(frechetDistance(sets[0], sets[1])))
    }
    let mean = distances.reduce(0, +) / Double(distances.count)
    let deviation = (distances.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(distances.count))
      .squareRoot()
    // Three standard errors; half of one is measured.
    #expect(abs(mean) <= 3 * deviation / Double(distances.count).squareRoot())
    #expect(distances.contains { $0 < 0 } && distances.contains { $0 > 0 })
    #expect((frechet.min() ?? 0) > 0)
  }
}
