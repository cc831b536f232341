import Foundation
import ImageMetrics
import Images

/// The results of an evaluation.
public struct EvaluationReport: Sendable {
  public var figures: [Figure] = []
  public var pictures: [PictureFigures] = []
  /// The classes of targets that are label maps.
  public var palette: Palette?
  /// A scorer's readings, one for each of `pictures`; empty without a scorer.
  public var scores: [ScorerScore] = []
  /// With a teacher's pictures, one for each of `pictures`; empty without a teacher.
  public var agreements: [Agreement] = []
  public var scorerPalette: Palette?
  private var featureRemarks: [String] = []

  /// Repetitions of the training set that are named.
  private static let repetitionCount = 10

  public init() {}

  /// Adds the Fréchet and the kernel distance of features, and the former's warning.
  public mutating func add(
    _ comparison: FeatureComparison, _ kind: FigureKind = .frechetDistance
  ) throws(ModelError) {
    figures += [try comparison.figure(kind), comparison.kernelFigure(kind)]
    if let remark = comparison.remark { featureRemarks.append(remark) }
  }

  mutating func add(remark: String) { featureRemarks.append(remark) }

  /// A line per figure that is not defined for some picture, or means less than it seems to.
  public var remarks: [String] {
    let needed = [
      ("SSIM", StructuralSimilarity.windowSide, pictures.first { $0.ssim == nil }),
      ("MS-SSIM", StructuralSimilarity.minimumMultiScaleSide, pictures.first { $0.msSSIM == nil }),
    ]
    let undefined = needed.compactMap { title, side, picture in
      picture.map { "\(title) is not defined below \(side) pixels on a side, which \($0.name) has" }
    }
    return undefined + featureRemarks
  }

  /// A line per output that is nearer to a training target than to its own, worst first.
  public var memorized: [String] {
    Memorization.worst(pictures.compactMap(\.memorization), count: Self.repetitionCount).map {
      "\($0.name) is nearer to the training target \($0.nearestName) (\(Self.text($0.nearestDistance))) than to its own (\(Self.text($0.ownDistance)))"
    }
  }

  /// A row per figure: its title, value, interval and number of pictures.
  public var rows: [[String]] {
    figures.map { figure in
      [
        figure.kind.title, Self.text(figure.value),
        figure.interval.map { "\(Self.text($0.lower)) to \(Self.text($0.upper))" } ?? "-",
        String(figure.count),
      ]
    }
  }

  /// Four digits: all that 95 % intervals over some hundred pictures resolve.
  private static func text(_ value: Double) -> String { String(format: "%.4g", value) }
}
