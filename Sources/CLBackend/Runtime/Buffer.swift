import COpenCL

/// A run of bytes in device memory, zero from its creation on.
public final class Buffer {
  /// Bytes.
  public let byteCount: Int
  /// What errors call it.
  public let label: String
  let handle: cl_mem
  private let memory: DeviceMemory

  /// Allocates `byteCount` bytes (more than 0) and enqueues their zeroing on `queue`: whatever is
  /// enqueued there later sees zeros.
  ///
  /// Throws if one buffer may not be that large, or the device's memory is used up.
  public init(_ queue: Queue, byteCount: Int, label: String) throws(OpenCLError) {
    precondition(byteCount > 0, "buffer \(label) of \(byteCount) bytes")
    let context = queue.context
    let device = context.device.description
    guard byteCount <= device.maxAllocation else {
      throw OpenCLError(
        "buffer \(label) needs \(byteCount) bytes; \(device.name) allows at most \(device.maxAllocation) in one buffer"
      )
    }
    let free = device.globalMemory - context.memory.bytes
    guard byteCount <= free else {
      throw OpenCLError(
        "buffer \(label) needs \(byteCount) bytes; \(device.name) has \(max(free, 0)) of \(device.globalMemory) left"
      )
    }
    var status: cl_int = 0
    let handle = clCreateBuffer(
      context.handle, cl_mem_flags(CL_MEM_READ_WRITE), byteCount, nil, &status)
    try check(status, "clCreateBuffer", "buffer \(label) of \(byteCount) bytes")
    guard let handle else { throw OpenCLError(CL_INVALID_MEM_OBJECT, "clCreateBuffer", label) }
    self.handle = handle
    self.byteCount = byteCount
    self.label = label
    memory = context.memory
    memory.add(byteCount)
    try queue.zero(self)
  }

  /// As above, for `floats` Floats.
  public convenience init(_ queue: Queue, floats: Int, label: String) throws(OpenCLError) {
    try self.init(queue, byteCount: floats * MemoryLayout<Float>.size, label: label)
  }

  // OpenCL keeps the memory itself until the commands that use it have run.
  deinit {
    memory.remove(byteCount)
    checkRelease(clReleaseMemObject(handle), "clReleaseMemObject")
  }
}
