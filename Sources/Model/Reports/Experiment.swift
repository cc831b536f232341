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
    public var objective = Objective.Kind.cganL1
    public var generator = GeneratorKind.unet
    /// Convolutions of stride 2 in the discriminator.
    public var discriminatorLayers = 3

    /// A name for a folder.
    public var name: String {
      let patch = NetworkConfiguration.receptiveFields[discriminatorLayers]
      return [
        generator == .unet ? nil : generator.rawValue, objective.rawValue,
        discriminatorLayers == 3 ? nil : "patch-\(patch)",
      ].compactMap(\.self).joined(separator: "-")
    }

    /// Sets the variant's options; all others are the same for every row.
    public func apply(to options: inout TrainingOptions) {
      options.objective.kind = objective
      options.network.generator = generator
      options.network.discriminatorLayers = discriminatorLayers
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
    func row(_ title: String, _ change: (inout Variant) -> Void, _ published: Score) -> Row {
      var variant = Variant()
      change(&variant)
      return Row(title: title, variant: variant, published: published)
    }
    switch self {
    case .losses:
      return [
        row("L1", { $0.objective = .l1 }, Score(0.42, 0.15, 0.11)),
        row("GAN", { $0.objective = .gan }, Score(0.22, 0.05, 0.01)),
        row("cGAN", { $0.objective = .cgan }, Score(0.57, 0.22, 0.16)),
        row("L1+GAN", { $0.objective = .ganL1 }, Score(0.64, 0.20, 0.15)),
        row("L1+cGAN", { _ in }, Score(0.66, 0.23, 0.17)),
      ]
    case .patches:
      return [
        row("1x1", { $0.discriminatorLayers = 0 }, Score(0.39, 0.15, 0.10)),
        row("16x16", { $0.discriminatorLayers = 1 }, Score(0.65, 0.21, 0.17)),
        row("70x70", { _ in }, Score(0.66, 0.23, 0.17)),
        row("286x286", { $0.discriminatorLayers = 5 }, Score(0.42, 0.16, 0.11)),
      ]
    case .generators:
      // The paper trained these with batches of 10, and so has other numbers for the U-Net than in table 1.
      return [
        row(
          "encoder-decoder (L1)",
          {
            $0.generator = .encoderDecoder
            $0.objective = .l1
          }, Score(0.35, 0.12, 0.08)),
        row("encoder-decoder (L1+cGAN)", { $0.generator = .encoderDecoder }, Score(0.29, 0.09, 0.05)),
        row("U-Net (L1)", { $0.objective = .l1 }, Score(0.48, 0.18, 0.13)),
        row("U-Net (L1+cGAN)", { _ in }, Score(0.55, 0.20, 0.14)),
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
