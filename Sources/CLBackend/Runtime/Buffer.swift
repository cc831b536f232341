import COpenCL

/// A run of bytes in device memory, zero from its creation on.
public final class Buffer {
  /// Bytes.
  public let byteCount: Int
  /// Its name in errors.
  public let label: String
  private let queue: Queue
  private var allocated: cl_mem?
  /// The buffer that this is a part of, and its first byte there; nil for a buffer with memory of its own.
  private let part: (container: Buffer, offset: Int)?
  /// The buffer that this one lies in, instead of having memory of its own, and its first byte there, a multiple of
  /// `DeviceDescription.baseAddressAlignment`. To be set before `handle` is first asked for.
  var room: (container: Buffer, offset: Int)? {
    didSet {
      precondition(allocated == nil, label)
      if let room { precondition(room.offset + byteCount <= room.container.byteCount, label) }
    }
  }

  /// Allocates `byteCount` bytes (more than 0) and enqueues their zeroing on `queue`: whatever is
  /// enqueued there later sees zeros.
  ///
  /// Throws if one buffer may not be that large, or the device's memory is used up.
  ///
  /// - Parameter deferred: allocate only when a kernel's argument or a transfer first asks for it
  public init(_ queue: Queue, byteCount: Int, label: String, deferred: Bool = false) throws(OpenCLError) {
    precondition(byteCount > 0, "buffer \(label) of \(byteCount) bytes")
    self.queue = queue
    self.byteCount = byteCount
    self.label = label
    part = nil
    if !deferred { _ = try handle() }
  }

  /// The same for `floats` Floats.
  public convenience init(
    _ queue: Queue, floats: Int, label: String, deferred: Bool = false
  ) throws(OpenCLError) {
    try self.init(queue, byteCount: floats * MemoryLayout<Float>.size, label: label, deferred: deferred)
  }

  /// The device's memory, allocated and zeroed when it is first asked for.
  func handle() throws(OpenCLError) -> cl_mem {
    if let room, room.offset == 0 { return try room.container.handle() }
    if let allocated { return allocated }
    if let part = part ?? room { return try subBuffer(of: part.container, offset: part.offset) }
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
    let pages =
      device.kind == .cpu && byteCount >= HostPages.least ? HostPages(byteCount: byteCount) : nil
    var status: cl_int = 0
    let flags = cl_mem_flags(CL_MEM_READ_WRITE | (pages == nil ? 0 : CL_MEM_USE_HOST_PTR))
    let handle = queue.watched("allocating", label) {
      clCreateBuffer(context.handle, flags, byteCount, pages?.address, &status)
    }
    guard status == CL_SUCCESS, let handle else {
      pages?.release()
      throw OpenCLError(status, "clCreateBuffer", "buffer \(label) of \(byteCount) bytes")
    }
    allocated = handle
    context.memory.add(byteCount)
    if let pages { try pages.release(with: handle) } else { try zero(handle) }
    return handle
  }

  /// Enqueues setting all bytes to zero.
  func zero() throws(OpenCLError) { try zero(try handle()) }

  /// A fill or, where the driver has none that works, pieces written one by one.
  private func zero(_ handle: cl_mem) throws(OpenCLError) {
    var pattern: UInt32 = 0
    let size = byteCount.isMultiple(of: MemoryLayout<UInt32>.size) ? MemoryLayout<UInt32>.size : 1
    let filling = queue.watched("zeroing", label) {
      clEnqueueFillBuffer(queue.handle, handle, &pattern, size, 0, byteCount, 0, nil, nil)
    }
    guard filling != CL_SUCCESS else { return }
    let zeros = [UInt8](repeating: 0, count: min(byteCount, 4 << 20))
    for start in stride(from: 0, to: byteCount, by: zeros.count) {
      let status = queue.watched("zeroing", label) {
        clEnqueueWriteBuffer(
          queue.handle, handle, cl_bool(CL_TRUE), start, min(zeros.count, byteCount - start), zeros, 0, nil,
          nil)
      }
      try check(status, "clEnqueueWriteBuffer", "zeroing buffer \(label)")
    }
  }

  /// The buffer with the memory that this one lies in: itself if it has its own.
  var root: Buffer { (room ?? part)?.container.root ?? self }

  /// Whether they are the same, or parts of one that share memory. Rooms do not count.
  func overlaps(_ other: Buffer) -> Bool {
    if self === other { return true }
    guard let part, let otherPart = other.part, part.container === otherPart.container else { return false }
    return part.offset < otherPart.offset + other.byteCount && otherPart.offset < part.offset + byteCount
  }

  /// Whether they lie in one place, parts and rooms considered.
  func sharesMemory(with other: Buffer) -> Bool {
    let (own, others) = (place, other.place)
    return own.root === others.root && own.offset < others.offset + other.byteCount
      && others.offset < own.offset + byteCount
  }

  /// The buffer with the memory that this one lies in, and its first byte there.
  private var place: (root: Buffer, offset: Int) {
    guard let outer = room ?? part else { return (self, 0) }
    let place = outer.container.place
    return (place.root, place.offset + outer.offset)
  }

  /// Whether nothing can have been written yet: it has no memory, and will be zero when it gets its memory.
  var isUntouched: Bool { root.allocated == nil }

  /// The memory, if it has been asked for.
  var allocation: cl_mem? { room.flatMap { $0.offset == 0 ? $0.container.allocation : nil } ?? allocated }

  /// A part of another buffer, without memory of its own.
  ///
  /// - Parameters:
  ///   - offset: bytes from the container's start, a multiple of `DeviceDescription.baseAddressAlignment`
  ///   - byteCount: more than 0, up to the container's end at most
  public init(within container: Buffer, offset: Int, byteCount: Int, label: String) {
    precondition(
      offset >= 0 && byteCount > 0 && offset + byteCount <= container.byteCount,
      "\(byteCount) bytes from \(offset) on of buffer \(container.label) of \(container.byteCount)")
    queue = container.queue
    self.byteCount = byteCount
    self.label = label
    part = (container, offset)
  }

  private func subBuffer(of container: Buffer, offset: Int) throws(OpenCLError) -> cl_mem {
    var status: cl_int = 0
    var region = cl_buffer_region(origin: offset, size: byteCount)
    let whole = try container.handle()
    let handle = queue.watched("allocating", label) {
      clCreateSubBuffer(
        whole, cl_mem_flags(CL_MEM_READ_WRITE), cl_buffer_create_type(CL_BUFFER_CREATE_TYPE_REGION),
        &region, &status)
    }
    try check(
      status, "clCreateSubBuffer", "buffer \(label), \(byteCount) bytes from \(offset) of \(container.label)")
    guard let handle else { throw OpenCLError(CL_INVALID_MEM_OBJECT, "clCreateSubBuffer", label) }
    allocated = handle
    return handle
  }

  // OpenCL keeps the memory itself until the commands that use it have run.
  deinit {
    guard let allocated else { return }
    if part == nil, room == nil { queue.context.memory.remove(byteCount) }
    checkRelease(clReleaseMemObject(allocated), "clReleaseMemObject")
  }
}
