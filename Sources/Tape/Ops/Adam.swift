#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// One step of Adam (Kingma and Ba 2015) in PyTorch's form, in place:
///
///     m += (1 - beta1) (g - m)        v = beta2 v + (1 - beta2) g g
///     p -= stepSize m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)        stepSize = rate / (1 - beta1^t)
///
/// What depends on t comes from the schedule.
public struct Adam: Operation {
  public static let name = "Adam"
  public private(set) var parameter: Tensor
  public private(set) var gradient: Tensor
  public private(set) var firstMoment: Tensor
  public private(set) var secondMoment: Tensor
  /// See `Schedule`.
  public private(set) var schedule: Tensor
  public let options: AdamOptions

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.updates(&parameter)
    visitor.reads(&gradient)
    visitor.updates(&firstMoment)
    visitor.updates(&secondMoment)
    visitor.reads(&schedule)
  }

  public var stripRule: StripRule { .onlyInTraining }

  public func evaluate(_ memory: ReferenceMemory) {
    let (p, g, m, v) = (memory[parameter], memory[gradient], memory[firstMoment], memory[secondMoment])
    let schedule = Schedule(values: memory[schedule].map { Float($0) })
    let (beta1, beta2) = (options.beta1, options.beta2)
    for i in p.indices {
      m[i] += (1 - beta1) * (g[i] - m[i])
      v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i]
      p[i] -=
        Double(schedule.stepSize) * m[i]
        / (v[i].squareRoot() * Double(schedule.inverseRootCorrection) + options.epsilon)
    }
  }
}

/// The constants of Adam; pix2pix's by default.
public struct AdamOptions: Hashable, Sendable {
  // Doubles: 1 - beta2 of a rounded beta2 would be off by 1e-5.
  public var beta1 = 0.5
  public var beta2 = 0.999
  public var epsilon = 1e-8

  public init() {}
}

/// The few numbers that change from replay to replay, in one small input tensor.
///
/// Integers are kept in 16-bit pieces, which a Float holds exactly.
public struct Schedule: Hashable, Sendable {
  public static let shape: Shape = [8]
  /// Adam's learning rate in the paper (Isola et al. 2017).
  public static let standardLearningRate = 2e-4

  /// learning rate / (1 - beta1^t)
  public var stepSize: Float
  /// 1 / sqrt(1 - beta2^t)
  public var inverseRootCorrection: Float
  /// The number of the step, from 0; below 2^40.
  public var step: Int
  public var seed: UInt64

  /// - Parameter step: from 0, so that Adam's t is step + 1
  public init(
    step: Int, learningRate: Double = standardLearningRate, seed: UInt64, adam: AdamOptions = AdamOptions()
  ) {
    let t = Double(step + 1)
    stepSize = Float(learningRate / (1 - pow(adam.beta1, t)))
    inverseRootCorrection = Float(1 / (1 - pow(adam.beta2, t)).squareRoot())
    self.step = step
    self.seed = seed
  }

  /// Takes the tensor's eight values apart again.
  public init(values: [Float]) {
    stepSize = values[0]
    inverseRootCorrection = values[1]
    step = Int(values[2]) + Int(values[3]) << 16
    seed = values[4..<8].reversed().reduce(0) { $0 << 16 + UInt64($1) }
  }

  /// The tensor's eight values: stepSize, inverseRootCorrection, step's low 16 bits and its rest, and the seed
  /// in four pieces, low first.
  public var values: [Float] {
    [stepSize, inverseRootCorrection, Float(step & 0xFFFF), Float(step >> 16)]
      + (0..<4).map { Float((seed >> (16 * UInt64($0))) & 0xFFFF) }
  }
}

extension Tape {
  /// Records the tensor that holds a `Schedule`.
  public func schedule() -> Tensor {
    input("schedule", Schedule.shape, kind: .vector)
  }

  /// Records one Adam step for a parameter, with its two moments as state of the parameter's shape.
  public func adam(
    _ parameter: Tensor, gradient: Tensor, firstMoment: Tensor, secondMoment: Tensor, schedule: Tensor,
    options: AdamOptions = AdamOptions()
  ) throws(TapeError) {
    for (name, tensor) in [
      ("gradient", gradient), ("first moment", firstMoment), ("second moment", secondMoment),
    ] where tensor.shape != parameter.shape {
      throw .shape(
        operation: Adam.name, reason: "\(tensor.shape) is no \(name) of a parameter \(parameter.shape)")
    }
    guard schedule.shape == Schedule.shape else {
      throw .shape(
        operation: Adam.name, reason: "\(schedule.shape) is no schedule, which is \(Schedule.shape)")
    }
    record(
      Adam(
        parameter: parameter, gradient: gradient, firstMoment: firstMoment, secondMoment: secondMoment,
        schedule: schedule, options: options))
  }
}
