/// The paper's experiments: the tables of Isola et al. 2017, row by row.
public enum Experiment: String, Sendable, CaseIterable {
  /// Table 1: terms of the generator's loss.
  case losses = "paper-losses"
  /// Table 2: receptive fields of the discriminator.
  case patches = "paper-patches"
  /// Table 3: generators with and without skips, with and without a discriminator.
  case generators = "paper-generators"

  /// A row's training. Rows of several tables may share one.
  public struct Variant: Sendable, Hashable {
    /// The options of train, and their words, that a row has of its own.
    public let words: [String: String]

    /// A name for a folder.
    public var name: String {
      [
        words["--generator"], words["--objective"] ?? Objective().kind.rawValue,
        words["--patch"].map { "patch-\($0)" },
      ].compactMap(\.self).joined(separator: "-")
    }

    /// Sets what the variant decides; all else is the same for every row.
    public func apply(to options: inout TrainingOptions) throws(ModelError) {
      try options.set(words.map { GivenOption(TrainingOptions.row($0), [$1]) })
    }
  }

  public struct Row: Sendable {
    public let title: String
    public let variant: Variant
    /// The paper's FCN-score on Cityscapes labels -> photo at 256 x 256.
    public let published: Score
  }

  /// The figures of semantic segmentation.
  public struct Score: Sendable, Equatable {
    public let pixelAccuracy: Double
    public let classAccuracy: Double
    public let classIOU: Double

    public init(_ pixelAccuracy: Double, _ classAccuracy: Double, _ classIOU: Double) {
      (self.pixelAccuracy, self.classAccuracy, self.classIOU) = (pixelAccuracy, classAccuracy, classIOU)
    }

    /// In the order of the paper's columns.
    public var values: [Double] { [pixelAccuracy, classAccuracy, classIOU] }
  }

  /// The paper's FCN-score of the photographs themselves.
  public static let publishedGroundTruth = Score(0.80, 0.26, 0.21)

  public var title: String {
    switch self {
    case .losses: "Losses (table 1 of the paper)"
    case .patches: "Receptive fields of the discriminator (table 2 of the paper)"
    case .generators: "Generators (table 3 of the paper)"
    }
  }

  /// In the paper's order.
  public var rows: [Row] {
    func row(_ title: String, _ words: [String: String], _ published: Score) -> Row {
      Row(title: title, variant: Variant(words: words), published: published)
    }
    switch self {
    case .losses:
      return [
        row("L1", ["--objective": "l1"], Score(0.42, 0.15, 0.11)),
        row("GAN", ["--objective": "gan"], Score(0.22, 0.05, 0.01)),
        row("cGAN", ["--objective": "cgan"], Score(0.57, 0.22, 0.16)),
        row("L1+GAN", ["--objective": "gan+l1"], Score(0.64, 0.20, 0.15)),
        row("L1+cGAN", [:], Score(0.66, 0.23, 0.17)),
      ]
    case .patches:
      return [
        row("1x1", ["--patch": "1"], Score(0.39, 0.15, 0.10)),
        row("16x16", ["--patch": "16"], Score(0.65, 0.21, 0.17)),
        row("70x70", [:], Score(0.66, 0.23, 0.17)),
        row("286x286", ["--patch": "286"], Score(0.42, 0.16, 0.11)),
      ]
    case .generators:
      // The paper trained these with batches of 10, and so has other numbers for the U-Net than in table 1.
      return [
        row(
          "encoder-decoder (L1)", ["--generator": "encoder-decoder", "--objective": "l1"],
          Score(0.35, 0.12, 0.08)),
        row("encoder-decoder (L1+cGAN)", ["--generator": "encoder-decoder"], Score(0.29, 0.09, 0.05)),
        row("U-Net (L1)", ["--objective": "l1"], Score(0.48, 0.18, 0.13)),
        row("U-Net (L1+cGAN)", [:], Score(0.55, 0.20, 0.14)),
      ]
    }
  }

  /// The variants of several experiments, each once.
  public static func variants(of experiments: [Experiment]) -> [Variant] {
    experiments.flatMap(\.rows).map(\.variant).reduce(into: []) { variants, variant in
      if !variants.contains(variant) { variants.append(variant) }
    }
  }
}
