import Random

/// How well a classifier tells two sets of pictures apart: the proxy A-distance (Ben-David et al. 2007, "Analysis of
/// representations for domain adaptation", section 4),
///
///     d = 2 (1 - 2 err), clamped to [0, 2]
///
/// 0 for sets that the classifier cannot tell apart, 2 for sets that it always does. err is the balanced error, the mean of
/// either set's share of errors, on vectors that the classifier was not trained on. Each set is halved at random five times; of
/// each halving, either half is trained on and the other one tested (Dietterich 1998's 5 x 2 cross-validation), and err is the
/// mean of the ten errors.
///
/// Principal components, where asked for, and each number's mean and standard deviation are taken from the trained half alone.
public struct DomainDiscrepancy: Sendable {
  /// The balanced error of each classifier.
  public let errors: [Double]

  /// Halvings; of each there are two classifiers.
  public static let halvings = 5

  /// - Parameters:
  ///   - a, b: vectors of one network or of pictures, of equal dimension; at least 4 each, so that a half has 2
  ///   - components: principal components to reduce vectors to, at most; nil to take them as they are
  ///   - twins: places of vectors that belong together; see `DomainHalves`
  ///   - seed: of the halvings
  ///   - onProgress: is told the number of classifiers that are done
  public init(
    _ a: Features, _ b: Features, components: Int? = nil, twins: [(a: Int, b: Int)] = [], seed: UInt64,
    onProgress: (Int) -> Void = { _ in }
  ) {
    precondition(a.dimension == b.dimension, "features that are compared have one dimension")
    var errors: [Double] = []
    for number in 0..<Self.halvings {
      let halves = DomainHalves(countA: a.count, countB: b.count, twins: twins, number: number, seed: seed)
      for isSwapped in [false, true] {
        let (inA, outA) = isSwapped ? (halves.a.second, halves.a.first) : (halves.a.first, halves.a.second)
        let (inB, outB) = isSwapped ? (halves.b.second, halves.b.first) : (halves.b.first, halves.b.second)
        errors.append(
          Self.error(
            training: (a.vectors(inA), b.vectors(inB)), test: (a.vectors(outA), b.vectors(outB)), components))
        onProgress(errors.count)
      }
    }
    self.errors = errors
  }

  /// err, from 0 to 1; a half for sets that cannot be told apart.
  public var error: Double { errors.reduce(0, +) / Double(errors.count) }

  /// d, from 0 to 2.
  public var value: Double { Self.value(error: error) }

  /// d of a balanced error.
  static func value(error: Double) -> Double { min(max(2 * (1 - 2 * error), 0), 2) }

  private static func error(
    training: (a: Features, b: Features), test: (a: Features, b: Features), _ components: Int?
  ) -> Double {
    let reduction = components.map { PrincipalComponents(training.a + training.b, most: $0) }
    func reduced(_ features: Features) -> Features { reduction?.coordinates(features) ?? features }
    let inside = reduced(training.a + training.b)
    let scale = Standardization(inside)
    let classifier = LogisticRegression(
      scale.standardized(inside),
      isPositive: (0..<inside.count).map { $0 < training.a.count })
    func margins(_ features: Features) -> [Double] {
      classifier.margins(scale.standardized(reduced(features)))
    }
    let wrongA = margins(test.a).count { $0 <= 0 }
    let wrongB = margins(test.b).count { $0 > 0 }
    return (Double(wrongA) / Double(test.a.count) + Double(wrongB) / Double(test.b.count)) / 2
  }
}

/// Two sets' places in two halves, drawn at random. Members of both sets that belong together, such as a generated and a real picture
/// of one scene, are in the same half of either: neither is tested where its twin was trained on.
public struct DomainHalves: Sendable, Equatable {
  /// Places in two halves, in rising order; the second half has one more of an odd number.
  public struct Halves: Sendable, Equatable {
    public let first: [Int]
    public let second: [Int]
  }

  public let a: Halves
  public let b: Halves

  /// - Parameters:
  ///   - countA, countB: members of either set
  ///   - twins: places in a and in b of members that belong together; each place occurs once at most
  ///   - number: of the halving
  public init(countA: Int, countB: Int, twins: [(a: Int, b: Int)] = [], number: Int, seed: UInt64) {
    let draws = Draws(philox: Philox(seed: seed), number: UInt32(number))
    let firstTwins = draws.shuffled(Array(twins.indices), group: .twins).prefix(twins.count / 2).map {
      twins[$0]
    }
    func halves(_ count: Int, _ ofTwins: [Int], _ first: [Int], _ group: Draws.Group) -> Halves {
      let others = Set(0..<count).subtracting(ofTwins).sorted()
      let firstOthers = draws.shuffled(others, group: group).prefix(count / 2 - first.count)
      let all = Set(first).union(firstOthers)
      return Halves(first: all.sorted(), second: (0..<count).filter { !all.contains($0) })
    }
    a = halves(countA, twins.map(\.a), firstTwins.map(\.a), .a)
    b = halves(countB, twins.map(\.b), firstTwins.map(\.b), .b)
  }

  /// The random numbers of a halving.
  private struct Draws {
    /// What is shuffled, for draws that are not shared.
    enum Group: UInt32 {
      case a, b, twins
    }

    let philox: Philox
    let number: UInt32

    /// Fisher and Yates' shuffle.
    func shuffled(_ places: [Int], group: Group) -> [Int] {
      var places = places
      for last in stride(from: places.count - 1, to: 0, by: -1) {
        let words = philox.words(UInt32(last), number, Self.purpose, group.rawValue)
        places.swapAt(last, Philox.integer(words[0], below: last + 1))
      }
      return places
    }

    /// The third word of every counter, so that no other use of a seed shares these numbers.
    private static let purpose: UInt32 = 0x4D45_0002
  }
}

/// The terms of the bound of Ben-David et al. 2010 ("A theory of learning from different domains", theorem 2) for a labeller h
/// that was trained on a source S, on a target T:
///
///     e_T(h) <= e_S(h) + 1/2 d + e*
///
/// It holds where d is the distance d_HdH(S, T), twice the largest difference between S and T of the share on which two
/// labellers of the class disagree, and e* the least e_S(h') + e_T(h') of any labeller of the class.
public struct DomainBound: Sendable, Equatable {
  /// e_S(h).
  public let sourceError: Double
  /// d.
  public let discrepancy: Double
  /// e*.
  public let jointError: Double

  public init(sourceError: Double, discrepancy: Double, jointError: Double) {
    (self.sourceError, self.discrepancy, self.jointError) = (sourceError, discrepancy, jointError)
  }

  /// The right side.
  public var value: Double { sourceError + discrepancy / 2 + jointError }
}

/// The mean and the standard deviation (over count) of each number of vectors.
private struct Standardization {
  let means: [Double]
  let deviations: [Double]

  init(_ features: Features) {
    means = features.mean
    var squares = [Double](repeating: 0, count: features.dimension)
    for (index, value) in features.values.enumerated() {
      let column = index % features.dimension
      squares[column] += (value - means[column]) * (value - means[column])
    }
    let roots = squares.map { ($0 / Double(features.count)).squareRoot() }
    // A number that is the same in all vectors, but for rounding of its mean, says nothing.
    deviations = zip(roots, means).map { $0 > 1e-12 * abs($1) ? $0 : 1 }
  }

  func standardized(_ features: Features) -> Features {
    var values = features.values
    for index in values.indices {
      let column = index % features.dimension
      values[index] = (values[index] - means[column]) / deviations[column]
    }
    return Features(count: features.count, dimension: features.dimension, values: values)
  }
}

extension Features {
  /// Some of the vectors, at least 2.
  fileprivate func vectors(_ places: [Int]) -> Features {
    Features(
      count: places.count, dimension: dimension,
      values: places.flatMap { values[$0 * dimension..<($0 + 1) * dimension] })
  }

  fileprivate static func + (a: Features, b: Features) -> Features {
    Features(count: a.count + b.count, dimension: a.dimension, values: a.values + b.values)
  }
}

extension FigureKind {
  /// The balanced error of classifiers that tell two sets of pictures apart: the higher, the more alike they are.
  public static let domainError = FigureKind(
    "domain_error", "err, held-out error of the classifier", better: .higher, family: "Domain gap")
  public static let domainDiscrepancy = FigureKind(
    "domain_discrepancy", "d, discrepancy from 0 to 2", better: .lower)
  public static let sourceError = domainGapKind("source_error", "e_S, scorer of generated on generated")
  public static let targetError = domainGapKind("target_error", "e_T, scorer of generated on real")
  public static let jointSourceError = domainGapKind("joint_source_error", "scorer of both on generated")
  public static let jointTargetError = domainGapKind("joint_target_error", "scorer of both on real")
  public static let jointError = domainGapKind("joint_error", "e*, sum of these two")
  public static let domainBound = domainGapKind("domain_bound", "e_S + d / 2 + e*")

  private static func domainGapKind(_ key: String, _ name: String) -> FigureKind {
    FigureKind(key, name, better: .lower, family: "Domain adaptation")
  }
}
