import CLBackend
import OperationCases
import Tape
import Testing

/// The convolutions, with the kernels of both classes: a CPU runs those of GPUs too, slowly.
struct ConvolutionTests {
  static let names = [Convolution.name, TransposedConvolution.name, WeightGradient.name]

  /// Cases whose operands are small integers, with exact sums, and every fourth of the others: a compiler that
  /// starts cold takes half a second for each new program.
  static let cases = operationCases.filter { testCase in
    names.contains { testCase.name.hasPrefix($0) }
  }.enumerated().filter { $0.element.bound == 0 || $0.offset.isMultiple(of: 4) }.map(\.element)

  @Test(arguments: [DeviceClass.cpu, .gpu]) func casesAgreeWithTheReference(_ deviceClass: DeviceClass) throws
  {
    let device = try Device.select("auto").device
    #expect(Self.cases.count > 60, "the table has \(operationCases.count) cases")
    var worst = 0.0
    for testCase in Self.cases {
      let recorded = try testCase.record()
      let expected = try recorded.run(on: ReferenceExecutor(recorded.recording))
      let actual = try recorded.run(
        on: OpenCLExecutor(recorded.recording, on: device, deviceClass: deviceClass))
      for (actual, expected) in zip(actual, expected) {
        let comparison = Comparison(actual, expected: expected)
        #expect(comparison.isWithin(testCase.bound), "\(testCase): \(comparison), bound \(testCase.bound)")
        worst = max(worst, comparison.relativeL2)
      }
    }
    // Measured 4.5e-7 and 5.1e-7, at bounds of (4 + sqrt K) * 2^-24.
    print("convolutions, class \(deviceClass), the largest error: \(worst)")
  }
}
