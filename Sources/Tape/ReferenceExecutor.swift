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
