import OperationCases
import Tape
import Testing

/// The reference's quick loops against the definitions that they stand for, element by element.
struct ConvolutionTests {
  static let cases = operationCases.filter { testCase in
    ["convolution", "transposed convolution", "weight gradient"].contains { testCase.name.hasPrefix($0) }
  }

  /// Forward and transposed sums are added up in the same order: equal bits. A weight gradient's are four sums side by
  /// side; for K terms of random sign the orders differ by about sqrt(K) roundings of 2^-53. Measured: 6.4e-16.
  @Test(arguments: cases) func quickLoopsAreTheDefinition(_ testCase: OperationCase) throws {
    let recorded = try testCase.record()
    let executor = ReferenceExecutor(recorded.recording, precision: .float64)
    for (tensor, values) in recorded.fill { executor.write(values, to: tensor) }
    for (index, step) in recorded.recording.steps.enumerated() {
      // Before the step: it may write over what it reads.
      let convolution = step.operation as? any ConvolutionOperation
      let expected = (0..<(convolution?.output.shape.count ?? 0)).map {
        convolution!.element($0, executor.memory)
      }
      executor.run(index..<index + 1)
      guard let convolution else { continue }
      let comparison = Comparison(executor.readDouble(convolution.output), expected: expected)
      #expect(comparison.isWithin(convolution is WeightGradient ? 2e-15 : 0), "\(step.name): \(comparison)")
    }
  }
}
