import Foundation
import Synchronization

/// Builds programs on threads of its own and drops them, so that the driver's cache has them. What another warming of
/// the process has begun is left to it.
///
/// Each thread has a context of its own: drivers such as PoCL compile one program of a context at a time.
package final class CacheWarming: Sendable {
  private let work: Work
  /// A latch for each of the builds, whoever makes it.
  private let done: [String: Latch]
  private let threads: [DispatchSemaphore]

  /// - Parameter builds: in the order they will be waited for
  package init(_ files: ProgramFiles, _ device: Device, _ builds: [ProgramBuild]) {
    let (mine, done) = Self.claim(builds)
    let work = Work(files, device, mine)
    self.work = work
    self.done = done
    // More than four would wait for the driver, which compiles kernels for their launches one at a time.
    let count = min(4, mine.count, ProcessInfo.processInfo.activeProcessorCount)
    threads = (0..<count).map { _ in
      let ended = DispatchSemaphore(value: 0)
      Thread.detachNewThread {
        work.run()
        ended.signal()
      }
      return ended
    }
  }

  /// Waits for the builds that are under way: a driver is not left compiling when the process ends.
  deinit {
    let rest = work.stop()
    for ended in threads { ended.wait() }
    Self.claimed.withLock { claimed in for (build, _) in rest { claimed[build.name] = nil } }
    for (_, latch) in rest { latch.open() }
  }

  /// Returns when that program has been built, or could not be; at once if it is not among the builds.
  package func wait(for name: String) { done[name]?.wait() }

  /// Builds that a warming of this process makes or has made.
  private static let claimed = Mutex<[String: Latch]>([:])

  /// Sorts out what nobody has claimed yet, and claims it.
  private static func claim(
    _ builds: [ProgramBuild]
  ) -> (mine: [(build: ProgramBuild, done: Latch)], all: [String: Latch]) {
    claimed.withLock { claimed in
      var mine: [(ProgramBuild, Latch)] = []
      var all: [String: Latch] = [:]
      for build in builds where all[build.name] == nil {
        let latch = claimed[build.name] ?? Latch()
        all[build.name] = latch
        guard claimed[build.name] == nil else { continue }
        claimed[build.name] = latch
        mine.append((build, latch))
      }
      return (mine, all)
    }
  }
}

/// Whoever waits for it goes on once it is open.
private final class Latch: Sendable {
  private let semaphore = DispatchSemaphore(value: 0)

  func open() { semaphore.signal() }

  func wait() {
    semaphore.wait()
    semaphore.signal()
  }
}

/// The state that the threads share. They hold it and not the `CacheWarming`, whose release ends them.
private final class Work: Sendable {
  private let files: ProgramFiles
  private let device: Device
  private let builds: [(build: ProgramBuild, done: Latch)]
  private let next = Atomic(0)

  init(_ files: ProgramFiles, _ device: Device, _ builds: [(build: ProgramBuild, done: Latch)]) {
    self.files = files
    self.device = device
    self.builds = builds
  }

  func run() {
    let context = try? DriverContext(device)
    while true {
      let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
      guard builds.indices.contains(index) else { return }
      let (build, done) = builds[index]
      // Its user reports an error of the build.
      if let context { _ = try? files.make(build, in: context) }
      done.open()
    }
  }

  /// Begins no more builds, and gives back those not begun.
  func stop() -> ArraySlice<(build: ProgramBuild, done: Latch)> {
    builds.dropFirst(next.exchange(builds.count, ordering: .relaxed))
  }
}
