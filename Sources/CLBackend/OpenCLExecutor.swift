import Tape

/// Replays a recording on one OpenCL device: buffers allocated once, every launch's arguments bound once.
///
/// A range of steps is planned when it is first run; from then on running it enqueues its launches and nothing
/// else. Used by one task at a time.
public final class OpenCLExecutor: Executor {
  public let recording: Recording
  public let device: DeviceDescription
  public let deviceClass: DeviceClass
  public let precision: Precision
  private let multiplication: Multiplication
  private let queue: Queue
  private let memory: OpenCLMemory
  private let programs: ProgramCache
  private var plans: [Range<Int>: [Launch]] = [:]

  /// Allocates the recording's tensors on `device`.
  ///
  /// - Parameters:
  ///   - profiling: keep the time of every launch, see `profile`; costs a little on some drivers
  ///   - deviceClass: whose kernels to use; the device's own by default. A CPU runs those of GPUs too, slowly:
  ///     so they can be tested without one.
  ///   - precision: of convolutions; by default `Precision.standard`
  ///   - matrixUnits: what may be used; by default what a GPU has proven to have
  ///   - computeUnits: tiles are chosen as for a device with so many; by default those there are
  /// - Throws: `OpenCLError` when the device has too little memory, or not the precision.
  public init(
    _ recording: Recording, on device: Device, profiling: Bool = false, deviceClass: DeviceClass? = nil,
    precision: Precision? = nil, matrixUnits: MatrixUnits? = nil, computeUnits: Int? = nil
  ) throws(OpenCLError) {
    let deviceClass = deviceClass ?? device.description.deviceClass
    let units = deviceClass == .cpu ? .none : matrixUnits ?? MatrixUnits(provenOn: device)
    self.precision = precision ?? .standard(units)
    multiplication = try Multiplication(self.precision, units, on: device.description)
    let context = try Context(device)
    queue = try Queue(context, profiling: profiling)
    programs = ProgramCache(context)
    memory = try OpenCLMemory(recording, queue)
    self.recording = recording
    var description = device.description
    if let computeUnits { description.computeUnits = computeUnits }
    self.device = description
    self.deviceClass = deviceClass
  }

  public var name: String { "\(device.name) (\(device.platform))" }

  public func write(_ values: [Float], to tensor: Tensor) throws(OpenCLError) {
    try memory.write(values, to: tensor)
  }

  public func read(_ tensor: Tensor) throws(OpenCLError) -> [Float] {
    try memory.read(tensor)
  }

  public func run(_ steps: Range<Int>) throws(OpenCLError) {
    for launch in try plan(steps) {
      try queue.enqueue(launch)
    }
    try queue.flush()
  }

  public func finish() throws(OpenCLError) {
    try queue.finish()
  }

  /// Builds the programs of a range of steps and binds its launches, so that the first `run` is as fast as
  /// those after it.
  public func prepare(_ steps: Range<Int>) throws(OpenCLError) {
    _ = try plan(steps)
  }

  /// How many kernels one run of the steps launches.
  public func launchCount(_ steps: Range<Int>) throws(OpenCLError) -> Int {
    try plan(steps).count
  }

  /// Bytes of device memory in use.
  public var allocatedBytes: Int { queue.context.memory.bytes }

  /// The kernel programs of everything that was planned.
  public var programRequests: [ProgramCache.Request] { programs.requests }

  /// How kernel programs were come by, and how long that took.
  public var programCounters: (counters: ProgramCache.Counters, time: Duration) {
    (programs.counters, programs.buildTime)
  }

  /// The launches that finished since the last call, with their times; needs `profiling`.
  public func profile() throws(OpenCLError) -> [LaunchTime] {
    try queue.profile()
  }

  private func plan(_ steps: Range<Int>) throws(OpenCLError) -> [Launch] {
    if let plan = plans[steps] { return plan }
    let planner = LaunchPlanner(memory, programs, device, deviceClass, multiplication)
    for index in steps {
      try planner.plan(recording.steps[index], index: index)
    }
    plans[steps] = planner.launches
    return planner.launches
  }
}
