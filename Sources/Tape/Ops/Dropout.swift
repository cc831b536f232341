import Random

/// A mask of 0 (dropped) and 1 / (1 - rate) (kept), by Philox4x32-10 on the element's index.
///
/// The element with row-major index e takes word e % 4 of the block with key = seed and counter =
/// (low 32 bits of e / 4, its high 32 bits, stream, low 32 bits of the step), and is kept when
/// word >= rate * 2^32. So the mask is the same on every executor and after a resume.
public struct DropoutMask: Operation {
  public static let name = "dropout mask"
  /// Seed and step come from here: see `Schedule`.
  public private(set) var schedule: Tensor
  public private(set) var output: Tensor
  public let stream: UInt32
  public let rate: Double

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&schedule)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .onHost { values($0[0]) } }

  public var settings: String { "rate \(rate), stream \(stream)" }

  /// An element is kept when its random word is at least this.
  public var threshold: UInt32 { UInt32(min(4_294_967_295, (rate * 4_294_967_296).rounded())) }
  public var keptValue: Float { Float(1 / (1 - rate)) }

  public func evaluate(_ memory: ReferenceMemory) {
    for (i, value) in values(memory[schedule].map { Float($0) }).enumerated() {
      memory[output][i] = Double(value)
    }
  }

  /// The mask's values, row-major, for the values of the schedule's tensor.
  public func values(_ schedule: [Float]) -> [Float] {
    let schedule = Schedule(values: schedule)
    let generator = Philox(seed: schedule.seed)
    let count = output.shape.count
    return [Float](unsafeUninitializedCapacity: count) { values, initialized in
      for block in 0..<(count + 3) / 4 {
        let words = generator.words(
          UInt32(truncatingIfNeeded: block), UInt32(truncatingIfNeeded: block >> 32), stream,
          UInt32(truncatingIfNeeded: schedule.step))
        for lane in 0..<min(4, count - 4 * block) {
          values.initializeElement(at: 4 * block + lane, to: words[lane] >= threshold ? keptValue : 0)
        }
      }
      initialized = count
    }
  }
}

extension Tape {
  /// Records a new dropout mask at every replay.
  ///
  /// - Parameters:
  ///   - shape: [N, C, H, W]
  ///   - rate: the share that is dropped, 0..<1
  ///   - stream: a number of its own for every mask of a recording
  ///   - schedule: where seed and step come from
  public func dropoutMask(
    _ shape: Shape, rate: Double = 0.5, stream: UInt32, schedule: Tensor
  ) throws(TapeError) -> Tensor {
    guard (0..<1).contains(rate), shape.rank == 4 else {
      throw .shape(operation: DropoutMask.name, reason: "a rate of \(rate) for \(shape) [N, C, H, W]")
    }
    guard schedule.shape == Schedule.shape else {
      throw .shape(
        operation: DropoutMask.name, reason: "\(schedule.shape) is no schedule, which is \(Schedule.shape)")
    }
    let output = intermediate("mask", shape, kind: .activation)
    record(DropoutMask(schedule: schedule, output: output, stream: stream, rate: rate))
    return output
  }
}
