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
  ///   - seed: of the halvings
  ///   - onProgress: is told the number of classifiers that are done
  public init(
    _ a: Features, _ b: Features, components: Int? = nil, seed: UInt64, onProgress: (Int) -> Void = { _ in }
  ) {
    precondition(a.dimension == b.dimension, "features that are compared have one dimension")
    var errors: [Double] = []
    for number in 0..<Self.halvings {
      let (halvesA, halvesB) = (
        Halving(count: a.count, side: 0, number: number, seed: seed),
        Halving(count: b.count, side: 1, number: number, seed: seed)
      )
      for isSwapped in [false, true] {
        let (inA, outA) = isSwapped ? (halvesA.second, halvesA.first) : (halvesA.first, halvesA.second)
        let (inB, outB) = isSwapped ? (halvesB.second, halvesB.first) : (halvesB.first, halvesB.second)
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

/// A set's places in two halves, drawn at random; the second half has one more of an odd number.
public struct Halving: Sendable, Equatable {
  /// In rising order.
  public let first: [Int]
  public let second: [Int]

  /// - Parameters:
  ///   - side: 0 or 1, for draws that two sets do not share
  ///   - number: of the halving
  public init(count: Int, side: Int, number: Int, seed: UInt64) {
    // Fisher and Yates' shuffle.
    let philox = Philox(seed: seed)
    var order = Array(0..<count)
    for last in stride(from: count - 1, to: 0, by: -1) {
      let words = philox.words(UInt32(last), UInt32(number), Self.purpose, UInt32(side))
      order.swapAt(last, Philox.integer(words[0], below: last + 1))
    }
    (first, second) = (order[..<(count / 2)].sorted(), order[(count / 2)...].sorted())
  }

  /// The third word of every counter, so that no other use of a seed shares these numbers.
  private static let purpose: UInt32 = 0x4D45_0002
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
