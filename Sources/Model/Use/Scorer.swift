import Images
import Tape

/// A segmentation network in use: says of each pixel of a picture which class it seems to show.
///
/// Generated pictures in which such a network, trained on real ones, finds the labels that they were made from look like
/// what they should show: the FCN-score (Isola et al. 2017, section 4.1), here with a U-Net for the FCN-8s.
public final class Scorer {
  /// What the network makes of one picture.
  public struct Reading: Sendable {
    /// The class of each pixel of `Scorer.size`, row by row.
    public let classes: [UInt8]
    /// What the last layer reads, after its activation: the mean over pixels of each map.
    public let features: [Double]
  }

  public let palette: Palette
  /// What pictures are resized to.
  public let size: PictureSize
  private let input: PlaneFormat
  private let translation: Translation
  private let executor: any Executor
  private let seed: UInt64

  /// - Parameters:
  ///   - checkpoint: of a run with the objective cross-entropy, and its path for errors
  ///   - makeExecutor: allocates the network's tensors
  /// - Throws: `ModelError.file` for a model that draws pictures, or takes several.
  public init(
    _ checkpoint: (Checkpoint, path: String), makeExecutor: (Recording) throws -> any Executor
  ) throws {
    let options = checkpoint.0.options
    guard options.objective.output == .logits,
      case .pictures(let inputs, .labels(let palette)) = options.format,
      inputs.count == 1
    else {
      throw ModelError.file(
        checkpoint.path,
        "is no scorer, which reads a picture and says its classes; make one with train-scorer")
    }
    self.palette = palette
    input = inputs[0]
    size = options.network.size
    seed = options.seed
    let step = try options.recordTranslation(keepsFeatures: true)
    translation = step.translations[0]
    try checkpoint.0.check(step, path: checkpoint.path)
    executor = try makeExecutor(step.recording)
    try executor.expect(section: translation.section)
    try checkpoint.0.restore(step, executor, path: checkpoint.path)
  }

  /// Reads a picture of any size.
  ///
  /// - Parameter path: for errors
  public func read(_ picture: Picture, path: String) throws -> Reading {
    let planes = try input.planes(of: picture, fittedTo: size, path: path)
    let logits = try translation(planes, index: 0, seed: seed, on: executor)
    return Reading(classes: PlaneFormat.largest(logits, area: size.area), features: try features())
  }

  private func features() throws -> [Double] {
    guard let (tensor, activation) = translation.features else { preconditionFailure("features are kept") }
    return try executor.read(tensor).means(ofEach: tensor.shape.h * tensor.shape.w, activation)
  }

  /// The classes that a label map gives the pixels of `size`; `palette.count` for those that nobody labelled.
  ///
  /// - Throws: `ImageError` for a picture with other colours than the palette's.
  public func labels(of picture: Picture, path: String) throws -> [UInt8] {
    try palette.classes(of: picture, fittedTo: size, path: path)
  }
}
