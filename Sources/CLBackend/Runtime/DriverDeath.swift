import Foundation
import Synchronization

/// A driver that ends the process should not do so without a word: some end it by a signal where their cache is damaged, or
/// by `exit` where their compiler finds what it does not know.
enum DriverDeath {
  /// Has one line written on standard error when a signal ends the process that drivers use for that, before what would
  /// have happened anyway happens.
  ///
  /// - Parameters:
  ///   - caches: folders of compiled kernels, to be named
  ///   - hint: another likely reason
  static func watch(caches: [String], hint: String?) {
    let advice =
      hint
      ?? "If that happens at every start, remove its compiled kernels: \(caches.joined(separator: " and "))"
    for (number, name) in signals {
      // Kept for good: a handler may allocate nothing.
      texts[Int(number)] = UnsafeMutablePointer(
        strdup("pix2pix: \(name) ended the program, most likely in the OpenCL driver. \(advice)\n"))
    }
    catchSignals()
    atexit { DriverDeath.tellWork() }
  }

  /// Puts the handlers in place, again where others have replaced them: LLVM, which many drivers compile with, has handlers
  /// of its own that say nothing.
  private static func catchSignals() {
    installing.withLock { _ in
      for (number, _) in signals {
        var action = sigaction()
        sigaction(number, nil, &action)
        guard action.sa_flags & Int32(SA_SIGINFO) != 0 || !isOurs(action) else { continue }
        before[Int(number)] = action
        action = sigaction()
        action.sa_flags = Int32(SA_ONSTACK)
        action.__sigaction_handler.sa_handler = handler
        sigaction(number, &action, nil)
      }
    }
  }

  private static func isOurs(_ action: sigaction) -> Bool {
    unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(handler, to: Int.self)
  }

  private static let handler: @convention(c) (Int32) -> Void = { number in
    // Those who come later put back whom they replaced: once is enough.
    if let text = DriverDeath.texts[Int(number)] {
      DriverDeath.texts[Int(number)] = nil
      DriverDeath.tellWork()
      _ = write(STDERR_FILENO, text, strlen(text))
      sigaction(number, &DriverDeath.before[Int(number)], nil)
    } else {
      signal(number, SIG_DFL)
    }
    // Delivered when this handler returns.
    raise(number)
  }

  /// Names what this thread has the driver's compiler do, if anything.
  private static func tellWork() {
    guard let text = pthread_getspecific(work) else { return }
    _ = write(STDERR_FILENO, text, strlen(text.assumingMemoryBound(to: CChar.self)))
  }

  private static let installing = Mutex(())

  /// Runs `body`, a call of the driver's compiler, which may call `exit`.
  ///
  /// - Parameter work: what the driver does, as in "the driver ended the program while it was …"
  static func naming<T>(
    _ work: @autoclosure () -> String, of device: Device, _ body: () -> T
  ) -> T {
    let driver = device.description
    let work = work()
    let text = strdup(
      "pix2pix: the OpenCL driver \(driver.platform) \(driver.driverVersion) ended the program while it was \(work)\n"
    )
    let outer = pthread_getspecific(Self.work)
    pthread_setspecific(Self.work, text)
    defer {
      pthread_setspecific(Self.work, outer)
      free(text)
      catchSignals()
    }
    return DeviceWatch.shared.during(work, on: driver.name, body)
  }

  private static let signals = [
    (SIGABRT, "SIGABRT"), (SIGSEGV, "SIGSEGV"), (SIGBUS, "SIGBUS"), (SIGFPE, "SIGFPE"),
  ]

  /// By the signal's number.
  nonisolated(unsafe) private static let texts: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> = {
    let texts = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: 65)
    texts.initialize(repeating: nil, count: 65)
    return texts
  }()

  /// What was to happen at each signal.
  nonisolated(unsafe) private static let before: UnsafeMutablePointer<sigaction> = {
    let actions = UnsafeMutablePointer<sigaction>.allocate(capacity: 65)
    actions.initialize(repeating: sigaction(), count: 65)
    return actions
  }()

  /// The thread's call of a compiler, as a line; none while there is no such call.
  private static let work: pthread_key_t = {
    var key = pthread_key_t()
    pthread_key_create(&key, nil)
    return key
  }()
}
