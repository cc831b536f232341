import Files
import Foundation
import Images

/// The files of one training run.
public struct RunDirectory: Sendable {
  public let path: String
  /// What its files may take the place of.
  public let replacing: OutputFile.Replacing

  public init(_ path: String, replacing: OutputFile.Replacing = .own) {
    (self.path, self.replacing) = (path, replacing)
  }

  public var losses: String { "\(path)/losses.csv" }
  public var validation: String { "\(path)/validation.csv" }
  /// Beginnings and ends of the run.
  public var history: String { "\(path)/history.csv" }
  public var report: String { "\(path)/report.html" }
  public var samples: String { "\(path)/samples" }
  /// The kernel variants that the run's convolutions take.
  public var kernels: String { "\(path)/kernels.json" }
  /// The run's options, as `--config` takes them.
  public var options: String { "\(path)/options.yaml" }
  public var best: String { "\(path)/best.safetensors" }
  private var checkpoints: String { "\(path)/checkpoints" }

  public func checkpoint(step: Int) -> String { "\(checkpoints)/step-\(Self.digits(step)).safetensors" }

  public func sample(step: Int) -> String { "\(samples)/step-\(Self.digits(step)).png" }

  /// Steps in file names sort as numbers do.
  private static func digits(_ step: Int) -> String {
    let text = String(step)
    return String(repeating: "0", count: max(0, 8 - text.count)) + text
  }

  // MARK: The folder as a whole

  /// Makes the folders, and takes the right to write them: one training at a time.
  ///
  /// - Parameters:
  ///   - isNew: the run begins; of one that goes on, kernels.json may be anything: it is a shortcut
  ///   - inputs: the paths of pictures that the run reads
  /// - Returns: the right, for as long as it is held
  /// - Throws: `ModelError.file` for a folder that cannot be made, `FileError` when another process trains there, or when
  ///   there are files of the run's names that this program did not write
  func open(isNew: Bool, inputs: () -> [String]) throws -> FolderLock {
    // Before anything is made: what is refused leaves nothing behind.
    try refuseForeignFiles(isNew: isNew, inputs)
    for folder in [path, samples, checkpoints] { try makeFolder(folder) }
    let lock = try FolderLock(path)
    for folder in [path, samples, checkpoints] { OutputFile.removeLeftovers(in: folder) }
    return lock
  }

  private func refuseForeignFiles(isNew: Bool, _ inputs: () -> [String]) throws(FileError) {
    let files =
      [losses, validation, history, report, best, options] + (isNew ? [kernels] : [])
      + checkpointSteps().map(checkpoint)
      + sampleSteps().map(sample)
    // Samples of a run may be another's pictures, and so its own by mistake.
    let read = sampleSteps().isEmpty ? [] : Set(inputs().compactMap(FileIdentity.init))
    for file in files { try OutputFile.check(file, replacing: replacing, inputs: read, of: "--data") }
  }

  /// The error of a new run in a folder that holds one.
  public static func holdsRun(_ path: String) -> ModelError {
    .file(path, "holds a run already; add --resume to go on with it, or name another folder")
  }

  // MARK: Checkpoints and samples

  /// Steps of the checkpoints that are there, in order.
  public func checkpointSteps() -> [Int] { Self.steps(in: checkpoints, suffix: ".safetensors") }

  /// Steps of the sample strips that are there, in order.
  public func sampleSteps() -> [Int] { Self.steps(in: samples, suffix: ".png") }

  private static func steps(in folder: String, suffix: String) -> [Int] {
    let names = (try? FolderEntries(folder).names) ?? []
    return names.compactMap { name in
      guard name.hasPrefix("step-"), name.hasSuffix(suffix),
        let step = Int(name.dropFirst(5).dropLast(suffix.count)),
        name == "step-\(digits(step))\(suffix)"
      else { return nil }
      return step
    }.sorted()
  }

  /// The newest checkpoint; nil when there is none.
  public func latestCheckpoint() -> String? { checkpointSteps().last.map(checkpoint) }

  /// The checkpoint of a path: a run's newest, or the file itself.
  public static func checkpoint(of path: String) throws(ModelError) -> String {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw ModelError(FileError(path, missing: .either))
    }
    guard isFolder.boolValue else { return path }
    guard let latest = RunDirectory(path).latestCheckpoint() else {
      throw .file(path, "holds no checkpoint (checkpoints/step-….safetensors)")
    }
    return latest
  }

  /// Reads a run's newest checkpoint, or the file itself.
  ///
  /// - Throws: `ModelError.file`; for a newest checkpoint that is damaged it names the one before it
  public static func readCheckpoint(of path: String) throws(ModelError) -> (Checkpoint, path: String) {
    let file = try checkpoint(of: path)
    do throws(ModelError) {
      return (try Checkpoint(path: file), file)
    } catch .file(let damaged, let reason) {
      let run = RunDirectory(path)
      let earlier = run.checkpointSteps().dropLast().reversed().map(run.checkpoint).first {
        (try? Checkpoint(path: $0)) != nil
      }
      guard file != path else { throw .file(damaged, reason) }
      guard let earlier else {
        throw .file(
          damaged,
          "\(reason); the run holds no other checkpoint that is whole: begin it again in another folder")
      }
      throw .file(
        damaged, "\(reason); the checkpoint before it, \(earlier), is whole: remove the damaged one to use it"
      )
    }
  }

  /// The same, for use in one of the directions of a model without pairs.
  ///
  /// - Parameter direction: nil for the model's own, or from A to B
  /// - Throws: also `ModelError.option` for a direction that the model does not translate in
  public static func readCheckpoint(
    of path: String, translating direction: Direction?
  ) throws(ModelError) -> (Checkpoint, path: String) {
    let (checkpoint, file) = try readCheckpoint(of: path)
    return (try checkpoint.translating(direction), file)
  }

  /// Makes a copy of a checkpoint the best one.
  func makeBest(step: Int) throws {
    try OutputFile.write(RegularFile.contents(checkpoint(step: step)), to: best, replacing: replacing)
  }

  /// Removes all but the last `keep` checkpoints.
  ///
  /// - Throws: `FileError` for one that cannot be removed
  func prune(keep: Int) throws(FileError) {
    for step in checkpointSteps().dropLast(keep) { try OutputFile.remove(checkpoint(step: step)) }
  }
}
