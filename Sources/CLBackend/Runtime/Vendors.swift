import Foundation

// The only file, beside PoCL.swift, that names vendors. Everything else asks these questions.

/// The family of kernels that a device is given.
public enum DeviceClass: String, Sendable, Codable {
  /// One work-item per work-group, wide vectors, no local memory.
  case cpu
  /// Many work-items per work-group, local memory, barriers.
  case gpu
}

extension DeviceDescription {
  /// The kernels that a device is given unless its compiler refuses them. Accelerators are fed the kernels of a GPU, and
  /// so are CPUs without vectors: there the compiler makes them of neighbouring work-items.
  package static func standardClass(_ kind: Kind, floatsInVector: Int) -> DeviceClass {
    kind == .cpu && floatsInVector > 1 ? .cpu : .gpu
  }

  /// The kernels of a device of type CPU that is given those for GPUs; nil for all others.
  public var kernelsInWords: String? { kind == .cpu && deviceClass == .gpu ? "the kernels for GPUs" : nil }

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

  private var isPoCL: Bool { platform == PoCL.platform }

  private func names(_ vendor: String) -> Bool {
    self.vendor.lowercased().contains(vendor)
  }
}

/// Why a platform may have no device, and what to do.
func reasonForNoDevice(platform: String, environment: [String: String]) -> String {
  if platform == PoCL.platform {
    return
      "it may lack a folder for compiled kernels (\(PoCL.cacheFolder(environment)); POCL_CACHE_DIR names another)"
  }
  if platform == "rusticl" {
    return "it has those that RUSTICL_ENABLE names, such as llvmpipe (the CPU), radeonsi or iris"
  }
  return
    "the kernel's driver may be missing, or this user may not open its devices (ls -l /dev/dri /dev/nvidia*)"
}
