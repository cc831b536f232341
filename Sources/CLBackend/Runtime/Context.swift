import COpenCL

/// One use of a device: the memory of its buffers is counted here.
public final class Context {
  public let device: Device
  /// Bytes held by this context's buffers, now and at peak.
  public let memory = DeviceMemory()
  /// Whether CLBlast may have compiled programs for this context.
  var usesCLBlast = false
  let programs: BuiltPrograms

  var handle: cl_context { programs.context.handle }

  /// A use with a context of the driver of its own: a kernel that fails spoils a GPU's.
  ///
  /// - Throws: `OpenCLError` if the device is older than OpenCL 1.2 or its driver refuses
  public convenience init(_ device: Device) throws(OpenCLError) {
    // The shared context stays, and with it the driver's library.
    if device.description.unloadsWithLastContext { _ = try BuiltPrograms.shared(by: device) }
    self.init(device, try BuiltPrograms(device))
  }

  private init(_ device: Device, _ programs: BuiltPrograms) {
    self.device = device
    self.programs = programs
  }

  /// A use with the process' context of the driver, where each program is built once for all who share it.
  ///
  /// - Throws: `OpenCLError` if the device is older than OpenCL 1.2 or its driver refuses
  public static func shared(by device: Device) throws(OpenCLError) -> Context {
    Context(device, try BuiltPrograms.shared(by: device))
  }

  deinit { if usesCLBlast { CLBlastPrograms.release() } }
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
