import Foundation

/// State behind a lock, and waiting for it to change.
///
/// `Synchronization.Mutex` cannot wait, and the thread sanitizer cannot see it: on Linux (Swift 6.3) a
/// contended `Mutex.withLock` is reported as a race, which would hide real ones. NSCondition it understands.
final class Monitor<State: Sendable>: Sendable {
  private let condition = NSCondition()
  /// Touched between lock and unlock only, by the two functions below and nothing else.
  nonisolated(unsafe) private var state: State

  init(_ state: State) {
    self.state = state
  }

  /// Reads or changes the state, and wakes whoever waits for a change.
  func withLock<R: Sendable>(_ body: (inout State) -> R) -> R {
    wait(until: body)
  }

  /// Calls `body` now and after each change of the state, until it returns something other than nil.
  func wait<R: Sendable>(until body: (inout State) -> R?) -> R {
    condition.lock()
    defer { condition.unlock() }
    while true {
      if let result = body(&state) {
        condition.broadcast()
        return result
      }
      condition.wait()
    }
  }
}
