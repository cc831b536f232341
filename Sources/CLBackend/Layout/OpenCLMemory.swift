import Tape

/// The buffers of a recording's tensors on one device, and the way between plain row-major values and the layout
/// in device memory.
final class OpenCLMemory {
  let recording: Recording
  let placement: Placement
  let queue: Queue
  let arenas: Arenas
  let activationBuffers: [Buffer]
  private var arenaBuffers: [Buffer] = []
  private var flatBuffers: [Int: Buffer] = [:]
  private(set) var derivedBuffers: [Derivation: Buffer] = [:]
  private var scratchBuffers: [Int: Buffer] = [:]
  /// The intermediate tensors that keep their values after a run; nil if all do.
  private let kept: Set<Tensor>?
  private let packsActivations: Bool
  /// How many steps read a tensor, by its number.
  private let readers: [Int: Int]
  /// What the current plan asked for: kept here so that `kinds` does not outlive the buffers it names.
  private var scratchOfPlan: [Buffer] = []
  /// By the buffer, what may share a room with what. Empty if every tensor keeps its values.
  private var kinds: [ObjectIdentifier: RoomKind] = [:]
  /// Rooms of former plans: plans run one after the other.
  private var rooms: [RoomKind: [Buffer]] = [:]

  /// Tensors are zero until something is written; room is taken for those that a launch or a transfer asks
  /// for.
  ///
  /// - Parameters:
  ///   - kept: the intermediate tensors that keep their values after a run; nil if all do
  ///   - packsActivations: activations share room with everything, so that their borders have to be cleared
  ///   - unstored: weight gradients that are likely never stored, which then have no place among others
  init(
    _ recording: Recording, _ queue: Queue, keeping kept: Set<Tensor>? = nil, packsActivations: Bool = false,
    unstored: Set<Tensor> = []
  ) throws(OpenCLError) {
    self.packsActivations = packsActivations
    self.recording = recording
    self.kept = kept
    readers = recording.steps.reduce(into: [:]) { counts, step in
      for tensor in Set(step.operation.inputs) { counts[tensor.id, default: 0] += 1 }
    }
    self.queue = queue
    placement = Placement(recording)
    var buffers: [Buffer] = []
    for (index, storage) in placement.storages.enumerated() {
      buffers.append(
        try Buffer(queue, floats: storage.pixels * 16, label: "activations \(index)", deferred: true))
    }
    activationBuffers = buffers
    let device = queue.context.device.description
    let placement = placement
    func floats(_ tensor: Tensor) -> Int? {
      switch recording.tensors[tensor.id].kind {
      case .activation: return nil
      case .weight: return placement.weights[tensor.id]!.floats
      case .vector, .scalar:
        let (rows, channels) = Self.rows(tensor.shape)
        return rows * VectorView.stride(channels)
      }
    }
    let floatSize = MemoryLayout<Float>.size
    arenas = Arenas(
      recording, alignment: max(16, device.baseAddressAlignment / floatSize),
      limit: device.maxAllocation / floatSize, leavingOut: unstored, floats: floats)
    for (index, size) in arenas.sizes.enumerated() {
      arenaBuffers.append(try Buffer(queue, floats: size, label: "arena \(index)", deferred: true))
    }
    for description in recording.tensors {
      guard let floats = floats(description.tensor) else { continue }
      let place = arenas.places[description.tensor.id]
      flatBuffers[description.tensor.id] =
        if let place {
          Buffer(
            within: arenaBuffers[place.arena], offset: place.start * floatSize, byteCount: floats * floatSize,
            label: description.name)
        } else {
          try Buffer(queue, floats: floats, label: description.name, deferred: true)
        }
    }
  }

  private static func rows(_ shape: Shape) -> (rows: Int, channels: Int) {
    switch shape.rank {
    case 0: (1, 1)
    case 1: (1, shape[0])
    default: (shape[0], shape.count / shape[0])
    }
  }

  /// Whether tensors that are not kept, and scratch, have rooms by their lifetimes.
  var sharesRooms: Bool { kept != nil }

  /// Whether nobody but one step reads the tensor.
  func isRead(_ tensor: Tensor, onlyBy reader: Step) -> Bool {
    guard let kept, !kept.contains(tensor), recording.tensors[tensor.id].role == .intermediate,
      readers[tensor.id] == 1
    else { return false }
    return reader.operation.inputs.contains(tensor)
  }

  // MARK: Views

  func activation(_ tensor: Tensor) -> ActivationView {
    let placed = placement.activations[tensor.id]!
    return view(tensor, activationBuffers[placed.storage], placed.place)
  }

  private func view(_ tensor: Tensor, _ buffer: Buffer, _ place: SIMD4<Int32>) -> ActivationView {
    let shape = tensor.shape
    return ActivationView(
      buffer: buffer, place: place, images: shape.n, channels: shape.c, height: shape.h, width: shape.w)
  }

  func vector(_ tensor: Tensor) -> VectorView {
    let (rows, channels) = Self.rows(tensor.shape)
    return VectorView(buffer: flatBuffers[tensor.id]!, rows: rows, channels: channels)
  }

  func weight(_ tensor: Tensor) -> WeightView {
    WeightView(buffer: flatBuffers[tensor.id]!, packing: placement.weights[tensor.id]!)
  }

  /// The buffer of a weight, vector or scalar.
  func flatBuffer(_ tensor: Tensor) -> Buffer { flatBuffers[tensor.id]! }

  /// The part of an arena from one tensor to another behind it, padding and all.
  func flatBuffer(from first: Tensor, through last: Tensor) -> Buffer {
    guard first != last else { return flatBuffer(first) }
    let (start, end) = (arenas.places[first.id]!, arenas.places[last.id]!)
    let size = MemoryLayout<Float>.size
    return Buffer(
      within: arenaBuffers[start.arena], offset: start.start * size,
      byteCount: (end.end - start.start) * size,
      label: "\(recording.name(of: first)) to \(recording.name(of: last))")
  }

  /// An own buffer for the activated copy, with the border of the tensor's storage.
  func derivedActivation(_ derivation: Derivation) throws(OpenCLError) -> ActivationView {
    let storage = storage(ofCopy: derivation.tensor)
    let buffer = try derivedBuffer(derivation, floats: storage.pixels * 16, kind: .activation(storage))
    return view(derivation.tensor, buffer, storage.place())
  }

  /// How a copy of an activation lies in a buffer of its own.
  func storage(ofCopy tensor: Tensor) -> ActivationStorage {
    var storage = placement.storages[placement.activations[tensor.id]!.storage]
    (storage.images, storage.blocks) = (tensor.shape.n, (tensor.shape.c + 15) / 16)
    storage.filling = (16 - tensor.shape.c % 16) % 16
    return storage
  }

  func derivedWeight(_ derivation: Derivation, lanes: WeightLanes) throws(OpenCLError) -> WeightView {
    let packing = placement.weights[derivation.tensor.id]!
    let other = WeightPacking(
      lanes: lanes, outputs: packing.outputs, inputs: packing.inputs, kernelHeight: packing.kernelHeight,
      kernelWidth: packing.kernelWidth, stride: packing.stride)
    return WeightView(
      buffer: try derivedBuffer(derivation, floats: other.floats, kind: .whole), packing: other)
  }

  func derivedBuffer(
    _ derivation: Derivation, floats: Int, kind: RoomKind = .whole
  ) throws(OpenCLError) -> Buffer {
    if let buffer = derivedBuffers[derivation] { return buffer }
    let name = recording.name(of: derivation.tensor)
    let buffer = try Buffer(queue, floats: floats, label: "\(name) \(derivation.kind)", deferred: true)
    derivedBuffers[derivation] = buffer
    if kept != nil {
      kinds[ObjectIdentifier(buffer)] = kind
    }
    return buffer
  }

  /// Steps run one after the other, so they share scratch; launches keep the buffer they were bound to.
  func scratch(floats: Int, slot: Int) throws(OpenCLError) -> Buffer {
    guard kept == nil else {
      let buffer = try Buffer(queue, floats: floats, label: "scratch \(slot)", deferred: true)
      scratchOfPlan.append(buffer)
      kinds[ObjectIdentifier(buffer)] = .whole
      return buffer
    }
    if let buffer = scratchBuffers[slot], buffer.byteCount >= floats * MemoryLayout<Float>.size {
      return buffer
    }
    let buffer = try Buffer(queue, floats: floats, label: "scratch \(slot)", deferred: true)
    scratchBuffers[slot] = buffer
    return buffer
  }

  // MARK: Shared rooms

  /// Gives rooms to what the launches of some steps use and nobody needs before or after them. Nothing is allocated.
  ///
  /// What is derived from tensors belongs to the plan that makes it.
  ///
  /// - Parameter buffers: what each launch reads and writes, in order
  /// - Returns: what has to be cleared, in the order of the launches
  func shareRooms(_ buffers: [[Buffer]], of steps: Range<Int>) throws(OpenCLError) -> [Clearing] {
    guard kept != nil else { return [] }
    noteIntermediates(of: steps)
    let clearings = try shareRooms(buffers)
    kinds = [:]
    derivedBuffers = [:]
    scratchOfPlan = []
    return clearings
  }

  /// Gives the buffers of launches their memory.
  func allocate(_ buffers: [[Buffer]]) throws(OpenCLError) {
    for buffer in buffers.joined() { _ = try buffer.handle() }
  }

  /// What launches and the tensors that are written from outside will have allocated.
  ///
  /// - Parameter buffers: what the launches read and write, with rooms shared
  func need(_ buffers: some Sequence<Buffer>) -> MemoryNeed {
    var parts: [ObjectIdentifier: WritableKeyPath<MemoryNeed, Int>] = [:]
    var roots: [ObjectIdentifier: Buffer] = [:]
    for description in recording.tensors {
      let tensor = description.tensor
      let buffer =
        placement.activations[tensor.id].map { activationBuffers[$0.storage] } ?? flatBuffer(tensor)
      let root = buffer.root
      switch (description.role, description.kind) {
      case (.parameter, _): parts[ObjectIdentifier(root)] = \.weights
      case (.state, _): parts[ObjectIdentifier(root)] = \.state
      case (.intermediate, .weight), (.intermediate, .vector): parts[ObjectIdentifier(root)] = \.gradients
      default: break
      }
      if description.role != .intermediate { roots[ObjectIdentifier(root)] = root }
    }
    for room in rooms.values.joined() { parts[ObjectIdentifier(room)] = \.activations }
    for buffer in buffers { roots[ObjectIdentifier(buffer.root)] = buffer.root }
    var need = MemoryNeed()
    for (id, root) in roots {
      need[keyPath: parts[id] ?? \.activations] += root.byteCount
      need.largestBuffer = max(need.largestBuffer, root.byteCount)
    }
    return need
  }

  /// Notes the buffers of tensors that no other steps use and nobody may read.
  private func noteIntermediates(of steps: Range<Int>) {
    guard let kept else { return }
    var lasting = kept
    for description in recording.tensors where description.role != .intermediate {
      lasting.insert(description.tensor)
    }
    var used: Set<Tensor> = []
    for (index, step) in recording.steps.enumerated() {
      let operands = step.operation.inputs + step.operation.outputs
      if steps.contains(index) { used.formUnion(operands) } else { lasting.formUnion(operands) }
    }
    func storage(_ tensor: Tensor) -> Int {
      placement.activations[tensor.id].map { -1 - $0.storage } ?? tensor.id
    }
    let lastingStorages = Set(lasting.map(storage))
    for tensor in used
    where !lastingStorages.contains(storage(tensor)) && arenas.places[tensor.id] == nil {
      if let placed = placement.activations[tensor.id] {
        kinds[ObjectIdentifier(activationBuffers[placed.storage])] =
          .activation(placement.storages[placed.storage])
      } else {
        kinds[ObjectIdentifier(flatBuffer(tensor))] =
          placement.weights[tensor.id].map { .weight($0) } ?? .vector(tensor.shape)
      }
    }
  }

  private func shareRooms(_ launches: [[Buffer]]) throws(OpenCLError) -> [Clearing] {
    var (buffers, lifetimes): ([Buffer], [ClosedRange<Int>]) = ([], [])
    var positions: [ObjectIdentifier: Int] = [:]
    for (time, launch) in launches.enumerated() {
      for buffer in launch where kinds[ObjectIdentifier(buffer)] != nil {
        if let position = positions[ObjectIdentifier(buffer)] {
          lifetimes[position] = lifetimes[position].lowerBound...time
        } else {
          positions[ObjectIdentifier(buffer)] = buffers.count
          buffers.append(buffer)
          lifetimes.append(time...time)
        }
      }
    }
    var items: [SharedRooms<RoomKind>.Item] = []
    var clearings: [Clearing] = []
    for (buffer, lifetime) in zip(buffers, lifetimes) {
      var kind = kinds[ObjectIdentifier(buffer)]!
      if packsActivations {
        switch kind {
        case .maps(let map):
          if map.border > 0 {
            clearings.append(Clearing(before: lifetime.lowerBound, buffer: buffer, map: map, isWhole: false))
          }
          kind = .whole
        case .filledUp(let storage):
          clearings.append(
            Clearing(before: lifetime.lowerBound, buffer: buffer, map: storage.map, isWhole: true))
          kind = .whole
        case .weight, .vector, .whole: break
        }
      }
      items.append(SharedRooms.Item(kind: kind, bytes: buffer.byteCount, lifetime: lifetime))
    }
    let device = queue.context.device.description
    let shared = SharedRooms(
      items, dividing: [.whole], alignment: device.baseAddressAlignment, limit: device.maxAllocation)
    var free = rooms
    var chosen: [Int: Buffer] = [:]
    // The largest first, each into the smallest that is there and large enough.
    for (index, room) in shared.rooms.enumerated().sorted(by: {
      ($1.element.bytes, $0.offset) < ($0.element.bytes, $1.offset)
    }) {
      let fitting = (free[room.kind] ?? []).enumerated().filter { $0.element.byteCount >= room.bytes }
      if let best = fitting.min(by: { $0.element.byteCount < $1.element.byteCount }) {
        chosen[index] = free[room.kind]!.remove(at: best.offset)
      } else {
        let new = try Buffer(queue, byteCount: room.bytes, label: "room \(index)", deferred: true)
        rooms[room.kind, default: []].append(new)
        chosen[index] = new
      }
    }
    for (buffer, place) in zip(buffers, shared.places) { buffer.room = (chosen[place.room]!, place.offset) }
    return clearings
  }

  /// Throws unless the tensor keeps its values.
  private func checkKept(_ tensor: Tensor) throws(OpenCLError) {
    guard let kept, !kept.contains(tensor), recording.tensors[tensor.id].role == .intermediate else { return }
    throw OpenCLError(
      "\(recording.name(of: tensor)) is not kept after a run, its room is used again; the executor must be told to keep it"
    )
  }

  // MARK: Plain values

  func write(_ values: [Float], to tensor: Tensor) throws(OpenCLError) {
    try checkKept(tensor)
    precondition(values.count == tensor.shape.count, "\(recording.name(of: tensor)) holds \(tensor.shape)")
    switch recording.tensors[tensor.id].kind {
    case .activation:
      let view = activation(tensor)
      for n in 0..<view.images {
        let start = Int(view.place.x) + n * Int(view.place.y)
        var run = [Float](repeating: 0, count: view.runPixels * 16)
        view.visit(image: n) { plain, packed in run[packed] = values[plain] }
        try queue.write(run, to: view.buffer, offset: start * 16)
      }
    case .weight:
      let view = weight(tensor)
      try queue.write(floats: view.packing.floats, to: view.buffer) { packed in
        if packed.count > values.count { packed.update(repeating: 0) }
        nonisolated(unsafe) let packed = packed
        values.withUnsafeBufferPointer { values in view.packing.visit { packed[$1] = values[$0] } }
      }
    case .vector, .scalar:
      let view = vector(tensor)
      var padded = [Float](repeating: 0, count: view.rows * view.stride)
      for row in 0..<view.rows {
        for c in 0..<view.channels { padded[row * view.stride + c] = values[row * view.channels + c] }
      }
      try queue.write(padded, to: view.buffer, offset: 0)
    }
  }

  /// Sets a tensor to zero.
  func clear(_ tensor: Tensor) throws(OpenCLError) {
    guard recording.tensors[tensor.id].kind != .activation else {
      return try write([Float](repeating: 0, count: tensor.shape.count), to: tensor)
    }
    try checkKept(tensor)
    let buffer = flatBuffer(tensor)
    if !buffer.isUntouched { try queue.zero(buffer) }
  }

  /// - Throws: `OpenCLError` when the tensor is not kept after a run.
  func read(_ tensor: Tensor) throws(OpenCLError) -> [Float] {
    try checkKept(tensor)
    var values = [Float](repeating: 0, count: tensor.shape.count)
    switch recording.tensors[tensor.id].kind {
    case .activation:
      let view = activation(tensor)
      for n in 0..<view.images {
        let start = Int(view.place.x) + n * Int(view.place.y)
        let run: [Float] = try queue.read(view.buffer, offset: start * 16, count: view.runPixels * 16)
        view.visit(image: n) { plain, packed in values[plain] = run[packed] }
      }
    case .weight:
      let view = weight(tensor)
      let packed: [Float] = try queue.read(view.buffer, offset: 0, count: view.packing.floats)
      packed.withUnsafeBufferPointer { packed in
        values.withUnsafeMutableBufferPointer { values in
          nonisolated(unsafe) let values = values
          view.packing.visit { values[$0] = packed[$1] }
        }
      }
    case .vector, .scalar:
      let view = vector(tensor)
      let padded: [Float] = try queue.read(view.buffer, offset: 0, count: view.rows * view.stride)
      for row in 0..<view.rows {
        for c in 0..<view.channels { values[row * view.channels + c] = padded[row * view.stride + c] }
      }
    }
    return values
  }
}

extension ActivationView {
  /// From the first interior pixel of an image to its last, borders between the rows included.
  fileprivate var runPixels: Int {
    (blocks - 1) * Int(place.z) + (height - 1) * Int(place.w) + width
  }

  /// Calls `body` with the row-major index in [N, C, H, W] of every value of an image and its float offset in
  /// the image's run of pixels.
  fileprivate func visit(image n: Int, _ body: (_ plain: Int, _ packed: Int) -> Void) {
    for c in 0..<channels {
      for y in 0..<height {
        let plain = ((n * channels + c) * height + y) * width
        let packed = (c / 16 * Int(place.z) + y * Int(place.w)) * 16 + c % 16
        for x in 0..<width { body(plain + x, packed + x * 16) }
      }
    }
  }
}

/// What must be zero of an activation, cleared before a launch, given by its number.
struct Clearing {
  let before: Int
  let buffer: Buffer
  let map: ActivationMap
  /// Everything, the channels that fill up a block among it; otherwise the borders.
  let isWhole: Bool

  var maps: Int { buffer.byteCount / (map.pixels * 16 * MemoryLayout<Float>.size) }

  /// The launch that does it.
  func launch(_ programs: ProgramCache, _ deviceClass: DeviceClass) throws(OpenCLError) -> Launch {
    let pixels = isWhole ? map.pixels : map.pixels - map.height * map.width
    // Of a CPU a work-item for many pixels, of a GPU one for each.
    let local = deviceClass == .cpu ? 1 : 64
    let items = deviceClass == .cpu ? (pixels + 4095) / 4096 : (pixels + local - 1) / local * local
    let size = SIMD4(Int32(map.height), Int32(map.width), Int32(map.border), isWhole ? 1 : 0)
    return Launch(
      try Kernel(try programs.program(.border), "clear", deferring: [.buffer(buffer), .int4(size)]),
      global: [items, maps], local: [local, 1], label: "\(buffer.label)/clear")
  }
}

/// What may share a room. What is never written, a border and the channels that fill up a block, must stay zero, so
/// things share only where it lies alike.
enum RoomKind: Hashable, Sendable {
  /// Maps of one size with one border, however many there are, all channels of them in use.
  case maps(ActivationMap)
  /// Activations with filling channels.
  case filledUp(ActivationStorage)
  case weight(WeightPacking)
  case vector(Shape)
  /// Written wherever it is read, so that it may lie anywhere.
  case whole

  static func activation(_ storage: ActivationStorage) -> RoomKind {
    storage.filling == 0 ? .maps(storage.map) : .filledUp(storage)
  }
}
