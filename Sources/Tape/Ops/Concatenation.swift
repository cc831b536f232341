/// y = the parts side by side along the channels. Executors place the parts inside y where they can, and copy
/// nothing then.
public struct Concatenation: DifferentiableOperation {
  public static let name = "concatenation"
  public private(set) var parts: [Tensor]
  public private(set) var output: Tensor

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&parts)
    visitor.writes(&output)
  }

  public var stripRule: StripRule {
    // One picture: its channels lie one behind the other.
    .onHost { $0.flatMap { $0 } }
  }

  public var partition: Partition? { Partition(parts: parts, whole: output) }

  public func differentiate(_ dy: Tensor, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    var channel = 0
    for part in parts {
      try gradients.record(of: part, tape.slice(dy, channels: channel..<channel + part.shape.c))
      channel += part.shape.c
    }
  }

  public func evaluate(_ memory: ReferenceMemory) {
    let whole = output.shape
    var channel = 0
    for part in parts {
      copy(
        memory[part], part.shape, from: 0, to: memory[output], whole, at: channel, count: part.shape.c)
      channel += part.shape.c
    }
  }
}

/// y = some channels of x: a view of x where executors can make it one.
public struct Slice: DifferentiableOperation {
  public static let name = "slice"
  public private(set) var input: Tensor
  public private(set) var output: Tensor
  public let channels: Range<Int>

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&input)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .unused }

  public var partition: Partition? { Partition(parts: [output], whole: input) }

  public var settings: String { "channels \(channels.lowerBound)..<\(channels.upperBound)" }

  public func differentiate(_ dy: Tensor, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    try gradients.record(of: input, tape.sliceGradient(dy, of: input.shape, channels: channels))
  }

  public func evaluate(_ memory: ReferenceMemory) {
    copy(
      memory[input], input.shape, from: channels.lowerBound, to: memory[output], output.shape, at: 0,
      count: channels.count)
  }
}

/// The adjoint of `Slice`: zero but for some channels, which are those of dy.
public struct SliceGradient: DifferentiableOperation {
  public static let name = "slice gradient"
  public private(set) var gradient: Tensor
  public private(set) var output: Tensor
  public let channels: Range<Int>

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&gradient)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .onlyInTraining }

  public var settings: String { "channels \(channels.lowerBound)..<\(channels.upperBound)" }

  public func differentiate(_ dy: Tensor, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    try gradients.record(of: gradient, tape.slice(dy, channels: channels))
  }

  public func evaluate(_ memory: ReferenceMemory) {
    memory[output].update(repeating: 0)
    copy(
      memory[gradient], gradient.shape, from: 0, to: memory[output], output.shape, at: channels.lowerBound,
      count: channels.count)
  }
}

extension Tape {
  /// Records the concatenation along the channels of activations that agree in N, H and W.
  public func concatenation(_ parts: [Tensor]) throws(TapeError) -> Tensor {
    guard let first = parts.first?.shape,
      parts.allSatisfy({
        $0.shape.rank == 4 && $0.shape.n == first.n && $0.shape.h == first.h && $0.shape.w == first.w
      })
    else {
      throw .shape(
        operation: Concatenation.name,
        reason: "\(parts.map(\.shape.description).joined(separator: " and ")) differ in more than channels")
    }
    let channels = parts.reduce(0) { $0 + $1.shape.c }
    let output = intermediate("concatenation", [first.n, channels, first.h, first.w], kind: .activation)
    record(Concatenation(parts: parts, output: output))
    return output
  }

  /// Records the channels `channels` of an activation.
  public func slice(_ input: Tensor, channels: Range<Int>) throws(TapeError) -> Tensor {
    let x = input.shape
    guard x.rank == 4, channels.lowerBound >= 0, channels.upperBound <= x.c, !channels.isEmpty else {
      throw .shape(operation: Slice.name, reason: "\(x) has no channels \(channels)")
    }
    let output = intermediate("slice", [x.n, channels.count, x.h, x.w], kind: .activation)
    record(Slice(input: input, output: output, channels: channels))
    return output
  }

  fileprivate func sliceGradient(_ gradient: Tensor, of whole: Shape, channels: Range<Int>) -> Tensor {
    let output = intermediate("slice", whole, kind: .activation)
    record(SliceGradient(gradient: gradient, output: output, channels: channels))
    return output
  }
}

/// Copies `count` channels of every image.
private func copy(
  _ source: UnsafeMutableBufferPointer<Double>, _ sourceShape: Shape, from first: Int,
  to target: UnsafeMutableBufferPointer<Double>, _ targetShape: Shape, at position: Int, count: Int
) {
  let area = sourceShape.h * sourceShape.w
  for n in 0..<sourceShape.n {
    for i in 0..<count * area {
      target[(n * targetShape.c + position) * area + i] = source[(n * sourceShape.c + first) * area + i]
    }
  }
}
