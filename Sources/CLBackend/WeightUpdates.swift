import Tape

/// Weight gradients that nobody but one Adam step reads, of weights that are larger than the maps they are made from:
/// those may be made where the step is taken, and never stored. A pure function of the recording.
struct WeightUpdates {
  /// The index of the Adam step that takes each weight gradient, by the index of the weight gradient's step.
  private(set) var adamSteps: [Int: Int] = [:]

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
      // What it is made from must still be there.
      let operands = Set([pass.image, pass.gradient])
      guard
        recording.steps[index + 1..<reader[0]].allSatisfy({ operands.isDisjoint(with: $0.operation.outputs) })
      else { continue }
      adamSteps[index] = reader[0]
    }
  }
}
