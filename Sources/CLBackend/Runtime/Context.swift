import COpenCL
import Foundation

/// One device and what is made for one use of it. Uses of a device share its context of OpenCL.
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
    handle = try Self.handles.handle(of: device)
    self.device = device
  }

  deinit { if usesCLBlast { MatrixProduct.releasePrograms() } }

  private static let handles = ContextHandles()
}

/// OpenCL's contexts, one for each device, which live as long as the process: making one takes a GPU's driver long, and PoCL
/// loads its library of functions, half a second, for the first program after there was no context.
private final class ContextHandles: @unchecked Sendable {
  private let lock = NSLock()
  private var handles: [cl_device_id: cl_context] = [:]

  func handle(of device: Device) throws(OpenCLError) -> cl_context {
    lock.lock()
    defer { lock.unlock() }
    if let handle = handles[device.handle] { return handle }
    var id: cl_device_id? = device.handle
    var status: cl_int = 0
    let handle = clCreateContext(nil, 1, &id, nil, nil, &status)
    try check(status, "clCreateContext", device.description.name)
    guard let handle else { throw OpenCLError(CL_INVALID_CONTEXT, "clCreateContext") }
    handles[device.handle] = handle
    return handle
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
