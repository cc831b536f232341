import Tape

/// Replays a recording on one OpenCL device: buffers allocated once, every launch's arguments bound once.
///
/// A range of steps is planned when it is first run; from then on a run enqueues its launches and nothing else. Used by
/// one task at a time.
public final class OpenCLExecutor: Executor {
  public let recording: Recording
  let target: KernelTarget
  private let choices: KernelChoices
  private let storesGradients: Bool
  let queue: Queue
  let programs: ProgramCache
  let memory: OpenCLMemory
  private var rooms: Rooms
  /// The temporary buffers of all plans where rooms are not shared.
  let temporaries: TemporaryBuffers
  private var plans: [Range<Int>: LaunchPlan] = [:]
  /// Bound launches of ranges that were prepared or run.
  private var launches: [Range<Int>: [Launch]] = [:]

  /// The kernel variant that a step takes.
  public struct ChosenVariant: Sendable {
    public let step: Int
    public let key: PassKey
    public let name: String
  }

  /// Prepares to run the recording on `device`. Tensors that no launch uses and nobody reads take no room there.
  ///
  /// - Throws: `OpenCLError` when the device has too little memory, too small work-groups, or not the precision.
  public init(
    _ recording: Recording, on device: Device, _ options: Options = .checking
  ) throws(OpenCLError) {
    target = try KernelTarget(device, options)
    // Only kernels for CPUs use a weight gradient at once.
    storesGradients = options.storesGradients || target.deviceClass == .gpu
    let context = try Context.shared(by: device)
    queue = try Queue(context, profiling: options.profiling)
    programs = ProgramCache(context)
    memory = try OpenCLMemory(
      StoredTensors(recording, keeping: options.kept(of: recording)), of: recording, queue,
      unstored: storesGradients ? [] : WeightUpdates(recording, 0..<recording.steps.count).gradients)
    rooms = Rooms(queue, packsActivations: options.packsActivations)
    temporaries = TemporaryBuffers(memory)
    self.recording = recording
    choices = options.choices
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
    programs.expect(try plan(steps).programs)
  }

  /// Allocates the buffers of a range of steps, and has them zeroed.
  public func reserve(_ steps: Range<Int>) throws(OpenCLError) {
    for buffer in try plan(steps).buffers { _ = try buffer.handle() }
  }

  /// The median of `count` times of running the steps once, in seconds, while the device is kept busy.
  public func seconds(_ steps: Range<Int>, count: Int) throws(OpenCLError) -> Double {
    try queue.times(count) { () throws(OpenCLError) in try run(steps) }.sorted()[count / 2]
  }

  /// Builds the programs of a range of steps and binds its launches, so that the first `run` is as fast as
  /// those after it.
  public func prepare(_ steps: Range<Int>) throws(OpenCLError) {
    if launches[steps] == nil { launches[steps] = try bind(steps) { _ in } }
  }

  /// The device memory that will be allocated once each of these ranges has run. The answer allocates nothing and builds
  /// no program. Ranges share memory, so name all that will run.
  public func memoryNeed(_ ranges: [Range<Int>]) throws(OpenCLError) -> MemoryNeed {
    var buffers: [Buffer] = []
    for steps in ranges { buffers += try plan(steps).buffers }
    return MemoryNeed(memory, buffers, rooms)
  }

  /// The number of kernels that one run of the steps launches.
  public func launchCount(_ steps: Range<Int>) throws(OpenCLError) -> Int { try plan(steps).launches.count }

  /// The kernel variant of each convolution pass among the steps, in order.
  public func variants(_ steps: Range<Int>) throws(OpenCLError) -> [ChosenVariant] {
    try chosenVariants(steps).all.sorted { $0.key < $1.key }.map { step, chosen in
      ChosenVariant(step: step, key: chosen.key, name: chosen.variant.name)
    }
  }

  /// The variant of every convolution pass of the recording, defaults among them.
  public func allChoices() throws(OpenCLError) -> KernelChoices {
    var result = KernelChoices(source: choices.source)
    for variant in try variants(0..<recording.steps.count) { result[variant.key] = variant.name }
    return result
  }

  /// Bytes of device memory in use.
  public var allocatedBytes: Int { queue.context.memory.bytes }

  /// The kernel programs of all bound launches.
  public var programRequests: [ProgramCache.Request] { programs.requests }

  /// The launches that finished since the last call, with their times; needs `profiling`.
  public func profile() throws(OpenCLError) -> [LaunchTime] {
    try queue.profile()
  }

  // MARK: Self-test

  /// The kernels that are launched in some steps.
  public func kernels(_ steps: Range<Int>) throws(OpenCLError) -> Set<KernelIdentity> {
    Set(try identities(of: try plan(steps)).compactMap { $0 })
  }

  /// By the launch's number.
  func identities(of plan: LaunchPlan) throws(OpenCLError) -> [KernelIdentity?] {
    var result: [KernelIdentity?] = []
    for launch in plan.launches { result.append(try launch.identity(on: queue.context.device.description)) }
    return result
  }

  /// Builds the program of a launch and enqueues it.
  func launchOnce(_ planned: PlannedLaunch) throws(OpenCLError) {
    let launch = try planned.make(programs, mostWorkItems: device.maxWorkGroupSize)
    try launch.bind()
    try queue.enqueue(launch)
  }

  // MARK: Planning

  func chosenVariants(_ steps: Range<Int>) throws(OpenCLError) -> ChosenVariants {
    try ChosenVariants(recording, steps, memory.placement, choices, target)
  }

  /// The steps as they are launched together.
  package func fusedSteps(_ steps: Range<Int>) throws(OpenCLError) -> [FusedStep] {
    fusedSteps(steps, try chosenVariants(steps).byStep)
  }

  private func fusedSteps(_ steps: Range<Int>, _ variants: [Int: KernelVariant]) -> [FusedStep] {
    let updates = storesGradients ? [:] : WeightUpdates(recording, steps).updates
    let fusion = Fusion(
      recording, memory.placement, memory.arenas, memory.stored, deviceClass,
      splitConvolutions: Set(variants.filter(\.value.leavesPartialSums).keys),
      updates: updates.filter { variants[$0.key]?.planUpdate != nil })
    return fusion.steps(steps)
  }

  package func plan(_ steps: Range<Int>) throws(OpenCLError) -> LaunchPlan {
    if let plan = plans[steps] { return plan }
    let variants = try chosenVariants(steps).byStep
    let temporaries = memory.stored.sharesRooms ? TemporaryBuffers(memory) : temporaries
    let planner = LaunchPlanner(memory, temporaries, device, deviceClass)
    let fused = fusedSteps(steps, variants)
    let ends = try StepPlanner.plan(fused, variants, planner)
    var clearings: [Clearing] = []
    if memory.stored.sharesRooms {
      var kinds = memory.roomKinds(of: steps)
      kinds.merge(temporaries.roomKinds)
      clearings = try rooms.share(planner.launches.map(\.buffers), kinds)
    }
    let plan = try LaunchPlan(
      planner.launches, of: zip(fused, ends).map { ($0, $1) }, clearings,
      derived: temporaries.derived.values, deviceClass)
    plans[steps] = plan
    return plan
  }

  /// - Parameter onLaunch: called with each launch as soon as its program is there
  private func bind(
    _ steps: Range<Int>, onLaunch: (Launch) throws(OpenCLError) -> Void
  ) throws(OpenCLError) -> [Launch] {
    let plan = try plan(steps)
    try reserve(steps)
    programs.expect(plan.programs)
    var result: [Launch] = []
    for planned in plan.launches {
      let launch = try planned.make(programs, mostWorkItems: device.maxWorkGroupSize)
      try launch.bind()
      try onLaunch(launch)
      result.append(launch)
    }
    return result
  }
}
