import CLBackend
import OperationCases
import Tape
import Testing

/// Losses of maps that take several groups of rows to sum up, with their gradients, where other tensors share rooms. Each
/// by itself, on small maps, is in `OperationTests`.
struct PictureLossTests {
  @Test(
    arguments: DeviceClass.tested, [[1, 16, 80, 70], [3, 20, 41, 53], [2, 3, 130, 96]] as [Shape])
  func sumsInGroupsAgreeWithTheReference(_ deviceClass: DeviceClass, _ shape: Shape) throws {
    let tape = Tape()
    let (x, y) = (tape.input("x", shape), tape.input("y", shape))
    let weights = tape.input("weights", [shape.n, 1, shape.h, shape.w])
    let losses = [
      try tape.ssimLoss(x, y), try tape.edgeLoss(x, y), try tape.softmaxCrossEntropy(x, target: y),
      try tape.highFrequencyLoss(x, y, radius: 0.25),
      try tape.weightedPixelLoss(.l1, x, y, weights: weights),
      try tape.weightedPixelLoss(.l2, x, y, weights: weights),
    ]
    let gradients = try losses.flatMap { try tape.gradients(of: [($0, 1)], withRespectTo: [x]) }
    for tensor in losses + gradients { tape.keep(tensor) }
    let recording = tape.freeze()
    let executor = try OpenCLExecutor(
      recording, on: Device.select("auto").device,
      .init(deviceClass: deviceClass, kept: .recorded, packsActivations: true))
    let reference = ReferenceExecutor(recording)
    for (stream, tensor) in [x, y, weights].enumerated() {
      // Around 1, so that target weights and sums are positive.
      let values = CaseValues.around(1).make(count: tensor.shape.count, seed: 7, stream: UInt32(stream))
      try executor.write(values, to: tensor)
      reference.write(values, to: tensor)
    }
    let steps = recording.steps.indices
    try executor.run(steps)
    reference.run(steps)
    for tensor in losses + gradients {
      let comparison = Comparison(try executor.read(tensor), expected: reference.read(tensor))
      // Measured: 3.3e-7.
      #expect(comparison.isWithin(2e-6), "\(recording.name(of: tensor)) of \(shape): \(comparison)")
    }
  }
}
