import Foundation

// The only file that names vendors. Everything else asks these questions.

/// The family of kernels that a device wants.
public enum DeviceClass: String, Sendable, Codable {
  /// One work-item per work-group, wide vectors, no local memory.
  case cpu
  /// Many work-items per work-group, local memory, barriers.
  case gpu
}

extension DeviceDescription {
  /// Accelerators are fed the kernels of a GPU.
  public var deviceClass: DeviceClass { kind == .cpu ? .cpu : .gpu }

  /// The defaults of kernel variants were measured on such devices, so that they need no tuning.
  public var hasMeasuredDefaults: Bool { deviceClass == .cpu }

  /// Inline PTX may be tried (whether it works is found out by compiling and running it).
  public var isNVIDIA: Bool { kind == .gpu && names("nvidia") }

  /// The driver keeps the kernels it compiled on disk, and finds them again when the same program is linked.
  ///
  /// PoCL does unless told not to. To keep whole programs ourselves would cost more than it saves: for a binary it
  /// compiles every kernel of the program once more, for work-groups of any size.
  public func keepsKernels(
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> Bool {
    isPoCL && environment["POCL_KERNEL_CACHE"] != "0"
  }

  /// Programs may be built on one thread while kernels run on another, as OpenCL promises of all drivers. PoCL keeps the
  /// promise; Oclgrind and Intel's CPU runtime were seen to crash.
  var buildsBesideRunning: Bool { isPoCL }

  /// The driver unloads its library with the last context, and loads it again for the next one's first program: 0.5 to
  /// 0.8 s for PoCL.
  var unloadsWithLastContext: Bool { isPoCL }

  private var isPoCL: Bool { platform == "Portable Computing Language" }

  private func names(_ vendor: String) -> Bool {
    self.vendor.lowercased().contains(vendor)
  }
}

/// To be called before a driver is first asked.
///
/// PoCL's threads, one to a core, sleep between launches, and Linux may wake two of them on one core: convolutions timed
/// by themselves then take twice as long. They are tied to their cores where the process may use all there are, unless
/// the user has said something about it.
func tieThreadsToCores() {
  func lines(_ path: String) -> [Substring] {
    FileManager.default.contents(atPath: path)?.split(separator: UInt8(ascii: "\n"))
      .map { Substring(decoding: $0, as: UTF8.self) } ?? []
  }
  // Both such as 0-15; there are no such files but on Linux.
  guard let online = lines("/sys/devices/system/cpu/online").first,
    lines("/proc/self/status").contains("Cpus_allowed_list:\t\(online)")
  else { return }
  setenv("POCL_AFFINITY", "1", 0)
}
