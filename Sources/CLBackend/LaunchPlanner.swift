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
/// tensor: its making is launched when it is first asked for, and again after the tensor was written.
package final class LaunchPlanner {
  private(set) var launches: [Launch] = []
  /// For each launch the step it belongs to.
  private(set) var steps: [Int] = []
  /// What is planned for.
  let target: KernelTarget
  let choices: KernelChoices
  private let memory: OpenCLMemory
  private let programs: ProgramCache
  private let updates: WeightUpdates
  /// Launches of weight gradients that wait for their Adam step.
  private var pendingUpdates: [Int: (LaunchPlanner, Adam) throws(OpenCLError) -> Void] = [:]
  private var step = 0
  private var label = ""
  private var fresh: Set<Derivation> = []

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

  /// Adds the launches of a step.
  func plan(_ step: Step, index: Int) throws(OpenCLError) {
    guard let operation = step.operation as? any OpenCLOperation else {
      throw OpenCLError("\(step.name) has no OpenCL implementation (\(step.label))")
    }
    self.step = index
    label = "\(step.label) \(step.name)"
    try operation.plan(self)
    for output in operation.outputs {
      let storage = memory.storage(of: output)
      fresh = fresh.filter { memory.storage(of: $0.tensor) != storage }
    }
  }

  /// Adds the launches of a step in the form of one variant.
  func plan(_ variant: KernelVariant, of step: Step, index: Int) throws(OpenCLError) {
    self.step = index
    label = "\(step.label) \(step.name)"
    try variant.plan(self)
  }

  // MARK: Weight gradients that are used where they are made

  /// Leaves the current step, a weight gradient, to the Adam step that takes it. False if it has to be stored.
  func deferUpdate(_ update: @escaping (LaunchPlanner, Adam) throws(OpenCLError) -> Void) -> Bool {
    guard let adam = updates.adamSteps[step] else { return false }
    pendingUpdates[adam] = update
    return true
  }

  /// Plans the weight gradient that waits for the current step, and the step with it. False if none does.
  func planUpdate(_ adam: Adam) throws(OpenCLError) -> Bool {
    guard let update = pendingUpdates.removeValue(forKey: step) else { return false }
    try update(self, adam)
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

  /// Whether a concatenation's or slice's result already lies where it should.
  func isView(_ tensor: Tensor) -> Bool { memory.placement.views.contains(tensor.id) }

  /// Room for partial results, valid within this step. Different slots are different buffers.
  func scratch(floats: Int, slot: Int = 0) throws(OpenCLError) -> Buffer {
    try memory.scratch(floats: floats, slot: slot)
  }

  /// `tensor` with an activation applied to every value.
  func activated(_ tensor: Tensor, _ activation: Activation) throws(OpenCLError) -> ActivationView {
    guard activation != .none else { return self.activation(tensor) }
    let derivation = Derivation(tensor: tensor, kind: .activated(activation))
    let view = try memory.derivedActivation(derivation)
    if fresh.insert(derivation).inserted {
      try planActivation(activation, from: self.activation(tensor), to: view)
    }
    return view
  }

  /// A weight with those channels in the lanes.
  func weight(_ tensor: Tensor, lanes: WeightLanes) throws(OpenCLError) -> WeightView {
    let weight = self.weight(tensor)
    guard weight.lanes != lanes else { return weight }
    let derivation = Derivation(tensor: tensor, kind: .repacked(lanes))
    let view = try memory.derivedWeight(derivation, lanes: lanes)
    if fresh.insert(derivation).inserted {
      try planRepacking(from: weight, to: view)
    }
    return view
  }

  /// A flat array made from `tensor`: `make` launches its making into the buffer where it is not fresh.
  func derived(
    _ tensor: Tensor, _ kind: Derivation.Kind, floats: Int, make: (Buffer) throws(OpenCLError) -> Void
  ) throws(OpenCLError) -> Buffer {
    let derivation = Derivation(tensor: tensor, kind: kind)
    let buffer = try memory.derivedBuffer(derivation, floats: floats)
    if fresh.insert(derivation).inserted { try make(buffer) }
    return buffer
  }

  /// Adds a product of matrices by CLBlast.
  func product(_ product: MatrixProduct) throws(OpenCLError) {
    launches.append(Launch(product, label: "\(label)/\(product.description)"))
    steps.append(step)
  }

  /// Adds a launch. The label is the step's with the kernel's name.
  func launch(
    _ source: KernelSource, _ kernel: String, macros: [(String, String)] = [], arguments: [KernelArgument],
    global: [Int], local: [Int]? = nil
  ) throws(OpenCLError) {
    let program = try programs.program(source, macros: macros)
    let kernel = try Kernel(program, kernel, arguments)
    launches.append(Launch(kernel, global: global, local: local, label: "\(label)/\(kernel.name)"))
    steps.append(step)
  }
}

/// Something made from a tensor for kernels that want it so.
struct Derivation: Hashable {
  enum Kind: Hashable {
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
