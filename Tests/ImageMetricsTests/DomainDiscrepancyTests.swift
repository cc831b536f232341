import Foundation
import ImageMetrics
import Images
import Testing

/// What scikit-learn computed; see Fixtures/make_domain.py.
struct DomainFixtures: Decodable, Sendable {
  struct Classifier: Decodable, Sendable, CustomTestStringConvertible {
    let dimension: Int
    /// The first vectors; the others are of the other class.
    let positives: Int
    let values: [Double]
    let inversePenalty: Double
    let weights: [Double]
    let intercept: Double
    var testDescription: String { "\(values.count / dimension) x \(dimension), C \(inversePenalty)" }
  }
  struct Reduction: Decodable, Sendable, CustomTestStringConvertible {
    let dimension: Int
    let most: Int
    let values: [Double]
    let others: [Double]
    let variances: [Double]
    /// Of `others`; the signs of axes are free.
    let coordinates: [Double]
    var testDescription: String { "\(values.count / dimension) x \(dimension)" }
  }
  struct Domain: Decodable, Sendable, CustomTestStringConvertible {
    let dimension: Int
    let a: [Double]
    let b: [Double]
    let components: Int?
    let seed: UInt64
    /// Places in a and in b.
    let twins: [[Int]]
    /// The first half of a in the last halving.
    let halving: [Int]
    let errors: [Double]
    let discrepancy: Double
    var testDescription: String { "\(a.count / dimension) + \(b.count / dimension) x \(dimension)" }
  }

  let classifiers: [Classifier]
  let reductions: [Reduction]
  let domains: [Domain]

  static let shared: Result<DomainFixtures, any Error> = Result {
    let folder = try #require(Bundle.module.url(forResource: "Fixtures", withExtension: nil))
    return try JSONDecoder().decode(
      DomainFixtures.self, from: Data(contentsOf: folder.appending(path: "domain.json")))
  }
}

private func features(_ values: [Double], _ dimension: Int) -> Features {
  Features(count: values.count / dimension, dimension: dimension, values: values)
}

/// SplitMix64 (Steele et al. 2014).
private struct Numbers {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  private mutating func word() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// In (0, 1].
  mutating func uniform() -> Double { (Double(word() >> 11) + 1) / Double(1 << 53) }
  mutating func integer(below bound: Int) -> Int { Int(word() >> 33) % bound }
  /// By Box and Muller.
  mutating func normal() -> Double { (-2 * log(uniform())).squareRoot() * cos(2 * .pi * uniform()) }
}

@Suite struct LogisticRegressionTests {
  /// scikit-learn's coefficients. Measured, relative to the largest: 1.1e-14.
  @Test(arguments: try DomainFixtures.shared.get().classifiers)
  func likeOthers(_ expected: DomainFixtures.Classifier) {
    let x = features(expected.values, expected.dimension)
    let model = LogisticRegression(
      x, isPositive: (0..<x.count).map { $0 < expected.positives }, inversePenalty: expected.inversePenalty)
    let size = (expected.weights + [expected.intercept]).reduce(0) { max($0, abs($1)) }
    let ours = model.weights + [model.intercept]
    let error =
      zip(ours, expected.weights + [expected.intercept]).reduce(0) { max($0, abs($1.0 - $1.1)) } / size
    #expect(ours.count == expected.weights.count + 1 && error <= 1e-13)
  }

  /// The minimum by its definition: the gradient vanishes there, by differences of the objective, which a step to any side
  /// raises. Measured: 1.2e-8, of the differences.
  @Test func isTheMinimum() {
    var numbers = Numbers(seed: 5)
    let (count, dimension, c) = (30, 3, 2.0)
    let x = features((0..<count * dimension).map { _ in numbers.normal() }, dimension)
    let isPositive = (0..<count).map { $0 < 8 || x.values[$0 * dimension] > 1 }
    let positives = Double(isPositive.count(where: \.self))
    func objective(_ point: [Double]) -> Double {
      var sum = point.dropLast().reduce(0) { $0 + $1 * $1 / 2 }
      for row in 0..<count {
        var margin = point[dimension]
        for column in 0..<dimension { margin += point[column] * x.values[row * dimension + column] }
        let weight = Double(count) / (2 * (isPositive[row] ? positives : Double(count) - positives))
        sum += c * weight * log(1 + exp(isPositive[row] ? -margin : margin))
      }
      return sum
    }
    let model = LogisticRegression(x, isPositive: isPositive, inversePenalty: c)
    let point = model.weights + [model.intercept]
    for place in point.indices {
      func moved(_ step: Double) -> Double {
        var other = point
        other[place] += step
        return objective(other)
      }
      #expect(abs(moved(1e-4) - moved(-1e-4)) / 2e-4 <= 1e-7)
      #expect(moved(0.01) > objective(point) && moved(-0.01) > objective(point))
    }
  }

  /// Numbers as large and as small as features may be have a solution, too.
  @Test(arguments: [1e-8, 1.0, 1e6]) func anyScale(_ scale: Double) {
    let x = features([-3, -2, -1, 1, 2, 3].map { $0 * scale }, 1)
    let model = LogisticRegression(x, isPositive: [false, false, false, true, true, true])
    #expect(model.weights[0] > 0 && model.weights[0].isFinite && abs(model.intercept) <= 1e-9)
    #expect(model.margins(x).map { $0 > 0 } == [false, false, false, true, true, true])
  }
}

@Suite struct PrincipalComponentsTests {
  /// scikit-learn's variances and, but for signs, coordinates. Measured, relative to the largest: 8.1e-16 and 3.1e-15.
  @Test(arguments: try DomainFixtures.shared.get().reductions)
  func likeOthers(_ expected: DomainFixtures.Reduction) {
    let components = PrincipalComponents(features(expected.values, expected.dimension), most: expected.most)
    #expect(components.count == expected.most)
    let others = components.coordinates(features(expected.others, expected.dimension))
    let largest = expected.variances[0]
    let errors = zip(components.variances, expected.variances).map { abs($0 - $1) / largest }
    let length = expected.coordinates.reduce(0) { max($0, abs($1)) }
    let error =
      zip(others.values, expected.coordinates).reduce(0) { max($0, abs(abs($1.0) - abs($1.1))) } / length
    #expect(errors.allSatisfy { $0 <= 8e-15 } && error <= 3e-14)
  }

  /// Directions in which nothing varies are no components, whichever of the two products is taken.
  @Test(arguments: [(20, 60), (60, 20)]) func hasNoMoreThanTheRank(count: Int, dimension: Int) {
    var numbers = Numbers(seed: 9)
    let axes = (0..<3).map { _ in (0..<dimension).map { _ in numbers.normal() } }
    let values = (0..<count).flatMap { _ -> [Double] in
      let place = (0..<3).map { _ in numbers.normal() }
      return (0..<dimension).map { column in (0..<3).reduce(7) { $0 + place[$1] * axes[$1][column] } }
    }
    #expect(PrincipalComponents(features(values, dimension), most: 10).count == 3)
    let same = PrincipalComponents(features([Double](repeating: 5, count: 40), 4), most: 3)
    #expect(same.count == 1 && same.variances == [0])
    #expect(same.coordinates(features([5, 5, 5, 5, 5, 5, 5, 5], 4)).values == [0, 0])
  }
}

@Suite struct DomainDiscrepancyTests {
  /// scikit-learn's pipelines on the same halves: the same pictures are told apart.
  @Test(arguments: try DomainFixtures.shared.get().domains) func likeOthers(_ expected: DomainFixtures.Domain)
  {
    let (a, b) = (features(expected.a, expected.dimension), features(expected.b, expected.dimension))
    let twins = expected.twins.map { (a: $0[0], b: $0[1]) }
    let halves = DomainHalves(
      countA: a.count, countB: b.count, twins: twins, number: DomainDiscrepancy.halvings - 1,
      seed: expected.seed)
    #expect(halves.a.first == expected.halving)
    var done: [Int] = []
    let found = DomainDiscrepancy(
      a, b, components: expected.components, twins: twins, seed: expected.seed
    ) { done.append($0) }
    #expect(done == Array(1...10))
    // Shares of a few dozen pictures differ by a rounding at most, or by a picture.
    for (ours, theirs) in zip(found.errors, expected.errors) { #expect(abs(ours - theirs) <= 1e-15) }
    #expect(found.errors.count == expected.errors.count && abs(found.value - expected.discrepancy) <= 1e-14)
  }

  private func normals(_ count: Int, _ dimension: Int, shift: Double, seed: UInt64) -> Features {
    var numbers = Numbers(seed: seed)
    return features((0..<count * dimension).map { _ in numbers.normal() + shift }, dimension)
  }

  /// More numbers than pictures, so that a classifier tells apart whatever it was trained on: tested on that, d would be 2.
  /// Measured: 0.08 and 0.14.
  @Test(arguments: [8, 300]) func oneDistribution(dimension: Int) {
    let (a, b) = (
      normals(200, dimension, shift: 0, seed: 1), normals(200, dimension, shift: 0, seed: 2)
    )
    let d = DomainDiscrepancy(a, b, seed: 0).value
    let reduced = DomainDiscrepancy(a, b, components: 64, seed: 0).value
    #expect((0...0.2).contains(d))
    #expect((0...0.2).contains(reduced))
  }

  @Test func disjointSets() {
    let (a, b) = (normals(200, 8, shift: 0, seed: 1), normals(200, 8, shift: 50, seed: 2))
    #expect(DomainDiscrepancy(a, b, seed: 0).value == 2)
    // Pictures of one colour each.
    let (black, white) = (
      features([Double](repeating: 0, count: 80), 4), features([Double](repeating: 255, count: 80), 4)
    )
    #expect(DomainDiscrepancy(black, white, components: 64, seed: 0).value == 2)
    #expect(DomainDiscrepancy(black, black, components: 64, seed: 0).value == 0)
  }

  /// Of two normal distributions one standard deviation apart no classifier errs less than Phi(-1/2), and the line comes to it.
  /// Measured: 0.0012 more.
  @Test func twoNormalDistributions() {
    let d = DomainDiscrepancy(
      normals(4000, 1, shift: 0, seed: 3), normals(4000, 1, shift: 1, seed: 4), seed: 0)
    let error = erfc(0.5 / 2.0.squareRoot()) / 2
    #expect(abs(d.error - error) <= 0.012)
  }

  /// A side of a tenth of the pictures counts as much as the other: the classifier cannot gain by calling all pictures the same.
  /// Measured: 0.0079 more than the least error.
  @Test func sidesOfOtherSizes() {
    let d = DomainDiscrepancy(
      normals(200, 1, shift: 0, seed: 5), normals(2000, 1, shift: 1, seed: 6), seed: 0)
    #expect(abs(d.error - erfc(0.5 / 2.0.squareRoot()) / 2) <= 0.04)
  }

  @Test(arguments: [(20, 21, 0), (21, 30, 20), (25, 25, 25), (24, 20, 7)])
  func halves(countA: Int, countB: Int, twinCount: Int) {
    let twins = (0..<twinCount).map { (a: $0, b: countB - 1 - $0) }
    func halves(_ number: Int, _ seed: UInt64) -> DomainHalves {
      DomainHalves(countA: countA, countB: countB, twins: twins, number: number, seed: seed)
    }
    let drawn = (0..<5).map { halves($0, 1) }
    for half in drawn {
      for (side, count) in [(half.a, countA), (half.b, countB)] {
        #expect((side.first + side.second).sorted() == Array(0..<count) && side.first.count == count / 2)
      }
      for twin in twins { #expect(half.a.first.contains(twin.a) == half.b.first.contains(twin.b)) }
    }
    #expect(Set(drawn.map(\.a.first)).count == 5)
    #expect(halves(0, 2) != drawn[0])
    #expect(halves(0, 1) == drawn[0])
  }
}

/// The theorem on distributions over a few points, whose shares are of 64ths, so that all sums are exact.
@Suite struct DomainBoundTests {
  /// Shares in 64ths of each point and class.
  private typealias Distribution = [[Int]]

  /// A labeller: 1 from a point on.
  private static func label(_ threshold: Int, _ x: Int) -> Int { x >= threshold ? 1 : 0 }

  private static func error(_ threshold: Int, _ distribution: Distribution) -> Double {
    var wrong = 0
    for x in distribution.indices { wrong += distribution[x][1 - label(threshold, x)] }
    return Double(wrong) / 64
  }

  /// d_HdH and e* over all labellers.
  private static func terms(_ s: Distribution, _ t: Distribution) -> (d: Double, joint: Double) {
    var (most, least) = (0, Double.infinity)
    for h in 0...s.count {
      least = min(least, error(h, s) + error(h, t))
      for other in 0...s.count {
        let places = s.indices.filter { label(h, $0) != label(other, $0) }
        func share(_ distribution: Distribution) -> Int {
          places.reduce(0) { $0 + distribution[$1].reduce(0, +) }
        }
        most = max(most, abs(share(s) - share(t)))
      }
    }
    return (2 * Double(most) / 64, least)
  }

  private static func bound(_ h: Int, _ s: Distribution, _ t: Distribution) -> Double {
    let (d, joint) = terms(s, t)
    return DomainBound(sourceError: error(h, s), discrepancy: d, jointError: joint).value
  }

  @Test func holdsExactly() {
    var numbers = Numbers(seed: 1)
    var least = Double.infinity
    for _ in 0..<300 {
      let points = 2 + numbers.integer(below: 5)
      func distribution() -> Distribution {
        var shares = Distribution(repeating: [0, 0], count: points)
        // Large shares of few points, each of one class.
        for _ in 0..<4 { shares[numbers.integer(below: points)][numbers.integer(below: 2)] += 16 }
        return shares
      }
      let (s, t) = (distribution(), distribution())
      for h in 0...points {
        let slack = Self.bound(h, s, t) - Self.error(h, t)
        #expect(slack >= 0)
        least = min(least, slack)
      }
    }
    // Some of them have nothing to spare.
    #expect(least == 0)
  }

  /// Half of d is needed: all of S at one point and all of T at another, and a labeller that has only seen S.
  @Test func needsTheDiscrepancy() {
    let (s, t): (Distribution, Distribution) = ([[64, 0], [0, 0]], [[0, 0], [0, 64]])
    #expect(Self.terms(s, t) == (2, 0))
    #expect(Self.error(2, t) == 1 && Self.bound(2, s, t) == 1)
  }

  /// And e*: two classes are exchanged, and nothing of the points tells it. No discrepancy, no error on S, and all wrong on T.
  @Test func needsTheJointError() {
    let (s, t): (Distribution, Distribution) = ([[32, 0], [0, 32]], [[0, 32], [32, 0]])
    #expect(Self.terms(s, t) == (0, 1))
    #expect(Self.error(1, s) == 0 && Self.error(1, t) == 1 && Self.bound(1, s, t) == 1)
  }
}
