import Foundation

/// The most memory this process has had since its start or since `resetPeakResidentBytes`, in bytes.
func peakResidentBytes() -> Int {
  if let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
    let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
    let kibibytes = Int(line.split { !$0.isNumber }.first ?? "")
  {
    return kibibytes << 10
  }
  var usage = rusage()
  getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
  return usage.ru_maxrss * 1024
}

/// Forgets the peak so far. False where the system cannot.
func resetPeakResidentBytes() -> Bool {
  (try? Data("5".utf8).write(to: URL(fileURLWithPath: "/proc/self/clear_refs"))) != nil
}
