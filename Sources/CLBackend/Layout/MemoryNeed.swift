import Tape

/// Bytes of device memory that running a recording takes, by what they hold.
public struct MemoryNeed: Sendable, Equatable {
  /// Parameters.
  public private(set) var weights = 0
  /// Adam's moments, running statistics and other states.
  public private(set) var state = 0
  /// Gradients of weights and other vectors outside shared rooms.
  public private(set) var gradients = 0
  /// Everything else: activations and their gradients, inputs, derived tensors, scratch.
  public private(set) var activations = 0
  /// The largest single allocation.
  public private(set) var largestBuffer = 0

  public var total: Int { weights + state + gradients + activations }

  /// The need of the tensors that are written from outside and of some launches.
  ///
  /// - Parameters:
  ///   - buffers: the launches' operands, in their rooms
  ///   - rooms: the rooms of all plans
  init(_ memory: OpenCLMemory, _ buffers: some Sequence<Buffer>, _ rooms: Rooms) {
    var fields: [ObjectIdentifier: WritableKeyPath<MemoryNeed, Int>] = [:]
    var roots: [ObjectIdentifier: Buffer] = [:]
    for description in memory.recording.tensors {
      let root = memory.buffer(of: description.tensor).root
      switch (description.role, description.kind) {
      case (.parameter, _): fields[ObjectIdentifier(root)] = \.weights
      case (.state, _): fields[ObjectIdentifier(root)] = \.state
      case (.intermediate, .weight), (.intermediate, .vector): fields[ObjectIdentifier(root)] = \.gradients
      default: break
      }
      if description.role != .intermediate { roots[ObjectIdentifier(root)] = root }
    }
    for room in rooms.buffers { fields[ObjectIdentifier(room)] = \.activations }
    for buffer in buffers { roots[ObjectIdentifier(buffer.root)] = buffer.root }
    for (id, root) in roots {
      self[keyPath: fields[id] ?? \.activations] += root.byteCount
      largestBuffer = max(largestBuffer, root.byteCount)
    }
  }
}
