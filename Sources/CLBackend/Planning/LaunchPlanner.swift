import Kernels
import Tape

/// An operation that can turn itself into kernel launches.
protocol OpenCLOperation: Operation {
  func plan(_ planner: LaunchPlanner) throws(OpenCLError)
}

/// An activation as kernels see it.
struct ActivationView {
  let buffer: Buffer
  /// See Kernels/layout.clh.
  let place: SIMD4<Int32>
  let images: Int
  let channels: Int
  let height: Int
  let width: Int

  /// Blocks of 16 channels.
  var blocks: Int { (channels + 15) / 16 }
}

/// A vector [C] or [N, C] as kernels see it.
struct VectorView {
  let buffer: Buffer
  let rows: Int
  let channels: Int

  /// Floats from row to row.
  var stride: Int { Self.stride(channels) }

  static func stride(_ channels: Int) -> Int { (channels + 31) / 32 * 32 }
}

/// A packed weight as kernels see it.
struct WeightView {
  let buffer: Buffer
  let packing: WeightPacking

  var lanes: WeightLanes { packing.lanes }
  /// Panels of 32 lane channels.
  var panels: Int { packing.panels }
  /// Blocks of 16 broadcast channels.
  var blocks: Int { packing.blocks }
  var taps: Int { packing.taps }
}

/// Collects the launches of steps, in order. Operations ask it for their operands and add their kernels.
///
/// What a kernel wants *made from* a tensor (an activated copy, the other packing of a weight) is a derived
/// tensor: its making is launched when it is first asked for, and again after the tensor was written. An activated
/// copy is rather written by the launch that writes the tensor, where that launch can: see `launchProducer`.
///
/// A step may be planned together with steps behind it, see `following`.
package final class LaunchPlanner {
  /// A launch that another takes the place of is never made, nor its program built.
  private(set) var planned: [PlannedLaunch] = []
  /// What is planned for.
  let target: KernelTarget
  let choices: KernelChoices
  private let memory: OpenCLMemory
  private let programs: ProgramCache
  private let updates: WeightUpdates
  /// Weight gradients that are used for their Adam step and wait for the last reader of the weight, by that step.
  private var pendingUpdates: [Int: [PendingUpdate]] = [:]
  private var step = 0
  private var label = ""
  private var fresh: Set<Derivation> = []
  /// The steps behind the current one that are planned after it, by their numbers.
  private(set) var following: ArraySlice<Step> = []
  /// Those that a step before them has taken on.
  private var taken: Set<Int> = []
  /// By the tensor's number, launches that can write copies of what they write.
  private var producers: [Int: Producer] = [:]
  /// What steps have left to those behind them.
  private var left: [Tensor: GradientParts] = [:]
  /// Products whose parts a step behind them adds up.
  var splitSums: [Tensor: SplitSum] = [:]
  /// Weight gradients that wait for others, to be made in one launch with them, and their steps.
  private var weightGradients: [(tiles: WeightGradientTiles, label: String)] = []
  /// Weight gradients whose parts are still to be added up, and the step of the last.
  private var weightGradientSums: [WeightGradientSum] = []
  private var labelOfSums = ""
  /// The last launch that repacks weights.
  private var repackings: Repackings?
  /// The launch that the next one takes the place of.
  private var replaced: Int?
  /// What the next launches make.
  private var making: Derivation?

  init(
    _ memory: OpenCLMemory, _ programs: ProgramCache, _ target: KernelTarget, _ choices: KernelChoices,
    _ updates: WeightUpdates
  ) {
    self.updates = updates
    self.target = target
    self.choices = choices
    self.memory = memory
    self.programs = programs
  }

  /// Adds the launches of some neighbouring steps.
  func plan(_ range: Range<Int>) throws(OpenCLError) {
    let steps = memory.recording.steps
    for index in range where !taken.contains(index) {
      let step = steps[index]
      guard let operation = step.operation as? any OpenCLOperation else {
        throw OpenCLError("\(step.name) has no OpenCL implementation (\(step.label))")
      }
      self.step = index
      label = "\(step.label) \(step.name)"
      following = steps[index + 1..<range.upperBound]
      try planWeightGradients(before: operation.inputs)
      if weightGradients.contains(where: { isOverwritten($0.tiles, by: operation) }) {
        try planWeightGradients()
      }
      let before = taken
      try operation.plan(self)
      for index in [index] + taken.subtracting(before).sorted() { written(steps[index].operation) }
      for pending in pendingUpdates.removeValue(forKey: index) ?? [] {
        let step = steps[pending.adam]
        guard let adam = step.operation as? Adam else { preconditionFailure("\(step.name) is no Adam step") }
        self.step = pending.adam
        label = "\(step.label) \(step.name)"
        try pending.plan(self, adam)
        take(pending.adam)
        written(adam)
      }
    }
    try planWeightGradients()
    // They hold this planner, which would keep them for ever.
    producers = [:]
  }

  /// Forgets what was made from the outputs of a step.
  private func written(_ operation: any Operation) {
    for output in operation.outputs where !isView(output) {
      repackings?.written.insert(output)
      fresh = fresh.filter { !memory.placement.overlap($0.tensor, output) }
      producers = producers.filter {
        $0.value.step == step || !memory.placement.overlap($0.value.tensor, output)
      }
    }
  }

  /// The current step does what one of `following` does, which is not planned by itself.
  func take(_ step: Int) { taken.insert(step) }

  /// Adds the launches of a step in the form of one variant.
  func plan(_ variant: KernelVariant, of step: Step, index: Int) throws(OpenCLError) {
    self.step = index
    label = "\(step.label) \(step.name)"
    try variant.plan(self)
  }

  // MARK: Weight gradients of several layers together

  /// Makes a weight gradient together with others of its program, before the first of them is read.
  func add(_ tiles: WeightGradientTiles) throws(OpenCLError) {
    weightGradients.append((tiles, label))
    let together = weightGradients.filter { $0.tiles.hasProgram(of: tiles) }
    let operands = [tiles.pass.image.shape, tiles.pass.gradient.shape]
    let isLarge = operands.contains {
      $0.n * (($0.c + 15) / 16) * $0.h * $0.w > WeightGradientTiles.mostPixels
    }
    if isLarge || following.isEmpty || together.count == WeightGradientTiles.most
      || (tiles.sum != nil && !keepsScratch)
    {
      try planTogether(with: tiles)
    }
  }

  /// Launches those that wait and have the program of one of them.
  private func planTogether(with tiles: WeightGradientTiles) throws(OpenCLError) {
    let together = weightGradients.filter { $0.tiles.hasProgram(of: tiles) }
    weightGradients.removeAll { $0.tiles.hasProgram(of: tiles) }
    let current = label
    label = together[0].label
    defer { label = current }
    try planTiles(together.map(\.tiles))
  }

  /// Whether a step writes what a weight gradient is still to be made from.
  private func isOverwritten(_ tiles: WeightGradientTiles, by operation: any Operation) -> Bool {
    operation.outputs.contains { output in
      !isView(output) && (overlap(output, tiles.pass.image) || overlap(output, tiles.pass.gradient))
    }
  }

  /// Completes the weight gradients if one of them is among `inputs`.
  private func planWeightGradients(before inputs: some Sequence<Tensor>) throws(OpenCLError) {
    let waiting = Set(weightGradients.map(\.tiles.pass.output) + weightGradientSums.map(\.gradient))
    if !waiting.isDisjoint(with: inputs) { try planWeightGradients() }
  }

  private func planWeightGradients() throws(OpenCLError) {
    while let first = weightGradients.first { try planTogether(with: first.tiles) }
    try planWeightGradientSums()
  }

  /// Has the parts of a weight gradient added up together with others', before the first is read.
  func add(_ sum: WeightGradientSum) throws(OpenCLError) {
    weightGradientSums.append(sum)
    labelOfSums = label
    if !keepsScratch { try planWeightGradientSums() }
  }

  private func planWeightGradientSums() throws(OpenCLError) {
    let (sums, current) = (weightGradientSums, label)
    weightGradientSums = []
    label = labelOfSums
    defer { label = current }
    for first in stride(from: 0, to: sums.count, by: WeightGradientSum.most) {
      try planSums(sums[first..<min(first + WeightGradientSum.most, sums.count)])
    }
  }

  // MARK: What is done where its result is read

  /// Whether `reader` is the only step that reads the tensor, so that nobody misses it if it is not stored.
  func isRead(_ tensor: Tensor, onlyBy reader: Step) -> Bool { memory.isRead(tensor, onlyBy: reader) }

  /// Whether scratch is a step's own, and so can be read by the next.
  var keepsScratch: Bool { memory.sharesRooms }

  /// Leaves the current step, which makes `tensor`, to the next one if that `takes` it.
  func leave(_ tensor: Tensor, as parts: GradientParts) -> Bool {
    guard takes(following.first, tensor) else { return false }
    left[tensor] = parts
    return true
  }

  /// Whether a step is the only one to read a gradient, and can compute it from its parts.
  func takes(_ step: Step?, _ gradient: Tensor) -> Bool {
    guard let step, isRead(gradient, onlyBy: step) else { return false }
    return (step.operation as? any TakesGradientParts)?.gradient == gradient
  }

  /// The gradient as its parts, where a step has left it so.
  func gradientParts(_ tensor: Tensor) -> GradientParts { left.removeValue(forKey: tensor) ?? .whole(tensor) }

  // MARK: Weight gradients that are used where they are made

  /// Leaves the current step, a weight gradient, to the Adam step that takes it, which is then done with it as soon
  /// as nobody else needs the weight. False if the gradient has to be stored.
  func deferUpdate(_ plan: @escaping (LaunchPlanner, Adam) throws(OpenCLError) -> Void) -> Bool {
    guard let update = updates.updates[step] else { return false }
    pendingUpdates[update.behind, default: []].append(PendingUpdate(adam: update.adam, plan: plan))
    return true
  }

  // MARK: What operations ask for

  var device: DeviceDescription { target.device }

  /// Whose kernels are wanted.
  var deviceClass: DeviceClass { target.deviceClass }

  func activation(_ tensor: Tensor) -> ActivationView { memory.activation(tensor) }

  /// A vector, or a scalar as a vector of one.
  func vector(_ tensor: Tensor) -> VectorView { memory.vector(tensor) }

  func weight(_ tensor: Tensor) -> WeightView { memory.weight(tensor) }

  func kind(of tensor: Tensor) -> TensorKind { memory.recording.tensors[tensor.id].kind }

  /// A weight or vector as a flat array, padding and all.
  func flat(_ tensor: Tensor) -> (buffer: Buffer, floats: Int) {
    let buffer = memory.flatBuffer(tensor)
    return (buffer, buffer.byteCount / MemoryLayout<Float>.size)
  }

  /// The columns of a flat step and of those of its run that it takes on: runs of flat arrays, padding and all, that
  /// a launch each goes over.
  func flatRuns<Op: FlatOperation>(from step: Op) throws(OpenCLError) -> [(columns: [Buffer], floats: Int)] {
    var steps = [step]
    var tensors = Set(step.columns)
    for (index, next) in zip(following.indices, following) {
      guard let next = next.operation as? Op, step.hasSettings(of: next) else { break }
      // What was done with a weight gradient is not done here.
      guard !taken.contains(index), next.columns.allSatisfy({ memory.arenas.places[$0.id] != nil }),
        tensors.isDisjoint(with: next.columns)
      else { continue }
      steps.append(next)
      tensors.formUnion(next.columns)
      take(index)
    }
    try planWeightGradients(before: tensors)
    steps.sort { memory.arenas.precedes($0.columns[0], $1.columns[0]) }
    var runs: [(columns: [Buffer], floats: Int)] = []
    while let first = steps.first {
      let end = steps.indices.dropFirst().first { index in
        !zip(steps[index].columns, steps[index - 1].columns).allSatisfy { memory.arenas.follows($0, $1) }
      }
      let last = steps[(end ?? steps.count) - 1]
      var buffers: [Buffer] = []
      for (first, last) in zip(first.columns, last.columns) {
        buffers.append(memory.flatBuffer(from: first, through: last))
      }
      runs.append((buffers, buffers[0].byteCount / MemoryLayout<Float>.size))
      steps.removeFirst(end ?? steps.count)
    }
    return runs
  }

  /// Whether a concatenation's or slice's result already lies where it should.
  func isView(_ tensor: Tensor) -> Bool { memory.placement.views.contains(tensor.id) }

  /// Whether writing one tensor changes the other.
  func overlap(_ a: Tensor, _ b: Tensor) -> Bool { memory.placement.overlap(a, b) }

  /// Room for partial results, valid within this step. Different slots are different buffers.
  func scratch(floats: Int, slot: Int = 0) throws(OpenCLError) -> Buffer {
    try memory.scratch(floats: floats, slot: slot)
  }

  /// `tensor` with an activation applied to every value.
  func activated(_ tensor: Tensor, _ activation: Activation) throws(OpenCLError) -> ActivationView {
    guard activation != .none else { return self.activation(tensor) }
    let derivation = Derivation(tensor: tensor, kind: .activated(activation))
    let view = try memory.derivedActivation(derivation)
    guard fresh.insert(derivation).inserted else { return view }
    let source = self.activation(tensor)
    // The blocks of channels that no producer can copy.
    var rest = RangeSet(0..<source.blocks)
    for (id, producer) in producers.sorted(by: { $0.key < $1.key })
    where producer.copies.count < producer.most {
      guard let block = memory.placement.block(of: producer.tensor, in: tensor) else { continue }
      let part = self.activation(producer.tensor)
      producers[id]!.copies.append(
        ActivatedCopy(view: view.part(block: block, channels: part.channels), activation: activation))
      let copies = producers[id]!.copies
      try remake(producer.label, producer.launch) { () throws(OpenCLError) in try producer.make(copies) }
      rest.remove(contentsOf: block..<block + part.blocks)
    }
    making = derivation
    defer { making = nil }
    for blocks in rest.ranges {
      let channels = min(blocks.count * 16, source.channels - blocks.lowerBound * 16)
      try planActivation(
        activation, from: source.part(block: blocks.lowerBound, channels: channels),
        to: view.part(block: blocks.lowerBound, channels: channels))
    }
    return view
  }

  /// Adds a launch that writes `tensor` and can write activated copies of it beside it.
  ///
  /// Which copies are wanted turns out only when later steps are planned; then the launch is made anew.
  ///
  /// - Parameters:
  ///   - most: how many copies it can write
  ///   - make: adds the launch, just one
  func launchProducer(
    of tensor: Tensor, most: Int, _ make: @escaping ([ActivatedCopy]) throws(OpenCLError) -> Void
  ) throws(OpenCLError) {
    let producer = Producer(
      tensor: tensor, step: step, label: label, launch: planned.count, most: most, make: make)
    try make([])
    precondition(planned.count == producer.launch + 1, "\(label): a producer is one launch")
    producers[tensor.id] = producer
  }

  /// `make` adds one launch, which takes the place of an earlier one.
  private func remake(
    _ label: String, _ launch: Int, _ make: () throws(OpenCLError) -> Void
  ) throws(OpenCLError) {
    let current = self.label
    (self.label, replaced) = (label, launch)
    defer { (self.label, replaced) = (current, nil) }
    try make()
  }

  /// A weight with those channels in the lanes.
  func weight(_ tensor: Tensor, lanes: WeightLanes) throws(OpenCLError) -> WeightView {
    let weight = self.weight(tensor)
    guard weight.lanes != lanes else { return weight }
    let derivation = Derivation(tensor: tensor, kind: .repacked(lanes))
    let view = try memory.derivedWeight(derivation, lanes: lanes)
    if fresh.insert(derivation).inserted {
      making = derivation
      defer { making = nil }
      try addRepacking(of: tensor, Repacking(source: weight, target: view))
    }
    return view
  }

  /// Has the last launch that repacks weights do this one too, if the weight is as it was then; another if not.
  private func addRepacking(of tensor: Tensor, _ repacking: Repacking) throws(OpenCLError) {
    if var open = repackings, open.weights.count < Repacking.most(deviceClass), !open.written.contains(tensor)
    {
      open.weights.append(repacking)
      try remake(open.label, open.launch) { () throws(OpenCLError) in try planRepacking(open.weights) }
      repackings = open
    } else {
      repackings = Repackings(label: label, launch: planned.count, weights: [repacking])
      try planRepacking([repacking])
    }
  }

  /// A flat array made from `tensor`: `make` launches its making into the buffer where it is not fresh.
  func derived(
    _ tensor: Tensor, _ kind: Derivation.Kind, floats: Int, make: (Buffer) throws(OpenCLError) -> Void
  ) throws(OpenCLError) -> Buffer {
    let derivation = Derivation(tensor: tensor, kind: kind)
    let buffer = try memory.derivedBuffer(derivation, floats: floats)
    if fresh.insert(derivation).inserted {
      making = derivation
      defer { making = nil }
      try make(buffer)
    }
    return buffer
  }

  /// Adds a product of matrices by CLBlast.
  func product(_ product: MatrixProduct) throws(OpenCLError) {
    let (label, context) = ("\(label)/\(product.description)", memory.queue.context)
    planned.append(
      PlannedLaunch(label: label, making: nil, program: nil, buffers: product.buffers) {
        context.usesCLBlast = true
        return Launch(product, label: label)
      })
  }

  /// What each launch reads and writes, in order.
  var buffers: [[Buffer]] { planned.map(\.buffers) }

  /// Adds a launch. The label is the step's with the kernel's name.
  func launch(
    _ source: KernelSource, _ kernel: String, macros: [(String, String)] = [], arguments: [KernelArgument],
    global: [Int], local: [Int]? = nil
  ) throws(OpenCLError) {
    let (programs, label) = (programs, "\(label)/\(kernel)")
    let request = ProgramCache.Request(source: try ProgramSource(source), macros: macros)
    let buffers = arguments.compactMap { if case .buffer(let buffer) = $0 { buffer } else { nil } }
    let launch = PlannedLaunch(label: label, making: making, program: request, buffers: buffers) {
      () throws(OpenCLError) in
      let program = try programs.program(request.source, macros: macros)
      return Launch(
        try Kernel(program, kernel, deferring: arguments), global: global, local: local, label: label)
    }
    if let replaced {
      planned[replaced] = launch
    } else {
      planned.append(launch)
    }
  }
}

/// A launch without its program.
struct PlannedLaunch {
  /// The step's name with the kernel's.
  let label: String
  /// The derived tensor that it makes; nil where it makes none.
  let making: Derivation?
  /// nil for a matrix product.
  let program: ProgramCache.Request?
  let buffers: [Buffer]
  /// Builds the program. The launch is still to be bound to memory.
  let make: () throws(OpenCLError) -> Launch
}

/// A gradient that has not been computed yet.
enum GradientParts {
  case whole(Tensor)
  case sum(Tensor, Tensor)
  case masked(Tensor, mask: Tensor)

  /// The kernels' macros.
  var macros: [(String, String)] {
    switch self {
    case .whole: []
    case .sum: [("ADDEND", "1")]
    case .masked: [("MASK", "1")]
    }
  }

  func arguments(_ planner: LaunchPlanner) -> [KernelArgument] {
    switch self {
    case .whole(let gradient): planner.activation(gradient).arguments
    case .sum(let a, let b), .masked(let a, mask: let b):
      planner.activation(a).arguments + planner.activation(b).arguments
    }
  }
}

/// A step whose kernels compute the gradient they read from its parts.
protocol TakesGradientParts: OpenCLOperation {
  var gradient: Tensor { get }
}

/// A weight gradient and the Adam step that it is used for.
private struct PendingUpdate {
  let adam: Int
  let plan: (LaunchPlanner, Adam) throws(OpenCLError) -> Void
}

/// A copy of an activation that its producer writes.
struct ActivatedCopy {
  let view: ActivationView
  let activation: Activation
}

/// A launch that can write copies of what it writes.
private struct Producer {
  let tensor: Tensor
  let step: Int
  let label: String
  /// Its position among the launches.
  let launch: Int
  let most: Int
  let make: ([ActivatedCopy]) throws(OpenCLError) -> Void
  var copies: [ActivatedCopy] = []
}

/// A launch that repacks weights and can take on more of them.
private struct Repackings {
  let label: String
  /// Its position among the launches.
  let launch: Int
  var weights: [Repacking]
  /// What was written since.
  var written: Set<Tensor> = []
}

extension ActivationView {
  /// Some of the images.
  func part(image: Int, images: Int) -> ActivationView {
    var place = place
    place.x += Int32(image) * place.y
    return ActivationView(
      buffer: buffer, place: place, images: images, channels: channels, height: height, width: width)
  }

  /// Some of the channels, from a block on.
  func part(block: Int, channels: Int) -> ActivationView {
    var place = place
    place.x += Int32(block) * place.z
    return ActivationView(
      buffer: buffer, place: place, images: images, channels: channels, height: height, width: width)
  }
}

/// Something made from a tensor for kernels that want it so.
struct Derivation: Hashable, Sendable {
  enum Kind: Hashable, Sendable {
    case activated(Activation)
    case repacked(WeightLanes)
    /// Transformed tiles of an activated map, and of an activated gradient; a transformed weight.
    case winogradInput(WinogradTiling, Activation)
    case winogradGradient(WinogradTiling, Activation)
    case winogradWeight(transposed: Bool)
  }
  let tensor: Tensor
  let kind: Kind
}
