import Files
import Foundation
import Images
import Model
import Synchronization

/// The runs and models that a server was given, by the names that requests use. A name is looked up here and never becomes a
/// part of a path, so that nothing else of the file system can be asked for.
package struct Catalog: Sendable {
  package struct Run: Sendable, Equatable {
    package let name: String
    package let path: String
  }

  package struct ModelEntry: Sendable, Equatable {
    package let name: String
    /// A run's folder, for its newest checkpoint, or a checkpoint.
    package let path: String
    /// The name of its run.
    package let run: String?
    /// Of a model without pairs, which has an entry for each.
    package var direction: Direction?
  }

  package private(set) var runs: [Run] = []
  package private(set) var models: [ModelEntry] = []

  /// Looks for runs and models. A folder of runs may have got more of them since.
  ///
  /// - Throws: `ModelError.file` for a place that holds neither
  package init(_ places: [String]) throws {
    for place in places {
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: place, isDirectory: &isFolder) else {
        throw ModelError(FileError(place, missing: .either))
      }
      if !isFolder.boolValue {
        _ = try RunDirectory.readCheckpoint(of: place)
        add(checkpoint: place)
      } else if RecordedRun.isRun(place) {
        add(run: place)
      } else {
        let names = ((try? FolderEntries(place).names) ?? []).filter { !$0.hasPrefix(".") }.sorted()
        let inside = names.map { "\(place)/\($0)" }.filter(RecordedRun.isRun)
        guard !inside.isEmpty || names.isEmpty else {
          throw ModelError.file(place, "is neither a run nor a folder of runs")
        }
        for run in inside { add(run: run) }
      }
    }
  }

  package func run(_ name: String) -> Run? { runs.first { $0.name == name } }
  package func model(_ name: String) -> ModelEntry? { models.first { $0.name == name } }

  private mutating func add(run path: String) {
    let taken = Set(runs.map(\.name))
    let name = Self.unique(Self.lastName(path), taken)
    runs.append(Run(name: name, path: path))
    let directory = RunDirectory(path)
    if let latest = directory.latestCheckpoint() {
      add(ModelEntry(name: name, path: path, run: name), latest)
    }
    if FileIdentity(directory.best) != nil {
      add(ModelEntry(name: "\(name)/best", path: directory.best, run: name), directory.best)
    }
  }

  /// Adds a model; of one without pairs, both directions.
  private mutating func add(_ entry: ModelEntry, _ checkpoint: String) {
    guard Self.isUnpaired(checkpoint) else { return models.append(entry) }
    for direction in Direction.allCases {
      models.append(
        ModelEntry(
          name: "\(entry.name)/\(direction.rawValue)", path: entry.path, run: entry.run, direction: direction)
      )
    }
  }

  /// Catalogs are made again and again: a file is read once.
  private static let unpaired = Mutex<[FileStamp: Bool]>([:])

  private static func isUnpaired(_ checkpoint: String) -> Bool {
    guard let stamp = FileStamp(checkpoint) else { return false }
    if let known = unpaired.withLock({ $0[stamp] }) { return known }
    let result = (try? Checkpoint(path: checkpoint))?.options.isUnpaired ?? false
    unpaired.withLock { known in
      if known.count > 1000 { known = [:] }
      known[stamp] = result
    }
    return result
  }

  private mutating func add(checkpoint path: String) {
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    let name = "\(Self.lastName(folder))/\(Self.lastName(path))"
    let taken = Set(models.map { $0.direction == nil ? $0.name : String($0.name.dropLast("/AtoB".count)) })
    add(ModelEntry(name: Self.unique(name, taken), path: path, run: nil), path)
  }

  private static func lastName(_ path: String) -> String {
    URL(fileURLWithPath: path).standardizedFileURL.lastPathComponent
  }

  private static func unique(_ name: String, _ taken: Set<String>) -> String {
    guard taken.contains(name) else { return name }
    return (2...).lazy.map { "\(name) \($0)" }.first { !taken.contains($0) }!
  }
}
