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

  @Test(arguments: DeviceClass.tested) func casesAgreeWithTheReference(_ deviceClass: DeviceClass) throws {
    #expect(Self.cases.count > 60, "the table has \(operationCases.count) cases")
    // Measured 3.6e-7 and 5.1e-7, at bounds of (4 + sqrt K) * 2^-24.
    try check(Self.cases, deviceClass, vectorWidth: nil)
  }

  /// As on AVX2 (8 floats) and below, whatever the tests' device has; every third case, since the programs are others.
  @Test(.enabled(if: DeviceClass.tested.contains(.cpu)), arguments: [8, 4])
  func narrowTilesAgreeWithTheReference(_ vectorWidth: Int) throws {
    let cases = Self.cases.enumerated().filter { $0.offset.isMultiple(of: 3) }.map(\.element)
    #expect(cases.count > 20)
    // Measured 3.6e-7.
    try check(cases, .cpu, vectorWidth: vectorWidth)
  }

  private func check(_ cases: [OperationCase], _ deviceClass: DeviceClass, vectorWidth: Int?) throws {
    let device = try Device.select("auto").device
    var worst = 0.0
    for testCase in cases {
      let recorded = try testCase.record(bordered: true)
      let expected = try recorded.run(on: ReferenceExecutor(recorded.recording))
      let executor = try OpenCLExecutor(
        recorded.recording, on: device, .init(deviceClass: deviceClass, vectorWidth: vectorWidth))
      let actual = try recorded.run(on: executor)
      try expectZeroPadding(executor, testCase.name)
      for (actual, expected) in zip(actual, expected) {
        let comparison = Comparison(actual, expected: expected)
        #expect(comparison.isWithin(testCase.bound), "\(testCase): \(comparison), bound \(testCase.bound)")
        worst = max(worst, comparison.relativeL2)
      }
    }
    let vectors = vectorWidth.map { "of \($0)" } ?? "as they are"
    print("convolutions, class \(deviceClass), vectors \(vectors), the largest error: \(worst)")
  }
}
