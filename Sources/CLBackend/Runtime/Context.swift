import COpenCL

/// One use of a device: the memory of its buffers is counted here.
public final class Context {
  public let device: Device
  /// Bytes held by this context's buffers, now and at peak.
  public let memory = DeviceMemory()
  /// Whether CLBlast may have compiled programs for this context.
  var usesCLBlast = false
  private let driver: DriverContext

  var handle: cl_context { driver.handle }
  /// Programs that were built in this context of the driver.
  var programs: BuiltPrograms { driver.programs }

  /// A use with a context of the driver of its own: a kernel that fails spoils a GPU's.
  ///
  /// - Throws: `OpenCLError` if the device is older than OpenCL 1.2 or its driver refuses
  public convenience init(_ device: Device) throws(OpenCLError) {
    // Made first, since it stays.
    if device.description.unloadsWithLastContext { _ = try DriverContext.shared(by: device) }
    self.init(device, try DriverContext(device))
  }

  private init(_ device: Device, _ driver: DriverContext) {
    self.device = device
    self.driver = driver
  }

  /// A use with the process' context of the driver, where each program is built once for all who share it.
  ///
  /// - Throws: `OpenCLError` if the device is older than OpenCL 1.2 or its driver refuses
  public static func shared(by device: Device) throws(OpenCLError) -> Context {
    Context(device, try DriverContext.shared(by: device))
  }

  deinit { if usesCLBlast { MatrixProduct.releasePrograms() } }
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
