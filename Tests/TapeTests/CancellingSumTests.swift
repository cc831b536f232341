import Tape
import Testing

/// The floor of an error's measure, by hand: a hundredth of the norm of the sums of the terms' magnitudes.
@Suite struct CancellingSumTests {
  /// Channels 0 and 1 of image 0, then of image 1, two pixels each.
  private let values: [Float] = [1, -2, 0.5, 0.5, 3, -2, -1, 0]

  private func floors(
    _ record: (Tape, _ x: Tensor) throws -> [Tensor]
  ) throws -> [Double] {
    let tape = Tape()
    let x = tape.input("x", [2, 2, 1, 2])
    let outputs = try record(tape, x)
    let executor = ReferenceExecutor(tape.freeze())
    executor.write(values, to: x)
    let step = executor.recording.steps[0]
    return outputs.map { executor.cancellationFloor(step.operation, $0) }
  }

  @Test func sumsByChannel() throws {
    let floors = try floors { tape, x in [try tape.channelSum(x)] }
    #expect(abs(floors[0] - 0.01 * (8.0 * 8 + 2 * 2).squareRoot()) < 1e-15)
  }

  /// Of each image by itself: means of 3 and 1, 5 and 1 over two pixels. The norm's result is no sum, nor is its variance.
  @Test func meansOfParts() throws {
    let floors = try floors { tape, x in
      let norm = try tape.norm(x, parts: 2)
      return [norm.mean, norm.output, norm.variance]
    }
    #expect(abs(floors[0] - 0.01 * (1.5 * 1.5 + 0.5 * 0.5 + 2.5 * 2.5 + 0.5 * 0.5).squareRoot()) < 1e-15)
    #expect(floors[1...] == [0, 0])
  }
}
