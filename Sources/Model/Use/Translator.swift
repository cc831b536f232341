import Foundation
import ImageMetrics
import Images
import Tape

/// A trained generator, ready to translate pictures one by one.
public final class Translator {
  /// What dropout does in use.
  public enum Dropout: Sendable, Equatable {
    /// As the paper does: it is the model's only noise. The masks follow from the training's seed.
    case on
    case off
    /// With masks of another seed: other pictures from the same input.
    case seeded(UInt64)
  }

  /// The size that pictures are translated at.
  public enum Size: String, Sendable, CaseIterable {
    /// That of the training: pictures are resized to it.
    case trained
    /// Every picture's own.
    case own
  }

  /// A picture and its file, for errors.
  public struct Input {
    public let picture: Picture
    public let path: String

    public init(_ picture: Picture, path: String) {
      self.picture = picture
      self.path = path
    }
  }

  private let checkpoint: (Checkpoint, path: String)
  private let statistics: NormStatistics
  private let dropout: Dropout
  private let size: Size
  private let makeExecutor: (any TrainingStep) throws -> any Executor
  private let seed: UInt64
  /// The generator for pictures of one size.
  private var current: (step: any TrainingStep, executor: any Executor)?
  /// The encoder of a model with latent codes, once it was asked for a code.
  private var encoder: (encoding: Encoding, executor: any Executor)?
  /// The weights are the same at every size.
  private var isChecked = false
  public let options: TrainingOptions

  /// - Parameters:
  ///   - checkpoint: a read checkpoint, and its path for errors
  ///   - statistics: of the picture at hand, as the paper does, or the running averages (batch norm only)
  ///   - dropout: by default on, as the paper does, for a model that draws
  ///   - makeExecutor: allocates the tensors of a generator for one size of pictures
  /// - Throws: `ModelError` when the checkpoint does not fit, or has no running averages.
  public init(
    _ checkpoint: (Checkpoint, path: String), statistics: NormStatistics = .batch, dropout: Dropout? = nil,
    size: Size = .trained, makeExecutor: @escaping (any TrainingStep) throws -> any Executor
  ) throws {
    options = checkpoint.0.options
    guard statistics == .batch || options.network.norm == .batch else {
      throw ModelError.option(
        "--norm-statistics",
        "a model with norm \(options.network.norm.rawValue) keeps no running averages; use batch")
    }
    self.checkpoint = checkpoint
    self.statistics = statistics
    self.dropout = dropout ?? (options.drawsWithDropout ? .on : .off)
    self.size = size
    self.makeExecutor = makeExecutor
    seed = if case .seeded(let seed)? = dropout { seed } else { options.seed }
    if size == .trained { _ = try generator(options.network.size) }
  }

  /// Translates a picture, or several that are the inputs of one.
  ///
  /// - Parameters:
  ///   - inputs: as many as the model was trained with
  ///   - index: decides noise and dropout masks beside the seed
  ///   - sample: other codes, noise and masks for the same picture
  ///   - seed: of codes, noise and masks, where it is not that of `dropout` or of the training
  ///   - code: latent code, of a model that takes one; drawn by the seed when nil
  ///   - bitDepth: 8 or 16
  /// - Throws: `ImageError` for pictures that the model's formats cannot take
  public func translate(
    _ inputs: [Input], index: Int = 0, sample: Int = 0, seed: UInt64? = nil, code: [Float]? = nil,
    bitDepth: Int = 8
  ) throws -> Picture {
    let format = options.format
    guard inputs.count == format.inputCount else {
      throw ModelError.option(
        "--input", "the model takes \(format.inputCount) pictures at a time, not \(inputs.count)")
    }
    if let code, code.count != options.network.latent?.length ?? 0 {
      throw ModelError.option(
        "--encode",
        "a code of \(code.count) numbers, and the model takes \(options.network.latent.map { "\($0.length)" } ?? "none")"
      )
    }
    let size = self.size == .trained ? options.network.size : inputs[0].picture.size
    let planes = try format.planes(ofInputs: inputs, size: size)
    let output: [Float]
    do {
      output = try translate(planes, size, index: index, sample: sample, seed: seed, code: code)
    } catch ModelError.option(_, let reason) where self.size == .own {
      throw ModelError.file(inputs[0].path, "cannot be translated at its own size: \(reason)")
    }
    return format.targetPicture(output, input: planes, size: size, bitDepth: bitDepth)
  }

  /// The latent code that draws a picture, of a model that has codes: the mean that its encoder finds.
  ///
  /// - Throws: `ModelError.option` for a model without codes, `ImageError` for a picture that is none of the model's targets
  public func encode(_ target: Input) throws -> [Float] {
    guard options.hasCodes else {
      throw ModelError.option(
        "--encode",
        "\(checkpoint.path) was not trained with --latent, so it has no encoder; train one with it")
    }
    let size = options.network.size
    return try encode(
      options.format.target.planes(of: target.picture, fittedTo: size, path: target.path))
  }

  /// The code of a target's planes, of a model that has codes.
  private func encode(_ planes: [Float]) throws -> [Float] {
    let (encoding, executor) = try encoder ?? makeEncoder()
    return try encoding(planes, on: executor)
  }

  private func makeEncoder() throws -> (Encoding, any Executor) {
    let step = try options.recordEncoding()
    guard let encoding = step.encoding else { preconditionFailure("an encoder is recorded") }
    try checkpoint.0.check(step, path: checkpoint.path)
    let executor = try makeExecutor(step)
    try executor.expect(section: encoding.section)
    try checkpoint.0.restore(step, executor, path: checkpoint.path)
    encoder = (encoding, executor)
    return (encoding, executor)
  }

  /// The seed of a sample's codes, noise and masks. Samples are seeds apart, by the golden ratio's bits.
  public static func seed(_ seed: UInt64, sample: Int) -> UInt64 {
    seed &+ UInt64(sample) &* 0x9E37_79B9_7F4A_7C15
  }

  /// Whether samples of one picture differ: codes, noise or dropout are in use.
  public var isRandom: Bool {
    current?.step.isRandom ?? true
  }

  /// Translates the input of a pair as validation does, at the size of the training, and shows the target as the networks
  /// see it.
  ///
  /// - Parameter index: of the pair in its source
  public func translate(
    _ pair: PairFiles, index: Int
  ) throws -> (inputs: [Picture], output: Picture, target: Picture) {
    let (planes, output, target) = try translations(of: pair, index: index, samples: 1)
    return (options.format.inputPictures(planes, size: options.network.size), output[0], target)
  }

  /// Translates the input of a pair several times, with noise and dropout of their own, as `translate(_:index:)` does it once:
  /// that is the first sample.
  ///
  /// - Parameters:
  ///   - index: of the pair in its source
  ///   - samples: 1 or more, more only where `requireSamples()` agrees
  ///   - files: of other right outputs of the pair
  /// - Returns: the samples, and the target and the other right outputs as the networks see them
  public func samples(
    _ samples: Int, of pair: PairFiles, index: Int, targets files: [String] = []
  ) throws -> (outputs: [Picture], target: Picture, targets: [Picture]) {
    let (planes, outputs, target) = try translations(of: pair, index: index, samples: samples)
    let (format, size) = (options.format, options.network.size)
    let targets = try files.map { file in
      let picture = try Picture(contentsOf: file)
      return format.targetPicture(
        try format.target.planes(of: picture, fittedTo: size, path: file), input: planes, size: size)
    }
    return (outputs, target, targets)
  }

  /// What latent codes do on a pair, of a model that has them.
  ///
  /// - Parameter index: of the pair in its source
  public func codeDistances(of pair: PairFiles, index: Int) throws -> CodeDistances {
    let (format, size) = (options.format, options.network.size)
    let planes = try pairPlanes(of: pair, index: index)
    func pixels(_ output: [Float]) -> Pixels {
      Pixels(format.targetPicture(output, input: planes.input, size: size))
    }
    let target = try encode(planes.target)
    let encoded = try translate(planes.input, size, index: index, code: target)
    let code = LatentCode.drawn(target.count, index: index, seed: seed)
    let found = try encode(translate(planes.input, size, index: index, code: code))
    return CodeDistances(encoded: (pixels(encoded), pixels(planes.target)), recovered: (code, found))
  }

  /// - Throws: `ModelError.option` for a model that draws the same picture of an input every time.
  public func requireSamples() throws(ModelError) {
    guard isRandom else {
      throw .option(
        "--samples",
        "the model has neither codes, noise nor dropout in use, so that all samples are equal; leave it out")
    }
  }

  /// The input's planes of a pair, the output of each sample, and the target.
  private func translations(
    of pair: PairFiles, index: Int, samples: Int
  ) throws -> (input: [Float], outputs: [Picture], target: Picture) {
    let (format, size) = (options.format, options.network.size)
    let planes = try pairPlanes(of: pair, index: index)
    let outputs = try (0..<samples).map { sample in
      format.targetPicture(
        try translate(planes.input, size, index: index, sample: sample), input: planes.input, size: size)
    }
    return (planes.input, outputs, format.targetPicture(planes.target, input: planes.input, size: size))
  }

  /// The planes [C, H, W] that the network draws of a pair's input, as validation takes it, and the picture that shows them.
  func draw(_ pair: PairFiles, index: Int) throws -> (planes: [Float], picture: Picture) {
    let (format, size) = (options.format, options.network.size)
    let input = try pairPlanes(of: pair, index: index).input
    let output = try translate(input, size, index: index)
    return (output, format.targetPicture(output, input: input, size: size))
  }

  private func pairPlanes(of pair: PairFiles, index: Int) throws -> (input: [Float], target: [Float]) {
    let augmentation = Augmentation(size: options.network.size, jitter: false, seed: options.seed)
    let planes = try PairReader(augmentation: augmentation, format: options.format)
      .planes(of: pair, epoch: 0, index: index)
    return (planes.input, planes.target)
  }

  /// Runs the network once on the picture that it holds.
  ///
  /// - Returns: the seconds until its result is there
  func secondsOfRun() throws -> Double {
    let (step, executor) = try generator(options.network.size)
    try executor.finish()
    return try ContinuousClock().measure {
      try executor.run(section: step.translations[0].section)
      try executor.finish()
    } / .seconds(1)
  }

  /// The network's parameters, and the multiply-adds of its convolutions for a picture.
  func networkSize() throws -> (parameters: Int, multiplyAdds: Double) {
    let step = try generator(options.network.size).step
    return (
      step.networks[0].parameters.reduce(0) { $0 + $1.tensor.shape.count },
      step.recording.flops(step.recording.sections[step.translations[0].section]) / 2
    )
  }

  /// Input planes of a size to output planes.
  private func translate(
    _ planes: [Float], _ size: PictureSize, index: Int, sample: Int = 0, seed: UInt64? = nil,
    code: [Float]? = nil
  ) throws -> [Float] {
    // Networks begin at a size; smaller pictures are mirrored up to it, as all are up to what halvings need.
    let least = NetworkConfiguration.sides.lowerBound
    let mirrored = Framing(
      size: size, padded: PictureSize(width: max(size.width, least), height: max(size.height, least)))
    let (step, executor) = try generator(mirrored.padded)
    return mirrored.cut(
      try step.translations[0](
        mirrored.padded(planes), code: code, index: index,
        seed: Self.seed(seed ?? self.seed, sample: sample), on: executor))
  }

  /// How far pictures of one size are apart: the mean L1 distance of all pairs of them, in 0...255.
  public static func diversity(_ pictures: [Picture]) -> Double {
    meanPairwiseError(pictures.map { Pixels($0) })
  }

  /// The generator for pictures of a size, with the trained weights.
  private func generator(_ size: PictureSize) throws -> (step: any TrainingStep, executor: any Executor) {
    if let current, current.step.translations[0].framing.size == size { return current }
    // The memory of one size is given back before that of the next is taken.
    current = nil
    let step = try options.recordTranslation(
      size: size, statistics: statistics, dropout: dropout != .off)
    if !isChecked { try checkpoint.0.check(step, path: checkpoint.path) }
    isChecked = true
    let executor = try makeExecutor(step)
    try executor.expect(section: step.translations[0].section)
    try checkpoint.0.restore(step, executor, path: checkpoint.path)
    current = (step, executor)
    return (step, executor)
  }
}

extension TrainingStep {
  /// Whether codes, noise or dropout are recorded.
  public var isRandom: Bool {
    translations.contains { $0.code != nil }
      || recording.steps.contains { $0.operation is DropoutMask || $0.operation is GaussianNoise }
  }
}

extension PairFormat {
  /// The input's planes of pictures without targets.
  public func planes(ofInputs inputs: [Translator.Input], size: PictureSize) throws -> [Float] {
    switch self {
    case .pictures(let formats, _):
      try zip(formats, inputs).flatMap { try $0.planes(of: $1.picture, fittedTo: size, path: $1.path) }
    case .photographs(let task):
      try task.planes(ofInput: inputs[0].picture, fittedTo: size, path: inputs[0].path)
    }
  }
}
