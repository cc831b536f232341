import Random

/// Standard normal numbers by Box and Muller's method (1958) from Philox4x32-10 on the element's index.
///
/// The element with row-major index e takes number e % 4 of the block with key = seed and counter = (low 32 bits of
/// e / 4, its high 32 bits, stream, low 32 bits of the step). A block's words u0, v0, u1, v1 make the numbers
/// r0 cos(a0), r0 sin(a0), r1 cos(a1), r1 sin(a1), with r = sqrt(-2 log((u + 1) / 2^32)) and a = 2 pi v / 2^32. So they
/// are the same on every executor, up to rounding, and after a resume.
public struct GaussianNoise: Operation {
  public static let name = "Gaussian noise"
  /// Seed and step come from here: see `Schedule`.
  public private(set) var schedule: Tensor
  public private(set) var output: Tensor
  public let stream: UInt32

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&schedule)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .onHost { values($0[0]) } }

  public var settings: String { "stream \(stream)" }

  public func evaluate(_ memory: ReferenceMemory) {
    let values = memory[output]
    forEachRun(memory[schedule].map { Float($0) }) { first, numbers in
      for (offset, number) in numbers.enumerated() { values[first + offset] = number }
    }
  }

  /// The noise's values, row-major, for the values of the schedule's tensor.
  public func values(_ schedule: [Float]) -> [Float] {
    [Float](unsafeUninitializedCapacity: output.shape.count) { values, count in
      forEachRun(schedule) { first, numbers in
        for (offset, number) in numbers.enumerated() {
          values.initializeElement(at: first + offset, to: Float(number))
        }
      }
      count = output.shape.count
    }
  }

  /// Calls `body` with the numbers from an element on: 32 at a time, eight blocks of four.
  private func forEachRun(_ schedule: [Float], _ body: (_ first: Int, _ numbers: ArraySlice<Double>) -> Void)
  {
    let schedule = Schedule(values: schedule)
    let generator = Philox(seed: schedule.seed)
    let count = output.shape.count
    for first in stride(from: 0, to: count, by: 32) {
      let block = first / 4
      let (x, y, z, w) = generator.normals(
        from: UInt32(truncatingIfNeeded: block), UInt32(truncatingIfNeeded: block >> 32), stream,
        UInt32(truncatingIfNeeded: schedule.step))
      let words = [x, y, z, w]
      let numbers = (0..<32).map { words[$0 % 4][$0 / 4] }
      body(first, numbers.prefix(count - first))
    }
  }
}

extension Tape {
  /// Records new standard normal numbers at every replay.
  ///
  /// - Parameters:
  ///   - shape: [N, C, H, W]
  ///   - stream: a number of its own for everything random in a recording
  ///   - schedule: where seed and step come from
  public func gaussianNoise(_ shape: Shape, stream: UInt32, schedule: Tensor) throws(TapeError) -> Tensor {
    guard shape.rank == 4 else {
      throw .shape(operation: GaussianNoise.name, reason: "\(shape) is not [N, C, H, W]")
    }
    guard schedule.shape == Schedule.shape else {
      throw .shape(
        operation: GaussianNoise.name, reason: "\(schedule.shape) is no schedule, which is \(Schedule.shape)")
    }
    let output = intermediate("noise", shape, kind: .activation)
    record(GaussianNoise(schedule: schedule, output: output, stream: stream))
    return output
  }
}
