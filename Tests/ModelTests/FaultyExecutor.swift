import Tape

/// The CPU reference with a fault in some of its steps: what `verify` is there to name.
final class FaultyExecutor: Executor {
  enum Fault: Sendable, CustomStringConvertible {
    /// Every value is off by this share of itself, up and down in turn.
    case inexact(Float)
    /// One value is not written: the last that is not below the root of the mean square.
    case missingElement
    /// Channel sums lack their last term.
    case missingTerm
    /// In place of the operand of that number the step reads other values: those of the tensor of its shape that differs
    /// most, or its own backwards.
    case swappedOperand(Int)

    var description: String {
      switch self {
      case .inexact(let share): "off by \(share)"
      case .missingElement: "one element missing"
      case .missingTerm: "one term missing"
      case .swappedOperand(let number): "operand \(number) swapped"
      }
    }
  }

  private let reference: ReferenceExecutor
  private let fault: Fault
  private let isFaulty: (Step) -> Bool
  /// The steps of which at least one result is another than the reference's.
  private(set) var changedSteps: Set<Int> = []
  /// The faulty channel sums of which rounding alone is left, as those of a bias that a norm takes away again: their
  /// terms' magnitudes add up to 200 times as much or more.
  private(set) var cancellingSteps: Set<Int> = []

  init(_ recording: Recording, _ fault: Fault, in isFaulty: @escaping (Step) -> Bool) {
    reference = ReferenceExecutor(recording)
    self.fault = fault
    self.isFaulty = isFaulty
  }

  var recording: Recording { reference.recording }
  var name: String { "CPU reference, \(fault)" }

  func write(_ values: [Float], to tensor: Tensor) { reference.write(values, to: tensor) }
  func read(_ tensor: Tensor) -> [Float] { reference.read(tensor) }
  func finish() {}

  func run(_ steps: Range<Int>) {
    for index in steps {
      let step = recording.steps[index]
      guard isFaulty(step) else {
        reference.run(index..<index + 1)
        continue
      }
      let before = step.operation.inputs.map(read)
      reference.run(index..<index + 1)
      let right = step.operation.outputs.map(read)
      if case .swappedOperand(let number) = fault {
        runSwapped(index, number, before)
      } else {
        for output in step.operation.outputs { write(corrupted(read(output), step.operation), to: output) }
      }
      if step.operation.outputs.map(read) != right { changedSteps.insert(index) }
      if let sum = step.operation as? ChannelSum {
        let magnitudes = Self.sums(before[0].map(abs), sum.input.shape)
        if 200 * Self.norm(right[0]) < Self.norm(magnitudes) { cancellingSteps.insert(index) }
      }
    }
  }

  private func corrupted(_ values: [Float], _ operation: any Operation) -> [Float] {
    switch fault {
    case .inexact(let share):
      return values.enumerated().map { $1 * (1 + ($0.isMultiple(of: 2) ? share : -share)) }
    case .missingElement:
      let limit = Float(Self.norm(values) / Double(values.count).squareRoot()) * 0.999
      var values = values
      if let last = values.lastIndex(where: { abs($0) >= limit }) { values[last] = 0 }
      return values
    case .missingTerm:
      guard let sum = operation as? ChannelSum else { return values }
      let terms = read(sum.input).suffix(sum.input.shape.count / sum.input.shape.n)
      let area = terms.count / values.count
      return values.enumerated().map { $1 - terms[terms.startIndex + ($0 + 1) * area - 1] }
    case .swappedOperand: return values
    }
  }

  private func runSwapped(_ index: Int, _ number: Int, _ before: [[Float]]) {
    let operation = recording.steps[index].operation
    guard operation.inputs.indices.contains(number) else { return }
    let results = operation.outputs.map(read)
    for (input, values) in zip(operation.inputs, before) { write(values, to: input) }
    let operand = operation.inputs[number]
    // Where no other tensor has that shape there is the operand itself, backwards.
    let others = recording.tensors.map(\.tensor).filter { $0.shape == operand.shape }.map(read)
    let differences = (others + [before[number].reversed()]).map { values in
      (values: values, by: Self.norm(zip(values, before[number]).map { $0 - $1 }))
    }
    if let other = differences.max(by: { $0.by < $1.by }), other.by > 0 {
      write(other.values, to: operand)
      reference.run(index..<index + 1)
      for (input, values) in zip(operation.inputs, before) where !operation.outputs.contains(input) {
        write(values, to: input)
      }
    } else {
      for (output, values) in zip(operation.outputs, results) { write(values, to: output) }
    }
  }

  /// Over images and pixels, by the channel.
  private static func sums(_ values: [Float], _ shape: Shape) -> [Float] {
    var sums = [Float](repeating: 0, count: shape.c)
    let area = shape.h * shape.w
    for (index, value) in values.enumerated() { sums[index / area % shape.c] += value }
    return sums
  }

  private static func norm(_ values: [Float]) -> Double {
    values.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
  }
}
