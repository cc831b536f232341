/// The values of every tensor of a recording, as Double.
public final class ReferenceMemory {
  private let buffers: [UnsafeMutableBufferPointer<Double>]
  private var scratch: [UnsafeMutableBufferPointer<Double>] = []

  init(_ counts: [Int]) {
    buffers = counts.map { count in
      let buffer = UnsafeMutableBufferPointer<Double>.allocate(capacity: count)
      buffer.initialize(repeating: 0)
      return buffer
    }
  }

  /// Of some tensors only: what a single operation reads.
  public convenience init(of values: [(tensor: Tensor, values: [Float])]) {
    var counts = [Int](repeating: 0, count: 1 + (values.map(\.tensor.id).max() ?? -1))
    for (tensor, values) in values { counts[tensor.id] = values.count }
    self.init(counts)
    for (tensor, values) in values { _ = self[tensor].update(from: values.lazy.map(Double.init)) }
  }

  deinit {
    for buffer in buffers + scratch {
      buffer.deallocate()
    }
  }

  subscript(_ tensor: Tensor) -> UnsafeMutableBufferPointer<Double> { buffers[tensor.id] }

  /// The values of a tensor with an activation applied, until the end of the step.
  func activated(_ tensor: Tensor, _ activation: Activation) -> UnsafeMutableBufferPointer<Double> {
    let values = self[tensor]
    if activation == .none { return values }
    let copy = zeros(values.count)
    for i in values.indices { copy[i] = activation(values[i]) }
    return copy
  }

  /// Room for an operation's own use, until the end of the step.
  func zeros(_ count: Int) -> UnsafeMutableBufferPointer<Double> {
    let buffer = UnsafeMutableBufferPointer<Double>.allocate(capacity: count)
    buffer.initialize(repeating: 0)
    scratch.append(buffer)
    return buffer
  }

  func releaseScratch() {
    for buffer in scratch {
      buffer.deallocate()
    }
    scratch = []
  }
}
