import CLBackend
import OperationCases
import Tape
import Testing

/// Every operation that is not a convolution, with the kernels of both classes: a CPU runs those of GPUs, too.
struct OperationTests {
  static let convolutions = [Convolution.name, TransposedConvolution.name, WeightGradient.name]

  @Test(arguments: DeviceClass.tested) func everyCaseAgreesWithTheReference(
    _ deviceClass: DeviceClass
  ) throws {
    let device = try Device.select("auto").device
    var worst: [String: Double] = [:]
    for testCase in operationCases {
      let recorded = try testCase.record()
      guard let name = recorded.recording.steps.first?.name, !Self.convolutions.contains(name) else {
        continue
      }
      let expected = try recorded.run(on: ReferenceExecutor(recorded.recording))
      for recorded in [recorded, try testCase.record(bordered: true)] {
        let executor = try OpenCLExecutor(recorded.recording, on: device, .init(deviceClass: deviceClass))
        let actual = try recorded.run(on: executor)
        try expectZeroPadding(executor, testCase.name)
        for (actual, expected) in zip(actual, expected) {
          let comparison = Comparison(actual, expected: expected)
          #expect(comparison.isWithin(testCase.bound), "\(testCase): \(comparison), bound \(testCase.bound)")
          worst[name] = max(worst[name] ?? 0, comparison.relativeL2)
        }
      }
    }
    #expect(worst.count > 10, "\(worst.keys.sorted())")
    print("operations, class \(deviceClass), the largest errors: \(worst)")
  }

  /// Maps of several groups of rows, groups that reach from one image into the next, one group.
  @Test(
    arguments: DeviceClass.tested,
    [[1, 16, 80, 70], [3, 24, 41, 53], [2, 3, 130, 96], [1, 3, 1, 5000], [4, 17, 2, 2]] as [Shape])
  func normsAndSumsInGroupsAgreeWithTheReference(_ deviceClass: DeviceClass, _ shape: Shape) throws {
    let tape = Tape()
    let x = tape.input("x", shape, kind: .activation)
    let dy = tape.input("dy", shape, kind: .activation)
    var outputs = [try tape.channelSum(dy)]
    for parts in Set([1, shape.n, shape.n.isMultiple(of: 2) ? 2 : 1]).sorted() {
      let norm = try tape.norm(x, parts: parts)
      outputs += [norm.output, norm.mean, norm.variance]
    }
    outputs.append(try tape.pixelLoss(.l1, x, dy))
    outputs.append(try tape.pixelLoss(.l2, x, dy))
    outputs.append(tape.logitLoss(.crossEntropy(target: 1), x))
    let recording = tape.freeze()
    let executor = try OpenCLExecutor(
      recording, on: Device.select("auto").device, .init(deviceClass: deviceClass))
    let reference = ReferenceExecutor(recording)
    for (tensor, stream) in [(x, UInt32(1)), (dy, 2)] {
      let values = CaseValues.around(0.5).make(count: shape.count, seed: 7, stream: stream)
      try executor.write(values, to: tensor)
      reference.write(values, to: tensor)
    }
    try executor.run(0..<recording.steps.count)
    reference.run(0..<recording.steps.count)
    for output in outputs {
      let comparison = Comparison(try executor.read(output), expected: reference.read(output))
      #expect(comparison.isWithin(2e-6), "\(recording.name(of: output)) of \(shape): \(comparison)")
    }
  }

  /// A pooling does not hide that a network has diverged, wherever among the four pixels NaN is.
  @Test(arguments: [nil] + DeviceClass.tested.map { $0 as DeviceClass? }, 0..<4) func poolingKeepsNaN(
    _ deviceClass: DeviceClass?, _ place: Int
  ) throws {
    let tape = Tape()
    let x = tape.input("x", [1, 1, 2, 4], kind: .activation)
    let y = try tape.maxPool(x)
    let recording = tape.freeze()
    let executor: any Executor =
      if let deviceClass {
        try OpenCLExecutor(recording, on: Device.select("auto").device, .init(deviceClass: deviceClass))
      } else {
        ReferenceExecutor(recording)
      }
    var values: [Float] = [3, 1, 2, 0, -1, 2, 7, 5]
    values[place / 2 * 4 + place % 2] = .nan
    try executor.write(values, to: x)
    try executor.run(0..<recording.steps.count)
    let pooled = try executor.read(y)
    #expect(pooled[0].isNaN && pooled[1] == 7, "\(pooled)")
  }
}
