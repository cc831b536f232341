import CLBackend
import Model
import OperationCases
import Tape
import Testing

/// The kernels of GPUs on devices, and under drivers, that allow small work-groups only.
struct WorkGroupTests {
  /// Runs all of a recording with such work-groups and gives the values of `outputs`.
  private func values(
    _ recording: Recording, _ inputs: [Tensor], _ outputs: [Tensor], mostWorkItems: Int?,
    schedule: Tensor? = nil
  ) throws -> [[Float]] {
    let executor = try OpenCLExecutor(
      recording, on: Device.select("auto").device, .init(deviceClass: .gpu, mostWorkItems: mostWorkItems))
    for (index, tensor) in inputs.enumerated() {
      try executor.write(
        CaseValues.uniform.make(count: tensor.shape.count, seed: 5, stream: UInt32(index)), to: tensor)
    }
    if let schedule {
      try executor.write(Schedule(step: 0, learningRate: 1e-3, seed: 1).values, to: schedule)
    }
    try executor.run(0..<recording.steps.count)
    return try outputs.map(executor.read)
  }

  /// A whole training step: repacked weights, split products, norms, losses, flat arrays, sums of one work-group.
  @Test(arguments: [64, 128]) func trainingNeedsNoLargeGroups(_ most: Int) throws {
    let model = try Pix2Pix(NetworkConfiguration(size: 32, ngf: 8, ndf: 8), .init(), sections: .train)
    let parameters = model.networks.flatMap(\.parameters).map(\.tensor)
    func trained(_ most: Int?) throws -> [[Float]] {
      try values(
        model.recording, model.sides + parameters, parameters, mostWorkItems: most, schedule: model.schedule)
    }
    let (expected, small) = (try trained(nil), try trained(most))
    var worst = 0.0
    for (tensor, (small, expected)) in zip(parameters, zip(small, expected)) {
      let comparison = Comparison(small, expected: expected)
      worst = max(worst, comparison.relativeL2)
      // Measured 1e-6: the first step of Adam is a sign, which rounding may turn where a gradient is about 0.
      #expect(comparison.isWithin(1e-4), "\(model.recording.name(of: tensor)): \(comparison)")
    }
    print("work-groups of \(most), the largest difference: \(worst)")
  }

  /// Sums over several groups of rows are added up in another order, which shows that the groups are smaller.
  @Test(arguments: [64, 128]) func sumsAreMadeBySmallGroups(_ most: Int) throws {
    let tape = Tape()
    let x = tape.input("x", [2, 20, 90, 70], kind: .activation)
    let norm = try tape.norm(x)
    let outputs = [
      norm.output, norm.mean, norm.variance, try tape.channelSum(x), try tape.pixelLoss(.l1, x, norm.output),
    ]
    let recording = tape.freeze()
    let (expected, small) = (
      try values(recording, [x], outputs, mostWorkItems: nil),
      try values(recording, [x], outputs, mostWorkItems: most)
    )
    // rusticl's are of 32 in any case.
    if DeviceClass.tested.contains(.cpu) { #expect(small != expected) }
    for (small, expected) in zip(small, expected) {
      // Measured 2e-7; sums of so many values around 0 lose more.
      #expect(
        Comparison(small, expected: expected).isWithin(1e-5), "\(Comparison(small, expected: expected))")
    }
  }

  @Test func smallerOnesAreRefused() throws {
    let tape = Tape()
    let x = tape.input("x", [1, 1, 2, 2], kind: .activation)
    let y = try tape.channelSum(x)
    let error = try openCLError {
      _ = try values(tape.freeze(), [x], [y], mostWorkItems: KernelTarget.leastWorkItems / 2)
    }
    #expect(error.description.contains("work-groups of 32") && error.description.contains("--device"))
  }
}
