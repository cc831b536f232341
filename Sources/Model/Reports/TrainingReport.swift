import ImageMetrics
import Web

/// A training run, told on one page.
///
/// `html()` and `body()` are pure functions of the value. A page of embedded pictures needs nothing beside itself: no
/// scripts, no links; it opens from a file and prints. It is well-formed XML too.
public struct TrainingReport: Sendable {
  /// The losses at one step.
  public struct LossPoint: Sendable {
    public var step: Int
    /// Epochs done, with their fraction.
    public var epoch: Double
    /// In the order of `lossKinds`. Missing, NaN and infinite values leave gaps.
    public var values: [Double]

    public init(step: Int, epoch: Double, values: [Double]) {
      self.step = step
      self.epoch = epoch
      self.values = values
    }
  }

  /// The figures of one validation.
  public struct Validation: Sendable {
    public var epoch: Int
    /// In the order of `figures`. Missing, NaN and infinite values leave gaps.
    public var values: [Double]

    public init(epoch: Int, values: [Double]) {
      self.epoch = epoch
      self.values = values
    }
  }

  /// A picture made while training.
  public struct Sample: Sendable {
    public var step: Int
    public var epoch: Int
    /// Input, output and target side by side.
    public var picture: ReportPicture

    public init(step: Int, epoch: Int, picture: ReportPicture) {
      self.step = step
      self.epoch = epoch
      self.picture = picture
    }
  }

  public var title: String
  /// Losses of one family share a chart.
  public var lossKinds: [LossKind]
  /// By ascending step.
  public var losses: [LossPoint]
  /// The kinds of validation's figures. Kinds of one family share a chart.
  public var figures: [FigureKind]
  /// By ascending epoch.
  public var validations: [Validation]
  /// The figure, one of `figures`, that the best checkpoint is chosen by.
  public var best: FigureKind?
  /// In any order.
  public var samples: [Sample]
  public var options: [(String, String)]
  public var device: [(String, String)]
  public var timings: [(String, String)]
  /// The D loss of a discriminator that cannot tell real from fake, and its label: a line in D's chart. ln 2 holds for the
  /// cross-entropy objective; nil for objectives without such a value.
  public var undecided: LossChart.Reference?

  public init(
    title: String, lossKinds: [LossKind] = [], losses: [LossPoint] = [],
    figures: [FigureKind] = [], validations: [Validation] = [], best: FigureKind? = nil,
    samples: [Sample] = [], options: [(String, String)] = [],
    device: [(String, String)] = [], timings: [(String, String)] = [],
    undecided: LossChart.Reference? = Objective().undecided
  ) {
    self.title = title
    self.lossKinds = lossKinds
    self.losses = losses
    self.figures = figures
    self.validations = validations
    self.best = best
    self.samples = samples
    self.options = options
    self.device = device
    self.timings = timings
    self.undecided = undecided
  }

  /// The page: a whole HTML document.
  public func html() -> String { ReportPage(title: title, body: body()).html() }

  /// What lies inside the page's `main` element, for pages of another frame. Its style is Web/style.css.
  public func body() -> String { WebTemplates.render("report", content()) }

  // MARK: - Parts

  /// The validation that is the best by the chosen figure.
  var bestValidation: Validation? {
    guard let best else { return nil }
    return best.best(of: validations.map { value(of: best, in: $0) }).map { validations[$0] }
  }

  /// NaN where it was not measured.
  func value(of kind: FigureKind, in validation: Validation) -> Double {
    guard let place = figures.firstIndex(of: kind), place < validation.values.count else { return .nan }
    return validation.values[place]
  }

  /// The mean of a loss over the last tenth of the run, nil without finite values there.
  func recentMean(_ index: Int) -> Double? {
    let values = losses.suffix(max(1, losses.count / 10)).compactMap {
      index < $0.values.count && $0.values[index].isFinite ? $0.values[index] : nil
    }
    return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }
}

extension Objective {
  /// The losses of a discriminator that cannot tell real from fake, where they are the same for all.
  public var undecided: LossChart.Reference? {
    func reference(_ value: Double, _ text: String) -> LossChart.Reference {
      LossChart.Reference(value: value, label: "\(text): the discriminator can\u{2019}t tell")
    }
    return switch ganLoss {
    case .bce: reference(0.693147180559945, "ln 2 = 0.693")
    case .lsgan: reference(0.25, "0.25")
    case .hinge: reference(1, "1")
    case .wgan: nil
    }
  }
}
