/// A kind of figure: its names, its unit, and its better end.
public struct FigureKind: Sendable, Hashable {
  /// The better one of two values.
  public enum Better: String, Sendable {
    case lower, higher
  }

  /// For files and options: lower case, no spaces or commas.
  public let key: String
  /// For people.
  public let name: String
  /// The values' unit, for people; nil for shares and other pure numbers.
  public let unit: String?
  public let better: Better
  /// The heading of related figures, for people. Figures of one family have one scale and one better end: they share a
  /// chart.
  public let family: String

  /// - Parameter family: by default the name, for a figure alone in its family
  public init(_ key: String, _ name: String, unit: String? = nil, better: Better, family: String? = nil) {
    (self.key, self.name, self.unit, self.better) = (key, name, unit, better)
    self.family = family ?? name
  }

  /// The name, with the unit where there is one.
  public var title: String { unit.map { "\(name) (\($0))" } ?? name }

  /// The name without the family's at its beginning, for places under the family's name.
  public var nameInFamily: String {
    guard name.lowercased().hasPrefix(family.lowercased()) else { return name }
    let rest = name.dropFirst(family.count).drop { " ,".contains($0) }
    return rest.isEmpty ? name : String(rest)
  }

  /// True for a value better than another, or than none; NaN never is.
  public func isBetter(_ value: Double, than other: Double?) -> Bool {
    guard let other else { return !value.isNaN }
    return better == .lower ? value < other : value > other
  }

  /// The place of the best value, the first of equals; nil for no values and for NaN alone.
  public func best(of values: some Sequence<Double>) -> Int? {
    var best: (place: Int, value: Double)?
    for (place, value) in values.enumerated() where isBetter(value, than: best?.value) {
      best = (place, value)
    }
    return best?.place
  }
}

extension FigureKind {
  public static let l1 = FigureKind("l1", "L1", unit: "0 to 255", better: .lower)
  public static let mse = FigureKind("mse", "MSE", unit: "0 to 65025", better: .lower)
  public static let psnr = FigureKind("psnr", "PSNR", unit: "dB", better: .higher)
  public static let ssim = FigureKind("ssim", "SSIM", better: .higher, family: "Structural similarity")
  public static let msSSIM = FigureKind(
    "ms_ssim", "MS-SSIM", better: .higher, family: "Structural similarity")
  /// In the order of `ColourHistograms.channels`.
  public static let histogramIntersections = ColourHistograms.channels.map {
    FigureKind(
      "histogram_intersection_\($0.lowercased())", "histogram intersection \($0)", better: .higher,
      family: "Histogram intersection")
  }
  public static let nearerToTraining = FigureKind(
    "nearer_to_training", "nearer to a training target", better: .lower)
  public static let frechetDistance = FigureKind("frechet_distance", "Fréchet distance", better: .lower)
  public static let kernelDistance = frechetDistance.asKernelDistance
  /// Distances of the pictures that a generator draws of a domain from the domain's own, in the order of reports.
  public static let ofDomains = ["a", "b"].flatMap { side in
    let frechet = FigureKind(
      "frechet_distance_\(side)", "Fréchet distance, pictures of \(side.uppercased())", better: .lower,
      family: "Fréchet distance")
    return [frechet, frechet.asKernelDistance]
  }

  /// The kernel distance of the features that a kind of Fréchet distance is of, under its name. Values are a thousandfold.
  public var asKernelDistance: FigureKind {
    func renamed(_ text: String, _ word: String, _ other: String) -> String {
      text.range(of: word).map { text.replacingCharacters(in: $0, with: other) } ?? text
    }
    return FigureKind(
      renamed(key, "frechet_distance", "kernel_distance"),
      renamed(name, "Fréchet distance", "kernel distance"),
      unit: "times 1000", better: .lower, family: renamed(family, "Fréchet distance", "Kernel distance"))
  }

  /// A `perceptualDistance`, under the name of its network, since networks have other values.
  ///
  /// - Parameters:
  ///   - network: the package lpips' short name, which the key has, and one for people
  ///   - isBaseline: all weights are 1
  public static func lpips(_ network: (key: String, name: String), isBaseline: Bool) -> FigureKind {
    FigureKind(
      "lpips_\(network.key)\(isBaseline ? "_baseline" : "")",
      "LPIPS\(isBaseline ? " baseline" : "") by \(network.name)", better: .lower)
  }

  /// The mean of a distance over all pairs of samples of one input.
  public var ofDiversity: FigureKind { ofSamples("diversity", "diversity of samples", unit: unit, .higher) }
  /// The least distance of an input's samples from its target.
  ///
  /// - Parameter count: of samples
  public func ofBest(_ count: Int) -> FigureKind {
    ofSamples("best", "best of \(count) samples", unit: unit, .lower)
  }
  /// The mean of a distance over all pairs of right outputs of one input.
  public var ofTargetDiversity: FigureKind {
    ofSamples("target_diversity", "diversity of targets", unit: unit, .higher)
  }
  /// The diversity of outputs over that of right outputs: near 0 where samples are all alike, 1 where they differ as they should.
  public var ofCollapse: FigureKind { ofSamples("collapse_ratio", "collapse ratio", unit: nil, .higher) }

  private func ofSamples(_ key: String, _ name: String, unit: String?, _ better: Better) -> FigureKind {
    FigureKind("\(self.key)_\(key)", "\(self.name), \(name)", unit: unit, better: better)
  }

  /// Of pictures of either domain beside themselves, translated there and back (Zhu et al. 2017).
  public static let cycle = cycleKind("cycle_l1", "Cycle error")
  public static let cycleA = cycleKind("cycle_l1_a", "Cycle error, A to B and back")
  public static let cycleB = cycleKind("cycle_l1_b", "Cycle error, B to A and back")
  /// The same where the picture between was rounded to 8 bits and given noise: a generator that hides the input in detail that
  /// nobody sees does worse here (Chu et al. 2017).
  public static let cycleNoisy = cycleKind("cycle_l1_noisy", "Cycle error with noise")
  public static let cycleNoisyA = cycleKind("cycle_l1_noisy_a", "Cycle error with noise, A to B and back")
  public static let cycleNoisyB = cycleKind("cycle_l1_noisy_b", "Cycle error with noise, B to A and back")
  /// In the order of reports.
  public static let ofCycles = [cycle, cycleA, cycleB, cycleNoisy, cycleNoisyA, cycleNoisyB]

  private static func cycleKind(_ key: String, _ name: String) -> FigureKind {
    FigureKind(key, name, unit: "0 to 255", better: .lower, family: "Cycle error")
  }

  /// Of pictures that were drawn with their targets' latent codes.
  public static let l1Encoded = FigureKind(
    "l1_encoded", "L1 with the target's code", unit: "0 to 255", better: .lower, family: "L1")
  /// The mean distance between the numbers of a random code and those that the encoder finds in the picture drawn with it:
  /// 0.798 where it finds nothing and says 0, the mean |z| of a standard normal distribution.
  public static let codeRecovery = FigureKind("code_recovery", "Code recovery", better: .lower)
  /// Of models with latent codes, in the order of reports.
  public static let ofCodes = [l1Encoded, l1.ofDiversity, codeRecovery]

  /// The kinds that `figures` may have.
  public static let ofPictures =
    [l1, mse, psnr, ssim, msSSIM] + histogramIntersections + segmentation()

  /// The kinds that are defined for pictures of one size.
  ///
  /// - Parameter areColours: false for arrays of channels without a colour, see `Picture.isColour`
  public static func ofPictures(
    width: Int, height: Int, areLabelMaps: Bool, areColours: Bool = true
  ) -> [FigureKind] {
    let side = min(width, height)
    return ofPictures.filter { kind in
      switch kind {
      case ssim: side >= StructuralSimilarity.windowSide
      case msSSIM: side >= StructuralSimilarity.minimumMultiScaleSide
      case _ where histogramIntersections.contains(kind): areColours
      default: areLabelMaps || !segmentation().contains(kind)
      }
    }
  }
}
