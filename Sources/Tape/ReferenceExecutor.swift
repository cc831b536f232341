/// The CPU reference: replays a recording in plain Swift loops with sums in Double. Slow, and obviously right.
public final class ReferenceExecutor: Executor {
  /// What values are rounded to after every step.
  public enum Precision: Sendable {
    /// As a device keeps them: sums in Double, results in Float.
    case float32
    /// Not rounded: for finite differences.
    case float64
  }

  public let recording: Recording
  public let precision: Precision
  public let memory: ReferenceMemory
  public var name: String { "CPU reference" }

  public init(_ recording: Recording, precision: Precision = .float32) {
    self.recording = recording
    self.precision = precision
    self.memory = ReferenceMemory(recording.tensors.map(\.tensor.shape.count))
  }

  /// Bytes that an executor of the recording allocates, room for single steps aside.
  public static func bytes(_ recording: Recording) -> Int {
    recording.tensors.reduce(0) { $0 + $1.tensor.shape.count * MemoryLayout<Double>.size }
  }

  public func write(_ values: [Float], to tensor: Tensor) {
    write(values.map(Double.init), to: tensor)
  }

  public func write(_ values: [Double], to tensor: Tensor) {
    precondition(values.count == tensor.shape.count, "\(recording.name(of: tensor)) holds \(tensor.shape)")
    _ = memory[tensor].update(from: values)
  }

  public func read(_ tensor: Tensor) -> [Float] {
    memory[tensor].map(Float.init)
  }

  /// A tensor's values without rounding to Float.
  public func readDouble(_ tensor: Tensor) -> [Double] {
    Array(memory[tensor])
  }

  public func run(_ steps: Range<Int>) {
    for step in recording.steps[steps] {
      step.operation.evaluate(memory)
      memory.releaseScratch()
      guard precision == .float32 else { continue }
      for output in step.outputs {
        let values = memory[output]
        for i in values.indices {
          values[i] = Double(Float(values[i]))
        }
      }
    }
  }

  public func finish() {}
}

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
