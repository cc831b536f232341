/// Which results of a forward pass are made again where a backward pass reads them, instead of lying in memory until
/// then (Chen et al. 2016, "Training deep nets with sublinear memory cost").
///
/// What decides is arithmetic per value: it is the same for all sizes of pictures.
public struct Recomputation: Hashable, Sendable, Codable {
  /// Up to so many floating-point operations per value a result is made again for every layer that reads it: so it
  /// lies in memory for no longer than that layer takes. Norms, activations, masks and concatenations count none.
  public var perLayer: Double
  /// Up to so many it is made again once, when the backward pass first needs it.
  public var once: Double

  public init(perLayer: Double, once: Double) {
    self.perLayer = perLayer
    self.once = max(perLayer, once)
  }

  /// What saves most for its time: all but convolutions, and those of pictures themselves, which have few channels.
  public static let standard = Recomputation(perLayer: 256, once: 256)
}

extension Recording {
  /// The same recording in which backward passes make again what `limits` says, by the same operations from the same
  /// values: every result has the same bits. Tensors keep their numbers; those made again are new ones behind them.
  ///
  /// A pure function. Running statistics are moved once, since only steps without other effects are done again.
  public func recomputing(_ limits: Recomputation) -> Recording {
    let manners = RecomputationManners(self, limits)
    var rewriting = Rewriting(recording: self, manners: manners)
    for index in steps.indices { rewriting.add(index) }
    return rewriting.result()
  }
}

/// How each step of a recording is treated.
private struct RecomputationManners {
  enum Manner { case kept, perLayer, once }

  private(set) var manners: [Manner]
  /// By a tensor's number, the step that makes it.
  private(set) var makers: [Int: Int] = [:]
  /// By a step's number, the first backward step behind it in its section.
  private(set) var boundaries: [Int: Int] = [:]

  init(_ recording: Recording, _ limits: Recomputation) {
    let steps = recording.steps
    manners = steps.map { _ in .kept }
    var writes: [Int: [Int]] = [:]
    for (index, step) in steps.enumerated() {
      for output in step.outputs { writes[output.id, default: []].append(index) }
    }
    for section in recording.sections.values {
      var boundary: Int?
      for index in section.reversed() {
        if steps[index].isBackward { boundary = index } else { boundaries[index] = boundary }
      }
    }
    for (index, step) in steps.enumerated() where boundaries[index] != nil && !step.isBackward {
      let outputs = step.outputs
      guard
        outputs.allSatisfy({
          recording.tensors[$0.id].role == .intermediate && writes[$0.id]?.count == 1
            && !recording.kept.contains($0)
        })
      else { continue }
      let values = outputs.filter { recording.tensors[$0.id].kind == .activation }
      guard !values.isEmpty else { continue }
      let cost = step.operation.flops / values.reduce(0) { $0 + Double($1.shape.count) }
      manners[index] = cost <= limits.perLayer ? .perLayer : cost <= limits.once ? .once : .kept
      if manners[index] != .kept {
        for value in values { makers[value.id] = index }
      }
    }
    while let index = unsound(recording, writes) {
      manners[index] = .kept
      makers = makers.filter { $0.value != index }
    }
  }

  /// A step that is to be done again and cannot be, or in vain.
  private func unsound(_ recording: Recording, _ writes: [Int: [Int]]) -> Int? {
    let steps = recording.steps
    // Up to when a step's results are needed: by readers, and by steps that are done again then.
    var needed = [Int](repeating: 0, count: steps.count)
    for (index, step) in steps.enumerated().reversed() {
      for input in step.inputs {
        guard let maker = makers[input.id], maker < index else { continue }
        needed[maker] = max(needed[maker], index, manners[index] == .kept ? index : needed[index])
      }
    }
    for (index, step) in steps.enumerated() where manners[index] != .kept {
      // Its inputs must still be what they were.
      for input in step.inputs
      where writes[input.id]?.contains(where: { $0 > index && $0 < needed[index] }) ?? false {
        return index
      }
    }
    // Parts may lie within the whole: where one has to stay, so does the room of all, and making any again is in vain.
    for (index, step) in steps.enumerated() {
      guard !step.isBackward, let partition = step.operation.partition else { continue }
      let results = (partition.parts + [partition.whole]).filter {
        recording.tensors[$0.id].role == .intermediate && !recording.kept.contains($0)
      }
      guard results.contains(where: { makers[$0.id] == nil }) else { continue }
      if let again = results.compactMap({ makers[$0.id] }).first { return again }
      if manners[index] != .kept { return index }
    }
    return nil
  }
}

/// A recording that is being written again.
private struct Rewriting {
  let recording: Recording
  let manners: RecomputationManners
  private var steps: [Step] = []
  private var tensors: [TensorDescription]
  /// Where each old step, with what is made again for it, begins.
  private var starts: [Int] = []
  /// What was made again, by the step and, where it is made for every layer, the layer's label.
  private var again: [Key: [Tensor: Tensor]] = [:]

  private struct Key: Hashable {
    let step: Int
    let label: String?
  }

  init(recording: Recording, manners: RecomputationManners) {
    self.recording = recording
    self.manners = manners
    tensors = recording.tensors
  }

  /// Adds a step, behind those that have to be done again for it.
  mutating func add(_ index: Int) {
    starts.append(steps.count)
    let step = recording.steps[index]
    var operation = step.operation
    var replacements: [Tensor: Tensor] = [:]
    for input in operation.inputs {
      guard let maker = manners.makers[input.id], maker < index, let boundary = manners.boundaries[maker],
        index >= boundary
      else { continue }
      replacements[input] = remake(input, by: maker, for: step)
    }
    operation.replaceOperands(replacements)
    steps.append(Step(operation: operation, label: step.label, isBackward: step.isBackward))
  }

  /// Adds the step that made a tensor once more, for a reader behind the boundary.
  private mutating func remake(_ tensor: Tensor, by maker: Int, for reader: Step) -> Tensor {
    let key = Key(step: maker, label: manners.manners[maker] == .once ? nil : reader.label)
    if let made = again[key]?[tensor] { return made }
    let step = recording.steps[maker]
    var operation = step.operation
    var replacements: [Tensor: Tensor] = [:]
    for input in operation.inputs {
      guard let earlier = manners.makers[input.id] else { continue }
      replacements[input] = remake(input, by: earlier, for: reader)
    }
    for output in operation.outputs {
      let old = recording.tensors[output.id]
      let new = Tensor(id: tensors.count, shape: output.shape)
      tensors.append(
        TensorDescription(tensor: new, name: "\(old.name).again", kind: old.kind, role: old.role))
      replacements[output] = new
    }
    operation.replaceOperands(replacements)
    steps.append(Step(operation: operation, label: "\(step.label).again", isBackward: reader.isBackward))
    let made = replacements.filter { operation.outputs.contains($0.value) }
    again[key] = made
    return made[tensor]!
  }

  func result() -> Recording {
    let starts = starts + [steps.count]
    return Recording(
      tensors: tensors, steps: steps,
      sections: recording.sections.mapValues { starts[$0.lowerBound]..<starts[$0.upperBound] },
      kept: recording.kept)
  }
}
