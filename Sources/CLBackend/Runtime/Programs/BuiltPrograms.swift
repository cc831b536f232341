import Synchronization

/// A context of the driver, and the programs that were built in it: each is built once, by the first thread that asks for
/// it.
final class BuiltPrograms: Sendable {
  let context: DriverContext
  private let slots = Mutex<[String: Slot]>([:])

  private final class Slot: Sendable {
    let program = Mutex<Program?>(nil)
  }

  /// Throws as `DriverContext` does.
  init(_ device: Device) throws(OpenCLError) { context = try DriverContext(device) }

  /// A program that is there, or else from `files`; other threads that ask for it wait meanwhile. Throws if it does not
  /// compile; the next to ask tries again.
  func program(_ build: ProgramBuild, _ files: ProgramFiles) throws(OpenCLError) -> ProgramFiles.Made {
    let slot = slots.withLock { slots in
      if let slot = slots[build.name] { return slot }
      let slot = Slot()
      slots[build.name] = slot
      return slot
    }
    let result = slot.program.withLock { program in
      Result { () throws(OpenCLError) in
        if let program { return ProgramFiles.Made(program: program, origin: .process) }
        let made = try files.make(build, in: context)
        program = made.program
        return made
      }
    }
    return try result.get()
  }

  /// Whether that program is there.
  func contains(_ name: String) -> Bool {
    guard let slot = slots.withLock({ $0[name] }) else { return false }
    return slot.program.withLockIfAvailable { $0 != nil } ?? false
  }

  // MARK: Shared

  /// The device's context and programs that live as long as the process. Throws as `init` does.
  static func shared(by device: Device) throws(OpenCLError) -> BuiltPrograms {
    let result = kept.withLock { kept in
      Result { () throws(OpenCLError) in
        let key = Int(bitPattern: device.handle)
        if let programs = kept[key] { return programs }
        let programs = try BuiltPrograms(device)
        kept[key] = programs
        return programs
      }
    }
    return try result.get()
  }

  /// By the device's handle.
  private static let kept = Mutex<[Int: BuiltPrograms]>([:])
}
