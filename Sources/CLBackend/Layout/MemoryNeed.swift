/// Bytes of device memory that running a recording takes, by what they hold.
public struct MemoryNeed: Sendable, Equatable {
  /// Parameters.
  public internal(set) var weights = 0
  /// What lives beside them: Adam's moments, running statistics.
  public internal(set) var state = 0
  /// Gradients of weights and other vectors that lie by themselves, sharing no room.
  public internal(set) var gradients = 0
  /// Everything else: activations and their gradients, inputs, what kernels make for themselves.
  public internal(set) var activations = 0
  /// The largest single allocation.
  public internal(set) var largestBuffer = 0

  public var total: Int { weights + state + gradients + activations }

  init() {}
}
