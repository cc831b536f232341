import COpenCL

/// Between buffers and the process' memory. Offsets and counts are in elements of the type read or written.
extension Queue {
  /// Copies `values` into `buffer` from element `offset` on and waits for it.
  public func write<T: BitwiseCopyable>(
    _ values: [T], to buffer: Buffer, offset: Int = 0
  ) throws(OpenCLError) {
    let range = try bytes(T.self, offset: offset, count: values.count, of: buffer, "write")
    guard !range.isEmpty else { return }
    let target = try buffer.handle()
    let status = values.withUnsafeBytes { transferIn($0, target, range, blocking: true) }
    try check(status, "clEnqueueWriteBuffer", "writing \(range) of buffer \(buffer.label)")
  }

  /// Copies `values` into `buffer` from element `offset` on. Unless `blocking`, the memory must stay as
  /// it is until `finish`.
  public func write<T: BitwiseCopyable>(
    _ values: UnsafeBufferPointer<T>, to buffer: Buffer, offset: Int = 0, blocking: Bool = true
  ) throws(OpenCLError) {
    let range = try bytes(T.self, offset: offset, count: values.count, of: buffer, "write")
    guard !range.isEmpty else { return }
    let status = try transferIn(
      UnsafeRawBufferPointer(values), buffer.handle(), range, blocking: blocking)
    try check(status, "clEnqueueWriteBuffer", "writing \(range) of buffer \(buffer.label)")
  }

  /// Has `body` write `buffer` from its start on, `count` floats of which it must write every one. Of a device whose
  /// memory is the process's it writes them where they lie.
  package func write(
    floats count: Int, to buffer: Buffer, _ body: (UnsafeMutableBufferPointer<Float>) -> Void
  ) throws(OpenCLError) {
    guard context.device.description.kind == .cpu else {
      return try write(
        [Float](unsafeUninitializedCapacity: count) { memory, initialized in
          body(UnsafeMutableBufferPointer(rebasing: memory[..<count]))
          initialized = count
        }, to: buffer)
    }
    let range = try bytes(Float.self, offset: 0, count: count, of: buffer, "write")
    let target = try buffer.handle()
    var status: cl_int = 0
    let pages = watched(afterLastLaunch) {
      clEnqueueMapBuffer(
        handle, target, cl_bool(CL_TRUE), cl_map_flags(CL_MAP_WRITE_INVALIDATE_REGION), 0, range.count, 0,
        nil,
        nil, &status)
    }
    guard status == CL_SUCCESS, let pages else {
      throw OpenCLError(status, "clEnqueueMapBuffer", "writing \(range) of buffer \(buffer.label)")
    }
    body(UnsafeMutableBufferPointer(start: pages.assumingMemoryBound(to: Float.self), count: count))
    try check(
      watched("unmapping", buffer.label) { clEnqueueUnmapMemObject(handle, target, pages, 0, nil, nil) },
      "clEnqueueUnmapMemObject",
      "writing \(range) of buffer \(buffer.label)")
  }

  /// Waits for everything enqueued before, then copies out `count` elements from element `offset` on;
  /// all that follow when `count` is nil.
  public func read<T: BitwiseCopyable>(
    _ buffer: Buffer, as type: T.Type = Float.self, offset: Int = 0, count: Int? = nil
  ) throws(OpenCLError) -> [T] {
    let count = count ?? max(buffer.byteCount / MemoryLayout<T>.stride - offset, 0)
    let range = try bytes(T.self, offset: offset, count: count, of: buffer, "read")
    guard !range.isEmpty else { return [] }
    let source = try buffer.handle()
    var status: cl_int = 0
    let values = [T](unsafeUninitializedCapacity: count) { memory, initialized in
      status = transferOut(UnsafeMutableRawBufferPointer(memory), source, range, blocking: true)
      initialized = status == CL_SUCCESS ? count : 0
    }
    try check(status, "clEnqueueReadBuffer", "reading \(range) of buffer \(buffer.label), \(afterLastLaunch)")
    return values
  }

  /// Fills all of `values` from element `offset` of `buffer` on. Unless `blocking`, the memory must stay
  /// alive and unread until `finish`.
  public func read<T: BitwiseCopyable>(
    _ buffer: Buffer, into values: UnsafeMutableBufferPointer<T>, offset: Int = 0, blocking: Bool = true
  ) throws(OpenCLError) {
    let range = try bytes(T.self, offset: offset, count: values.count, of: buffer, "read")
    guard !range.isEmpty else { return }
    let status = try transferOut(
      UnsafeMutableRawBufferPointer(values), buffer.handle(), range, blocking: blocking)
    try check(status, "clEnqueueReadBuffer", "reading \(range) of buffer \(buffer.label), \(afterLastLaunch)")
  }

  /// Enqueues a copy of `count` elements from one buffer to another.
  public func copy<T: BitwiseCopyable>(
    _ type: T.Type = Float.self, from source: Buffer, offset: Int = 0,
    to target: Buffer, targetOffset: Int = 0, count: Int
  ) throws(OpenCLError) {
    let from = try bytes(T.self, offset: offset, count: count, of: source, "copy")
    let to = try bytes(T.self, offset: targetOffset, count: count, of: target, "copy")
    guard !from.isEmpty else { return }
    let (sourceHandle, targetHandle) = (try source.handle(), try target.handle())
    let status = watched("copying", source.label) {
      clEnqueueCopyBuffer(
        handle, sourceHandle, targetHandle, from.lowerBound, to.lowerBound, from.count, 0, nil, nil)
    }
    try check(status, "clEnqueueCopyBuffer", "copying buffer \(source.label) to \(target.label)")
  }

  /// Enqueues setting `count` elements from element `offset` on to `value`; all that follow when `count`
  /// is nil. The size of `T` must be a power of two, at most 128 bytes.
  public func fill<T: BitwiseCopyable>(
    _ buffer: Buffer, with value: T, offset: Int = 0, count: Int? = nil
  ) throws(OpenCLError) {
    let size = MemoryLayout<T>.stride
    precondition(size & (size - 1) == 0 && size <= 128, "a fill pattern of \(size) bytes")
    let count = count ?? max(buffer.byteCount / size - offset, 0)
    let range = try bytes(T.self, offset: offset, count: count, of: buffer, "fill")
    guard !range.isEmpty else { return }
    var value = value
    let target = try buffer.handle()
    let status = watched("filling", buffer.label) {
      clEnqueueFillBuffer(handle, target, &value, size, range.lowerBound, range.count, 0, nil, nil)
    }
    try check(status, "clEnqueueFillBuffer", "filling \(range) of buffer \(buffer.label)")
  }

  private func transferIn(
    _ memory: UnsafeRawBufferPointer, _ buffer: cl_mem, _ range: Range<Int>, blocking: Bool
  ) -> cl_int {
    watched(afterLastLaunch) {
      clEnqueueWriteBuffer(
        handle, buffer, cl_bool(blocking ? CL_TRUE : CL_FALSE), range.lowerBound, range.count,
        memory.baseAddress, 0, nil, nil)
    }
  }

  private func transferOut(
    _ memory: UnsafeMutableRawBufferPointer, _ buffer: cl_mem, _ range: Range<Int>, blocking: Bool
  ) -> cl_int {
    watched(afterLastLaunch) {
      clEnqueueReadBuffer(
        handle, buffer, cl_bool(blocking ? CL_TRUE : CL_FALSE), range.lowerBound, range.count,
        memory.baseAddress, 0, nil, nil)
    }
  }

  /// The bytes of `count` elements from `offset` on; throws unless all lie in the buffer.
  private func bytes<T>(
    _ type: T.Type, offset: Int, count: Int, of buffer: Buffer, _ verb: String
  ) throws(OpenCLError) -> Range<Int> {
    let size = MemoryLayout<T>.stride
    let capacity = buffer.byteCount / size
    guard offset >= 0, count >= 0, offset <= capacity, count <= capacity - offset else {
      throw OpenCLError(
        "\(verb) of \(count) x \(T.self) at \(offset) is outside buffer \(buffer.label), which holds \(capacity)"
      )
    }
    return offset * size..<(offset + count) * size
  }
}
