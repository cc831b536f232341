import Foundation

// What PoCL reads from the environment before it is first asked, and what of that ends the process where it is wrong: see
// `DriverEnvironment`.

package enum PoCL {
  package static let platform = "Portable Computing Language"

  /// The folder in which PoCL keeps compiled kernels, as PoCL itself chooses it; without a folder, or with one that cannot
  /// be written, it has no device, or ends the process at the first kernel. Empty where POCL_CACHE_DIR is.
  package static func cacheFolder(_ environment: [String: String]) -> String {
    if let folder = environment["POCL_CACHE_DIR"] { return folder }
    let name = environment["POCL_KERNEL_CACHE"] == "0" ? "pocl/uncached" : "pocl/kcache"
    if let folder = environment["XDG_CACHE_HOME"], !folder.isEmpty { return "\(folder)/\(name)" }
    return environment["HOME"].map { "\($0)/.cache/\(name)" } ?? "/tmp/\(name)"
  }

  /// Whether PoCL's threads, one to a core, can be tied to their cores. It ties thread i to core i, and ends the process
  /// where there is no such core.
  ///
  /// PoCL's threads sleep between launches, and Linux may wake two of them on one core: convolutions timed by themselves
  /// then take twice as long.
  ///
  /// - Parameters:
  ///   - allowed: the processors that this process may use
  ///   - online: the processors that there are
  package static func canTieThreads(_ environment: [String: String], allowed: Set<Int>, online: Int) -> Bool {
    func number(_ name: String) -> Int? { environment[name].map { Int($0) ?? Int.max } }
    let threads = max(
      number("POCL_MAX_PTHREAD_COUNT") ?? online, number("POCL_CPU_MAX_CU_COUNT") ?? 0,
      number("POCL_PTHREAD_MIN_THREADS") ?? 1)
    return threads <= allowed.count && allowed == Set(0..<allowed.count)
  }

  // MARK: Damaged files

  /// Removes files of PoCL's cache that were cut short, as a full disk or a lost machine leaves them: PoCL loads what is
  /// there and ends the process. What is missing it makes again.
  ///
  /// - Returns: how many there were
  package static func removeDamagedFiles(below folder: String) -> Int {
    var damaged = 0
    forEachFile(below: folder, depth: 0) { path, isKernel in
      if isKernel ? !isWholeLibrary(path) : !isWholeBitcode(path) {
        if unlink(path) == 0 { damaged += 1 }
      }
    }
    return damaged
  }

  /// Calls `body` with every compiled kernel (true) and every program. Files at the top are still being written.
  private static func forEachFile(below folder: String, depth: Int, _ body: (String, Bool) -> Void) {
    guard depth < 8, let entries = opendir(folder) else { return }
    defer { closedir(entries) }
    while let entry = readdir(entries) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      let path = "\(folder)/\(name)"
      switch Int(entry.pointee.d_type) {
      case Int(DT_DIR) where name != "." && name != "..": forEachFile(below: path, depth: depth + 1, body)
      case Int(DT_REG) where depth > 0 && name.hasSuffix(".so"): body(path, true)
      case Int(DT_REG) where depth > 0 && name == "program.bc": body(path, false)
      default: break
      }
    }
  }

  /// Whether a shared library has its table of sections, which lies at its end. True for what cannot be read.
  package static func isWholeLibrary(_ path: String) -> Bool {
    guard let file = FileWindow(path) else { return true }
    let header = file.bytes(at: 0, count: 64)
    guard header.count == 64, header.starts(with: [0x7f, 0x45, 0x4c, 0x46]) else { return false }
    // Of 64 bits, the lowest byte first, as all machines are that PoCL was seen on.
    guard header[4] == 2, header[5] == 1 else { return true }
    let start = header[40..<48].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    let (size, count) = (Int(header[58]) | Int(header[59]) << 8, Int(header[60]) | Int(header[61]) << 8)
    guard size > 0, count > 0, start <= UInt64(file.size), Int(start) + size * count <= file.size else {
      return false
    }
    return file.bytes(at: Int(start) + size * (count - 1), count: size).contains { $0 != 0 }
  }

  /// Whether LLVM's bitcode ends where its last block does. True for what cannot be read.
  package static func isWholeBitcode(_ path: String) -> Bool {
    guard let file = FileWindow(path) else { return true }
    guard file.bytes(at: 0, count: 4) == [0x42, 0x43, 0xc0, 0xde] else { return false }
    var position = 4
    while position < file.size {
      // A block: two words, of which the second is the number of words that follow.
      let header = file.bytes(at: position, count: 8)
      guard header.count == 8 else { return false }
      position += 8 + 4 * header[4...].reversed().reduce(0) { $0 << 8 | Int($1) }
    }
    return position == file.size && position > 4
  }
}

/// Parts of an open file.
private final class FileWindow {
  let size: Int
  private let descriptor: Int32

  /// nil if it cannot be read.
  init?(_ path: String) {
    var facts = stat()
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    guard fstat(descriptor, &facts) == 0 else {
      close(descriptor)
      return nil
    }
    size = Int(facts.st_size)
  }

  deinit { close(descriptor) }

  /// As many as there are.
  func bytes(at offset: Int, count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { memory, initialized in
      initialized = max(0, pread(descriptor, memory.baseAddress, count, off_t(offset)))
    }
  }
}
