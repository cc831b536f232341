/// A straight list of steps, recorded once and replayed by an executor: record order is execution order.
///
/// Shapes are checked while recording, so a step with the wrong shape never reaches a device.
public final class Tape {
  public private(set) var tensors: [TensorDescription] = []
  public private(set) var steps: [Step] = []
  public private(set) var sections: [String: Range<Int>] = [:]
  private var kept: Set<Tensor> = []
  private var scopes: [String] = []
  private var recordsGradients = false
  /// For every tensor the last step that wrote it, if one did.
  private var lastWrite: [Int: Int] = [:]

  public init() {}

  // MARK: Tensors

  /// A tensor that is written from outside before a replay.
  public func input(_ name: String, _ shape: Shape, kind: TensorKind = .activation) -> Tensor {
    add(name, shape, kind, .input)
  }

  /// A learned tensor, under the name it has in checkpoints.
  public func parameter(_ name: String, _ shape: Shape) -> Tensor {
    add(name, shape, shape.rank == 4 ? .weight : .vector, .parameter)
  }

  /// A tensor that lives as long as the parameters: a moment of Adam, a running statistic, a pool of images.
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
    for output in operation.outputs {
      lastWrite[output.id] = steps.count
    }
    steps.append(Step(operation: operation, label: label(), isBackward: recordsGradients))
  }

  private func label(_ suffix: String? = nil) -> String {
    (scopes + (suffix.map { [$0] } ?? [])).joined(separator: ".")
  }

  // MARK: Gradients

  /// Records the gradients of an objective, the weighted sum of losses, with respect to `parameters`.
  ///
  /// Only steps on a path from a parameter to a loss get a gradient; so the generator's half of a training step
  /// contains no weight gradient of the discriminator.
  ///
  /// - Returns: one gradient per parameter, in their order.
  public func gradients(
    of objective: [(loss: Tensor, weight: Float)], withRespectTo parameters: [Tensor]
  ) throws(TapeError) -> [Tensor] {
    recordsGradients = true
    defer { recordsGradients = false }
    let recorded = steps
    var needed = Set(parameters)
    for step in recorded where step.operation.inputs.contains(where: needed.contains) {
      // A tensor that is updated in place (by an earlier Adam, say) does not become a function of its update.
      let inputs = Set(step.operation.inputs)
      needed.formUnion(step.operation.outputs.filter { !inputs.contains($0) })
    }
    // What no step makes is needed at the end only. Its parts are added up there, in a run of steps that an
    // executor can do in one.
    let made = Set(recorded.flatMap { $0.operation.outputs.filter($0.operation.makes) })
    var parts: [Tensor: [Tensor]] = [:]
    var gradients: [Tensor: Gradient] = [:]
    for (loss, weight) in objective {
      guard description(of: loss).kind == .scalar else {
        throw .shape(
          operation: "gradients", reason: "\(description(of: loss).name) \(loss.shape) is no loss, a scalar")
      }
      // A loss that is listed twice counts twice.
      if case .weight(let earlier)? = gradients[loss] {
        gradients[loss] = .weight(earlier + weight)
      } else {
        gradients[loss] = .weight(weight)
      }
    }
    for (index, step) in recorded.enumerated().reversed() {
      let operation = step.operation
      guard operation.inputs.contains(where: needed.contains) else { continue }
      let inputs = Set(operation.inputs)
      let upstream = operation.outputs.map { inputs.contains($0) ? nil : gradients[$0] }
      guard upstream.contains(where: { $0 != nil }) else { continue }
      // Gradient rules read results as well: tanh's, a norm's statistics.
      for tensor in operation.inputs + operation.outputs {
        if let written = lastWrite[tensor.id], written > index {
          throw .overwritten(
            tensor: tensors[tensor.id].name, operation: "\(step.label) \(type(of: operation).name)")
        }
      }
      let results = try scope("\(step.label)′") { () throws(TapeError) in
        try operation.recordGradients(upstream, needed: needed.contains, on: self)
      }
      for (input, gradient) in results where needed.contains(input) {
        if !made.contains(input) {
          parts[input, default: []].append(gradient)
        } else if case .tensor(let earlier)? = gradients[input] {
          let sum = try scope("\(step.label)′") { () throws(TapeError) in
            try combination(1, earlier, 1, gradient)
          }
          gradients[input] = .tensor(sum)
        } else {
          gradients[input] = .tensor(gradient)
        }
      }
    }
    for part in 0..<(parts.values.map(\.count).max() ?? 0) {
      var seen: Set<Tensor> = []
      for parameter in parameters where seen.insert(parameter).inserted {
        guard let parts = parts[parameter], part < parts.count else { continue }
        if case .tensor(let earlier)? = gradients[parameter] {
          let sum = try scope("\(tensors[parameter.id].name)′") { () throws(TapeError) in
            try combination(1, earlier, 1, parts[part])
          }
          gradients[parameter] = .tensor(sum)
        } else {
          gradients[parameter] = .tensor(parts[part])
        }
      }
    }
    var result: [Tensor] = []
    for parameter in parameters {
      guard case .tensor(let gradient)? = gradients[parameter] else {
        throw .notReached(tensor: tensors[parameter.id].name)
      }
      result.append(gradient)
    }
    return result
  }

  /// The recorded steps as a recording that executors replay.
  public func freeze() -> Recording {
    Recording(tensors: tensors, steps: steps, sections: sections, kept: kept)
  }
}
