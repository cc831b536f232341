import Images

/// How like the picture of one model is to that of another from the same input.
public struct Agreement: Sendable {
  public let name: String
  /// Mean absolute difference, in 0...255.
  public let l1: Double
  /// Nil for pictures that are too small; see `StructuralSimilarity`.
  public let ssim: Double?
  /// The energy of high spatial frequencies, in any unit, of the model's picture and of the other's.
  public let highBand: (model: Double, other: Double)

  /// - Parameters:
  ///   - model, other: pictures of one size
  ///   - highBand: the energies of their high frequencies, in one unit
  public init(
    name: String, model: Picture, other: Picture, highBand: (model: Double, other: Double)
  ) {
    self.name = name
    let (a, b) = (Pixels(model), Pixels(other))
    l1 = meanAbsoluteError(a, b)
    ssim = StructuralSimilarity.singleAndMultiScale(a, b).singleScale
    self.highBand = highBand
  }
}

extension FigureKind {
  /// Of a student's pictures beside its teacher's. More of the teacher's high frequencies are better up to 1, which is all of
  /// them.
  public static let teacherL1 = FigureKind(
    "teacher_l1", "L1 to the teacher", unit: "0 to 255", better: .lower)
  public static let teacherSSIM = FigureKind("teacher_ssim", "SSIM with the teacher", better: .higher)
  public static let teacherHighBand = FigureKind(
    "teacher_high_band", "high band, of the teacher's", better: .higher)
}

/// The figures of a set of agreements: means, and the ratio of the energies' sums. A figure that is not defined for every
/// picture is left out.
public func figures(_ agreements: [Agreement], _ bootstrap: Bootstrap? = nil) -> [Figure] {
  func mean(_ kind: FigureKind, _ values: [Double]) -> [Figure] {
    guard values.count == agreements.count, !values.isEmpty else { return [] }
    return [
      Figure(
        kind, value: values.reduce(0, +) / Double(values.count),
        interval: bootstrap?.interval(ofMean: values), count: values.count)
    ]
  }
  let energies = agreements.map { [$0.highBand.model, $0.highBand.other] }
  // Of a teacher without high frequencies there is no share.
  let hasEnergy = energies.contains { $0[1] > 0 }
  return mean(.teacherL1, agreements.map(\.l1)) + mean(.teacherSSIM, agreements.compactMap(\.ssim))
    + (hasEnergy ? summedFigures([.teacherHighBand], energies, bootstrap) { [$0[0] / $0[1]] } : [])
}
