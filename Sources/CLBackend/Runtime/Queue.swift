import COpenCL
import Dispatch

/// When one launch ran, on the device's own clock.
public struct LaunchTime: Sendable, Equatable {
  public let label: String
  /// Nanoseconds.
  public let start: UInt64
  /// Nanoseconds.
  public let end: UInt64
  public var milliseconds: Double { Double(end &- start) / 1e6 }
}

/// An in-order command queue. Offsets and counts are in elements of the type read or written.
public final class Queue {
  public let context: Context
  public let isProfiling: Bool
  /// Events have times on the device's clock.
  private let hasEventTimes: Bool
  private let handle: cl_command_queue
  /// The times of the launches since the last `profile()`; empty unless profiling.
  private var events: [(label: String, event: cl_event)] = []
  /// For errors that only show when waiting.
  private var lastLaunch = ""

  public init(_ context: Context, profiling: Bool = false) throws(OpenCLError) {
    var status: cl_int = 0
    hasEventTimes = profiling || context.device.description.kind == .cpu
    let properties = hasEventTimes ? cl_command_queue_properties(CL_QUEUE_PROFILING_ENABLE) : 0
    let handle = clCreateCommandQueue(context.handle, context.device.handle, properties, &status)
    try check(status, "clCreateCommandQueue", context.device.description.name)
    guard let handle else { throw OpenCLError(CL_INVALID_COMMAND_QUEUE, "clCreateCommandQueue") }
    self.context = context
    self.handle = handle
    isProfiling = profiling
  }

  // Waits, so that memory lent to a non-blocking transfer is never touched after the queue is gone.
  deinit {
    checkRelease(clFinish(handle), "clFinish")
    releaseEvents()
    checkRelease(clReleaseCommandQueue(handle), "clReleaseCommandQueue")
  }

  // MARK: Launches

  /// Enqueues one kernel; nothing waits for it.
  public func enqueue(_ launch: Launch) throws(OpenCLError) {
    var event: cl_event?
    let status = withUnsafeMutablePointer(to: &event) { event in
      launch.enqueue(on: handle, event: isProfiling ? event : nil)
    }
    try check(status, "clEnqueueNDRangeKernel", launch.description)
    lastLaunch = launch.label
    if let event { events.append((launch.label, event)) }
  }

  /// Hands everything enqueued to the device, without waiting.
  public func flush() throws(OpenCLError) {
    try check(clFlush(handle), "clFlush", afterLastLaunch)
  }

  /// Waits for everything enqueued.
  public func finish() throws(OpenCLError) {
    try check(clFinish(handle), "clFinish", afterLastLaunch)
  }

  /// How long one run of `work`, which enqueues something, takes the device: `count` times in seconds, each the mean of
  /// as many runs as fill two milliseconds.
  ///
  /// The device is kept busy from before the first to the last, as in a training: waiting for each run would add the
  /// device's answer, some 30 us, and the threads of a CPU that has waited may begin on one core, for milliseconds.
  package func times(_ count: Int, of work: () throws(OpenCLError) -> Void) throws(OpenCLError) -> [Double] {
    let clock = ContinuousClock()
    try finish()
    let start = clock.now
    try work()
    try finish()
    let first = (clock.now - start) / .seconds(1)
    func enqueue(seconds: Double) throws(OpenCLError) -> (marker: Marker, runs: Int) {
      let runs = min(100, max(1, Int((seconds / first).rounded(.up))))
      for _ in 0..<runs { try work() }
      return (try Marker(handle), runs)
    }
    let lead = try enqueue(seconds: context.device.description.deviceClass == .cpu ? 0.02 : 0.002)
    var next = try enqueue(seconds: 0.002)
    var last = try time(of: lead.marker)
    var times: [Double] = []
    for number in 1...count {
      let current = next
      if number < count { next = try enqueue(seconds: 0.002) }
      let time = try time(of: current.marker)
      times.append((time - last) / Double(current.runs))
      last = time
    }
    return times
  }

  /// Waits until the device has come to a marker, and says when that was: seconds from some moment on. By the device's
  /// clock where it is a CPU, since a thread that waits beside kernels on all cores may be woken milliseconds later.
  private func time(of marker: Marker) throws(OpenCLError) -> Double {
    try marker.wait()
    guard hasEventTimes else { return Double(DispatchTime.now().uptimeNanoseconds) * 1e-9 }
    return Double(try marker.end()) * 1e-9
  }

  /// A place in the queue.
  private final class Marker {
    private let event: cl_event

    /// Behind everything enqueued so far, which is handed to the device.
    init(_ queue: cl_command_queue) throws(OpenCLError) {
      var event: cl_event?
      try check(clEnqueueMarkerWithWaitList(queue, 0, nil, &event), "clEnqueueMarkerWithWaitList")
      guard let event else { throw OpenCLError(CL_INVALID_EVENT, "clEnqueueMarkerWithWaitList") }
      self.event = event
      try check(clFlush(queue), "clFlush")
    }

    deinit { checkRelease(clReleaseEvent(event), "clReleaseEvent") }

    /// Returns when the device has come here.
    func wait() throws(OpenCLError) {
      var event: cl_event? = event
      try check(clWaitForEvents(1, &event), "clWaitForEvents")
    }

    /// When the device came here, in nanoseconds of its clock.
    func end() throws(OpenCLError) -> UInt64 { try Queue.time(CL_PROFILING_COMMAND_END, of: event) }
  }

  /// Waits, then gives the times of all launches since the last call, in order; none unless the queue
  /// was made with profiling. Events pile up until this is called: call it every step.
  public func profile() throws(OpenCLError) -> [LaunchTime] {
    try finish()
    defer { releaseEvents() }
    var times: [LaunchTime] = []
    times.reserveCapacity(events.count)
    for (label, event) in events {
      let start = try Queue.time(CL_PROFILING_COMMAND_START, of: event)
      let end = try Queue.time(CL_PROFILING_COMMAND_END, of: event)
      times.append(LaunchTime(label: label, start: start, end: end))
    }
    return times
  }

  private static func time(_ what: Int32, of event: cl_event) throws(OpenCLError) -> UInt64 {
    try info("clGetEventProfilingInfo", as: cl_ulong(0)) {
      clGetEventProfilingInfo(event, cl_profiling_info(what), $0, $1, $2)
    }
  }

  private func releaseEvents() {
    for (_, event) in events { checkRelease(clReleaseEvent(event), "clReleaseEvent") }
    events.removeAll(keepingCapacity: true)
  }

  private var afterLastLaunch: String { lastLaunch.isEmpty ? "" : "after launching \(lastLaunch)" }

  // MARK: Transfers

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
    let pages = clEnqueueMapBuffer(
      handle, target, cl_bool(CL_TRUE), cl_map_flags(CL_MAP_WRITE_INVALIDATE_REGION), 0, range.count, 0, nil,
      nil, &status)
    guard status == CL_SUCCESS, let pages else {
      throw OpenCLError(status, "clEnqueueMapBuffer", "writing \(range) of buffer \(buffer.label)")
    }
    body(UnsafeMutableBufferPointer(start: pages.assumingMemoryBound(to: Float.self), count: count))
    try check(
      clEnqueueUnmapMemObject(handle, target, pages, 0, nil, nil), "clEnqueueUnmapMemObject",
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
    try check(status, "clEnqueueReadBuffer", "reading \(range) of buffer \(buffer.label)")
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
    try check(status, "clEnqueueReadBuffer", "reading \(range) of buffer \(buffer.label)")
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
    let status = clEnqueueCopyBuffer(
      handle, sourceHandle, targetHandle, from.lowerBound, to.lowerBound, from.count, 0, nil, nil)
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
    let status = clEnqueueFillBuffer(
      handle, try buffer.handle(), &value, size, range.lowerBound, range.count, 0, nil, nil)
    try check(status, "clEnqueueFillBuffer", "filling \(range) of buffer \(buffer.label)")
  }

  /// Sets a whole buffer to zero: by a fill or, where the driver has none that works, by writing pieces.
  func zero(_ buffer: Buffer) throws(OpenCLError) {
    let isWords = buffer.byteCount.isMultiple(of: MemoryLayout<UInt32>.size)
    do throws(OpenCLError) {
      if isWords { try fill(buffer, with: UInt32(0)) } else { try fill(buffer, with: UInt8(0)) }
    } catch {
      let piece = [UInt8](repeating: 0, count: min(buffer.byteCount, 4 << 20))
      for start in stride(from: 0, to: buffer.byteCount, by: piece.count) {
        try write(Array(piece.prefix(buffer.byteCount - start)), to: buffer, offset: start)
      }
    }
  }

  private func transferIn(
    _ memory: UnsafeRawBufferPointer, _ buffer: cl_mem, _ range: Range<Int>, blocking: Bool
  ) -> cl_int {
    clEnqueueWriteBuffer(
      handle, buffer, cl_bool(blocking ? CL_TRUE : CL_FALSE), range.lowerBound, range.count,
      memory.baseAddress, 0, nil, nil)
  }

  private func transferOut(
    _ memory: UnsafeMutableRawBufferPointer, _ buffer: cl_mem, _ range: Range<Int>, blocking: Bool
  ) -> cl_int {
    clEnqueueReadBuffer(
      handle, buffer, cl_bool(blocking ? CL_TRUE : CL_FALSE), range.lowerBound, range.count,
      memory.baseAddress, 0, nil, nil)
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
