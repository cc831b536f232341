import Files
import Foundation
import Model

/// Follows the files of runs while somebody looks, and tells all who do of what changes.
actor RunWatcher {
  private let places: [String]
  private(set) var catalog: Catalog
  private var runs: [String: RecordedRun] = [:]
  private var summaries: [RunSummary] = []
  /// Rendered pages by run, with the revision that they show.
  private var pages: [String: (revision: String, html: String)] = [:]
  private var updated: ContinuousClock.Instant?
  private var listeners: [Int: AsyncStream<[RunSummary]>.Continuation] = [:]
  private var nextListener = 0
  private var following: Task<Void, Never>?
  private var isStopped = false

  /// Files are looked at so often while somebody listens, and not more often.
  static let interval = Duration.seconds(2)
  /// Strips that a page shows at once; the time-lapse has all.
  private static let mostStrips = 13
  /// Listeners hear something so often even where nothing changes, so that one that has gone is noticed.
  private static let heartbeat = Duration.seconds(20)

  init(_ places: [String]) throws {
    self.places = places
    catalog = try Catalog(places)
  }

  // MARK: Looking

  /// The state of all runs, not older than a moment.
  func current() -> [RunSummary] {
    if let updated, ContinuousClock.now - updated < .milliseconds(500) { return summaries }
    update()
    return summaries
  }

  private func update() {
    // A place that is gone for a moment does not take its runs away.
    if let found = try? Catalog(places) { catalog = found }
    let names = Set(catalog.runs.map(\.name))
    runs = runs.filter { names.contains($0.key) }
    summaries = catalog.runs.map { entry in
      // A name may come to mean another folder.
      let known = runs[entry.name].flatMap { $0.directory.path == entry.path ? $0 : nil }
      var run = known ?? RecordedRun(entry.path)
      run.update()
      runs[entry.name] = run
      return RunSummary(run, name: entry.name)
    }
    updated = .now
  }

  func summary(_ name: String) throws -> RunSummary {
    guard let summary = current().first(where: { $0.name == name }) else { throw Self.noRun }
    return summary
  }

  func model(_ name: String) throws -> Catalog.ModelEntry {
    _ = current()
    guard let model = catalog.model(name) else {
      let names = catalog.models.map(\.name).joined(separator: ", ")
      throw RequestError(.notFound, "there is no model of that name; there are: \(names)")
    }
    return model
  }

  private static let noRun = RequestError(.notFound, "there is no run of that name")

  // MARK: Listening

  /// The states of all runs, now and whenever one changes. Ends when nobody reads it.
  func changes() -> AsyncStream<[RunSummary]> {
    let number = nextListener
    nextListener += 1
    // A slow reader gets the newest state, not all in between.
    let (stream, continuation) = AsyncStream.makeStream(
      of: [RunSummary].self, bufferingPolicy: .bufferingNewest(1))
    continuation.onTermination = { _ in Task { await self.remove(number) } }
    guard !isStopped else {
      continuation.finish()
      return stream
    }
    listeners[number] = continuation
    continuation.yield(current())
    if following == nil { following = Task { await follow() } }
    return stream
  }

  private func remove(_ number: Int) {
    listeners[number] = nil
    if listeners.isEmpty {
      following?.cancel()
      following = nil
    }
  }

  /// Ends all listening, so that the server can stop.
  func stop() {
    isStopped = true
    for listener in listeners.values { listener.finish() }
  }

  private func follow() async {
    var told = ContinuousClock.now
    while !Task.isCancelled {
      try? await Task.sleep(for: Self.interval)
      guard !Task.isCancelled else { return }
      let before = summaries
      update()
      guard summaries != before || ContinuousClock.now - told > Self.heartbeat else { continue }
      told = .now
      for listener in listeners.values { listener.yield(summaries) }
    }
  }

  // MARK: Pages

  /// What lies inside a run's page: the report, its strips by links.
  ///
  /// - Parameter sampleURL: of a run's strip by its step
  func page(_ name: String, sampleURL: (String, Int) -> String) throws -> (revision: String, html: String) {
    let summary = try summary(name)
    guard let run = runs[name] else { throw Self.noRun }
    if let known = pages[name], known.revision == summary.revision { return known }
    let report = run.report(title: name, mostSamples: Self.mostStrips) { step in
      .linked(sampleURL(name, step), width: nil, height: nil)
    }
    let page = (summary.revision, report.body())
    pages[name] = page
    return page
  }

  /// Runs beside each other.
  func comparison(_ names: [String]) throws -> String {
    _ = current()
    let chosen = try names.map { name in
      guard let run = runs[name] else { throw Self.noRun }
      return (name, run)
    }
    return RunComparison(chosen).html()
  }

  /// The file of a sample strip.
  func sample(_ name: String, step: Int) throws -> [UInt8] {
    _ = try summary(name)
    guard let run = runs[name], run.sampleSteps.contains(step) else {
      throw RequestError(.notFound, "the run has no sample strip of that step")
    }
    return try RegularFile.contents(run.directory.sample(step: step))
  }
}
