import Dispatch
import Files
import Foundation
import Images
import Model
import Synchronization

/// The models of a server: keeps generators loaded and translates one picture at a time, on a thread of its own, since a
/// device computes one after the other.
actor ModelRoom {
  /// Runs the actor's work on one queue, not on the threads that answer requests.
  private final class Worker: SerialExecutor {
    private let queue = DispatchQueue(label: "models")

    func enqueue(_ job: consuming ExecutorJob) {
      let job = UnownedJob(job)
      let executor = asUnownedSerialExecutor()
      queue.async { job.runSynchronously(on: executor) }
    }

    func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }
  }

  /// A generator's settings, which are recorded into its steps.
  private struct Key: Hashable {
    let checkpoint: FileStamp?
    let statistics: NormStatistics
    let drops: Bool
    let size: Translator.Size
    let direction: Direction
  }

  /// A translation that a request asks for.
  struct Job: Sendable {
    var model: Catalog.ModelEntry
    /// The files of the inputs, in order.
    var inputs: [[UInt8]]
    var statistics = NormStatistics.batch
    /// Nil for what the model does in `translate`.
    var dropout: Translator.Dropout?
    /// From 0.
    var sample = 0
    var size = Translator.Size.trained
    /// Nil for the input's.
    var bitDepth: Int?
    var format: PictureHeader.Format?
    var withRecipe = false
  }

  struct Answer: Sendable {
    var file: [UInt8]
    var format: PictureHeader.Format
    /// Of reading, translating and writing.
    var milliseconds: Double
  }

  private let worker = Worker()
  nonisolated var unownedExecutor: UnownedSerialExecutor { worker.asUnownedSerialExecutor() }
  private let configuration: ServerConfiguration
  /// Pictures that wait or are under way.
  private let waiting = Mutex(0)
  /// The one used last is the last.
  private var loaded: [(key: Key, translator: Translator)] = []
  private var checkpoints: [FileStamp: Checkpoint] = [:]
  private var fingerprints: [FileStamp: String] = [:]
  private var examples: [String: Examples] = [:]
  private var areRandom: [FileStamp: Bool] = [:]

  init(_ configuration: ServerConfiguration) { self.configuration = configuration }

  // MARK: Checkpoints

  /// A model's checkpoint; a run's newest one may be another every time.
  private func checkpoint(_ model: Catalog.ModelEntry) throws -> (Checkpoint, path: String) {
    let path = try RunDirectory.checkpoint(of: model.path)
    // A run that goes on replaces best.safetensors.
    let stamp = FileStamp(path)
    if let known = stamp.flatMap({ checkpoints[$0] }) {
      return (try known.translating(model.direction), path)
    }
    let (checkpoint, read) = try RunDirectory.readCheckpoint(of: model.path)
    if checkpoints.count > 64 { checkpoints = [:] }
    if let stamp { checkpoints[stamp] = checkpoint }
    return (try checkpoint.translating(model.direction), read)
  }

  /// What a page has to know of a model.
  func description(_ model: Catalog.ModelEntry) throws -> ModelDescription {
    let (checkpoint, path) = try checkpoint(model)
    return ModelDescription(
      model, checkpoint, path: path, labelNames: configuration.labelNames,
      examples: examples(model, checkpoint.options).count, isRandom: try isRandom(checkpoint.options, path))
  }

  /// Whether there is noise or dropout in a generator: a small U-Net has no level that drops.
  private func isRandom(_ options: TrainingOptions, _ path: String) throws -> Bool {
    let stamp = FileStamp(path)
    if let known = stamp.flatMap({ areRandom[$0] }) { return known }
    let step = try options.recordTranslation(dropout: options.drawsWithDropout)
    if areRandom.count > 64 { areRandom = [:] }
    if let stamp { areRandom[stamp] = step.isRandom }
    return step.isRandom
  }

  // MARK: Translating

  /// Translates, as soon as the translations before are done.
  ///
  /// - Throws: `RequestError`, also where too many wait already
  nonisolated func translate(_ job: Job) async throws -> Answer {
    try await admitted { try await self.translateNow(job) }
  }

  /// Lets only so many pictures wait.
  private nonisolated func admitted<Result: Sendable>(
    _ work: @Sendable () async throws -> Result
  ) async throws -> Result {
    let mayWait = waiting.withLock { count in
      guard count < configuration.limits.waitingPictures else { return false }
      count += 1
      return true
    }
    guard mayWait else { throw RequestError(.busy, "too many pictures are waiting; try again") }
    defer { waiting.withLock { $0 -= 1 } }
    return try await work()
  }

  private func translateNow(_ job: Job) throws -> Answer {
    guard !Task.isCancelled else { throw CancellationError() }
    let start = ContinuousClock.now
    let (checkpoint, path) = try checkpoint(job.model)
    let options = checkpoint.options
    let inputs = try pictures(job.inputs, options.format, size: job.size)
    let dropout = job.dropout ?? (options.drawsWithDropout ? .on : .off)
    let translator = try translator(job, (checkpoint, path), drops: dropout != .off)
    let bitDepth = job.bitDepth ?? inputs[0].picture.bitDepth
    let seed: UInt64? = if case .seeded(let seed) = dropout { seed } else { nil }
    let picture = try translator.translate(inputs, sample: job.sample, seed: seed, bitDepth: bitDepth)
    let format = job.format ?? (picture.isColour ? .png : .npy)
    guard picture.isColour || format == .npy else {
      throw RequestError(.badRequest, "this model draws channels, which only NPY holds; ask for format=npy")
    }
    let file: [UInt8]
    if job.withRecipe, format == .png {
      let recipe = Recipe(
        model: URL(fileURLWithPath: path).standardizedFileURL.path, fingerprint: try fingerprint(path),
        direction: job.model.direction,
        statistics: job.statistics, dropout: dropout.word, sample: job.sample, index: 0, size: job.size,
        bitDepth: bitDepth)
      file = try recipe.file(of: picture, inputs: job.inputs, path: "the picture")
    } else {
      file = try picture.file(format, path: "the picture")
    }
    return Answer(file: file, format: format, milliseconds: (ContinuousClock.now - start) / .milliseconds(1))
  }

  private func translator(_ job: Job, _ checkpoint: (Checkpoint, path: String), drops: Bool) throws
    -> Translator
  {
    let key = Key(
      checkpoint: FileStamp(checkpoint.path), statistics: job.statistics, drops: drops, size: job.size,
      direction: checkpoint.0.options.direction)
    if let place = loaded.firstIndex(where: { $0.key == key }) {
      let used = loaded.remove(at: place)
      loaded.append(used)
      return used.translator
    }
    while loaded.count >= configuration.limits.loadedGenerators { loaded.removeFirst() }
    let translator = try Translator(
      checkpoint, statistics: job.statistics, dropout: drops ? .on : .off, size: job.size,
      makeExecutor: configuration.makeExecutor)
    loaded.append((key, translator))
    return translator
  }

  private func fingerprint(_ path: String) throws -> String {
    let stamp = FileStamp(path)
    if let known = stamp.flatMap({ fingerprints[$0] }) { return known }
    if fingerprints.count > 64 { fingerprints = [:] }
    let text = try FileChecksum.text(path)
    if let stamp { fingerprints[stamp] = text }
    return text
  }

  /// Decodes the inputs, after their headers have said that they are not too large.
  private func pictures(
    _ files: [[UInt8]], _ format: PairFormat, size: Translator.Size
  ) throws -> [Translator.Input] {
    guard files.count == format.inputCount else {
      throw RequestError(
        .badRequest, "the model takes \(format.inputCount) pictures at a time, not \(files.count)")
    }
    let limits = configuration.limits
    return try files.map {
      Translator.Input(
        try picture($0, most: size == .own ? limits.translatedPixels : limits.pixels), path: "the picture")
    }
  }

  private func picture(_ file: [UInt8], most: Int) throws -> Picture {
    let header = try PictureHeader(decoding: file, path: "the picture")
    guard header.size.area <= most else {
      throw RequestError(
        .tooLarge, "the picture has \(header.size) pixels; the server takes \(most) of them at most here")
    }
    return try Picture(decoding: file, path: "the picture")
  }

  // MARK: Inputs as networks see them

  /// A picture as an input of the model, at the size of the training: what a page draws on.
  ///
  /// - Parameters:
  ///   - place: of the input among those that the model takes
  ///   - isPhotograph: for models of a task: the task makes its input of the picture
  nonisolated func input(
    _ model: Catalog.ModelEntry, _ file: [UInt8], place: Int, isPhotograph: Bool
  ) async throws -> [UInt8] {
    try await admitted {
      try await self.inputNow(model, file, place: place, isPhotograph: isPhotograph)
    }
  }

  private func inputNow(
    _ model: Catalog.ModelEntry, _ file: [UInt8], place: Int, isPhotograph: Bool
  ) throws -> [UInt8] {
    let options = try checkpoint(model).0.options
    let size = options.network.size
    let picture = try picture(file, most: configuration.limits.pixels)
    let result: Picture
    switch options.format {
    case .pictures(let inputs, _):
      guard inputs.indices.contains(place) else {
        throw RequestError(
          .badRequest, "the model takes \(inputs.count) pictures; there is no input \(place)")
      }
      let planes = try inputs[place].planes(of: picture, fittedTo: size, path: "the picture")
      result = inputs[place].picture(planes: planes, width: size.width, height: size.height)
    case .photographs(let task):
      let planes: [Float]
      if isPhotograph {
        let photograph = picture.rgb().resized(width: size.width, height: size.height, method: .bicubic)
        planes = task.input(of: photograph, seed: options.seed, epoch: 0, index: 0)
      } else {
        planes = try task.planes(ofInput: picture, fittedTo: size, path: "the picture")
      }
      result = options.format.drawablePictures(planes, size: size)[0]
    }
    return try result.shown.file(.png, path: "the picture")
  }

  // MARK: Examples

  private func examples(_ model: Catalog.ModelEntry, _ options: TrainingOptions) -> Examples {
    if let known = examples[model.name] { return known }
    let found = Examples(options)
    examples[model.name] = found
    return found
  }

  /// A picture of an example: an input's, or the target's for nil.
  func example(_ model: Catalog.ModelEntry, number: Int, input: Int?) throws -> [UInt8] {
    let options = try checkpoint(model).0.options
    guard let picture = try examples(model, options).picture(number, input: input) else {
      throw RequestError(.notFound, "there is no such example")
    }
    return try picture.file(.png, path: "the example")
  }
}

extension Translator.Dropout {
  /// As `translate` takes it.
  var word: String {
    switch self {
    case .on: "on"
    case .off: "off"
    case .seeded(let seed): "\(seed)"
    }
  }
}
