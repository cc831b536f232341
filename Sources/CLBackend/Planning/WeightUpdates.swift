import Tape

/// Weight gradients that only one Adam step reads, of weights that are larger than the maps they are computed from: a
/// kernel can use such a gradient for the step and never store it. A pure function of the recording.
package struct WeightUpdates {
  package struct Update: Equatable, Sendable {
    /// The Adam step that uses the weight gradient.
    package let adam: Int
    /// The step that the update may follow at the earliest: the last that reads the weight, as a rule the input gradient,
    /// which leaves the weight in the caches.
    package let behind: Int

    package init(adam: Int, behind: Int) {
      self.adam = adam
      self.behind = behind
    }
  }

  /// By the weight gradient's step.
  package private(set) var updates: [Int: Update] = [:]

  /// The weight gradients.
  private(set) var gradients: Set<Tensor> = []

  /// - Parameter steps: the steps that run together
  package init(_ recording: Recording, _ steps: Range<Int>) {
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
      // The update reads the operands then, so they must still be the same.
      let operands = Set([pass.image, pass.gradient])
      guard
        recording.steps[index...behind].dropFirst().allSatisfy({
          operands.isDisjoint(with: $0.operation.outputs)
        })
      else { continue }
      updates[index] = Update(adam: reader[0], behind: behind)
      gradients.insert(pass.output)
    }
  }
}
