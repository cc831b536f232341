import OperationCases
import Tape
import Testing

/// Operations done strip by strip against the same in one piece, and what is refused.
struct StripTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let record: @Sendable (Tape, _ x: Tensor) throws -> Tensor

    init(_ description: String, _ record: @escaping @Sendable (Tape, _ x: Tensor) throws -> Tensor) {
      (testDescription, self.record) = (description, record)
    }
  }

  private static let shape: Shape = [1, 3, 13, 7]

  /// Kernel, stride and padding.
  private static let geometries = [
    (4, 2, 1), (3, 1, 1), (3, 2, 1), (7, 1, 3), (1, 1, 0), (5, 3, 2), (4, 1, 0),
  ]

  private static let convolutions = geometries.flatMap { kernel, stride, padding in
    let geometry = ConvolutionGeometry(stride: stride, padding: padding)
    return [
      Case("convolution \(kernel)/\(stride)/\(padding)") { tape, x in
        try tape.convolution(
          x, weight: tape.parameter("w", [4, 3, kernel, kernel]), geometry, bias: tape.parameter("b", [4]),
          inputActivation: .leakyReLU)
      },
      Case("transposed convolution \(kernel)/\(stride)/\(padding)") { tape, x in
        try tape.transposedConvolution(
          x, weight: tape.parameter("w", [3, 4, kernel, kernel]), geometry, bias: tape.parameter("b", [4]),
          inputActivation: .relu)
      },
    ]
  }

  private static let others = [
    Case("transposed convolution with a remainder") { tape, x in
      try tape.transposedConvolution(
        x, weight: tape.parameter("w", [3, 4, 3, 3]), ConvolutionGeometry(stride: 2, padding: 1),
        outputSize: (26, 14))
    },
    Case("reflection pad") { tape, x in try tape.reflectionPad(x, padding: 3) },
    Case("upsample") { tape, x in try tape.upsample(x, by: 3) },
    Case("activation gradient") { tape, x in
      try tape.activationGradient(x, at: tape.input("at", x.shape), .leakyReLU)
    },
    Case("multiply by itself") { tape, x in try tape.multiply(x, x) },
    Case("combination") { tape, x in try tape.combination(2, x, -0.5, tape.input("b", x.shape)) },
    Case("normalize") { tape, x in
      try tape.normalize(
        x, mean: tape.state("mean", [3]), variance: tape.state("variance", [3]),
        shift: tape.parameter("b", [3]))
    },
    Case("concatenation") { tape, x in try tape.concatenation([x, tape.input("b", [1, 5, 13, 7]), x]) },
    Case("dropout mask") { tape, x in
      try tape.multiply(x, tape.dropoutMask(x.shape, stream: 1, schedule: tape.schedule()))
    },
    Case("broadcast") { tape, x in
      try tape.multiply(x, tape.broadcast(tape.input("numbers", [1, 3, 1, 1]), to: (13, 7)))
    },
    Case("noise") { tape, x in try tape.gaussianNoise(x.shape, stream: 1, schedule: tape.schedule()) },
  ]

  private static let functions = ElementwiseFunction.all.map { function in
    Case(function.name) { tape, x in try tape.apply(function, x) }
  }

  static let cases = convolutions + others + functions

  /// Records a case, keeps and returns its result, and fills all inputs of both executors.
  private func run(_ testCase: Case, rows: Int) throws -> (strips: [Float], whole: [Float]) {
    let tape = Tape()
    let result = try testCase.record(tape, tape.input("x", Self.shape))
    tape.keep(result)
    let recording = tape.freeze()
    let whole = ReferenceExecutor(recording)
    let strips = StripExecutor(recording, rows: rows) { ReferenceExecutor($0) }
    for executor in [whole, strips] as [any Executor] {
      for description in recording.tensors where description.role != .intermediate {
        let (tensor, isSchedule) = (description.tensor, description.name == "schedule")
        let values = CaseValues.positive.make(count: tensor.shape.count, seed: 5, stream: UInt32(tensor.id))
        let signed = values.enumerated().map { $0.isMultiple(of: 3) && !isSchedule ? -$1 : $1 }
        let schedule = Schedule(step: 3, learningRate: 1, seed: 9).values
        try executor.write(
          isSchedule ? schedule : description.role == .state ? values : signed, to: tensor)
      }
      try executor.run(0..<recording.steps.count)
    }
    return (try strips.read(result), whole.read(result))
  }

  @Test(arguments: cases, [1, 2, 3, 5, 8, .max]) func asInOnePiece(_ testCase: Case, rows: Int) throws {
    let (strips, whole) = try run(testCase, rows: rows)
    #expect(Comparison(strips, expected: whole).isWithin(0), "\(testCase.testDescription)")
  }

  /// Statistics of strips are added up in another order. Measured: 2.6e-8.
  @Test(arguments: [1, 2, 3, 5, 8, .max]) func norms(rows: Int) throws {
    let testCase = Case("norm") { tape, x in
      try tape.norm(x, scale: tape.parameter("scale", [3]), shift: tape.parameter("shift", [3])).output
    }
    let (strips, whole) = try run(testCase, rows: rows)
    let comparison = Comparison(strips, expected: whole)
    #expect(comparison.isWithin(2e-7), "\(comparison)")
  }

  private static let geometry = ConvolutionGeometry(stride: 1, padding: 1)

  static let refusals: [(reason: String, testCase: Case)] = [
    (
      "it has a gate",
      Case("convolution") { tape, x in
        try tape.convolution(
          x, weight: tape.parameter("w", [3, 3, 3, 3]), geometry, gate: Gate(tensor: x, activation: .relu))
      }
    ),
    (
      "it has a gate",
      Case("transposed convolution") { tape, x in
        try tape.transposedConvolution(
          x, weight: tape.parameter("w", [3, 3, 3, 3]), geometry, gate: Gate(tensor: x, activation: .relu))
      }
    ),
    (
      "[2, 3, 13, 7] is more than one picture",
      Case("norm") { tape, _ in try tape.norm(tape.input("pair", [2, 3, 13, 7])).output }
    ),
    (
      "[2, 3, 13, 7] is more than one picture",
      Case("norm") { tape, _ in try tape.norm(tape.input("pair", [2, 3, 13, 7]), parts: 2).output }
    ),
    (
      "[2, 3, 13, 7] is more than one picture",
      Case("concatenation") { tape, _ in
        let pair = tape.input("pair", [2, 3, 13, 7])
        return try tape.concatenation([pair, pair])
      }
    ),
    ("it belongs to training", Case("blur") { tape, x in try tape.blur(x) }),
    ("it belongs to training", Case("high pass") { tape, x in try tape.highPass(x, radius: 0.25) }),
    ("no generator has it", Case("max pool") { tape, x in try tape.maxPool(x) }),
  ]

  @Test(arguments: refusals) func refuses(_ reason: String, _ testCase: Case) throws {
    let error = #expect(throws: StripError.self) { _ = try run(testCase, rows: 4) }
    let text = error?.description ?? ""
    #expect(text.contains("\(testCase.testDescription) cannot be done in strips"), "\(text)")
    #expect(text.contains(reason), "\(text)")
  }
}
