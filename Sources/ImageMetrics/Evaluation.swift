import Images

/// The figures of one output beside its target.
public struct PictureFigures: Sendable {
  public let name: String
  /// Mean absolute difference, in 0...255.
  public let l1: Double
  /// Mean squared difference, in 0...65025.
  public let mse: Double
  /// In dB; infinite for equal pictures.
  public let psnr: Double
  /// Nil for pictures that are too small; see `StructuralSimilarity`.
  public let ssim: Double?
  /// Nil for pictures that are too small; see `StructuralSimilarity`.
  public let msSSIM: Double?
  /// Nil where targets are no label maps.
  public let confusion: ConfusionMatrix?
  /// Nil for arrays, which have no colours.
  fileprivate let histograms: (output: ColourHistograms, target: ColourHistograms)?
  /// Nil without training targets.
  public let memorization: Memorization.Example?
  /// The LPIPS of output and target; nil where no network measures it.
  public var perceptual: Perceptual?
  /// Of the input's samples, by each distance; empty where there is one output alone.
  public var samples: [SampleDistances] = []
  /// Of latent codes; nil for models without them.
  public var codes: CodeDistances?

  /// A value of LPIPS.
  public struct Perceptual: Sendable, Equatable {
    /// An LPIPS by the network at hand.
    public let kind: FigureKind
    public let value: Double

    public init(_ kind: FigureKind, _ value: Double) { (self.kind, self.value) = (kind, value) }
  }

  /// - Parameters:
  ///   - output, target: pictures of one size; arrays of one number of channels too
  ///   - labels: the target as a label map, and its palette
  ///   - training: training targets to look for the output among; may be empty
  /// - Throws: `ImageError.unknownColour` for a target that is no label map of these colours.
  public init(
    name: String, output: Picture, target: Picture, labels: Labels? = nil,
    training: [Memorization.TrainingTarget] = []
  ) throws(ImageError) {
    self.name = name
    let (outputPixels, targetPixels) = (Pixels(output), Pixels(target))
    l1 = meanAbsoluteError(outputPixels, targetPixels)
    mse = meanSquaredError(outputPixels, targetPixels)
    psnr = peakSignalToNoiseRatio(meanSquaredError: mse)
    (ssim, msSSIM) = StructuralSimilarity.singleAndMultiScale(outputPixels, targetPixels)
    histograms =
      output.isColour && target.isColour ? (ColourHistograms(output), ColourHistograms(target)) : nil
    confusion =
      if let labels {
        ConfusionMatrix(
          outputs: labels.palette.nearestClasses(output),
          targets: try labels.palette.classes(of: labels.target, fittedTo: output.size, path: labels.path),
          classes: labels.palette.count, ignoring: labels.ignored)
      } else {
        nil
      }
    memorization =
      training.isEmpty
      ? nil
      : Memorization.example(
        name: name, output: Memorization.Thumbnail(output), target: Memorization.Thumbnail(target),
        training: training)
  }

  /// A target as label map.
  public struct Labels: Sendable {
    public let palette: Palette
    /// A label map of any size, its colours not mixed.
    public let target: Picture
    /// The target's file, for errors.
    public let path: String
    /// The class whose pixels are left out.
    public let ignored: Int?

    public init(palette: Palette, target: Picture, path: String, ignored: Int? = nil) {
      (self.palette, self.target, self.path, self.ignored) = (palette, target, path, ignored)
    }
  }
}

/// One number over a set of pictures.
public struct Figure: Sendable, Equatable {
  public let kind: FigureKind
  public let value: Double
  /// The bootstrap's interval over pictures; nil without a bootstrap.
  public let interval: Interval?
  /// The number of pictures.
  public let count: Int

  public init(_ kind: FigureKind, value: Double, interval: Interval? = nil, count: Int) {
    (self.kind, self.value, self.interval, self.count) = (kind, value, interval, count)
  }
}

/// The figures of a set of pictures. Those of single pictures are averaged; histograms and confusion matrices are
/// added up first, as the paper does. A figure that is not defined for every picture is left out.
///
/// - Parameter bootstrap: draws the intervals; figures have none without it
public func figures(_ pictures: [PictureFigures], _ bootstrap: Bootstrap? = nil) -> [Figure] {
  func mean(_ kind: FigureKind, _ value: (PictureFigures) -> Double?) -> Figure? {
    let values = pictures.compactMap(value)
    guard values.count == pictures.count, !values.isEmpty else { return nil }
    return Figure(
      kind, value: values.reduce(0, +) / Double(values.count),
      interval: bootstrap?.interval(ofMean: values), count: values.count)
  }

  let pixelwise = [
    mean(.l1) { $0.l1 }, mean(.mse) { $0.mse }, mean(.psnr) { $0.psnr }, mean(.ssim) { $0.ssim },
    mean(.msSSIM) { $0.msSSIM },
  ].compactMap(\.self)
  let histograms = pictures.compactMap { $0.histograms.map { $0.output.row + $0.target.row } }
  let intersections =
    histograms.count == pictures.count
    ? summedFigures(FigureKind.histogramIntersections, histograms, bootstrap) {
      let length = ColourHistograms.rowLength
      return ColourHistograms(row: $0[..<length]).intersections(ColourHistograms(row: $0[length...]))
    } : []
  let confusions = pictures.compactMap(\.confusion)
  let segmentation =
    confusions.count == pictures.count
    ? segmentationFigures(confusions, FigureKind.segmentation(), bootstrap) : []
  let memorized = mean(.nearerToTraining) { $0.memorization.map { $0.isNearerToTraining ? 1 : 0 } }
  let perceptual = pictures.first?.perceptual.flatMap { mean($0.kind) { $0.perceptual?.value } }
  return pixelwise + intersections + segmentation + [memorized, perceptual].compactMap(\.self)
    + [mean(.l1Encoded) { $0.codes?.encoded }, mean(.codeRecovery) { $0.codes?.recovery }].compactMap(\.self)
    + SampleDistances.figures(pictures.map(\.samples), bootstrap)
}

/// Figures that follow from a sum over pictures; none for no pictures.
///
/// - Parameters:
///   - rows: a picture's addend each, all of one length
///   - bootstrap: draws the intervals; figures have none without it
///   - statistics: from a sum to a value for each of `kinds`
func summedFigures(
  _ kinds: [FigureKind], _ rows: [[Double]], _ bootstrap: Bootstrap?, _ statistics: ([Double]) -> [Double]
) -> [Figure] {
  guard let first = rows.first else { return [] }
  let sum = rows.dropFirst().reduce(into: first) { sum, row in
    for index in row.indices { sum[index] += row[index] }
  }
  let intervals = bootstrap?.intervals(ofSums: rows, statistics)
  return zip(kinds, statistics(sum)).enumerated().map { index, figure in
    Figure(figure.0, value: figure.1, interval: intervals?[index], count: rows.count)
  }
}
