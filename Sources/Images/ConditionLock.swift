import Foundation

/// State behind a lock, with a condition to wait for: a monitor.
///
/// `Synchronization.Mutex` cannot wait, and the thread sanitizer cannot see it: on Linux (Swift 6.3) a
/// contended `Mutex.withLock` is reported as a race, which would hide real ones. NSCondition it understands.
final class ConditionLock<State: Sendable>: Sendable {
  private let condition = NSCondition()
  /// Read and written between lock and unlock only, by the two functions below.
  nonisolated(unsafe) private var state: State

  init(_ state: State) {
    self.state = state
  }

  /// Reads or changes the state, and wakes all waiting threads.
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
