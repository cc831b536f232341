import COpenCL
import Foundation
import Synchronization

/// Makes programs on a thread of its own, in the order in which they will be asked for, while the caller does
/// something else.
///
/// Where the driver keeps compiled kernels, and a program turns out to be new to it, the rest is compiled on more
/// threads.
package final class BuildAhead: Sendable {
  private let work: Work

  /// - Parameter warmsDriver: whether the driver keeps compiled kernels
  init(_ files: ProgramFiles, _ programs: BuiltPrograms, warmsDriver: Bool) {
    work = Work(files, programs, warmsDriver: warmsDriver)
  }

  /// Waits for the program that is being made: a driver is not left compiling when the process ends.
  deinit { work.stop() }

  /// Makes these programs after those before.
  func add(_ builds: [ProgramBuild]) { work.add(builds) }

  /// Waits for a program. nil if it was never added; throws if it does not compile.
  func take(_ name: String) throws(OpenCLError) -> ProgramFiles.Made? { try work.take(name) }
}

/// The state that the threads share. They hold it and not the `BuildAhead`, whose release ends them.
private final class Work: @unchecked Sendable {
  private let files: ProgramFiles
  private let programs: BuiltPrograms
  private let warmsDriver: Bool
  private let state = Mutex(State())

  private struct State {
    var slots: [String: Slot] = [:]
    var waiting: [ProgramBuild] = []
    /// Signalled when the thread has ended; nil while there is none.
    var thread: DispatchSemaphore?
  }

  /// Written before the signal, read after it.
  private final class Slot: @unchecked Sendable {
    let done = DispatchSemaphore(value: 0)
    var made: Result<ProgramFiles.Made, OpenCLError>?
  }

  init(_ files: ProgramFiles, _ programs: BuiltPrograms, warmsDriver: Bool) {
    self.files = files
    self.programs = programs
    self.warmsDriver = warmsDriver
  }

  func add(_ builds: [ProgramBuild]) {
    state.withLock { state in
      for build in builds where state.slots[build.name] == nil {
        state.slots[build.name] = Slot()
        state.waiting.append(build)
      }
      guard state.thread == nil, !state.waiting.isEmpty else { return }
      let ended = DispatchSemaphore(value: 0)
      state.thread = ended
      Thread.detachNewThread {
        self.run()
        ended.signal()
      }
    }
  }

  func take(_ name: String) throws(OpenCLError) -> ProgramFiles.Made? {
    guard let slot = state.withLock({ $0.slots[name] }) else { return nil }
    slot.done.wait()
    slot.done.signal()
    return try slot.made?.get()
  }

  /// Begins no more builds, and waits for the one that is under way. Nobody waits for a program then.
  func stop() {
    let thread = state.withLock { state in
      state.waiting = []
      return state.thread
    }
    thread?.wait()
  }

  private func run() {
    var warming: CacheWarming?
    while let (build, slot, rest) = next() {
      warming?.wait(for: build.name)
      let made = Result { () throws(OpenCLError) in try programs.program(build, files) }
      slot.made = made
      slot.done.signal()
      if warming == nil, warmsDriver, !rest.isEmpty, case .success(let made) = made, made.origin == .compiled
      {
        warming = CacheWarming(
          files, programs.context.device, rest.filter { !programs.contains($0.name) })
      }
    }
    warming = nil
    #if canImport(Glibc)
      // Memory freed by the driver's compiler, 70 MiB in PoCL, would stay with the process from now on.
      malloc_trim(0)
    #endif
  }

  private func next() -> (ProgramBuild, Slot, rest: [ProgramBuild])? {
    state.withLock { state in
      guard let build = state.waiting.first, let slot = state.slots[build.name] else {
        state.thread = nil
        return nil
      }
      state.waiting.removeFirst()
      return (build, slot, state.waiting)
    }
  }
}
