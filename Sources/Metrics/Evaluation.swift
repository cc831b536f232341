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
  fileprivate let histograms: (output: ColourHistograms, target: ColourHistograms)
  /// Where there are training targets.
  public let memorization: Memorization.Example?

  /// - Parameters:
  ///   - output, target: of one size
  ///   - labels: the target's pixels as classes, and what their colours are
  ///   - training: training targets to look for the output among; may be empty
  /// - Throws: `LabelColours.UnknownColour` for a target that is no label map of these colours.
  public init(
    name: String, output: Picture, target: Picture, labels: Labels? = nil,
    training: [(name: String, thumbnail: Memorization.Thumbnail)] = []
  ) throws(LabelColours.UnknownColour) {
    self.name = name
    let (outputPixels, targetPixels) = (Pixels(output), Pixels(target))
    l1 = meanAbsoluteError(outputPixels, targetPixels)
    mse = meanSquaredError(outputPixels, targetPixels)
    psnr = peakSignalToNoiseRatio(meanSquaredError: mse)
    ssim = StructuralSimilarity.singleScale(outputPixels, targetPixels)
    msSSIM = StructuralSimilarity.multiScale(outputPixels, targetPixels)
    histograms = (ColourHistograms(output), ColourHistograms(target))
    confusion =
      if let labels {
        ConfusionMatrix(
          outputs: labels.colours.nearestClasses(output), targets: try labels.colours.classes(labels.target),
          classes: labels.colours.count, ignoring: labels.ignored)
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
    public let colours: LabelColours
    /// At the output's size, its colours not mixed.
    public let target: Picture
    /// The class whose pixels are not looked at.
    public let ignored: Int?

    public init(colours: LabelColours, target: Picture, ignored: Int? = nil) {
      self.colours = colours
      self.target = target
      self.ignored = ignored
    }
  }
}

/// One number over a set of pictures.
public struct Figure: Sendable, Equatable {
  /// For files: lower case, no spaces.
  public let key: String
  /// For people.
  public let title: String
  public let value: Double
  /// The bootstrap's interval over pictures.
  public let interval: Interval?
  /// Pictures that it was taken over.
  public let count: Int

  public init(key: String, title: String, value: Double, interval: Interval?, count: Int) {
    (self.key, self.title, self.value, self.interval, self.count) = (key, title, value, interval, count)
  }
}

/// The figures of a set of pictures. Those of single pictures are averaged; histograms and confusion matrices are
/// added up first, as the paper does. A figure that is not defined for every picture is left out.
public func figures(_ pictures: [PictureFigures], _ bootstrap: Bootstrap) -> [Figure] {
  func mean(_ key: String, _ title: String, _ value: (PictureFigures) -> Double?) -> Figure? {
    let values = pictures.compactMap(value)
    guard values.count == pictures.count, !values.isEmpty else { return nil }
    return Figure(
      key: key, title: title, value: values.reduce(0, +) / Double(values.count),
      interval: bootstrap.interval(ofMean: values), count: values.count)
  }
  func summed(
    _ names: [(key: String, title: String)], _ rows: [[Double]], _ statistics: ([Double]) -> [Double]
  ) -> [Figure] {
    guard rows.count == pictures.count, let first = rows.first else { return [] }
    let sum = rows.dropFirst().reduce(into: first) { sum, row in
      for index in row.indices { sum[index] += row[index] }
    }
    let intervals = bootstrap.intervals(ofSums: rows, statistics)
    return zip(names, zip(statistics(sum), intervals)).map { name, result in
      Figure(key: name.key, title: name.title, value: result.0, interval: result.1, count: rows.count)
    }
  }

  let pixelwise = [
    mean("l1", "L1 (0 to 255)") { $0.l1 },
    mean("mse", "MSE (0 to 65025)") { $0.mse },
    mean("psnr", "PSNR (dB)") { $0.psnr },
    mean("ssim", "SSIM") { $0.ssim },
    mean("ms_ssim", "MS-SSIM") { $0.msSSIM },
  ].compactMap(\.self)
  let intersections = summed(
    ColourHistograms.channels.map {
      ("histogram_intersection_\($0.lowercased())", "histogram intersection \($0)")
    }, pictures.map { $0.histograms.output.row + $0.histograms.target.row }
  ) {
    let length = ColourHistograms.rowLength
    return ColourHistograms(row: $0[..<length]).intersections(ColourHistograms(row: $0[length...]))
  }
  let confusions = pictures.compactMap(\.confusion)
  let segmentation = confusions.count == pictures.count ? segmentationFigures(confusions, bootstrap) : []
  let memorized = mean("nearer_to_training", "nearer to a training target") {
    $0.memorization.map { $0.isNearerToTraining ? 1 : 0 }
  }
  return pixelwise + intersections + segmentation + [memorized].compactMap(\.self)
}
