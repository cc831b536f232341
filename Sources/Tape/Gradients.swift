/// The gradient of the objective with respect to one output of a step.
public enum Gradient: Sendable {
  /// A tensor of the output's shape.
  case tensor(Tensor)
  /// For a loss: its weight in the objective.
  case weight(Float)
}

/// The gradients of one step's inputs, as its rule records them.
public final class InputGradients {
  private let tape: Tape
  private let needed: Set<Tensor>
  fileprivate var recorded: [(input: Tensor, gradient: Tensor)] = []

  fileprivate init(_ tape: Tape, needed: Set<Tensor>) {
    (self.tape, self.needed) = (tape, needed)
  }

  /// Whether an input is on a path from a parameter.
  public func isNeeded(_ input: Tensor) -> Bool { needed.contains(input) }

  /// Records the gradient of an input, a tensor of its shape: only where it is needed is `gradient` evaluated.
  public func record(
    of input: Tensor, _ gradient: @autoclosure () throws(TapeError) -> Tensor
  ) throws(TapeError) {
    if isNeeded(input) { recorded.append((input, try gradient())) }
  }

  /// Throws `TapeError.noGradientRule` where the gradient of an input is needed.
  public func refuse(_ input: Tensor, of operation: some Operation) throws(TapeError) {
    guard isNeeded(input) else { return }
    throw .noGradientRule(
      operation: "\(operation.name) (with respect to \(tape.description(of: input).name))")
  }

  /// Throws `TapeError.noGradientRule` where something depends on another output than the first.
  func refuseByproducts(of operation: some Operation, _ upstream: [Gradient?]) throws(TapeError) {
    for (output, gradient) in zip(operation.outputs, upstream).dropFirst() where gradient != nil {
      throw .noGradientRule(
        operation: "\(operation.name) (through its result \(tape.description(of: output).name))")
    }
  }
}

extension Tape {
  /// Records the gradients of an objective, the weighted sum of losses, with respect to `parameters`.
  ///
  /// Only steps on a path from a parameter to a loss get a gradient; so the generator's half of a training step
  /// contains no weight gradient of the discriminator.
  ///
  /// - Returns: one gradient per parameter, in their order.
  public func gradients(
    of objective: [(loss: Tensor, weight: Float)], withRespectTo parameters: [Tensor]
  ) throws(TapeError) -> [Tensor] {
    try recordingGradients { () throws(TapeError) in
      var pass = BackwardPass(on: self, to: parameters)
      try pass.start(from: objective)
      for index in pass.steps.indices.reversed() { try pass.differentiate(index) }
      try pass.addUp()
      return try pass.result()
    }
  }
}

/// A backward pass over the steps recorded so far, the last one first.
private struct BackwardPass {
  let tape: Tape
  let steps: [Step]
  private let parameters: [Tensor]
  /// The tensors to differentiate with respect to, and all that depends on them.
  private let needed: Set<Tensor>
  /// The same without parameters, for steps that hold them.
  private let neededBesideParameters: Set<Tensor>
  /// All that a step makes. The gradient of anything else is used at the end only.
  private let made: Set<Tensor>
  private var gradients: [Tensor: Gradient] = [:]
  /// Addends of the gradients of tensors that no step makes.
  private var addends: [Tensor: [Tensor]] = [:]

  init(on tape: Tape, to parameters: [Tensor]) {
    self.tape = tape
    self.parameters = parameters
    steps = tape.steps
    var needed = Set(parameters)
    var beside = needed.filter { tape.description(of: $0).role != .parameter }
    for (index, step) in steps.enumerated() {
      let holds = tape.holdingSteps.contains(index)
      guard step.inputs.contains(where: { holds ? beside.contains($0) : needed.contains($0) }) else {
        continue
      }
      // A tensor that is updated in place (by an earlier Adam, say) does not become a function of its update.
      let made = Set(step.outputs).subtracting(step.inputs)
      needed.formUnion(made)
      beside.formUnion(made)
    }
    (self.needed, neededBesideParameters) = (needed, beside)
    made = Set(steps.flatMap { Set($0.outputs).subtracting($0.inputs) })
  }

  /// Takes the weights of losses as their gradients; a loss that is listed twice counts twice.
  mutating func start(from objective: [(loss: Tensor, weight: Float)]) throws(TapeError) {
    for (loss, weight) in objective {
      let description = tape.description(of: loss)
      guard description.kind == .scalar else {
        throw .shape(operation: "gradients", reason: "\(description.name) \(loss.shape) is no loss, a scalar")
      }
      if case .weight(let earlier)? = gradients[loss] {
        gradients[loss] = .weight(earlier + weight)
      } else {
        gradients[loss] = .weight(weight)
      }
    }
  }

  /// Records the gradients of a step's inputs, where the objective depends on its outputs.
  mutating func differentiate(_ index: Int) throws(TapeError) {
    let step = steps[index]
    let holds = tape.holdingSteps.contains(index)
    let needed = holds ? neededBesideParameters : needed
    guard step.inputs.contains(where: needed.contains) else { return }
    let upstream = step.outputs.map { step.inputs.contains($0) ? nil : gradients[$0] }
    guard upstream.contains(where: { $0 != nil }) else { return }
    // Gradient rules read results as well: tanh's, a norm's statistics.
    for tensor in step.inputs + step.outputs where tape.isWritten(tensor, after: index) {
      throw .overwritten(
        tensor: tape.description(of: tensor).name, operation: "\(step.label) \(step.name)")
    }
    let scope = "\(step.label)′"
    let inputs = InputGradients(tape, needed: needed)
    try tape.scope(scope) { () throws(TapeError) in
      // What belongs to a held step's gradient holds parameters, too, where it is differentiated again.
      try tape.holdingParameters(holds) { () throws(TapeError) in
        try step.operation.differentiate(upstream, inputs, tape)
      }
    }
    for (input, gradient) in inputs.recorded {
      if made.contains(input) {
        try add(gradient, to: input, scope)
      } else {
        addends[input, default: []].append(gradient)
      }
    }
  }

  /// Adds up the gradients of the parameters: all their first sums, then all their second ones, and so on. An executor
  /// can do such a run of steps in one.
  mutating func addUp() throws(TapeError) {
    for round in 0..<(addends.values.map(\.count).max() ?? 0) {
      var seen: Set<Tensor> = []
      for parameter in parameters where seen.insert(parameter).inserted {
        guard let addends = addends[parameter], round < addends.count else { continue }
        try add(addends[round], to: parameter, "\(tape.description(of: parameter).name)′")
      }
    }
  }

  private mutating func add(_ gradient: Tensor, to tensor: Tensor, _ scope: String) throws(TapeError) {
    guard case .tensor(let earlier)? = gradients[tensor] else {
      gradients[tensor] = .tensor(gradient)
      return
    }
    let sum = try tape.scope(scope) { () throws(TapeError) in
      try tape.combination(1, earlier, 1, gradient)
    }
    gradients[tensor] = .tensor(sum)
  }

  /// The gradients of the parameters, in their order.
  func result() throws(TapeError) -> [Tensor] {
    var result: [Tensor] = []
    for parameter in parameters {
      guard case .tensor(let gradient)? = gradients[parameter] else {
        throw .notReached(tensor: tape.description(of: parameter).name)
      }
      result.append(gradient)
    }
    return result
  }
}
