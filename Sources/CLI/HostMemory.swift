import Foundation

/// The memory that the system gives this process, which ends it by a signal where it takes more.
enum HostMemory {
  /// What is kept free beside the tensors: threads' stacks, pictures, pages of reports.
  static let reserve = 128 << 20
  /// The same where a driver compiles and computes in this process; PoCL's compiler died with 700 MB in all and did not
  /// with 1000.
  static let driversReserve = 768 << 20

  /// The computer's, or what a container or a service may have of it.
  static var bytes: Int {
    let physical = Int(ProcessInfo.processInfo.physicalMemory)
    return min(physical, groupLimits.min() ?? .max)
  }

  /// The limits of the control groups that this process is in, from the innermost out.
  private static var groupLimits: [Int] {
    let root = "/sys/fs/cgroup"
    var files = ["\(root)/memory/memory.limit_in_bytes"]
    let groups = (try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8)) ?? ""
    var group = groups.split(separator: "\n").first { $0.hasPrefix("0::") }.map { $0.dropFirst(3) } ?? ""
    while true {
      files.append("\(root)\(group)/memory.max")
      guard let slash = group.lastIndex(of: "/") else { break }
      group = group[..<slash]
    }
    // "max" where there is no limit.
    return files.compactMap { file in
      (try? String(contentsOfFile: file, encoding: .utf8)).flatMap { Int($0.prefix { $0.isNumber }) }
    }
  }

  /// What the limit of this process' addresses (`ulimit -v`) leaves; nil without a limit.
  static var addressesLeft: Int? {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0, limit.rlim_cur < UInt64(Int.max)
    else { return nil }
    return max(0, Int(limit.rlim_cur) - addressesTaken)
  }

  /// Without an allocation, since there may be no memory for one; 0 where there is no /proc.
  private static var addressesTaken: Int {
    let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return 0 }
    defer { close(file) }
    // The first number: pages.
    var text: UInt64 = 0
    var pages = 0
    while read(file, &text, 1) == 1, (0x30...0x39).contains(text) { pages = 10 * pages + Int(text - 0x30) }
    return pages * Int(getpagesize())
  }

  /// Ends the program where it could not come far enough to say what is missing.
  static func requireReserve() {
    guard let left = addressesLeft, left < reserve else { return }
    let text: StaticString = "Error: there is too little memory for this program; is ulimit -v too low?\n"
    _ = Foundation.write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount)
    _exit(1)
  }

  /// Why so much memory beside the reserve is not there; nil when it may be.
  static func lack(of need: Int, reserve: Int = reserve) -> String? {
    guard let left = addressesLeft, need + reserve > left else { return nil }
    return
      "the limit of this process' memory (ulimit -v) leaves \(gibibytes(left)), of which \(gibibytes(reserve)) are kept free"
  }
}
