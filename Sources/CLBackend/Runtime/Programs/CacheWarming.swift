import Foundation
import Synchronization

/// Builds programs on threads of its own and drops them, so that the driver's cache has them.
///
/// Each thread has a context of its own: drivers such as PoCL compile one program of a context at a time.
package final class CacheWarming: Sendable {
  private let work: Work
  private let threads: [DispatchSemaphore]

  /// - Parameter builds: in the order they will be waited for
  package init(_ files: ProgramFiles, _ device: Device, _ builds: [ProgramBuild]) {
    let work = Work(files, device, builds)
    self.work = work
    // More than four would wait for the driver, which compiles kernels for their launches one at a time.
    let count = min(4, builds.count, ProcessInfo.processInfo.activeProcessorCount)
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
    work.stop()
    for ended in threads { ended.wait() }
  }

  /// Returns when that program has been built, or could not be; at once if it is not among the builds.
  package func wait(for name: String) { work.wait(for: name) }
}

/// The state that the threads share. They hold it and not the `CacheWarming`, whose release ends them.
private final class Work: Sendable {
  private let files: ProgramFiles
  private let device: Device
  private let builds: [ProgramBuild]
  private let next = Atomic(0)
  /// Signalled when the program is there.
  private let done: [String: DispatchSemaphore]

  init(_ files: ProgramFiles, _ device: Device, _ builds: [ProgramBuild]) {
    self.files = files
    self.device = device
    self.builds = builds
    done = Dictionary(uniqueKeysWithValues: builds.map { ($0.name, DispatchSemaphore(value: 0)) })
  }

  func run() {
    let context = try? Context(device)
    while true {
      let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
      guard builds.indices.contains(index) else { return }
      let build = builds[index]
      // Its user reports an error of the build.
      if let context { _ = try? files.make(build, in: context) }
      done[build.name]?.signal()
    }
  }

  /// Begins no more builds.
  func stop() { next.store(builds.count, ordering: .relaxed) }

  func wait(for name: String) {
    guard let done = done[name] else { return }
    done.wait()
    done.signal()
  }
}
