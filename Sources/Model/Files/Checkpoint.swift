import Files
import Foundation
import Images
import Tape

/// A training run's state in one safetensors file.
///
/// Parameters and running statistics stand under PyTorch's names and in its layouts (a U-Net's begin with
/// "model.model.", the discriminator's with "model." and a number or "net."), Adam's moments as "adam.m.NETWORK.NAME" and
/// "adam.v.NETWORK.NAME". The metadata holds the options as JSON, the step (which is also the sampler's position
/// and the random counter: both are functions of seed and step), and the best validation so far.
///
/// Nothing in it depends on the time or on the run's folder: equal runs on the same pictures have equal files.
public struct Checkpoint: Sendable {
  /// The metadata besides the options. The sampler's place and the random counter follow from the step.
  public struct Progress: Sendable, Codable, Equatable {
    /// Steps done.
    public var step = 0
    /// The best validation so far.
    public var best: Best?
    /// Of the learning rate's policy "plateau": the best figure it counts from, validations since, and how often the rate
    /// was lowered.
    public var plateauBest: Double?
    public var badEpochs = 0
    public var rateReductions = 0

    public init() {}

    /// Whether a run of any length may have come to it. Larger numbers would overflow where they are counted on.
    var isPossible: Bool {
      (0...1_000_000_000_000_000).contains(step) && (0...step).contains(best?.step ?? 0)
        && (0...LearningRatePolicy.plateauPatience).contains(badEpochs)
        && (0...1_000_000).contains(rateReductions)
    }

    /// A validation that none before was better than.
    public struct Best: Sendable, Codable, Equatable {
      /// The key of the figure that it was the best by.
      public var figure: String
      public var value: Double
      public var step: Int

      public init(figure: String, value: Double, step: Int) {
        (self.figure, self.value, self.step) = (figure, value, step)
      }
    }
  }

  static let format = "\(OwnMark.checkpoint) 2"

  public var options: TrainingOptions
  public var progress: Progress
  /// Where the values are read from, a tensor at a time.
  public let tensors: SafetensorsFile

  /// Writes a run's state from an executor to a file, tensor by tensor.
  ///
  /// - Throws: `ModelError.diverged` when a weight is NaN or infinite: such a state is not worth keeping.
  ///   `FileError` when the file cannot be written. Either way a file that was there remains.
  public static func save(
    _ step: any TrainingStep, _ executor: any Executor, options: TrainingOptions, progress: Progress,
    to path: String, replacing: OutputFile.Replacing = .own
  ) throws {
    try write(step, step.tensors, options: options, progress: progress, to: path, replacing: replacing) {
      named in
      let values = try executor.read(named.tensor)
      guard values.areFinite else {
        throw ModelError.diverged("\(named.name) has become NaN or infinite by step \(progress.step)")
      }
      return values
    }
  }

  /// Writes tensors of a training step to a file.
  ///
  /// - Parameter values: of a tensor, row-major, when its turn comes
  /// - Throws: `FileError` when the file cannot be written, and the errors of `values`; a file that was there remains
  static func write(
    _ step: any TrainingStep, _ tensors: [NamedTensor], options: TrainingOptions, progress: Progress,
    to path: String, replacing: OutputFile.Replacing, _ values: @escaping (NamedTensor) throws -> [Float]
  ) throws {
    var sources: [String: Safetensors.Source] = [:]
    for named in tensors {
      sources[named.name] = Safetensors.Source(named.tensor.shape.dimensions) { try values(named) }
    }
    // PyTorch's batch norm counts its forward passes.
    for network in step.networks {
      for named in network.runningStatistics where named.name.hasSuffix(".running_mean") {
        let name = named.name.replacingOccurrences(of: ".running_mean", with: ".num_batches_tracked")
        sources[name] = Safetensors.Source(scalar: Int64(progress.step * network.passesPerStep))
      }
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    // A PSNR may be infinite, for which JSON has no number.
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    let metadata = [
      "format": format,
      "options": String(decoding: try encoder.encode(options), as: UTF8.self),
      "progress": String(decoding: try encoder.encode(progress), as: UTF8.self),
      "places": String(decoding: try encoder.encode(Places(options)), as: UTF8.self),
    ]
    try Safetensors.write(sources, metadata: metadata, to: path, replacing: replacing)
  }

  /// Reads a file's header and checks what can be checked without a model.
  ///
  /// - Throws: `ModelError.file` naming the file and what is wrong with it.
  public init(path: String) throws(ModelError) {
    let tensors = try SafetensorsFile(path: path)
    guard let format = tensors.metadata["format"] else {
      throw .file(path, "is a safetensors file, but no checkpoint of pix2pix (its metadata name no format)")
    }
    guard format == Self.format else {
      throw .file(
        path,
        "is a \"\(format.inErrors)\"; this program reads \"\(Self.format)\": use the version that wrote it, or train anew"
      )
    }
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    guard let options = tensors.metadata["options"], let progress = tensors.metadata["progress"],
      let decodedOptions = try? decoder.decode(TrainingOptions.self, from: Data(options.utf8)),
      let decodedProgress = try? decoder.decode(Progress.self, from: Data(progress.utf8)),
      decodedProgress.isPossible
    else { throw .file(path, "its metadata hold no options or progress that this program understands") }
    do throws(ModelError) {
      try decodedOptions.validate()
      try decodedOptions.validateFormat()
    } catch {
      throw .file(path, "its options are out of range: \(error)")
    }
    self.options = decodedOptions
    if let places = tensors.metadata["places"].flatMap({
      try? decoder.decode(Places.self, from: Data($0.utf8))
    }) {
      self.options.locate(places)
    }
    self.progress = decodedProgress
    self.tensors = tensors
  }

  /// The same for use in a direction: its options say what the model takes and draws then.
  ///
  /// - Parameter direction: nil for the model's own
  /// - Throws: `ModelError.option` for a direction that the model does not translate in
  public func translating(_ direction: Direction?) throws(ModelError) -> Checkpoint {
    var other = self
    other.options = try options.translating(direction)
    return other
  }

  /// Checks that the file holds the tensors of a training step, or of its networks alone, before anything of the sizes that
  /// its options ask for is allocated.
  ///
  /// - Throws: `ModelError.file` when a tensor is missing, has another shape, or holds NaN or infinite values.
  public func check(_ step: any TrainingStep, path: String) throws(ModelError) {
    try checkShapes(step, path)
    for tensor in step.tensors {
      guard let values = try tensors.floats(tensor.name), !values.areFinite else { continue }
      throw .file(path, "\(tensor.name) holds NaN or infinite values; use an earlier checkpoint")
    }
  }

  private func checkShapes(_ step: any TrainingStep, _ path: String) throws(ModelError) {
    for tensor in step.tensors {
      guard let entry = tensors.entries[tensor.name] else {
        throw .file(path, "has no \(tensor.name): it belongs to another architecture")
      }
      guard entry.shape == tensor.tensor.shape.dimensions else {
        throw .file(
          path, "\(tensor.name) has the shape \(Shape(entry.shape)), the model's has \(tensor.tensor.shape)")
      }
      guard entry.isFloat32 else {
        throw .file(path, "\(tensor.name) is not of type F32")
      }
    }
  }

  /// Sets the tensors of a training step, or of its networks alone, on an executor.
  ///
  /// - Throws: `ModelError.file` when a tensor is missing or has another shape: nothing is set then.
  public func restore(_ step: any TrainingStep, _ executor: any Executor, path: String) throws {
    try checkShapes(step, path)
    for tensor in step.tensors {
      if let values = try tensors.floats(tensor.name) { try executor.write(values, to: tensor.tensor) }
    }
  }
}
