import CLBackend
import Model
import OperationCases
import Tape
import Testing

/// A pool over many replays, in a recording whose other tensors share rooms.
struct ImagePoolTests {
  private static let (images, slots, seed) = (2, 5, UInt64(3))
  private static let shape: Shape = [images, 19, 6, 5]

  /// Two products around the pool, so that there are rooms to share: y = (what comes out of the pool for x x)^2.
  private struct Pooled {
    let recording: Recording
    let x: Tensor
    let choices: Tensor
    let pool: Tensor
    let y: Tensor

    init() throws {
      let tape = Tape()
      x = tape.input("x", shape)
      choices = tape.input("choices", [2 * images], kind: .vector)
      pool = tape.state("pool", [slots, shape.c, shape.h, shape.w], kind: .activation)
      let shown = try tape.imagePool(tape.multiply(x, x), pool: pool, choices: choices)
      y = try tape.multiply(shown, shown)
      tape.keep(y)
      recording = tape.freeze()
    }

    func step(_ step: Int, on executor: OpenCLExecutor) throws -> [Float] {
      let chooser = ImagePoolChooser(slots: slots, seed: seed)
      try executor.write(values(step), to: x)
      try executor.write(
        ImagePoolChoice.values(of: chooser.choices(images: images, step: step)), to: choices)
      try executor.run(0..<recording.steps.count)
      return try executor.read(y)
    }
  }

  private static func values(_ step: Int) -> [Float] {
    CaseValues.uniform.make(count: shape.count, seed: 9, stream: UInt32(step))
  }

  /// CycleGAN's pool, as lists of images: what comes out is exact. A second executor takes the pool over half-way, as a
  /// resumed run does.
  @Test(arguments: DeviceClass.tested) func poolsOfImagesAreKept(_ deviceClass: DeviceClass) throws {
    let pooled = try Pooled()
    let device = try Device.select("auto").device
    func executor() throws -> OpenCLExecutor {
      try OpenCLExecutor(
        pooled.recording, on: device, .init(deviceClass: deviceClass, kept: .recorded, packsActivations: true)
      )
    }
    let (first, second) = (try executor(), try executor())
    let chooser = ImagePoolChooser(slots: Self.slots, seed: Self.seed)
    var stored: [[Float]] = []
    var swaps = 0
    for step in 0..<24 {
      if step == 12 { try second.write(try first.read(pooled.pool), to: pooled.pool) }
      let got = try pooled.step(step, on: step < 12 ? first : second)
      let size = Self.shape.count / Self.images
      let values = Self.values(step).map { $0 * $0 }
      var expected: [Float] = []
      let choices = chooser.choices(images: Self.images, step: step)
      for (n, choice) in choices.enumerated() {
        let image = Array(values[n * size..<(n + 1) * size])
        var shown = image
        if stored.count < Self.slots {
          stored.append(image)
        } else if choice.use == .swap {
          swaps += 1
          (shown, stored[choice.slot]) = (stored[choice.slot], image)
        }
        expected += shown.map { $0 * $0 }
      }
      #expect(got == expected, "step \(step)")
    }
    #expect(swaps > 10)
    #expect(try second.read(pooled.pool) == stored.flatMap { $0 })
    #expect(second.allocatedBytes == (try second.memoryNeed([0..<pooled.recording.steps.count]).total))
    #expect(try second.memoryNeed([0..<pooled.recording.steps.count]).state > 0)
  }
}
