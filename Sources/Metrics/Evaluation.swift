import Images

/// What one output is worth beside its target.
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
  /// Where targets are label maps.
  public let confusion: ConfusionMatrix?
  /// Where pictures are colours.
  fileprivate let histograms: (output: ColourHistograms, target: ColourHistograms)?
  /// Where there are training targets.
  public let memorization: Memorization.Example?

  /// - Parameters:
  ///   - output, target: of one size; of as many channels where they are no colours
  ///   - labels: the target's pixels as classes, and what their colours are
  ///   - training: training targets to look for the output among; may be empty
  /// - Throws: `ImageError.unknownColour` for a target that is no label map of these colours.
  public init(
    name: String, output: Picture, target: Picture, labels: Labels? = nil,
    training: [(name: String, thumbnail: Memorization.Thumbnail)] = []
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
    /// Of any size; its colours are not mixed.
    public let target: Picture
    /// The target's file, for errors.
    public let path: String
    /// The class whose pixels are not looked at.
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
  /// The bootstrap's interval over pictures, where it was asked for.
  public let interval: Interval?
  /// Pictures that it was taken over.
  public let count: Int

  public init(_ kind: FigureKind, value: Double, interval: Interval? = nil, count: Int) {
    (self.kind, self.value, self.interval, self.count) = (kind, value, interval, count)
  }
}

/// The figures of a set of pictures. Those of single pictures are averaged; histograms and confusion matrices are
/// added up first, as the paper does. A figure that is not defined for every picture is left out.
///
/// - Parameter bootstrap: of the intervals; figures have none without it
public func figures(_ pictures: [PictureFigures], _ bootstrap: Bootstrap? = nil) -> [Figure] {
  func mean(_ kind: FigureKind, _ value: (PictureFigures) -> Double?) -> Figure? {
    let values = pictures.compactMap(value)
    guard values.count == pictures.count, !values.isEmpty else { return nil }
    return Figure(
      kind, value: values.reduce(0, +) / Double(values.count),
      interval: bootstrap?.interval(ofMean: values), count: values.count)
  }
  func summed(
    _ kinds: [FigureKind], _ rows: [[Double]], _ statistics: ([Double]) -> [Double]
  ) -> [Figure] {
    guard rows.count == pictures.count, let first = rows.first else { return [] }
    let sum = rows.dropFirst().reduce(into: first) { sum, row in
      for index in row.indices { sum[index] += row[index] }
    }
    let intervals = bootstrap?.intervals(ofSums: rows, statistics)
    return zip(kinds, statistics(sum)).enumerated().map { index, result in
      Figure(result.0, value: result.1, interval: intervals?[index], count: rows.count)
    }
  }

  let pixelwise = [
    mean(.l1) { $0.l1 }, mean(.mse) { $0.mse }, mean(.psnr) { $0.psnr }, mean(.ssim) { $0.ssim },
    mean(.msSSIM) { $0.msSSIM },
  ].compactMap(\.self)
  let intersections = summed(
    FigureKind.histogramIntersections,
    pictures.compactMap { $0.histograms.map { $0.output.row + $0.target.row } }
  ) {
    let length = ColourHistograms.rowLength
    return ColourHistograms(row: $0[..<length]).intersections(ColourHistograms(row: $0[length...]))
  }
  let confusions = pictures.compactMap(\.confusion)
  let segmentation =
    confusions.count == pictures.count
    ? segmentationFigures(confusions, FigureKind.segmentation(), bootstrap) : []
  let memorized = mean(.nearerToTraining) { $0.memorization.map { $0.isNearerToTraining ? 1 : 0 } }
  return pixelwise + intersections + segmentation + [memorized].compactMap(\.self)
}
