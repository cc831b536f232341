import CLBackend
import OperationCases
import Tape
import Testing

/// The programs for matrix units, with the units emulated: everything but the instructions themselves is what an NVIDIA
/// GPU would run.
struct MatrixUnitsTests {
  /// Cases with exact sums, and some of the others: every program is made for three formats.
  static let cases = operationCases.filter { testCase in
    ConvolutionTests.names.contains { testCase.name.hasPrefix($0) }
  }.enumerated().filter { $0.element.bound == 0 || $0.offset.isMultiple(of: 6) }.map(\.element)

  /// Measured: fp32 (as 3xTF32) 9.0e-7, at bounds of (4 + sqrt K) * 2^-24; TF32 2.7e-4, at 9.8e-4; bf16 2.1e-3, at
  /// 7.8e-3.
  @Test(arguments: Precision.allCases)
  func casesAgreeWithTheReference(_ precision: Precision) throws {
    let device = try Device.select("auto").device
    #expect(Self.cases.count > 40, "the table has \(operationCases.count) cases")
    var worst = 0.0
    for testCase in Self.cases {
      let recorded = try testCase.record(bordered: true)
      let expected = try recorded.run(on: ReferenceExecutor(recorded.recording))
      let executor = try OpenCLExecutor(
        recorded.recording, on: device, .init(deviceClass: .gpu, precision: precision, matrixUnits: .emulated)
      )
      // Integers are exact in every precision.
      let bound =
        testCase.bound == 0 || precision == .fp32 ? testCase.bound : precision.convolutionBound
      let actual = try recorded.run(on: executor)
      try expectZeroPadding(executor, testCase.name)
      for (actual, expected) in zip(actual, expected) {
        let comparison = Comparison(actual, expected: expected)
        #expect(comparison.isWithin(bound), "\(testCase): \(comparison), bound \(bound)")
        worst = max(worst, comparison.relativeL2)
      }
    }
    print("matrix units, \(precision), the largest error: \(worst)")
  }

  /// Several tiles in every direction, the last of them partly filled.
  @Test(arguments: [Precision.tf32, .bf16])
  func tilesFitTogether(_ precision: Precision) throws {
    let tape = Tape()
    let x = tape.input("x", [2, 80, 14, 18], kind: .activation)
    let w = tape.parameter("w", [144, 80, 4, 4])
    let geometry = ConvolutionGeometry(stride: 2, padding: 1)
    let y = try tape.convolution(x, weight: w, geometry)
    let dx = try tape.transposedConvolution(y, weight: w, geometry, outputSize: (14, 18))
    let dw = try tape.weightGradient(image: x, gradient: y, like: w, geometry)
    let recording = tape.freeze()
    let executor = try OpenCLExecutor(
      recording, on: Device.select("auto").device,
      .init(deviceClass: .gpu, precision: precision, matrixUnits: .emulated))
    let reference = ReferenceExecutor(recording)
    for (tensor, stream) in [(x, UInt32(1)), (w, 2)] {
      let values = CaseValues.uniform.make(count: tensor.shape.count, seed: 11, stream: stream)
      try executor.write(values, to: tensor)
      reference.write(values, to: tensor)
    }
    for (step, output) in [y, dx, dw].enumerated() {
      if step > 0 { try executor.write(reference.read(y), to: y) }
      try executor.run(step..<step + 1)
      reference.run(step..<step + 1)
      let comparison = Comparison(try executor.read(output), expected: reference.read(output))
      #expect(comparison.isWithin(precision.convolutionBound), "step \(step): \(comparison)")
    }
  }

  @Test func aProbeTellsRightTilesFromWrongOnes() throws {
    let device = try Device.select("auto").device
    for operands in MatrixUnits.Operands.allCases {
      #expect(MatrixUnits.multiplies(operands, emulated: true, on: device))
    }
    // The tests' device is a CPU, whose compiler does not take PTX.
    #expect(!MatrixUnits.multiplies(.tf32, emulated: false, on: device))
    #expect(MatrixUnits(provenOn: device) == .none)
  }
}
