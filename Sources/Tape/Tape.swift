/// A straight list of steps, recorded once and replayed by an executor: record order is execution order.
///
/// Shapes are checked while recording, so a step with the wrong shape never reaches a device.
public final class Tape {
  public private(set) var tensors: [TensorDescription] = []
  public private(set) var steps: [Step] = []
  public private(set) var sections: [String: Range<Int>] = [:]
  private var kept: Set<Tensor> = []
  /// Names of parameters and states, under which checkpoints keep them.
  private var lastingNames: Set<String> = []
  private var scopes: [String] = []
  private var recordsGradients = false
  private var holdsParameters = false
  /// The steps that give parameters no gradient, by their numbers.
  private(set) var holdingSteps: Set<Int> = []
  /// For every tensor the last step that wrote it, if one did.
  private var lastWrite: [Int: Int] = [:]

  public init() {}

  // MARK: Tensors

  /// A tensor that is written from outside before a replay.
  public func input(_ name: String, _ shape: Shape, kind: TensorKind = .activation) -> Tensor {
    add(name, shape, kind, .input)
  }

  /// A learned tensor, under the name it has in checkpoints. Stops the program where a parameter or state has it already.
  public func parameter(_ name: String, _ shape: Shape) -> Tensor {
    add(name, shape, shape.rank == 4 ? .weight : .vector, .parameter)
  }

  /// A tensor that lives as long as the parameters: a moment of Adam, a running statistic, a pool of images. Stops the
  /// program where a parameter or state has its name already.
  ///
  /// - Parameter kind: by default what a parameter of that shape is
  public func state(_ name: String, _ shape: Shape, kind: TensorKind? = nil) -> Tensor {
    add(name, shape, kind ?? (shape.rank == 4 ? .weight : .vector), .state)
  }

  /// A tensor that a step will write.
  func intermediate(_ suffix: String, _ shape: Shape, kind: TensorKind) -> Tensor {
    add(label(suffix), shape, kind, .intermediate)
  }

  /// Marks a tensor that shall be readable after a run also where intermediate tensors share room.
  public func keep(_ tensor: Tensor) { kept.insert(tensor) }

  public func description(of tensor: Tensor) -> TensorDescription {
    tensors[tensor.id]
  }

  private func add(_ name: String, _ shape: Shape, _ kind: TensorKind, _ role: TensorRole) -> Tensor {
    if role == .parameter || role == .state, !lastingNames.insert(name).inserted {
      // Not a precondition: its text would be missing from an optimised build.
      fatalError(
        "two parameters or states of a tape are called \(name); one of them would be lost in a checkpoint")
    }
    let tensor = Tensor(id: tensors.count, shape: shape)
    tensors.append(TensorDescription(tensor: tensor, name: name, kind: kind, role: role))
    return tensor
  }

  // MARK: Recording

  /// Names the steps recorded by `body`: "G.conv3".
  public func scope<T, E: Error>(_ name: String, _ body: () throws(E) -> T) throws(E) -> T {
    scopes.append(name)
    defer { scopes.removeLast() }
    return try body()
  }

  /// Records `body` as a part of the recording that an executor can replay by its name.
  public func section<T, E: Error>(_ name: String, _ body: () throws(E) -> T) throws(E) -> T {
    precondition(sections[name] == nil, "two sections are called \(name)")
    let start = steps.count
    let result = try body()
    sections[name] = start..<steps.count
    return result
  }

  /// Appends a step. Operations call this from their recording functions, after checking shapes.
  func record(_ operation: some Operation) {
    let step = Step(operation: operation, label: label(), isBackward: recordsGradients)
    for output in step.outputs { lastWrite[output.id] = steps.count }
    if holdsParameters { holdingSteps.insert(steps.count) }
    steps.append(step)
  }

  private func label(_ suffix: String? = nil) -> String {
    (scopes + (suffix.map { [$0] } ?? [])).joined(separator: ".")
  }

  /// Marks the steps recorded by `body` as parts of gradients.
  func recordingGradients<T>(_ body: () throws(TapeError) -> T) throws(TapeError) -> T {
    recordsGradients = true
    defer { recordsGradients = false }
    return try body()
  }

  /// Records `body` with its parameters held: gradients go through its steps to what the parameters act on, but none to the
  /// parameters themselves.
  public func holdingParameters<T, E: Error>(_ isHeld: Bool = true, _ body: () throws(E) -> T) throws(E) -> T
  {
    let before = holdsParameters
    holdsParameters = isHeld
    defer { holdsParameters = before }
    return try body()
  }

  /// Whether a step behind the one of that number writes a tensor.
  func isWritten(_ tensor: Tensor, after index: Int) -> Bool {
    lastWrite[tensor.id].map { $0 > index } ?? false
  }

  /// The recorded steps as a recording that executors replay.
  public func freeze() -> Recording {
    Recording(tensors: tensors, steps: steps, sections: sections, kept: kept)
  }
}
