import Foundation

/// The files of one training run.
public struct RunDirectory: Sendable {
  public let path: String

  public init(_ path: String) {
    self.path = path
  }

  public var losses: String { "\(path)/losses.csv" }
  public var validation: String { "\(path)/validation.csv" }
  public var report: String { "\(path)/report.html" }
  public var samples: String { "\(path)/samples" }
  /// The kernel variants that the run's convolutions take.
  public var kernels: String { "\(path)/kernels.json" }
  public var best: String { "\(path)/best.safetensors" }
  private var checkpoints: String { "\(path)/checkpoints" }

  public func checkpoint(step: Int) -> String { "\(checkpoints)/step-\(Self.digits(step)).safetensors" }

  public func sample(step: Int) -> String { "\(samples)/step-\(Self.digits(step)).png" }

  /// Steps in file names sort as numbers do.
  private static func digits(_ step: Int) -> String {
    let text = String(step)
    return String(repeating: "0", count: max(0, 8 - text.count)) + text
  }

  /// Makes the folders.
  public func create() throws(ModelError) {
    for folder in [path, samples, checkpoints] { try makeFolder(folder) }
  }

  /// Steps of the checkpoints that are there, in order.
  public func checkpointSteps() -> [Int] { Self.steps(in: checkpoints, suffix: ".safetensors") }

  /// Steps of the sample strips that are there, in order.
  public func sampleSteps() -> [Int] { Self.steps(in: samples, suffix: ".png") }

  private static func steps(in folder: String, suffix: String) -> [Int] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.compactMap { name in
      guard name.hasPrefix("step-"), name.hasSuffix(suffix) else { return nil }
      return Int(name.dropFirst(5).dropLast(suffix.count))
    }.sorted()
  }

  /// The newest checkpoint; nil when there is none.
  public func latestCheckpoint() -> String? { checkpointSteps().last.map(checkpoint) }

  /// The checkpoint of a path: a run's newest, or the file itself.
  public static func checkpoint(of path: String) throws(ModelError) -> String {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw .file(path, "no such file or folder")
    }
    guard isFolder.boolValue else { return path }
    guard let latest = RunDirectory(path).latestCheckpoint() else {
      throw .file(path, "holds no checkpoint (checkpoints/step-….safetensors)")
    }
    return latest
  }

  /// Makes a copy of a checkpoint the best one.
  func makeBest(step: Int) throws(ModelError) {
    let path = checkpoint(step: step)
    guard let data = try? Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe) else {
      throw .file(path, "cannot be read")
    }
    try writeAtomically(data, to: best)
  }

  /// Removes all but the last `keep` checkpoints, and the half-written files of a killed run.
  public func prune(keep: Int) {
    for step in checkpointSteps().dropLast(keep) {
      try? FileManager.default.removeItem(atPath: checkpoint(step: step))
    }
    for folder in [path, checkpoints] {
      for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
      where name.hasSuffix(".tmp") {
        try? FileManager.default.removeItem(atPath: "\(folder)/\(name)")
      }
    }
  }
}
