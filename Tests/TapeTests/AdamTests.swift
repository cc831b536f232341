import OperationCases
import Random
import Tape
import Testing

/// Adam over several steps, and the schedule that tells it which step it is.
struct AdamTests {
  static let sequence = "Adam sequence"

  /// Five steps from fresh moments with a new gradient each. Measured: 3.2e-8 after the first, 5.2e-8 after
  /// the fifth.
  @Test func fiveStepsAgreeWithPyTorch() throws {
    let tape = Tape()
    let shape: Shape = [6, 4, 3, 3]
    let p = tape.parameter("p", shape)
    let g = tape.input("g", shape, kind: .weight)
    let (m, v) = (tape.state("m", shape), tape.state("v", shape))
    let schedule = tape.schedule()
    try tape.adam(p, gradient: g, firstMoment: m, secondMoment: v, schedule: schedule)
    let executor = ReferenceExecutor(tape.freeze())
    let seed = CaseValues.seed(of: Self.sequence)
    executor.write(CaseValues.uniform.make(count: shape.count, seed: seed, stream: 0), to: p)
    var results: [[Float]] = []
    for step in 0..<5 {
      executor.write(
        CaseValues.uniform.make(count: shape.count, seed: seed, stream: UInt32(step + 1)), to: g)
      executor.write(Schedule(step: step, learningRate: 0.0002, seed: 0).values, to: schedule)
      executor.run(0..<1)
      results.append(executor.read(p))
    }
    for (step, comparison) in try Fixtures.compare(results, with: Self.sequence).enumerated() {
      #expect(comparison.isWithin(2e-7), "step \(step): \(comparison)")
    }
  }

  @Test(arguments: [0, 1, 65_535, 65_536, 1_000_003, 1 << 32, 1 << 39, (1 << 40) - 1])
  func scheduleSurvivesItsTensor(_ step: Int) {
    for seed in [0, 1, 0xFFFF, 0x1_0000, 0x0123_4567_89AB_CDEF, .max, 1 << 63] as [UInt64] {
      let schedule = Schedule(step: step, learningRate: 0.0002, seed: seed)
      #expect(schedule.values.count == Schedule.shape.count)
      #expect(Schedule(values: schedule.values) == schedule)
    }
  }

  @Test func scheduleHasTheBiasCorrections() {
    let first = Schedule(step: 0, learningRate: 0.0002, seed: 0)
    #expect(first.stepSize == 0.0004)
    #expect(abs(first.inverseRootCorrection - 31.622_776) < 1e-5)
    let late = Schedule(step: 1_000_000, learningRate: 0.0002, seed: 0)
    #expect(late.stepSize == 0.0002)
    #expect(late.inverseRootCorrection == 1)
  }
}
