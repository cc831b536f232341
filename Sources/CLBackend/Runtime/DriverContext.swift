import COpenCL
import Synchronization

/// A context of the driver, and the programs that were built in it. Any thread may use it.
final class DriverContext: Sendable {
  nonisolated(unsafe) let handle: cl_context
  let programs = BuiltPrograms()

  /// Throws if the device is older than OpenCL 1.2 or its driver refuses.
  init(_ device: Device) throws(OpenCLError) {
    guard device.description.hasOpenCL12 else {
      let description = device.description
      throw OpenCLError("\(description.name) has \(description.openCLVersion); OpenCL 1.2 is needed")
    }
    var id: cl_device_id? = device.handle
    var status: cl_int = 0
    let handle = clCreateContext(nil, 1, &id, nil, nil, &status)
    try check(status, "clCreateContext", device.description.name)
    guard let handle else { throw OpenCLError(CL_INVALID_CONTEXT, "clCreateContext") }
    self.handle = handle
  }

  deinit { checkRelease(clReleaseContext(handle), "clReleaseContext") }

  /// The context of the device that lives as long as the process. Throws as `init` does.
  static func shared(by device: Device) throws(OpenCLError) -> DriverContext {
    let result = kept.withLock { kept in
      Result { () throws(OpenCLError) in
        let key = Int(bitPattern: device.handle)
        if let context = kept[key] { return context }
        let context = try DriverContext(device)
        kept[key] = context
        return context
      }
    }
    return try result.get()
  }

  /// By the device's handle.
  private static let kept = Mutex<[Int: DriverContext]>([:])
}
