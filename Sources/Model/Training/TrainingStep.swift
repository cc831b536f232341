import Images
import Random
import Tape

/// A training step of some model, recorded on a tape.
///
/// The trainer, checkpoints, initialisation, verification and translation go over the lists of the recorded step and know no
/// model. A new model is a conformer that records its networks and losses with a `StepRecorder`.
public protocol TrainingStep: Sendable {
  var recorded: RecordedStep { get }
}

/// The parts of a training step.
public struct RecordedStep: Sendable {
  public let recording: Recording
  /// The tensor of the step's `Schedule`.
  public let schedule: Tensor
  public let networks: [Network]
  /// Networks that are not trained, such as a teacher's: no checkpoint holds them.
  public let frozen: [Network]
  /// State beside the networks: pools of earlier images.
  public let states: [NamedTensor]
  /// The inputs of the step besides the schedule.
  public let inputs: [StepInput]
  /// The generators' losses, then the discriminators', in the order of reports.
  public let losses: [LossTerm]
  /// The sections of the recording that make a step, in the order of their run.
  public let sections: [String]
  public let translations: [Translation]
  /// What finds the latent code of a picture, where there are codes.
  public let encoding: Encoding?
  /// The networks that draw.
  public let generators: [NetworkLabel]
}

/// An input of a training step, and the source that fills it before every replay.
public struct StepInput: Sendable {
  public enum Source: Sendable {
    /// The pictures of one side of the batch, [N, C, H, W] of the padded size in [-1, 1]: 0 is A, 1 is B.
    case side(Int)
    /// The weight of each pixel of the target, [N, 1, H, W] of the padded size.
    case weights
    /// The `ImagePoolChoice`s of a batch at a pool of earlier images, [2 N].
    case pool(Pool)
    /// A dropout mask, [N, C, H, W].
    case mask
  }

  /// A pool of earlier images, [S, C, H, W].
  public struct Pool: Sendable {
    public let images: Tensor
    /// Its number in the step, which its choices depend on.
    public let number: Int
  }

  public let tensor: Tensor
  public let source: Source
}

extension TrainingStep {
  public var recording: Recording { recorded.recording }
  public var schedule: Tensor { recorded.schedule }
  public var networks: [Network] { recorded.networks }
  public var frozen: [Network] { recorded.frozen }
  public var states: [NamedTensor] { recorded.states }
  public var inputs: [StepInput] { recorded.inputs }
  public var losses: [LossTerm] { recorded.losses }
  public var sections: [String] { recorded.sections }
  public var translations: [Translation] { recorded.translations }
  public var encoding: Encoding? { recorded.encoding }
  public var generators: [NetworkLabel] { recorded.generators }

  /// The translation in a direction, where both are recorded; a model of pairs has one.
  public func translation(_ direction: Direction) -> Translation {
    translations[direction == .aToB || translations.count == 1 ? 0 : 1]
  }

  /// The network of that name.
  public func network(_ name: String) -> Network? { networks.first { $0.label.name == name } }

  /// The pictures that the step takes, by their sides.
  public var sides: [Tensor] {
    inputs.filter { if case .side = $0.source { true } else { false } }.map(\.tensor)
  }

  /// Every tensor that a checkpoint holds.
  public var tensors: [NamedTensor] { networks.flatMap(\.tensors) + states }

  /// The losses in the order of reports, each name once.
  public var lossKinds: [LossKind] {
    losses.map(\.kind).reduce(into: []) { kinds, kind in if !kinds.contains(kind) { kinds.append(kind) } }
  }

  /// The sections of a training step and of every translation, as far as they are recorded.
  public var allSections: [Range<Int>] {
    (sections + translations.map(\.section) + (encoding.map { [$0.section] } ?? []))
      .compactMap { recording.sections[$0] }
  }

  /// The losses of the last step that ran.
  public func losses(_ executor: any Executor) throws -> Losses {
    let names = lossKinds.map(\.name)
    let values = try names.map { name in
      try losses.filter { $0.name == name }.reduce(0.0) { sum, term in
        sum + Double(try executor.read(term.tensor)[0]) * Double(term.factor)
      }
    }
    return Losses(names: names, values: values)
  }

  /// Starts one training step.
  ///
  /// - Parameters:
  ///   - sides: the pictures of each side, in the order of `StepInput.Source.side`
  ///   - weights: of the target's pixels, where the step takes them
  public func run(
    _ sides: [[Float]], weights: [Float]? = nil, framing: Framing, _ schedule: Schedule,
    on executor: any Executor
  ) throws {
    for input in inputs {
      switch input.source {
      case .side(let side): try executor.write(framing.padded(sides[side]), to: input.tensor)
      case .weights:
        guard let weights else { preconditionFailure("the step takes weights of pixels") }
        try executor.write(framing.padded(weights), to: input.tensor)
      case .pool(let pool):
        let chooser = ImagePoolChooser(
          slots: pool.images.shape.n, seed: schedule.seed, number: pool.number)
        let choices = chooser.choices(images: input.tensor.shape.count / 2, step: schedule.step)
        try executor.write(ImagePoolChoice.values(of: choices), to: input.tensor)
      case .mask: preconditionFailure("masks are drawn in training")
      }
    }
    try executor.write(schedule.values, to: self.schedule)
    for section in sections { try executor.run(section: section) }
  }
}

/// One direction in which a model translates pictures: a generator alone, in a section of the recording.
public struct Translation: Sendable {
  public let section: String
  /// [1, C, H, W] of the padded size.
  public let input: Tensor
  public let output: Tensor
  /// The latent code, [1, K, 1, 1], where the generator takes one.
  public let code: Tensor?
  /// The input of the generator's last layer, where it is kept, and the activation that comes between.
  public let features: (tensor: Tensor, activation: Activation)?
  let schedule: Tensor
  public let framing: Framing

  /// Translates the planes [C, H, W] of one picture.
  ///
  /// - Parameters:
  ///   - code: K numbers; drawn from a standard normal distribution when nil
  ///   - index: decides the code that is drawn, noise and dropout masks, beside the seed
  public func callAsFunction(
    _ planes: [Float], code given: [Float]? = nil, index: Int, seed: UInt64, on executor: any Executor
  ) throws -> [Float] {
    try executor.write(framing.padded(planes), to: input)
    if let code {
      try executor.write(given ?? LatentCode.drawn(code.shape.c, index: index, seed: seed), to: code)
    }
    try executor.write(Schedule(step: index, learningRate: 0, seed: seed).values, to: schedule)
    try executor.run(section: section)
    return framing.cut(try executor.read(output))
  }
}

/// The encoder of a model with latent codes alone, in a section of the recording.
public struct Encoding: Sendable {
  public let section: String
  /// [1, C, H, W] of the padded size.
  public let input: Tensor
  /// The mean of the picture's codes, [1, K, 1, 1].
  public let code: Tensor
  public let framing: Framing

  /// The code of the planes [C, H, W] of one picture: K numbers.
  public func callAsFunction(_ planes: [Float], on executor: any Executor) throws -> [Float] {
    try executor.write(framing.padded(planes), to: input)
    try executor.run(section: section)
    return try executor.read(code)
  }
}

extension LatentCode {
  /// Word 3 of these counters, where training has the step.
  private static let purpose: UInt32 = 0xC0DE

  /// K standard normal numbers, a function of seed and index.
  public static func drawn(_ length: Int, index: Int, seed: UInt64) -> [Float] {
    Philox(seed: seed).normals(
      count: length, mean: 0, deviation: 1, stream: UInt32(truncatingIfNeeded: index), purpose: purpose)
  }
}
