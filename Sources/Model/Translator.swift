import Foundation
import Images
import Tape

extension Picture {
  /// The picture at a size: bicubic, or nearest where its colours are a palette's and must not be mixed.
  func fitted(to size: PictureSize) -> Picture {
    rgb().resized(width: size.width, height: size.height, method: isPalette ? .nearest : .bicubic)
  }
}

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

  private let model: Pix2Pix
  private let executor: any Executor
  private let seed: UInt64
  public let options: TrainingOptions

  /// - Parameters:
  ///   - checkpoint: a read checkpoint, and its path for errors
  ///   - statistics: of the picture at hand, as the paper does, or the running averages (batch norm only)
  ///   - makeExecutor: allocates the recording's tensors
  /// - Throws: `ModelError` when the checkpoint does not fit, or has no running averages.
  public init(
    _ checkpoint: (Checkpoint, path: String), statistics: NormStatistics = .batch, dropout: Dropout = .on,
    makeExecutor: (Recording) throws -> any Executor
  ) throws {
    options = checkpoint.0.options
    guard statistics == .batch || options.network.norm == .batch else {
      throw ModelError.option(
        "--norm-statistics",
        "a model with norm \(options.network.norm.rawValue) keeps no running averages; use batch")
    }
    model = try Pix2Pix(
      options.network, sections: .translate, translationStatistics: statistics,
      translationDropout: dropout != .off)
    executor = try makeExecutor(model.recording)
    try executor.expect(section: "translate")
    try checkpoint.0.restore(model, executor, path: checkpoint.path)
    seed = if case .seeded(let seed) = dropout { seed } else { options.seed }
  }

  /// Translates a picture of any size: it is resized to the model's.
  ///
  /// - Parameter index: decides the dropout masks beside the seed
  /// - Returns: a picture of the model's size
  public func translate(_ picture: Picture, index: Int = 0) throws -> Picture {
    guard let handles = model.translation else { preconditionFailure("no translation was recorded") }
    let size = options.network.size
    try executor.write(picture.fitted(to: size).planes(), to: handles.input)
    try executor.write(Schedule(step: index, learningRate: 0, seed: seed).values, to: model.schedule)
    try executor.run(section: "translate")
    return Picture(planes: try executor.read(handles.output), width: size.width, height: size.height)
  }
}
