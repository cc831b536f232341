import Kernels
import Tape

/// Collects the launches of a plan, in order. Operations ask it for their operands and add their kernels.
final class LaunchPlanner {
  private(set) var launches: [PlannedLaunch] = []
  let device: DeviceDescription
  /// The kernels' class.
  let deviceClass: DeviceClass
  private let memory: OpenCLMemory
  private let temporaries: TemporaryBuffers
  private var derived: DerivedTensors
  /// The step that launches belong to.
  private var step = 0
  /// Its name, with which the names of its launches begin.
  private(set) var label = ""

  init(
    _ memory: OpenCLMemory, _ temporaries: TemporaryBuffers, _ device: DeviceDescription,
    _ deviceClass: DeviceClass
  ) {
    self.memory = memory
    self.temporaries = temporaries
    self.device = device
    self.deviceClass = deviceClass
    derived = DerivedTensors(memory.placement)
  }

  // MARK: Steps

  /// Adds the launches of steps, which the first of them gives their name.
  ///
  /// - Parameter body: adds the launches
  func plan(_ steps: [Int], _ body: () throws(OpenCLError) -> Void) throws(OpenCLError) {
    step = steps[0]
    label = "\(memory.recording.steps[step].label) \(memory.recording.steps[step].name)"
    try body()
    for step in steps { derived.write(operation(step).outputs, by: self.step) }
  }

  /// Adds launches under another step's name.
  func labelled(_ label: String, _ body: () throws(OpenCLError) -> Void) throws(OpenCLError) {
    let current = self.label
    self.label = label
    defer { self.label = current }
    try body()
  }

  // MARK: Operands

  func activation(_ tensor: Tensor) -> ActivationView { memory.activation(tensor) }

  /// A vector, or a scalar as a vector of one.
  func vector(_ tensor: Tensor) -> VectorView { memory.vector(tensor) }

  func weight(_ tensor: Tensor) -> WeightView { memory.weight(tensor) }

  func kind(of tensor: Tensor) -> TensorKind { memory.recording.tensors[tensor.id].kind }

  func operation(_ step: Int) -> any Operation { memory.recording.steps[step].operation }

  /// The buffer of a weight or vector, a flat array, padding and all.
  func flatBuffer(_ tensor: Tensor) -> Buffer { memory.buffer(of: tensor) }

  /// The columns of flat steps as runs of tensors that lie one behind the other, a launch each.
  func flatRuns(_ steps: [any FlatOperation]) -> [(columns: [Buffer], floats: Int)] {
    let arenas = memory.arenas
    var columns = steps.map(\.columns).sorted { arenas.precedes($0[0], $1[0]) }
    var runs: [(columns: [Buffer], floats: Int)] = []
    while let first = columns.first {
      let end = columns.indices.dropFirst().first { index in
        !zip(columns[index], columns[index - 1]).allSatisfy { arenas.follows($0, $1) }
      }
      let last = columns[(end ?? columns.count) - 1]
      let buffers = zip(first, last).map { memory.flatBuffer(from: $0, through: $1) }
      runs.append((buffers, buffers[0].byteCount / MemoryLayout<Float>.size))
      columns.removeFirst(end ?? columns.count)
    }
    return runs
  }

  /// Whether the output of a concatenation or slice, or a group of a batch, needs no launch.
  func isView(_ tensor: Tensor) -> Bool { memory.placement.isView(tensor) }

  /// Whether two tensors share memory.
  func overlap(_ a: Tensor, _ b: Tensor) -> Bool { memory.placement.overlap(a, b) }

  /// Whether intermediate results share rooms, so that scratch lives to the last launch that reads it.
  var sharesRooms: Bool { memory.stored.sharesRooms }

  /// Room for intermediate results, valid within this step, and up to the last launch that reads it where rooms are
  /// shared. Different slots are different buffers.
  func scratch(floats: Int, slot: Int = 0) throws(OpenCLError) -> Buffer {
    try temporaries.scratch(floats: floats, slot: slot)
  }

  // MARK: Launches

  /// Adds a launch. The label is the step's with the kernel's name.
  func launch(
    _ source: KernelSource, _ kernel: String, macros: [(String, String)] = [], arguments: [KernelArgument],
    global: [Int], local: [Int]? = nil, smaller: PlannedLaunch.SmallerGroups = .never,
    derivation: Derivation? = nil
  ) throws(OpenCLError) {
    launches.append(
      try PlannedLaunch(
        "\(label)/\(kernel)", source, kernel, macros: macros, arguments: arguments, global: global,
        local: local, smaller: smaller, derivation: derivation))
  }

  /// Adds a product of matrices by CLBlast.
  func product(_ product: MatrixProduct) {
    launches.append(
      PlannedLaunch(label: "\(label)/\(product.description)", derivation: nil, work: .product(product)))
  }

  /// Adds a launch that writes `tensor`, and can write activated copies of it: their number is its last macro, COPIES, and
  /// they are its last arguments.
  ///
  /// The copies that are wanted turn out when later steps are planned.
  ///
  /// - Parameters:
  ///   - most: the number of copies it can write
  ///   - body: adds the launch, just one
  func launchWithCopies(
    of tensor: Tensor, most: Int, _ body: () throws(OpenCLError) -> Void
  ) throws(OpenCLError) {
    let position = launches.count
    try body()
    precondition(launches.count == position + 1, "\(label): activated copies are written by one launch")
    derived.addCopyingLaunch(position, writing: tensor, by: step, most: most)
  }
}

// MARK: Derived tensors

extension LaunchPlanner {
  /// `tensor` with an activation applied to every value.
  func activated(_ tensor: Tensor, _ activation: Activation) throws(OpenCLError) -> ActivationView {
    guard activation != .none else { return self.activation(tensor) }
    let derivation = Derivation(tensor: tensor, form: .activated(activation))
    let copy = try temporaries.activation(derivation)
    guard derived.insert(derivation) else { return copy }
    let source = self.activation(tensor)
    var rest = RangeSet(0..<source.blocks)
    for writer in derived.copyingLaunches(within: tensor) {
      let target = copy.slice(block: writer.blocks.lowerBound, channels: writer.channels)
      launches[writer.launch].addCopy(target.arguments + [.float(activation.negativeSlope)])
      rest.remove(contentsOf: writer.blocks)
    }
    for blocks in rest.ranges {
      let channels = min(blocks.count * 16, source.channels - blocks.lowerBound * 16)
      try launchRows(
        .elementwise, "activate", over: source.slice(block: blocks.lowerBound, channels: channels),
        source.slice(block: blocks.lowerBound, channels: channels).arguments
          + copy.slice(block: blocks.lowerBound, channels: channels).arguments,
        [.float(activation.negativeSlope)], derivation: derivation)
    }
    return copy
  }

  /// A weight with the given channels in the lanes.
  func weight(_ tensor: Tensor, lanes: WeightLanes) throws(OpenCLError) -> WeightView {
    let weight = self.weight(tensor)
    guard weight.lanes != lanes else { return weight }
    let derivation = Derivation(tensor: tensor, form: .repacked(lanes))
    let view = try temporaries.weight(derivation, lanes: lanes)
    guard derived.insert(derivation) else { return view }
    let repacking = Repacking(source: weight, target: view)
    let most = Repacking.most(deviceClass)
    if let open = derived.addRepacking(repacking, of: tensor, most: most) {
      launches[open.launch] = try Repacking.launch(
        open.weights, open.label, deviceClass, mostWorkItems: device.maxWorkGroupSize, derivation)
    } else {
      derived.openRepacking(repacking, launch: launches.count, label)
      launches.append(
        try Repacking.launch(
          [repacking], label, deviceClass, mostWorkItems: device.maxWorkGroupSize, derivation))
    }
    return view
  }

  /// A flat array derived from `tensor`: `body` adds launches that write the buffer where it is not up to date.
  func derived(
    _ tensor: Tensor, _ form: Derivation.Form, floats: Int,
    _ body: (Buffer, Derivation) throws(OpenCLError) -> Void
  ) throws(OpenCLError) -> Buffer {
    let derivation = Derivation(tensor: tensor, form: form)
    let buffer = try temporaries.buffer(derivation, floats: floats)
    if derived.insert(derivation) { try body(buffer, derivation) }
    return buffer
  }
}
