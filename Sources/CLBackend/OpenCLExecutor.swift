import Tape

/// Replays a recording on one OpenCL device: buffers allocated once, every launch's arguments bound once.
///
/// A range of steps is planned when it is first run; from then on running it enqueues its launches and nothing
/// else. Used by one task at a time.
public final class OpenCLExecutor: Executor {
  public let recording: Recording
  public let precision: Precision
  private let target: KernelTarget
  private let queue: Queue
  private let memory: OpenCLMemory
  private let programs: ProgramCache
  private let choices: KernelChoices
  private let storesGradients: Bool
  private var plans: [Range<Int>: Plan] = [:]

  private struct Plan {
    let launches: [Launch]
    let variants: [ChosenVariant]
  }

  /// The kernel variant that a step takes.
  public struct ChosenVariant: Sendable {
    public let step: Int
    public let key: PassKey
    public let name: String
  }

  /// Allocates the recording's tensors on `device`.
  ///
  /// - Parameters:
  ///   - profiling: keep the time of every launch, see `profile`; costs a little on some drivers
  ///   - deviceClass: whose kernels to use; the device's own by default. A CPU runs those of GPUs too, slowly:
  ///     so they can be tested without one.
  ///   - choices: kernel variants; passes without one take their default
  ///   - precision: of convolutions; by default `Precision.standard`
  ///   - matrixUnits: what may be used; by default what a GPU has proven to have
  ///   - computeUnits: tiles are chosen as for a device with so many; by default those there are
  ///   - storesGradients: whether every weight gradient can be read after a run. If not, those of layers with more
  ///     weights than pixels are used where they are made, when their Adam step is among the steps that are run.
  /// - Throws: `OpenCLError` when the device has too little memory, too small work-groups, or not the precision.
  public init(
    _ recording: Recording, on device: Device, profiling: Bool = false, deviceClass: DeviceClass? = nil,
    choices: KernelChoices = KernelChoices(), precision: Precision? = nil, matrixUnits: MatrixUnits? = nil,
    computeUnits: Int? = nil, storesGradients: Bool = true
  ) throws(OpenCLError) {
    let deviceClass = deviceClass ?? device.description.deviceClass
    let (groupSize, localMemory) = (device.description.maxWorkGroupSize, device.description.localMemory)
    guard deviceClass == .cpu || groupSize >= 256 && localMemory >= 16 << 10 else {
      throw OpenCLError(
        "\(device.description.name) allows work-groups of \(groupSize) with \(localMemory) bytes of local memory; the kernels for GPUs need 256 with 16384; name another --device"
      )
    }
    let units = deviceClass == .cpu ? .none : matrixUnits ?? MatrixUnits(provenOn: device)
    self.precision = precision ?? .standard(units)
    var description = device.description
    if let computeUnits { description.computeUnits = computeUnits }
    target = KernelTarget(
      device: description, deviceClass: deviceClass,
      multiplication: try Multiplication(self.precision, units, on: description))
    let context = try Context(device)
    queue = try Queue(context, profiling: profiling)
    programs = ProgramCache(context)
    memory = try OpenCLMemory(recording, queue)
    self.recording = recording
    self.choices = choices
    self.storesGradients = storesGradients
  }

  public var device: DeviceDescription { target.device }
  public var deviceClass: DeviceClass { target.deviceClass }

  public var name: String { "\(device.name) (\(device.platform))" }

  public func write(_ values: [Float], to tensor: Tensor) throws(OpenCLError) {
    try memory.write(values, to: tensor)
  }

  public func read(_ tensor: Tensor) throws(OpenCLError) -> [Float] {
    try memory.read(tensor)
  }

  public func run(_ steps: Range<Int>) throws(OpenCLError) {
    for launch in try plan(steps).launches {
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
    try plan(steps).launches.count
  }

  /// The kernel variant of each convolution pass among the steps, in order.
  public func variants(_ steps: Range<Int>) throws(OpenCLError) -> [ChosenVariant] {
    try plan(steps).variants
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

  private func plan(_ steps: Range<Int>) throws(OpenCLError) -> Plan {
    if let plan = plans[steps] { return plan }
    let planner = LaunchPlanner(
      memory, programs, target, choices, storesGradients ? .none : WeightUpdates(recording, steps))
    try planner.plan(steps)
    let plan = Plan(
      launches: planner.launches,
      variants: planner.variants.map { ChosenVariant(step: $0.step, key: $0.key, name: $0.name) })
    plans[steps] = plan
    return plan
  }
}
