import CLBackend
import OperationCases
import Tape
import Testing

/// The convolutions for GPUs, on whatever device there is: a CPU runs them too, slowly.
struct ConvolutionGPUTests {
  @Test func everyCaseAgreesWithTheReference() throws {
    let device = try Device.select("auto").device
    var worst: [String: Double] = [:]
    for testCase in operationCases {
      let recorded = try testCase.record()
      guard let name = recorded.recording.steps.first?.name,
        [Convolution.name, TransposedConvolution.name, WeightGradient.name].contains(name)
      else { continue }
      let expected = try recorded.run(on: ReferenceExecutor(recorded.recording))
      let actual = try recorded.run(on: OpenCLExecutor(recorded.recording, on: device, deviceClass: .gpu))
      for (actual, expected) in zip(actual, expected) {
        let comparison = Comparison(actual, expected: expected)
        #expect(comparison.isWithin(testCase.bound), "\(testCase): \(comparison), bound \(testCase.bound)")
        worst[name] = max(worst[name] ?? 0, comparison.relativeL2)
      }
    }
    print("convolutions for GPUs, the largest errors: \(worst)")
  }
}
