import COpenCL

/// The driver's context of one device. Any thread may use it.
final class DriverContext: Sendable {
  let device: Device
  nonisolated(unsafe) let handle: cl_context

  /// Throws if the device is older than OpenCL 1.2 or its driver refuses.
  init(_ device: Device) throws(OpenCLError) {
    guard device.description.hasOpenCL12 else {
      let description = device.description
      throw OpenCLError("\(description.name) has \(description.openCLVersion); OpenCL 1.2 is needed")
    }
    var id: cl_device_id? = device.handle
    var status: cl_int = 0
    let handle = DeviceWatch.shared.during("making a context", on: device.description.name) {
      clCreateContext(nil, 1, &id, nil, nil, &status)
    }
    try check(status, "clCreateContext", device.description.name)
    guard let handle else { throw OpenCLError(CL_INVALID_CONTEXT, "clCreateContext") }
    self.device = device
    self.handle = handle
  }

  deinit { checkRelease(clReleaseContext(handle), "clReleaseContext") }
}
