import Foundation
import Synchronization

/// Watches all calls of a driver: one that never comes back would leave the user without a word.
///
/// OpenCL has no way to wait for some time only, and no way to take back what a device does not finish. So a thread looks on,
/// and what waits costs two entries in a table.
package final class DeviceWatch: Sendable {
  /// Of all queues and programs. It ends the process with exit code 1: whoever waits in a driver can do no more.
  static let shared = DeviceWatch(seconds: timeout(ProcessInfo.processInfo.environment)) { work, seconds in
    let text =
      "Error: \(work) takes longer than \(seconds) s, so that the device or its driver seems to hang; PIX2PIX_DEVICE_TIMEOUT is the number of seconds to wait, 0 for no end\n"
    try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    fflush(nil)
    _exit(1)
  }

  /// Seconds; nil for no end.
  private let seconds: Double?
  private let onTimeout: @Sendable (String, Double) -> Void
  private let state = Mutex(State())

  /// The words of a call, which are put together only where it does not come back.
  private struct Work: CustomStringConvertible {
    let device, what, object: String

    var description: String {
      (device.isEmpty ? "" : "\(device): ") + what + (object.isEmpty ? "" : " \(object)")
    }
  }

  private struct State {
    var waits: [Int: (since: ContinuousClock.Instant, work: Work)] = [:]
    var next = 0
    var hasThread = false
  }

  /// - Parameters:
  ///   - seconds: that a call may take; nil for no end
  ///   - onTimeout: is told, once for a call, what takes longer, and the seconds
  package init(seconds: Double?, onTimeout: @escaping @Sendable (String, Double) -> Void) {
    self.seconds = seconds
    self.onTimeout = onTimeout
  }

  /// PIX2PIX_DEVICE_TIMEOUT in seconds: an hour if it is not set or no number, nil if it is 0.
  package static func timeout(_ environment: [String: String]) -> Double? {
    let seconds = environment["PIX2PIX_DEVICE_TIMEOUT"].flatMap { Double($0) }
    guard let seconds, seconds.isFinite, seconds >= 0 else { return 3600 }
    return seconds == 0 ? nil : seconds
  }

  /// Runs `body`, a call of a driver.
  ///
  /// - Parameters:
  ///   - what: what the driver does, as in "compiling"
  ///   - object: the name of the program, the launch or the buffer; empty where `what` says it
  ///   - device: the device's name; empty where the call is none of one device
  package func during<T>(
    _ what: String, _ object: String = "", on device: String = "", _ body: () -> T
  ) -> T {
    guard let seconds else { return body() }
    let work = Work(device: device, what: what, object: object)
    let (number, isFirst) = state.withLock { state in
      state.next += 1
      state.waits[state.next] = (ContinuousClock.now, work)
      defer { state.hasThread = true }
      return (state.next, !state.hasThread)
    }
    if isFirst { Thread.detachNewThread { self.look(every: min(1, seconds / 4)) } }
    defer { state.withLock { $0.waits[number] = nil } }
    return body()
  }

  /// Ends with the last wait.
  private func look(every pause: Double) {
    guard let seconds else { return }
    while true {
      Thread.sleep(forTimeInterval: pause)
      let (late, isOver) = state.withLock { state in
        let now = ContinuousClock.now
        let late = state.waits.filter { now - $0.value.since > .seconds(seconds) }
        for number in late.keys { state.waits[number] = nil }
        if state.waits.isEmpty { state.hasThread = false }
        return (late.values.map(\.work.description), state.waits.isEmpty)
      }
      for work in late { onTimeout(work, seconds) }
      if isOver { return }
    }
  }
}

/// Runs `body`, OpenCL's function `call`, under the watch of `DeviceWatch`. For calls that need not be told apart.
func watched<T>(_ call: StaticString, _ body: () -> T) -> T {
  DeviceWatch.shared.during("the call", "\(call)", body)
}
