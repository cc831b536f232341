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

/// An in-order command queue.
public final class Queue {
  public let context: Context
  public let isProfiling: Bool
  /// Events have times on the device's clock.
  private let hasEventTimes: Bool
  let handle: cl_command_queue
  /// The times of the launches since the last `profile()`; empty unless profiling.
  private var events: [(label: String, event: cl_event)] = []
  /// For errors that only show when waiting.
  private var lastLaunch = ""

  public init(_ context: Context, profiling: Bool = false) throws(OpenCLError) {
    var status: cl_int = 0
    hasEventTimes = profiling || context.device.description.deviceClass == .cpu
    let properties = hasEventTimes ? cl_command_queue_properties(CL_QUEUE_PROFILING_ENABLE) : 0
    let handle = DeviceWatch.shared.during("making a queue", on: context.device.description.name) {
      clCreateCommandQueue(context.handle, context.device.handle, properties, &status)
    }
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

  /// Enqueues a kernel by the bare call, to which it gives the place of an event where times are kept. Nothing waits for
  /// the kernel.
  ///
  /// - Parameters:
  ///   - label: its name in profiles and errors
  ///   - name: of the call
  ///   - description: of the launch, for the error of the call
  func enqueue(
    _ label: String, _ name: StaticString, _ description: @autoclosure () -> String,
    _ call: (cl_command_queue, UnsafeMutablePointer<cl_event?>?) -> cl_int
  ) throws(OpenCLError) {
    var event: cl_event?
    let status = withUnsafeMutablePointer(to: &event) { event in
      watched("launching", label) { call(handle, isProfiling ? event : nil) }
    }
    if status != CL_SUCCESS { try check(status, name, description()) }
    lastLaunch = label
    if let event { events.append((label, event)) }
  }

  /// Hands everything enqueued to the device, without waiting.
  public func flush() throws(OpenCLError) {
    try check(watched("flushing") { clFlush(handle) }, "clFlush", afterLastLaunch)
  }

  /// Waits for everything enqueued. `DeviceWatch` ends the process where that takes too long.
  ///
  /// By an event, since Mesa 22's clFinish does not wait for what was flushed before.
  public func finish() throws(OpenCLError) {
    let marker = try Marker(self)
    try marker.wait()
    try check(watched(afterLastLaunch) { clFinish(handle) }, "clFinish", afterLastLaunch)
  }

  /// Runs `body`, a call that gives the device work or waits for it; see `DeviceWatch.during`.
  func watched<T>(_ what: String, _ object: String = "", _ body: () -> T) -> T {
    DeviceWatch.shared.during(what, object, on: context.device.description.name, body)
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
      return (try Marker(self), runs)
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
    private let queue: Queue

    /// Behind everything enqueued so far, which is handed to the device.
    init(_ queue: Queue) throws(OpenCLError) {
      var event: cl_event?
      try check(
        queue.watched("marking") { clEnqueueMarkerWithWaitList(queue.handle, 0, nil, &event) },
        "clEnqueueMarkerWithWaitList", queue.afterLastLaunch)
      guard let event else { throw OpenCLError(CL_INVALID_EVENT, "clEnqueueMarkerWithWaitList") }
      self.event = event
      self.queue = queue
      try queue.flush()
    }

    deinit { checkRelease(clReleaseEvent(event), "clReleaseEvent") }

    /// Returns when the device has come here.
    func wait() throws(OpenCLError) {
      var event: cl_event? = event
      let status = queue.watched(queue.afterLastLaunch) { clWaitForEvents(1, &event) }
      try check(status, "clWaitForEvents", queue.afterLastLaunch)
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

  /// The place of an error that shows when waiting.
  var afterLastLaunch: String { lastLaunch.isEmpty ? "waiting" : "after launching \(lastLaunch)" }
}
