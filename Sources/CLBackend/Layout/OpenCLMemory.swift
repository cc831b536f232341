import Tape

/// The buffers of a recording's tensors on one device.
///
/// Tensors are zero until something is written; a buffer gets its memory when a launch or a transfer first asks for it.
final class OpenCLMemory {
  let recording: Recording
  let stored: StoredTensors
  let placement: Placement
  let queue: Queue
  let arenas: Arenas
  let activationBuffers: [Buffer]
  private var arenaBuffers: [Buffer] = []
  private var flatBuffers: [Int: Buffer] = [:]

  /// - Parameters:
  ///   - stored: the intermediate tensors that keep their values after a run
  ///   - unstored: weight gradients that are rarely stored, which have no place in an arena
  init(
    _ stored: StoredTensors, of recording: Recording, _ queue: Queue, unstored: Set<Tensor> = []
  ) throws(OpenCLError) {
    self.recording = recording
    self.stored = stored
    self.queue = queue
    let placement = Placement(recording)
    self.placement = placement
    var buffers: [Buffer] = []
    for (index, storage) in placement.storages.enumerated() {
      buffers.append(
        try Buffer(queue, floats: storage.pixels * 16, label: "activations \(index)", deferred: true))
    }
    activationBuffers = buffers
    func floats(_ tensor: Tensor) -> Int? {
      switch recording.tensors[tensor.id].kind {
      case .activation: return nil
      case .weight: return placement.weights[tensor.id]!.floats
      case .vector, .scalar:
        let (rows, channels) = VectorView.size(tensor.shape)
        return rows * VectorView.stride(channels)
      }
    }
    let device = queue.context.device.description
    let floatSize = MemoryLayout<Float>.size
    arenas = Arenas(
      recording, alignment: max(16, device.baseAddressAlignment / floatSize),
      limit: device.maxAllocation / floatSize, leavingOut: unstored, floats: floats)
    for (index, size) in arenas.sizes.enumerated() {
      arenaBuffers.append(try Buffer(queue, floats: size, label: "arena \(index)", deferred: true))
    }
    for description in recording.tensors {
      guard let floats = floats(description.tensor) else { continue }
      flatBuffers[description.tensor.id] =
        if let place = arenas.places[description.tensor.id] {
          Buffer(
            within: arenaBuffers[place.arena], offset: place.start * floatSize, byteCount: floats * floatSize,
            label: description.name)
        } else {
          try Buffer(queue, floats: floats, label: description.name, deferred: true)
        }
    }
  }

  // MARK: Views

  func activation(_ tensor: Tensor) -> ActivationView {
    let placed = placement.activations[tensor.id]!
    return ActivationView(activationBuffers[placed.storage], placed.place, tensor.shape)
  }

  /// A vector, or a scalar as a vector of one.
  func vector(_ tensor: Tensor) -> VectorView {
    let (rows, channels) = VectorView.size(tensor.shape)
    return VectorView(buffer: flatBuffers[tensor.id]!, rows: rows, channels: channels)
  }

  func weight(_ tensor: Tensor) -> WeightView {
    WeightView(buffer: flatBuffers[tensor.id]!, packing: placement.weights[tensor.id]!)
  }

  /// The buffer that a tensor lies in.
  func buffer(of tensor: Tensor) -> Buffer {
    placement.activations[tensor.id].map { activationBuffers[$0.storage] } ?? flatBuffers[tensor.id]!
  }

  /// The run of an arena from one tensor through another behind it, padding and all.
  func flatBuffer(from first: Tensor, through last: Tensor) -> Buffer {
    guard first != last else { return flatBuffers[first.id]! }
    let (start, end) = (arenas.places[first.id]!, arenas.places[last.id]!)
    let size = MemoryLayout<Float>.size
    return Buffer(
      within: arenaBuffers[start.arena], offset: start.start * size,
      byteCount: (end.end - start.start) * size,
      label: "\(recording.name(of: first)) to \(recording.name(of: last))")
  }

  // MARK: Rooms

  /// Buffers of tensors that only `steps` use and that nobody reads afterwards: they may share rooms.
  func roomKinds(of steps: Range<Int>) -> RoomKinds {
    var kinds = RoomKinds()
    let lasting = Set(stored.lasting(beyond: steps).map { ObjectIdentifier(buffer(of: $0)) })
    let used = Set(
      steps.flatMap { recording.steps[$0].operation.inputs + recording.steps[$0].operation.outputs })
    for tensor in used where arenas.places[tensor.id] == nil {
      let buffer = buffer(of: tensor)
      guard !lasting.contains(ObjectIdentifier(buffer)) else { continue }
      kinds[buffer] =
        if let placed = placement.activations[tensor.id] {
          .activation(placement.storages[placed.storage])
        } else if let packing = placement.weights[tensor.id] {
          .weight(packing)
        } else {
          .vector(tensor.shape)
        }
    }
    return kinds
  }
}
