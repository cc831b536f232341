import Tape

/// Buffers of derived tensors and scratch.
///
/// Where rooms are shared every plan has its own, with rooms by their lifetimes. Otherwise plans share them: steps run one
/// after the other, and a plan derives anew what it needs.
final class TemporaryBuffers {
  private let memory: OpenCLMemory
  private(set) var derived: [Derivation: Buffer] = [:]
  private var scratch: [Int: Buffer] = [:]
  /// The buffers' kinds, where rooms are shared.
  private(set) var roomKinds = RoomKinds()

  init(_ memory: OpenCLMemory) { self.memory = memory }

  /// A copy of an activation, with the border of its storage.
  func activation(_ derivation: Derivation) throws(OpenCLError) -> ActivationView {
    let tensor = derivation.tensor
    let storage = storage(ofCopy: tensor)
    let buffer = try buffer(derivation, floats: storage.pixels * 16, kind: .activation(storage))
    return ActivationView(buffer, storage.place(), tensor.shape)
  }

  /// The layout of a copy of an activation in a buffer of its own.
  func storage(ofCopy tensor: Tensor) -> ActivationStorage {
    let storage = memory.placement.storages[memory.placement.activations[tensor.id]!.storage]
    return ActivationStorage(tensor.shape, border: storage.border)
  }

  func weight(_ derivation: Derivation, lanes: WeightLanes) throws(OpenCLError) -> WeightView {
    let packing = memory.placement.weights[derivation.tensor.id]!.with(lanes: lanes)
    return WeightView(buffer: try buffer(derivation, floats: packing.floats), packing: packing)
  }

  /// A flat array of a derived tensor.
  func buffer(
    _ derivation: Derivation, floats: Int, kind: RoomKind = .anywhere
  ) throws(OpenCLError) -> Buffer {
    if let buffer = derived[derivation] { return buffer }
    let name = memory.recording.name(of: derivation.tensor)
    let buffer = try new(floats: floats, label: "\(name) \(derivation.form)", kind)
    derived[derivation] = buffer
    return buffer
  }

  /// Scratch of a step. Launches keep the buffer that they were planned with.
  func scratch(floats: Int, slot: Int) throws(OpenCLError) -> Buffer {
    if !memory.stored.sharesRooms, let buffer = scratch[slot],
      buffer.byteCount >= floats * MemoryLayout<Float>.size
    {
      return buffer
    }
    let buffer = try new(floats: floats, label: "scratch \(slot)", .anywhere)
    scratch[slot] = buffer
    return buffer
  }

  private func new(floats: Int, label: String, _ kind: RoomKind) throws(OpenCLError) -> Buffer {
    let buffer = try Buffer(memory.queue, floats: floats, label: label, deferred: true)
    if memory.stored.sharesRooms { roomKinds[buffer] = kind }
    return buffer
  }
}
