// Batches that go through a network together and are apart before and behind it. Both operations are each other's
// gradient.

/// y = the parts one behind the other along the batch. Executors place the parts inside y where they can, and copy
/// nothing then.
public struct BatchConcatenation: DifferentiableOperation {
  public static let name = "batch concatenation"
  public private(set) var parts: [Tensor]
  public private(set) var output: Tensor

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&parts)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .cannot("it makes a batch of pictures") }

  public var partition: Partition? { Partition(parts: parts, whole: output) }

  public func differentiate(_ dy: Tensor, _ gradients: InputGradients, _ tape: Tape) throws(TapeError) {
    let parts = try tape.batchSplit(dy, self.parts.map(\.shape.n))
    for (part, gradient) in zip(self.parts, parts) { try gradients.record(of: part, gradient) }
  }

  public func evaluate(_ memory: ReferenceMemory) {
    var position = 0
    for part in parts {
      for (i, value) in memory[part].enumerated() { memory[output][position + i] = value }
      position += part.shape.count
    }
  }
}

/// The parts of x along the batch: views of x where executors can make them ones.
public struct BatchSplit: Operation {
  public static let name = "batch split"
  public private(set) var input: Tensor
  public private(set) var parts: [Tensor]

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&input)
    visitor.writes(&parts)
  }

  public var stripRule: StripRule { .cannot("it takes a batch of pictures apart") }

  public var partition: Partition? { Partition(parts: parts, whole: input) }

  public var settings: String { parts.map { "\($0.shape.n)" }.joined(separator: " + ") }

  public func differentiate(
    _ upstream: [Gradient?], _ gradients: InputGradients, _ tape: Tape
  ) throws(TapeError) {
    var parts: [Tensor] = []
    for gradient in upstream {
      guard case .tensor(let part)? = gradient else {
        throw .noGradientRule(operation: "\(name) (of which a part is not used)")
      }
      parts.append(part)
    }
    try gradients.record(of: input, tape.batchConcatenation(parts))
  }

  public func evaluate(_ memory: ReferenceMemory) {
    var position = 0
    for part in parts {
      for i in memory[part].indices { memory[part][i] = memory[input][position + i] }
      position += part.shape.count
    }
  }
}

extension Tape {
  /// Records the concatenation along the batch of activations that agree in C, H and W.
  public func batchConcatenation(_ parts: [Tensor]) throws(TapeError) -> Tensor {
    guard let first = parts.first?.shape,
      parts.allSatisfy({
        $0.shape.rank == 4 && $0.shape.c == first.c && $0.shape.h == first.h && $0.shape.w == first.w
      })
    else {
      throw .shape(
        operation: BatchConcatenation.name,
        reason: "\(parts.map(\.shape.description).joined(separator: " and ")) differ in more than the batch")
    }
    let images = parts.reduce(0) { $0 + $1.shape.n }
    let output = intermediate("batch", [images, first.c, first.h, first.w], kind: .activation)
    record(BatchConcatenation(parts: parts, output: output))
    return output
  }

  /// Records the parts of an activation along the batch, of as many images as `sizes` says.
  public func batchSplit(_ input: Tensor, _ sizes: [Int]) throws(TapeError) -> [Tensor] {
    let x = input.shape
    guard x.rank == 4, !sizes.isEmpty, sizes.allSatisfy({ $0 > 0 }), sizes.reduce(0, +) == x.n else {
      throw .shape(operation: BatchSplit.name, reason: "\(x) has no parts of \(sizes) images")
    }
    let parts = sizes.map { intermediate("part", [$0, x.c, x.h, x.w], kind: .activation) }
    record(BatchSplit(input: input, parts: parts))
    return parts
  }
}
