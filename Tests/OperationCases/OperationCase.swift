import Random
import Tape

/// One operation with its operands: a small tape that tests and benchmarks replay on any executor.
///
/// The table is `operationCases`. Add a case there and every executor is tested with it.
public struct OperationCase: Sendable, CustomStringConvertible {
  /// Says all there is to the case, so that it can be repeated from a log; no two cases share one.
  public let name: String
  /// The largest relative L2 error of any output of an executor in single precision, against the reference;
  /// 0 demands equality.
  public let bound: Double
  private let body: @Sendable (CaseRecorder) throws -> [Tensor]

  public var description: String { name }

  init(_ name: String, bound: Double, _ body: @escaping @Sendable (CaseRecorder) throws -> [Tensor]) {
    self.name = name
    self.bound = bound
    self.body = body
  }

  /// Records the case's tape, and makes the values of its inputs from the name.
  ///
  /// - Parameter bordered: executors that keep a border of zeros for convolutions keep one around every activation
  public func record(bordered: Bool = false) throws -> RecordedCase {
    let recorder = CaseRecorder(name: name)
    let outputs = try body(recorder)
    let steps = 0..<recorder.tape.steps.count
    if bordered { try recorder.addReaders() }
    return RecordedCase(
      recording: recorder.tape.freeze(), steps: steps, fill: recorder.fill, outputs: outputs)
  }
}

/// What a case records.
public struct RecordedCase: Sendable {
  public let recording: Recording
  /// The steps of the case.
  public let steps: Range<Int>
  /// The tensors to write before the replay, with their values.
  public let fill: [(tensor: Tensor, values: [Float])]
  /// The tensors to compare after it.
  public let outputs: [Tensor]

  /// Fills, replays once and reads the outputs.
  public func run(on executor: some Executor) throws -> [[Float]] {
    for (tensor, values) in fill {
      try executor.write(values, to: tensor)
    }
    try executor.run(steps)
    return try outputs.map { try executor.read($0) }
  }
}

/// How an input's values are spread. All are exact in Float, or rounded once.
public enum CaseValues: Sendable {
  /// [-1, 1)
  case uniform
  /// -2, -1, 0, 1, 2: sums of their products are exact in Float
  case integers
  /// [-1, 1) times a power of two
  case scaled(Float)
  /// [-1, 1) plus an offset
  case around(Float)
  /// (-0.75, -0.25] and [0.25, 0.75): no kink at 0 is near
  case awayFromZero
  /// [0.5, 1.5): variances, second moments
  case positive

  /// The value for one random word.
  func callAsFunction(_ word: UInt32) -> Float {
    let signed = Float(Int32(bitPattern: word) >> 8) * 0x1p-23
    let unsigned = Float(word >> 8) * 0x1p-24
    switch self {
    case .uniform: return signed
    case .integers: return Float(Int(word % 5) - 2)
    case .scaled(let factor): return signed * factor
    case .around(let offset): return signed + offset
    case .awayFromZero: return (word & 1 == 0 ? 1 : -1) * (0.25 + unsigned / 2)
    case .positive: return 0.5 + unsigned
    }
  }

  /// `count` values by Philox: element e takes word e % 4 of the block with counter (e / 4, 0, stream, 0).
  public func make(count: Int, seed: UInt64, stream: UInt32) -> [Float] {
    Philox(seed: seed).words(count: count, stream: stream).map { self($0) }
  }

  /// The seed that belongs to a name: its FNV-1a hash, so that a case's values do not change with the table.
  public static func seed(of name: String) -> UInt64 {
    name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }
}

/// The tape of a case while it is recorded, and the values of its inputs: the first input takes the case's
/// random stream 0, the second stream 1 and so on.
final class CaseRecorder {
  let tape = Tape()
  private(set) var fill: [(tensor: Tensor, values: [Float])] = []
  private let seed: UInt64

  init(name: String) {
    seed = CaseValues.seed(of: name)
  }

  /// An input [N, C, H, W], or of another kind.
  func input(
    _ name: String, _ shape: Shape, _ values: CaseValues = .uniform, kind: TensorKind = .activation
  ) -> Tensor {
    filled(tape.input(name, shape, kind: kind), values)
  }

  /// A weight [O, I, KH, KW] or a vector [C].
  func parameter(_ name: String, _ shape: Shape, _ values: CaseValues = .uniform) -> Tensor {
    filled(tape.parameter(name, shape), values)
  }

  /// A moment, a running statistic or a pool.
  func state(_ name: String, _ shape: Shape, _ values: CaseValues, kind: TensorKind? = nil) -> Tensor {
    filled(tape.state(name, shape, kind: kind), values)
  }

  /// Target weights [N, K, H, W] of random labels: 1, or `weights(k)`, at a pixel's class. The class is what is left of the
  /// pixel's random word divided by K + 1, and there is none where that is K.
  func labels(_ name: String, _ shape: Shape, weights: (Int) -> Float = { _ in 1 }) -> Tensor {
    let area = shape.h * shape.w
    let words = Philox(seed: seed).words(count: shape.n * area, stream: UInt32(fill.count))
    var values = [Float](repeating: 0, count: shape.count)
    for (pixel, word) in words.enumerated() {
      let label = Int(word % UInt32(shape.c + 1))
      if label < shape.c { values[(pixel / area * shape.c + label) * area + pixel % area] = weights(label) }
    }
    let tensor = tape.input(name, shape)
    fill.append((tensor, values))
    return tensor
  }

  func choices(_ choices: [ImagePoolChoice]) -> Tensor {
    let values = ImagePoolChoice.values(of: choices)
    let tensor = tape.input("choices", [values.count], kind: .vector)
    fill.append((tensor, values))
    return tensor
  }

  func schedule(_ schedule: Schedule) -> Tensor {
    let tensor = tape.schedule()
    fill.append((tensor, schedule.values))
    return tensor
  }

  /// Records the gradients of |y - t|^2 / 2 for a new input t; the gradient at y is y - t, rounded twice.
  func gradients(of y: Tensor, withRespectTo tensors: [Tensor]) throws -> [Tensor] {
    let target = input("target", y.shape, kind: tape.description(of: y).kind)
    let loss = try tape.pixelLoss(.l2, y, target)
    return try tape.gradients(of: [(loss, Float(y.shape.count) / 2)], withRespectTo: tensors)
  }

  /// Records convolutions of padding 1 behind the case, one of every activation; nothing runs them.
  func addReaders() throws {
    let operands = Set(tape.steps.flatMap { $0.operation.inputs + $0.operation.outputs })
    for tensor in operands.sorted(by: { $0.id < $1.id })
    where tape.description(of: tensor).kind == .activation {
      let weight = tape.parameter("reader \(tensor.id)", [1, tensor.shape.c, 3, 3])
      _ = try tape.convolution(tensor, weight: weight, ConvolutionGeometry(stride: 1, padding: 1))
    }
  }

  private func filled(_ tensor: Tensor, _ values: CaseValues) -> Tensor {
    fill.append((tensor, values.make(count: tensor.shape.count, seed: seed, stream: UInt32(fill.count))))
    return tensor
  }
}

/// The bound for results that are sums of `terms` products in single precision.
///
/// Rounding a running sum of K random terms leaves a relative error of about 0.41 sqrt(K) 2^-24; the rest is
/// room for other orders of summation and for what is done before and after.
func bound(terms: Int, extra: Double = 4) -> Double {
  (extra + Double(terms).squareRoot()) * 0x1p-24
}
