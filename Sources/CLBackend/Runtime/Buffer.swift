import COpenCL

/// A run of bytes in device memory, zero from its creation on.
public final class Buffer {
  /// Bytes.
  public let byteCount: Int
  /// What errors call it.
  public let label: String
  let handle: cl_mem
  private let memory: DeviceMemory
  /// The buffer of which this is a part; nil for one with memory of its own.
  private let whole: Buffer?

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
    whole = nil
    memory = context.memory
    memory.add(byteCount)
    try queue.zero(self)
  }

  /// As above, for `floats` Floats.
  public convenience init(_ queue: Queue, floats: Int, label: String) throws(OpenCLError) {
    try self.init(queue, byteCount: floats * MemoryLayout<Float>.size, label: label)
  }

  /// A part of another buffer, without memory of its own.
  ///
  /// - Parameters:
  ///   - offset: bytes from the whole's start, a multiple of `DeviceDescription.baseAddressAlignment`
  ///   - byteCount: more than 0, up to the whole's end at most
  public init(within whole: Buffer, offset: Int, byteCount: Int, label: String) throws(OpenCLError) {
    precondition(
      offset >= 0 && byteCount > 0 && offset + byteCount <= whole.byteCount,
      "\(byteCount) bytes from \(offset) on of buffer \(whole.label) of \(whole.byteCount)")
    var status: cl_int = 0
    var region = cl_buffer_region(origin: offset, size: byteCount)
    let handle = clCreateSubBuffer(
      whole.handle, cl_mem_flags(CL_MEM_READ_WRITE), cl_buffer_create_type(CL_BUFFER_CREATE_TYPE_REGION),
      &region,
      &status)
    try check(
      status, "clCreateSubBuffer", "buffer \(label), \(byteCount) bytes from \(offset) of \(whole.label)")
    guard let handle else { throw OpenCLError(CL_INVALID_MEM_OBJECT, "clCreateSubBuffer", label) }
    self.handle = handle
    self.byteCount = byteCount
    self.label = label
    self.whole = whole
    memory = whole.memory
  }

  // OpenCL keeps the memory itself until the commands that use it have run.
  deinit {
    if whole == nil { memory.remove(byteCount) }
    checkRelease(clReleaseMemObject(handle), "clReleaseMemObject")
  }
}
