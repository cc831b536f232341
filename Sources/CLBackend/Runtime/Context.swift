import COpenCL
import Synchronization

/// One device and everything made for it.
public final class Context {
  public let device: Device
  /// Bytes held by this context's buffers, now and at peak.
  public let memory = DeviceMemory()
  let handle: cl_context
  /// Whether CLBlast may have compiled programs for this context.
  var usesCLBlast = false

  /// Throws if the device is older than OpenCL 1.2 or its driver refuses.
  public init(_ device: Device) throws(OpenCLError) {
    guard device.description.hasOpenCL12 else {
      let description = device.description
      throw OpenCLError("\(description.name) has \(description.openCLVersion); OpenCL 1.2 is needed")
    }
    var id: cl_device_id? = device.handle
    var status: cl_int = 0
    let handle = clCreateContext(nil, 1, &id, nil, nil, &status)
    try check(status, "clCreateContext", device.description.name)
    guard let handle else { throw OpenCLError(CL_INVALID_CONTEXT, "clCreateContext") }
    self.device = device
    self.handle = handle
    if device.description.unloadsWithLastContext {
      let isFirst = Self.kept.withLock { $0.insert(Int(bitPattern: device.handle)).inserted }
      // Never released.
      if isFirst { clRetainContext(handle) }
    }
  }

  /// The devices, by their handles, whose first context lives as long as the process.
  private static let kept = Mutex<Set<Int>>([])

  deinit {
    if usesCLBlast { MatrixProduct.releasePrograms() }
    checkRelease(clReleaseContext(handle), "clReleaseContext")
  }
}

/// The device memory of one context's buffers.
public final class DeviceMemory {
  /// Bytes allocated now.
  public private(set) var bytes = 0
  /// The most bytes ever allocated at once.
  public private(set) var peakBytes = 0

  func add(_ count: Int) {
    bytes += count
    peakBytes = max(peakBytes, bytes)
  }

  func remove(_ count: Int) { bytes -= count }
}
