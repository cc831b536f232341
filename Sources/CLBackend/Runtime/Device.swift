import COpenCL
import Foundation

/// The facts of a device as plain data: for listings, logs and cache keys.
public struct DeviceDescription: Sendable, Codable, Equatable {
  public enum Kind: String, Sendable, Codable {
    case cpu, gpu, accelerator
  }

  /// Place in the list of all devices: platform order, then device order.
  public var index: Int
  public var name: String
  public var vendor: String
  public var platform: String
  public var platformVersion: String
  public var driverVersion: String
  /// The device's own report, such as `OpenCL 3.0 CUDA`.
  public var openCLVersion: String
  public var kind: Kind
  public var computeUnits: Int
  /// The highest clock in MHz; some drivers report 0.
  public var clockMHz: Int
  /// Bytes.
  public var globalMemory: Int
  /// The largest single buffer, in bytes.
  public var maxAllocation: Int
  /// Bytes per work-group.
  public var localMemory: Int
  public var maxWorkGroupSize: Int
  /// Floats per vector.
  public var preferredFloatVectorWidth: Int
  /// Floats per vector register.
  public var nativeFloatVectorWidth: Int
  public var extensions: [String]
  /// Bytes.
  public var baseAddressAlignment: Int
  /// The device can be used now and has a compiler.
  public var isUsable: Bool
  /// The kernels that it is given.
  public var deviceClass: DeviceClass

  public init(
    index: Int, name: String, vendor: String, platform: String, platformVersion: String,
    driverVersion: String, openCLVersion: String, kind: Kind, computeUnits: Int, clockMHz: Int,
    globalMemory: Int, maxAllocation: Int, localMemory: Int, maxWorkGroupSize: Int,
    preferredFloatVectorWidth: Int, nativeFloatVectorWidth: Int, extensions: [String],
    baseAddressAlignment: Int, isUsable: Bool
  ) {
    self.index = index
    self.name = name
    self.vendor = vendor
    self.platform = platform
    self.platformVersion = platformVersion
    self.driverVersion = driverVersion
    self.openCLVersion = openCLVersion
    self.kind = kind
    self.computeUnits = computeUnits
    self.clockMHz = clockMHz
    self.globalMemory = globalMemory
    self.maxAllocation = maxAllocation
    self.localMemory = localMemory
    self.maxWorkGroupSize = maxWorkGroupSize
    self.preferredFloatVectorWidth = preferredFloatVectorWidth
    self.nativeFloatVectorWidth = nativeFloatVectorWidth
    self.extensions = extensions
    self.baseAddressAlignment = baseAddressAlignment
    self.isUsable = isUsable
    deviceClass = Self.standardClass(
      kind, floatsInVector: max(preferredFloatVectorWidth, nativeFloatVectorWidth))
  }

  /// Whether `openCLVersion` is 1.2 or newer.
  public var hasOpenCL12: Bool {
    let parts = openCLVersion.split(separator: " ")
    guard parts.count > 1 else { return false }
    let numbers = parts[1].split(separator: ".").compactMap { Int($0) }
    guard numbers.count > 1 else { return false }
    return (numbers[0], numbers[1]) >= (1, 2)
  }

  /// The facts that compiled code and measured times depend on, a line each.
  public var fingerprint: String {
    [
      name, vendor, platform, platformVersion, driverVersion, openCLVersion, kind.rawValue,
      "\(computeUnits) compute units", "\(preferredFloatVectorWidth)/\(nativeFloatVectorWidth) floats",
    ].joined(separator: "\n")
  }

  /// `0: NVIDIA H200 (NVIDIA CUDA)`: how a listing names the device.
  public var label: String { "\(index): \(name) (\(platform))" }

  /// GPUs first, then accelerators, then CPUs; within a kind by compute units x clock.
  fileprivate func isBetter(than other: DeviceDescription) -> Bool {
    func rank(_ device: DeviceDescription) -> (Int, Int) {
      let kinds: [Kind: Int] = [.gpu: 2, .accelerator: 1, .cpu: 0]
      return (kinds[device.kind] ?? 0, device.computeUnits * max(device.clockMHz, 1))
    }
    return rank(self) > rank(other)
  }

  /// The end of every error about a missing device.
  fileprivate static let withoutDevice = "; --device reference computes without one, slowly"

  /// The device that the user's `name` means: `auto`, an index, a kind, or a part of a name, in any case.
  ///
  /// Returns the place in `devices` and the reason in words. Throws if nothing fits; the error lists
  /// what there is.
  public static func choose(
    _ name: String, among devices: [DeviceDescription]
  ) throws(OpenCLError) -> (position: Int, reason: String) {
    func best(_ positions: [Int]) -> Int? {
      positions.reduce(nil as Int?) { best, next in
        guard let best else { return next }
        return devices[next].isBetter(than: devices[best]) ? next : best
      }
    }
    guard !devices.isEmpty else { throw OpenCLError(Device.noneFound(platforms: []) + withoutDevice) }
    let list = devices.map(\.label).joined(separator: ", ")
    let usable = devices.indices.filter { devices[$0].isUsable && devices[$0].hasOpenCL12 }
    if name.lowercased() == "auto" {
      guard let position = best(usable) else {
        throw OpenCLError(
          "no device is available with a compiler and OpenCL 1.2; there are \(list)\(withoutDevice)")
      }
      let device = devices[position]
      let power = "\(device.computeUnits) compute units at \(device.clockMHz) MHz"
      return (position, "auto: the fastest \(device.kind.rawValue) of \(devices.count) device(s), \(power)")
    }
    // A number that is no index may still be part of a name: "4090".
    if let position = devices.firstIndex(where: { String($0.index) == name }) {
      return (position, "device \(name) was asked for")
    }
    if let kind = Kind(rawValue: name.lowercased()) {
      let those = usable.filter { devices[$0].kind == kind }
      guard let position = best(those) else {
        throw OpenCLError("no device is a \(kind.rawValue); there are \(list)\(withoutDevice)")
      }
      return (position, "the fastest \(kind.rawValue) of \(those.count)")
    }
    let matches = devices.indices.filter { devices[$0].name.lowercased().contains(name.lowercased()) }
    guard !name.isEmpty, let position = best(matches)
    else {
      throw OpenCLError("no device is called or numbered \"\(name)\"; there are \(list)\(withoutDevice)")
    }
    let reason = "\"\(name)\" is in its name"
    return (position, matches.count == 1 ? reason : reason + ", the fastest of \(matches.count) that match")
  }
}

/// An OpenCL platform: one vendor's driver.
struct Platform {
  let handle: cl_platform_id
  let name: String
  let version: String

  /// The loader looks for drivers, and drivers for their devices, when first asked. Some are not safe
  /// against being first asked by two threads at once; a static is made once, with all others waiting.
  private static let asked: Void = {
    DriverEnvironment.prepare()
    var count: cl_uint = 0
    guard Platform.handles(&count, nil) == CL_SUCCESS, count > 0 else { return }
    var handles = [cl_platform_id?](repeating: nil, count: Int(count))
    guard Platform.handles(&count, &handles) == CL_SUCCESS else { return }
    for handle in handles { _ = Platform.devices(of: handle, &count, nil) }
  }()

  /// Every platform; none when there is no ICD or it lists nothing.
  static func all() throws(OpenCLError) -> [Platform] {
    _ = asked
    var count: cl_uint = 0
    let status = handles(&count, nil)
    if status == CL_PLATFORM_NOT_FOUND_KHR || (status == CL_SUCCESS && count == 0) { return [] }
    try check(status, "clGetPlatformIDs")
    var handles = [cl_platform_id?](repeating: nil, count: Int(count))
    try check(Self.handles(&count, &handles), "clGetPlatformIDs")
    var platforms: [Platform] = []
    for case let handle? in handles { platforms.append(try Platform(handle)) }
    return platforms
  }

  /// The call clGetPlatformIDs: counts the platforms, or with `handles`, of which there is room for `count`, lists them.
  private static func handles(
    _ count: inout cl_uint, _ handles: UnsafeMutablePointer<cl_platform_id?>?
  ) -> cl_int {
    watched("clGetPlatformIDs") {
      handles == nil ? clGetPlatformIDs(0, nil, &count) : clGetPlatformIDs(count, handles, nil)
    }
  }

  /// The call clGetDeviceIDs, in the same way.
  private static func devices(
    of platform: cl_platform_id?, _ count: inout cl_uint, _ handles: UnsafeMutablePointer<cl_device_id?>?
  ) -> cl_int {
    let all = cl_device_type(CL_DEVICE_TYPE_ALL)
    return watched("clGetDeviceIDs") {
      handles == nil
        ? clGetDeviceIDs(platform, all, 0, nil, &count) : clGetDeviceIDs(platform, all, count, handles, nil)
    }
  }

  private init(_ handle: cl_platform_id) throws(OpenCLError) {
    func text(_ what: Int32) throws(OpenCLError) -> String {
      try infoText("clGetPlatformInfo") { clGetPlatformInfo(handle, cl_platform_info(what), $0, $1, $2) }
    }
    self.handle = handle
    name = try text(CL_PLATFORM_NAME)
    version = try text(CL_PLATFORM_VERSION)
  }

  /// Without what some drivers say of how they were built.
  fileprivate var shortVersion: String { version.components(separatedBy: "  ")[0] }

  fileprivate func devices() throws(OpenCLError) -> [cl_device_id] {
    var count: cl_uint = 0
    let status = Platform.devices(of: handle, &count, nil)
    if status == CL_DEVICE_NOT_FOUND || (status == CL_SUCCESS && count == 0) { return [] }
    try check(status, "clGetDeviceIDs", "platform \(name)")
    var handles = [cl_device_id?](repeating: nil, count: Int(count))
    try check(Platform.devices(of: handle, &count, &handles), "clGetDeviceIDs", "platform \(name)")
    return handles.compactMap { $0 }
  }
}

/// An OpenCL device. Root devices are not reference counted, so there is nothing to release.
public struct Device: Sendable {
  public private(set) var description: DeviceDescription
  /// OpenCL's calls may come from any thread.
  nonisolated(unsafe) let handle: cl_device_id

  /// Every device of every platform; empty when there is none. A driver that fails is skipped with a
  /// line on stderr, so that it cannot hide the others.
  ///
  /// - Throws: `OpenCLError` when the platforms cannot be listed, or none has a device since a driver failed
  public static func all() throws(OpenCLError) -> [Device] {
    var devices: [Device] = []
    var faults: [OpenCLError] = []
    for platform in try Platform.all() {
      do throws(OpenCLError) {
        for handle in try platform.devices() {
          devices.append(try Device(handle, of: platform, index: devices.count))
        }
      } catch {
        faults.append(error.of("platform \(platform.name)"))
      }
    }
    if devices.isEmpty, let fault = faults.first { throw fault }
    for fault in faults { logToStandardError("left out: \(fault.summary)") }
    return devices
  }

  /// The device the user means by `name`: `auto`, an index, or a part of a name in any case; and why.
  ///
  /// Throws if there is no such device; the error lists what there is.
  public static func select(_ name: String) throws(OpenCLError) -> (device: Device, reason: String) {
    try select(name, among: try Device.all())
  }

  /// The same of these devices.
  public static func select(
    _ name: String, among devices: [Device]
  ) throws(OpenCLError) -> (device: Device, reason: String) {
    guard !devices.isEmpty else {
      throw OpenCLError(try noneFound() + DeviceDescription.withoutDevice)
    }
    let choice = try DeviceDescription.choose(name, among: devices.map(\.description))
    return (devices[choice.position], choice.reason)
  }

  /// The same device with the kernels of that class.
  public func taking(_ kernels: DeviceClass) -> Device {
    var device = self
    device.description.deviceClass = kernels
    return device
  }

  /// Says that there is no device, and why that may be.
  ///
  /// - Throws: `OpenCLError` when the platforms cannot be listed
  public static func noneFound() throws(OpenCLError) -> String {
    noneFound(platforms: try Platform.all().map { ($0.name, $0.shortVersion) })
  }

  /// - Parameter platforms: those that there are, without devices
  package static func noneFound(
    platforms: [(name: String, version: String)],
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> String {
    guard !platforms.isEmpty else {
      let vendors =
        environment["OCL_ICD_VENDORS"].map { " (OCL_ICD_VENDORS has the loader look in \($0))" } ?? ""
      return
        "no OpenCL device found\(vendors); install your GPU's OpenCL driver, or PoCL (pocl-opencl-icd) to run on the CPU"
    }
    let reasons = platforms.map { platform in
      let reason = reasonForNoDevice(platform: platform.name, environment: environment)
      return "the platform \(platform.name) (\(platform.version)) is there, but offers none: \(reason)"
    }
    return "no OpenCL device found; " + reasons.joined(separator: "; ")
  }

  private init(_ handle: cl_device_id, of platform: Platform, index: Int) throws(OpenCLError) {
    func text(_ what: Int32) throws(OpenCLError) -> String {
      try infoText("clGetDeviceInfo") { clGetDeviceInfo(handle, cl_device_info(what), $0, $1, $2) }
    }
    func number<T: BinaryInteger & BitwiseCopyable>(
      _ what: Int32, _ zero: T
    ) throws(OpenCLError) -> Int {
      Int(
        clamping: try info("clGetDeviceInfo", as: zero) {
          clGetDeviceInfo(handle, cl_device_info(what), $0, $1, $2)
        })
    }
    let type = try number(CL_DEVICE_TYPE, cl_device_type(0))
    let kind: DeviceDescription.Kind =
      type & Int(CL_DEVICE_TYPE_GPU) != 0
      ? .gpu : type & Int(CL_DEVICE_TYPE_CPU) != 0 ? .cpu : .accelerator
    let available = try number(CL_DEVICE_AVAILABLE, cl_bool(0))
    let compiler = try number(CL_DEVICE_COMPILER_AVAILABLE, cl_bool(0))
    self.handle = handle
    description = DeviceDescription(
      index: index,
      name: try text(CL_DEVICE_NAME),
      vendor: try text(CL_DEVICE_VENDOR),
      platform: platform.name,
      platformVersion: platform.version,
      driverVersion: try text(CL_DRIVER_VERSION),
      openCLVersion: try text(CL_DEVICE_VERSION),
      kind: kind,
      computeUnits: try number(CL_DEVICE_MAX_COMPUTE_UNITS, cl_uint(0)),
      clockMHz: try number(CL_DEVICE_MAX_CLOCK_FREQUENCY, cl_uint(0)),
      globalMemory: try number(CL_DEVICE_GLOBAL_MEM_SIZE, cl_ulong(0)),
      maxAllocation: try number(CL_DEVICE_MAX_MEM_ALLOC_SIZE, cl_ulong(0)),
      localMemory: try number(CL_DEVICE_LOCAL_MEM_SIZE, cl_ulong(0)),
      maxWorkGroupSize: try number(CL_DEVICE_MAX_WORK_GROUP_SIZE, Int(0)),
      preferredFloatVectorWidth: try number(CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT, cl_uint(0)),
      nativeFloatVectorWidth: try number(CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, cl_uint(0)),
      extensions: try text(CL_DEVICE_EXTENSIONS).split(separator: " ").map(String.init),
      // OpenCL gives this one in bits.
      baseAddressAlignment: try number(CL_DEVICE_MEM_BASE_ADDR_ALIGN, cl_uint(0)) / 8,
      isUsable: available != 0 && compiler != 0)
    // The user's word goes before what the device says of its vectors.
    let wanted = ProcessInfo.processInfo.environment["PIX2PIX_KERNELS"]
    if let wanted = wanted.flatMap(DeviceClass.init) { description.deviceClass = wanted }
  }
}
