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

  /// Takes all the memory that the given steps need, so that none of them meets a lack of it later. Results are there when
  /// `finish` returns: a device may take memory when it is first written.
  func reserve(_ steps: Range<Int>) throws

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

  public func reserve(_ steps: Range<Int>) throws {}

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
