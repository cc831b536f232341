import Tape

/// Replays a recording on one OpenCL device: buffers allocated once, every launch's arguments bound once.
///
/// A range of steps is planned when it is first run; from then on running it enqueues its launches and nothing
/// else. Used by one task at a time.
public final class OpenCLExecutor: Executor {
  public let recording: Recording
  private let target: KernelTarget
  private let queue: Queue
  let memory: OpenCLMemory
  private let programs: ProgramCache
  private let choices: KernelChoices
  private let storesGradients: Bool
  /// Ranges whose launches have their places in memory.
  private var plans: [Range<Int>: Plan] = [:]
  /// Of ranges that can be run.
  private var launches: [Range<Int>: [Launch]] = [:]

  /// The kernel variant that a step takes.
  public struct ChosenVariant: Sendable {
    public let step: Int
    public let key: PassKey
    public let name: String
  }

  /// Makes ready to run the recording on `device`. Tensors that no launch uses and nobody reads take no room there.
  ///
  /// - Parameters:
  ///   - profiling: keep the time of every launch, see `profile`; costs a little on some drivers
  ///   - deviceClass: whose kernels to use; the device's own by default. A CPU runs those of GPUs too, slowly:
  ///     so they can be tested without one.
  ///   - choices: kernel variants; passes without one take their default
  ///   - precision: of convolutions; by default `Precision.standard`
  ///   - matrixUnits: what may be used; by default what a GPU has proven to have
  ///   - computeUnits: tiles are chosen as for a device with so many; by default those there are
  ///   - vectorWidth: tiles are chosen as for a CPU whose registers hold so many floats; by default as it says
  ///   - storesGradients: whether every weight gradient can be read after a run. If not, those of layers with more
  ///     weights than pixels are used where they are made, when their Adam step is among the steps that are run.
  ///   - kept: the tensors that can be read after a run, besides inputs, parameters and states; others share room
  ///     when they are needed at different times. All can be read if nil.
  ///   - packsActivations: of those others, activations of different sizes share room too, which takes a launch each to
  ///     clear their borders: less memory, some more time
  /// - Throws: `OpenCLError` when the device has too little memory, too small work-groups, or not the precision.
  public init(
    _ recording: Recording, on device: Device, profiling: Bool = false, deviceClass: DeviceClass? = nil,
    choices: KernelChoices = KernelChoices(), precision: Precision? = nil, matrixUnits: MatrixUnits? = nil,
    computeUnits: Int? = nil, vectorWidth: Int? = nil, storesGradients: Bool = true,
    keeping kept: Set<Tensor>? = nil, packsActivations: Bool = false
  ) throws(OpenCLError) {
    target = try KernelTarget(
      device, deviceClass: deviceClass, precision: precision, matrixUnits: matrixUnits,
      computeUnits: computeUnits, vectorWidth: vectorWidth)
    // Only kernels for CPUs use a weight gradient where it is made.
    let storesGradients = storesGradients || target.deviceClass == .gpu
    let context = try Context(device)
    queue = try Queue(context, profiling: profiling)
    programs = ProgramCache(context)
    memory = try OpenCLMemory(
      recording, queue, keeping: kept, packsActivations: packsActivations,
      unstored: storesGradients ? [] : WeightUpdates(recording, 0..<recording.steps.count).gradients)
    self.recording = recording
    self.choices = choices
    self.storesGradients = storesGradients
  }

  public var device: DeviceDescription { target.device }
  public var deviceClass: DeviceClass { target.deviceClass }
  public var precision: Precision { target.precision }

  public var name: String { "\(device.name) (\(device.platform))" }

  public func write(_ values: [Float], to tensor: Tensor) throws(OpenCLError) {
    try memory.write(values, to: tensor)
  }

  public func clear(_ tensor: Tensor) throws(OpenCLError) {
    try memory.clear(tensor)
  }

  public func read(_ tensor: Tensor) throws(OpenCLError) -> [Float] {
    try memory.read(tensor)
  }

  public func run(_ steps: Range<Int>) throws(OpenCLError) {
    if let launches = launches[steps] {
      for launch in launches { try queue.enqueue(launch) }
    } else {
      // Drivers compile a kernel for its launch; they do while the next programs are built.
      launches[steps] = try bind(steps) { launch throws(OpenCLError) in
        try queue.enqueue(launch)
        try queue.flush()
      }
    }
    try queue.flush()
  }

  public func finish() throws(OpenCLError) {
    try queue.finish()
  }

  /// Plans a range of steps and begins to build its programs, on another thread.
  public func expect(_ steps: Range<Int>) throws(OpenCLError) {
    programs.expect(try plan(steps).planner.planned.compactMap(\.program))
  }

  /// The median of `count` times of running the steps once, in seconds, while the device is kept busy.
  public func seconds(_ steps: Range<Int>, count: Int) throws(OpenCLError) -> Double {
    try queue.times(count) { () throws(OpenCLError) in try run(steps) }.sorted()[count / 2]
  }

  /// Builds the programs of a range of steps and binds its launches, so that the first `run` is as fast as
  /// those after it.
  public func prepare(_ steps: Range<Int>) throws(OpenCLError) {
    _ = try bound(steps)
  }

  /// What the device will have allocated once each of these ranges has run: nothing is allocated for the answer, and
  /// no program built. Ranges that are run use each other's memory, so all of them should be named.
  public func memoryNeed(_ ranges: [Range<Int>]) throws(OpenCLError) -> MemoryNeed {
    var buffers: [Buffer] = []
    for steps in ranges { buffers += try plan(steps).planner.buffers.joined() }
    return memory.need(buffers)
  }

  /// How many kernels one run of the steps launches.
  public func launchCount(_ steps: Range<Int>) throws(OpenCLError) -> Int {
    let plan = try plan(steps)
    return plan.planner.planned.count + plan.clearings.count
  }

  /// The steps and kernels that one run launches, and how often.
  public func launchCounts(_ steps: Range<Int>) throws(OpenCLError) -> [String: Int] {
    var counts: [String: Int] = [:]
    for launch in try plan(steps).planner.planned { counts[launch.label, default: 0] += 1 }
    return counts
  }

  /// The kernel variant of each convolution pass among the steps, in order.
  public func variants(_ steps: Range<Int>) throws(OpenCLError) -> [ChosenVariant] {
    var result: [ChosenVariant] = []
    for step in steps {
      guard let pass = variedPass(of: recording.steps[step].operation) else { continue }
      let lanes = memory.placement.weights[pass.packedWeight.id]!.lanes
      let variant = try pass.variant(choices, target, lanes: lanes)
      result.append(ChosenVariant(step: step, key: pass.key(lanes: lanes), name: variant.name))
    }
    return result
  }

  /// The variant of every convolution pass of the recording, defaults among them.
  public func allChoices() throws(OpenCLError) -> KernelChoices {
    var result = KernelChoices(source: choices.source)
    for variant in try variants(0..<recording.steps.count) { result[variant.key] = variant.name }
    return result
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

  /// Launches that have their places in memory, nothing of it built or allocated yet.
  private struct Plan {
    let planner: LaunchPlanner
    let clearings: [Clearing]
  }

  private func plan(_ steps: Range<Int>) throws(OpenCLError) -> Plan {
    if let plan = plans[steps] { return plan }
    let planner = LaunchPlanner(
      memory, programs, target, choices, storesGradients ? .none : WeightUpdates(recording, steps))
    try planner.plan(steps)
    let plan = Plan(planner: planner, clearings: try memory.shareRooms(planner.buffers, of: steps))
    plans[steps] = plan
    return plan
  }

  private func bound(_ steps: Range<Int>) throws(OpenCLError) -> [Launch] {
    if let launches = launches[steps] { return launches }
    let result = try bind(steps) { _ in }
    launches[steps] = result
    return result
  }

  /// - Parameter onLaunch: called with each launch as soon as its program is there
  private func bind(
    _ steps: Range<Int>, onLaunch: (Launch) throws(OpenCLError) -> Void
  ) throws(OpenCLError) -> [Launch] {
    let plan = try plan(steps)
    let planned = plan.planner.planned
    try memory.allocate(planned.map(\.buffers))
    programs.expect(planned.compactMap(\.program))
    var result: [Launch] = []
    func add(_ launch: Launch) throws(OpenCLError) {
      try launch.bind()
      try onLaunch(launch)
      result.append(launch)
    }
    var clearings = plan.clearings[...]
    for (index, launch) in planned.enumerated() {
      while let clearing = clearings.first, clearing.before == index {
        try add(try clearing.launch(programs, deviceClass))
        clearings.removeFirst()
      }
      try add(try launch.make())
    }
    return result
  }
}
