import Model
import OperationCases
import Tape
import Testing

/// Whether `verify` names the step that an executor gets wrong, for every kind of operation that a training step reaches.
@Suite struct WrongExecutorTests {
  /// The kinds that no training step records, and where they are used instead.
  static let untrained = [
    "normalize": "a translation's norm by running statistics",
    "mix gradient": "a gradient penalty is not followed from the point between two pictures to them",
    "max pool": "the network whose features evaluations compare",
    "expm1 gradient": "a divergence of Gaussians, whose gradient e^x - 1 is, is differentiated once",
    "max pool gradient": "nothing is trained through that network",
  ]

  /// For every kind of operation the first option set that reaches it, each model once, with the kinds it answers for.
  private static func models() throws -> [(name: String, model: any TrainingStep, kinds: Set<String>)] {
    var known: Set<String> = []
    var result: [(String, any TrainingStep, Set<String>)] = []
    var models: [(String, any TrainingStep)] = try (ObjectiveTests.plainCases + ObjectiveTests.otherCases)
      .map { ($0.description, try $0.model()) }
    models.append(("latent codes", try BicycleGANTests.step()))
    for (name, model) in models {
      let kinds = Set(model.recording.steps.map(\.name)).subtracting(known)
      guard !kinds.isEmpty else { continue }
      known.formUnion(kinds)
      result.append((name, model, kinds))
    }
    return result
  }

  /// The steps that a verification finds wrong, by their number in the recording.
  private static func named(_ verification: StepVerification, in recording: Recording) throws -> Set<Int> {
    let steps = try #require(recording.sections["train"])
    let outputs = steps.flatMap { index in recording.steps[index].operation.outputs.map { (index, $0) } }
    try #require(outputs.count == verification.rows.count)
    var result: Set<Int> = []
    for (row, (index, output)) in zip(verification.rows, outputs) {
      #expect(row.label == recording.steps[index].label && row.tensor == recording.name(of: output))
      if !row.passes { result.insert(index) }
    }
    return result
  }

  /// An operation whose errors `verify` cannot see since no option set of these tests reaches it.
  @Test func everyKindIsReached() throws {
    let all = try Set(operationCases.flatMap { try $0.record().recording.steps.map(\.name) })
    let reached = try Self.models().reduce(into: Set<String>()) { $0.formUnion($1.kinds) }
    #expect(all.subtracting(reached) == Set(Self.untrained.keys))
    #expect(reached.subtracting(all) == [])
  }

  /// A verification of an executor that has a fault in some kinds of steps.
  private struct Outcome {
    let description: String
    /// Labels of the steps that were changed, that cancel, and that were named.
    let changed: Set<String>
    let cancelling: Set<String>
    let named: Set<String>
  }

  /// Verifies every option set twice, with the fault in every other kind of operation that it stands for. Each step gets
  /// the reference's operands, so that no fault is another step's.
  private func outcomes(
    of fault: FaultyExecutor.Fault, convolutions: Precision = .fp32, where applies: (any Operation) -> Bool
  ) throws -> [Outcome] {
    try Self.models().flatMap { name, model, kinds in
      let steps = model.recording.steps
      let kinds = kinds.filter { kind in steps.contains { $0.name == kind && applies($0.operation) } }
        .sorted()
      return try (0..<min(2, kinds.count)).map { half in
        let faulty = Set(kinds.enumerated().filter { $0.offset % 2 == half }.map(\.element))
        let executor = FaultyExecutor(model.recording, fault) { faulty.contains($0.name) }
        let verification = try StepVerification(
          model, executor, bound: Precision.fp32.convolutionBound,
          convolutionBound: convolutions.convolutionBound, seed: 1)
        let labels = { (steps: Set<Int>) in
          Set(steps.map { "\($0) \(model.recording.steps[$0].label) \(model.recording.steps[$0].name)" })
        }
        return Outcome(
          description: "\(name), \(fault)", changed: labels(executor.changedSteps),
          cancelling: labels(executor.cancellingSteps),
          named: labels(try Self.named(verification, in: model.recording)))
      }
    }
  }

  /// Exactly the changed steps are named; those that cancel may be.
  private func expectNamed(_ outcome: Outcome, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(!outcome.changed.isEmpty, "\(outcome.description)", sourceLocation: sourceLocation)
    let missed = outcome.changed.subtracting(outcome.named).subtracting(outcome.cancelling)
    #expect(missed == [], "\(outcome.description)", sourceLocation: sourceLocation)
    let wrong = outcome.named.subtracting(outcome.changed)
    #expect(wrong == [], "\(outcome.description)", sourceLocation: sourceLocation)
  }

  private static func isConvolution(_ operation: any Operation) -> Bool {
    operation is Convolution || operation is TransposedConvolution || operation is WeightGradient
  }

  /// A bound that is twice as wide, for one kind of operation or for all; a step that is named for another's error.
  /// Rounding to half precision is off by 1.4e-4 in the mean, to bfloat16 by 1.1e-3.
  @Test func valuesBeyondTheBoundAreNamed() throws {
    for outcome in try outcomes(of: .inexact(2e-5), where: { _ in true }) {
      expectNamed(outcome)
    }
    for outcome in try outcomes(of: .inexact(5e-6), where: { _ in true }) {
      #expect(!outcome.changed.isEmpty && outcome.named == [], "\(outcome.description)")
    }
  }

  /// A looser bound of convolutions that other operations get too.
  @Test func onlyConvolutionsMayBeLessExact() throws {
    for outcome in try outcomes(of: .inexact(2e-5), convolutions: .tf32, where: Self.isConvolution) {
      #expect(!outcome.changed.isEmpty && outcome.named == [], "\(outcome.description)")
    }
    for outcome in try outcomes(of: .inexact(2e-3), convolutions: .tf32, where: Self.isConvolution) {
      #expect(!outcome.changed.isEmpty && outcome.named == outcome.changed, "\(outcome.description)")
    }
    let others = try outcomes(of: .inexact(2e-5), convolutions: .bf16) { !Self.isConvolution($0) }
    for outcome in others {
      expectNamed(outcome)
    }
  }

  /// A comparison that leaves out elements.
  @Test func aMissingElementIsNamed() throws {
    for outcome in try outcomes(of: .missingElement, where: { _ in true }) {
      expectNamed(outcome)
    }
  }

  /// A floor that is too high: also sums that cancel are held to something.
  @Test func aMissingTermOfASumIsNamed() throws {
    for outcome in try outcomes(of: .missingTerm, where: { $0 is ChannelSum }) {
      #expect(!outcome.cancelling.isEmpty && outcome.named == outcome.changed, "\(outcome.description)")
    }
  }

  /// A step whose results are compared with themselves, and values that let an operand's effect vanish.
  @Test(arguments: 0..<7) func aSwappedOperandIsNamed(_ number: Int) throws {
    for outcome in try outcomes(of: .swappedOperand(number), where: { $0.inputs.count > number }) {
      expectNamed(outcome)
    }
  }
}
