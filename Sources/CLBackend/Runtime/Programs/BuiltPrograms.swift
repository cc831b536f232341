import Synchronization

/// The programs that were built in one context. Each is built once, by the first thread that asks for it.
final class BuiltPrograms: Sendable {
  private let slots = Mutex<[String: Slot]>([:])

  private final class Slot: Sendable {
    let program = Mutex<Program?>(nil)
  }

  /// The program of that name, which `make` makes if there is none yet: other threads that ask for it wait meanwhile.
  /// After an error the next to ask tries again.
  func program(
    _ name: String, make: () throws(OpenCLError) -> ProgramFiles.Made
  ) throws(OpenCLError) -> ProgramFiles.Made {
    let slot = slots.withLock { slots in
      if let slot = slots[name] { return slot }
      let slot = Slot()
      slots[name] = slot
      return slot
    }
    let result = slot.program.withLock { program in
      Result { () throws(OpenCLError) in
        if let program { return ProgramFiles.Made(program: program, origin: .process) }
        let made = try make()
        program = made.program
        return made
      }
    }
    return try result.get()
  }

  /// Whether that program is there already.
  func contains(_ name: String) -> Bool {
    guard let slot = slots.withLock({ $0[name] }) else { return false }
    return slot.program.withLockIfAvailable { $0 != nil } ?? false
  }
}
