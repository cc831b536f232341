import Random

/// y = t_n a + (1 - t_n) b with one random number t_n in [0, 1) for each image n: points on the lines between pictures,
/// where a gradient penalty is taken.
///
/// t_n is the upper 24 bits of word n % 4 of the Philox4x32-10 block with key = seed and counter = (n / 4, 0, stream,
/// low 32 bits of the step), as a fraction of 1. So it is the same on every executor and after a resume.
///
///     a, b, y [N, C, H, W]
public struct Mix: DifferentiableOperation {
  public static let name = "mix"
  public private(set) var a: Tensor
  public private(set) var b: Tensor
  /// Seed and step come from here: see `Schedule`.
  public private(set) var schedule: Tensor
  public private(set) var output: Tensor
  public let stream: UInt32

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&a, &b, &schedule)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .onlyInTraining }

  public var settings: String { "stream \(stream)" }

  public func differentiate(_ dy: Tensor, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    for (input, side) in [(a, MixSide.a), (b, .b)] {
      try gradients.record(of: input, tape.mixGradient(dy, side, stream: stream, schedule: schedule))
    }
  }

  public func evaluate(_ memory: ReferenceMemory) {
    let (a, b, y) = (memory[a], memory[b], memory[output])
    let shares = MixSide.a.shares(output.shape.n, stream, memory[schedule])
    let count = y.count / shares.count
    for i in y.indices {
      let t = shares[i / count]
      y[i] = t * a[i] + (1 - t) * b[i]
    }
  }
}

/// An operand of a mix.
public enum MixSide: String, CaseIterable, Sendable {
  /// Its share is t.
  case a
  /// Its share is 1 - t.
  case b

  /// The shares of this operand in images 0..<count.
  fileprivate func shares(
    _ count: Int, _ stream: UInt32, _ schedule: UnsafeMutableBufferPointer<Double>
  ) -> [Double] {
    let schedule = Schedule(values: schedule.map { Float($0) })
    let generator = Philox(seed: schedule.seed)
    return (0..<count).map { n in
      let words = generator.words(
        UInt32(truncatingIfNeeded: n / 4), 0, stream, UInt32(truncatingIfNeeded: schedule.step))
      let t = Double(words[n % 4] >> 8) * 0x1p-24
      return self == .a ? t : 1 - t
    }
  }
}

/// dx = dy times the share that an operand has in each image: the gradient of `Mix`, and its own.
public struct MixGradient: DifferentiableOperation {
  public static let name = "mix gradient"
  public private(set) var gradient: Tensor
  public private(set) var schedule: Tensor
  public private(set) var output: Tensor
  public let side: MixSide
  public let stream: UInt32

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&gradient, &schedule)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .onlyInTraining }

  public var settings: String { "to \(side.rawValue), stream \(stream)" }

  public func differentiate(_ dy: Tensor, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    try gradients.record(of: gradient, tape.mixGradient(dy, side, stream: stream, schedule: schedule))
  }

  public func evaluate(_ memory: ReferenceMemory) {
    let (dy, dx) = (memory[gradient], memory[output])
    let shares = side.shares(output.shape.n, stream, memory[schedule])
    let count = dx.count / shares.count
    for i in dx.indices { dx[i] = shares[i / count] * dy[i] }
  }
}

extension Tape {
  /// Records a random point between each image of a and that of b, drawn anew at every replay.
  ///
  /// - Parameters:
  ///   - a: [N, C, H, W]
  ///   - b: of a's shape
  ///   - stream: a number of its own for everything random in a recording
  ///   - schedule: where seed and step come from
  public func mix(_ a: Tensor, _ b: Tensor, stream: UInt32, schedule: Tensor) throws(TapeError) -> Tensor {
    guard a.shape.rank == 4, a.shape == b.shape else {
      throw .shape(operation: Mix.name, reason: "\(a.shape) and \(b.shape) are not both one [N, C, H, W]")
    }
    guard schedule.shape == Schedule.shape else {
      throw .shape(
        operation: Mix.name, reason: "\(schedule.shape) is no schedule, which is \(Schedule.shape)")
    }
    let output = intermediate("mix", a.shape, kind: .activation)
    record(Mix(a: a, b: b, schedule: schedule, output: output, stream: stream))
    return output
  }

  fileprivate func mixGradient(
    _ gradient: Tensor, _ side: MixSide, stream: UInt32, schedule: Tensor
  ) -> Tensor {
    let output = intermediate("mix", gradient.shape, kind: .activation)
    record(MixGradient(gradient: gradient, schedule: schedule, output: output, side: side, stream: stream))
    return output
  }
}
