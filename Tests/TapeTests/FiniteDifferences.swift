import OperationCases
import Random
import Tape
import Testing

/// The gradient rules of a small tape against central differences of its objective, in Double.
struct FiniteDifferences {
  /// What a test records: the tensors whose gradients are checked, and what the objective is made of.
  enum Objective {
    /// |y - t|^2 / 2 with random t: every element of y matters, and its own way.
    case distance(Tensor)
    /// Losses with their weights.
    case losses([(loss: Tensor, weight: Float)])

    static func sum(_ losses: (loss: Tensor, weight: Float)...) -> Self { .losses(losses) }
  }

  private let executor: ReferenceExecutor
  private let forward: Range<Int>
  private let variables: [Tensor]
  private let gradients: [[Double]]
  private let losses: [(loss: Tensor, weight: Float)]
  private let generator = Philox(seed: 7)

  /// Records `body` and its gradients, fills every input and parameter, and replays all once.
  ///
  /// - Parameters:
  ///   - values: how values are spread, by the tensor's name
  ///   - others: and where it is not named
  ///   - body: returns the objective and the tensors whose gradients are checked
  init(
    values: [String: CaseValues] = [:], others: CaseValues = .awayFromZero,
    _ body: (Tape) throws -> (objective: Objective, variables: [Tensor])
  ) throws {
    let tape = Tape()
    let (objective, variables) = try body(tape)
    switch objective {
    case .losses(let list): losses = list
    case .distance(let y):
      let target = tape.input("target", y.shape, kind: tape.description(of: y).kind)
      losses = [(try tape.pixelLoss(.l2, y, target), Float(y.shape.count) / 2)]
    }
    forward = 0..<tape.steps.count
    let gradients = try tape.gradients(of: losses, withRespectTo: variables)
    let recording = tape.freeze()
    executor = ReferenceExecutor(recording, precision: .float64)
    for description in recording.tensors where description.role != .intermediate {
      let count = description.tensor.shape.count
      let stream = UInt32(description.tensor.id)
      executor.write(
        (values[description.name] ?? others).make(count: count, seed: 11, stream: stream),
        to: description.tensor)
    }
    executor.run(0..<recording.steps.count)
    self.variables = variables
    self.gradients = gradients.map { [executor] in executor.readDouble($0) }
  }

  /// The objective with a variable moved by `direction` times `distance`.
  private func objective(_ variable: Tensor, _ direction: [Double], _ distance: Double) -> Double {
    let values = executor.readDouble(variable)
    executor.write(zip(values, direction).map { $0 + distance * $1 }, to: variable)
    executor.run(forward)
    executor.write(values, to: variable)
    return losses.reduce(0) { $0 + Double($1.weight) * executor.readDouble($1.loss)[0] }
  }

  /// The largest relative error over random directions and single elements of every variable.
  ///
  /// Along a direction d the error is taken relative to |g| |d| / sqrt(n), the size that g . d has for a random
  /// d, or to the difference itself where that is larger: a direction across g has no relative error.
  func largestError(directions: Int = 3, elements: Int = 4, step: Double = 1e-5) -> Double {
    var largest = 0.0
    for (variable, gradient) in zip(variables, gradients) {
      let count = variable.shape.count
      let size = gradient.reduce(0) { $0 + $1 * $1 }.squareRoot()
      var tried: [[Double]] = (0..<directions).map {
        CaseValues.uniform.make(count: count, seed: UInt64($0), stream: UInt32(variable.id)).map(Double.init)
      }
      for element in 0..<min(elements, count) {
        var direction = [Double](repeating: 0, count: count)
        let random = generator.words(UInt32(element), UInt32(variable.id)).x
        direction[Int(random) % count] = 1
        tried.append(direction)
      }
      for direction in tried {
        let difference =
          (objective(variable, direction, step) - objective(variable, direction, -step)) / (2 * step)
        let expected = zip(gradient, direction).reduce(0) { $0 + $1.0 * $1.1 }
        let length = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let scale = max(abs(difference), size * length / Double(count).squareRoot())
        let error = abs(difference - expected) / scale
        // Written so that a NaN stays the largest.
        if !(error <= largest) { largest = error }
        if largest.isNaN { return largest }
      }
    }
    return largest
  }
}
