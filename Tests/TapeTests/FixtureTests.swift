import OperationCases
import Random
import Tape
import Testing

/// The reference against an independent evaluation: PyTorch in float64, from the same inputs.
struct FixtureTests {
  /// The reference rounds each result to Float once: at most 2^-24 = 6e-8 for each value, and 3.5e-8 in the
  /// mean. Measured: 6e-8, where values cancel (norm and tanh gradients) 4.6e-7.
  ///
  /// The mean of values around 8 is rounded too, which moves all values of its group alike. Measured: 1.4e-6.
  ///
  /// Structural similarity takes squares of means from means of squares, rounded both: of flat maps little is left.
  /// Measured: 6.9e-6, of a single window 3.6e-5.
  static func bound(_ testCase: OperationCase) -> Double {
    if testCase.name.hasPrefix("SSIM"), testCase.name.hasSuffix("flat") { return 5e-5 }
    return testCase.name.hasPrefix("norm gradient") && testCase.name.hasSuffix("around 8.0") ? 3e-6 : 1e-6
  }

  /// Without rounding only the order of the sums differs. Measured: at most 1e-14.
  ///
  /// Adam's step size and correction are Floats of the schedule. Measured: 5.4e-9. PyTorch's cross-entropy of one logit
  /// of -12 cancels. Measured: 8.2e-11.
  static func doubleBound(_ testCase: OperationCase) -> Double {
    if testCase.name.hasPrefix("Adam") { return 0x1p-24 }
    return testCase.name.hasPrefix("BCE") ? 5e-10 : 1e-12
  }

  /// A case whose results nothing independent was compared with.
  @Test func everyCaseHasItsFixture() throws {
    let numbers = try Fixtures.shared.get().outputs
    let without = operationCases.map(\.name).filter { numbers[$0] == nil }
    #expect(without == [], "add them to Fixtures/cases.txt, and run make_fixtures.py beside it")
  }

  /// Numbers that no test compares with anything any more.
  @Test func everyFixtureHasItsCase() throws {
    let names = try Set(Fixtures.shared.get().outputs.keys)
    let known = Set(operationCases.map(\.name)).union([AdamTests.sequence, GradientTests.smallNet])
    #expect(names.subtracting(known) == [])
  }

  @Test(arguments: operationCases) func referenceAgrees(_ testCase: OperationCase) throws {
    let recorded = try testCase.record()
    let rounded = try recorded.run(on: ReferenceExecutor(recorded.recording))
    for comparison in try Fixtures.compare(rounded, with: testCase.name) {
      #expect(comparison.isWithin(Self.bound(testCase)), "\(testCase): \(comparison)")
      // The table's own bound must be one that the reference itself keeps.
      #expect(comparison.isWithin(max(testCase.bound, 0x1p-24)), "\(testCase): \(comparison)")
    }
    let executor = ReferenceExecutor(recorded.recording, precision: .float64)
    _ = try recorded.run(on: executor)
    let exact = recorded.outputs.map { executor.readDouble($0) }
    for comparison in try Fixtures.compare(exact, with: testCase.name) {
      #expect(comparison.isWithin(Self.doubleBound(testCase)), "\(testCase): \(comparison)")
    }
  }
}
