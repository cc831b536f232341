import Tape

/// Weight gradients that nobody but one Adam step reads, of weights that are larger than the maps they are made from:
/// those may be made where the step is taken, and never stored. A pure function of the recording.
struct WeightUpdates {
  struct Update: Equatable {
    /// The index of the Adam step that takes the weight gradient.
    let adam: Int
    /// The index of the step behind which the update may be done at the earliest: the last that reads the weight,
    /// the input gradient's as a rule. What it has read is in the caches still.
    let behind: Int
  }

  /// By the index of the weight gradient's step.
  private(set) var updates: [Int: Update] = [:]

  /// The weight gradients.
  private(set) var gradients: Set<Tensor> = []

  static let none = WeightUpdates()

  private init() {}

  /// - Parameter steps: those that are run together
  init(_ recording: Recording, _ steps: Range<Int>) {
    var readers: [Int: [Int]] = [:]
    for (index, step) in recording.steps.enumerated() {
      for tensor in step.operation.inputs { readers[tensor.id, default: []].append(index) }
    }
    for index in steps {
      guard let pass = recording.steps[index].operation as? WeightGradient,
        pass.output.shape.count > pass.image.shape.count + pass.gradient.shape.count,
        let reader = readers[pass.output.id], reader.count == 1, steps.contains(reader[0]), reader[0] > index,
        let adam = recording.steps[reader[0]].operation as? Adam, adam.gradient == pass.output
      else { continue }
      let updated = Set(adam.outputs)
      func uses(_ step: Step) -> Bool {
        !updated.isDisjoint(with: step.operation.inputs + step.operation.outputs)
      }
      let behind = (index + 1..<reader[0]).last { uses(recording.steps[$0]) } ?? index
      // What it is made from must still be there.
      let operands = Set([pass.image, pass.gradient])
      guard
        recording.steps[index..<behind].dropFirst().allSatisfy({
          operands.isDisjoint(with: $0.operation.outputs)
        })
      else { continue }
      updates[index] = Update(adam: reader[0], behind: behind)
      gradients.insert(pass.output)
    }
  }
}
