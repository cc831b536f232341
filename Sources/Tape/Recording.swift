/// One recorded operation with the name of the layer it belongs to.
public struct Step: Sendable {
  public let operation: any Operation
  public let label: String
  /// Whether it was recorded as part of a gradient.
  public let isBackward: Bool

  public var name: String { type(of: operation).name }
}

/// A frozen tape: what executors allocate, bind and replay.
public struct Recording: Sendable, CustomStringConvertible {
  public let tensors: [TensorDescription]
  public let steps: [Step]
  /// Parts that can be replayed by name: "train", "translate".
  public let sections: [String: Range<Int>]
  /// Intermediate tensors that are read after a run: an executor may use the room of all others for more than one.
  public let kept: Set<Tensor>

  /// Arithmetic of the given steps by the direct count, in floating-point operations.
  public func flops(_ range: Range<Int>? = nil) -> Double {
    steps[range ?? 0..<steps.count].reduce(0) { $0 + $1.operation.flops }
  }

  public func name(of tensor: Tensor) -> String { tensors[tensor.id].name }

  /// The tensor of that name; nil when there is none.
  public func tensor(named name: String) -> Tensor? {
    tensors.first { $0.name == name }?.tensor
  }

  /// A line per step: number, layer, operation, operand shapes, settings, arithmetic.
  public var description: String {
    steps.enumerated().map { index, step in
      let operation = step.operation
      let shapes = operation.inputs.map(\.shape.description).joined(separator: " ")
      let results = operation.outputs.map(\.shape.description).joined(separator: " ")
      var line = "\(index) \(step.label) \(step.name) \(shapes) -> \(results)"
      if !operation.settings.isEmpty { line += " (\(operation.settings))" }
      if operation.flops > 0 {
        let thousandths = Int((operation.flops / 1e6).rounded())
        line += " \(thousandths / 1000).\(String(1000 + thousandths % 1000).dropFirst()) GFLOP"
      }
      return line
    }.joined(separator: "\n")
  }
}

/// What replays a recording: the CPU reference, or an OpenCL device.
///
/// Outside an executor every tensor is plain row-major Float in the order of its shape (NCHW, OIHW).
public protocol Executor: AnyObject {
  var recording: Recording { get }

  /// A line for people: "Portable Computing Language: AMD EPYC" or "CPU reference".
  var name: String { get }

  /// Sets a tensor's values, row-major in its shape.
  func write(_ values: [Float], to tensor: Tensor) throws

  /// Sets all of a tensor's values to zero.
  func clear(_ tensor: Tensor) throws

  /// A tensor's values, row-major in its shape, after everything that was started has finished.
  func read(_ tensor: Tensor) throws -> [Float]

  /// Says that the given steps will be run soon: what they need may be built while tensors are written.
  func expect(_ steps: Range<Int>) throws

  /// Starts the given steps, in order. Results are there when `finish` or `read` returns.
  func run(_ steps: Range<Int>) throws

  /// Waits for everything that was started.
  func finish() throws
}

extension Executor {
  public func clear(_ tensor: Tensor) throws {
    try write([Float](repeating: 0, count: tensor.shape.count), to: tensor)
  }

  public func expect(_ steps: Range<Int>) throws {}

  /// Says that a section of the recording, by its name, will be run soon.
  public func expect(section: String) throws { try expect(steps(of: section)) }

  /// Starts a section of the recording by its name.
  public func run(section: String) throws { try run(steps(of: section)) }

  private func steps(of section: String) -> Range<Int> {
    guard let range = recording.sections[section] else {
      preconditionFailure("the recording has no section \(section)")
    }
    return range
  }
}
