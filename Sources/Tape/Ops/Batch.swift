// Batches that go through a network together and are apart before and behind it. Both operations are each other's
// gradient.

/// y = the parts one behind the other along the batch. Executors place the parts inside y where they can, and copy
/// nothing then.
public struct BatchConcatenation: Operation {
  public static let name = "batch concatenation"
  public private(set) var parts: [Tensor]
  public private(set) var output: Tensor

  public var inputs: [Tensor] { parts }
  public var outputs: [Tensor] { [output] }

  public mutating func replaceTensors(_ replacement: (Tensor) -> Tensor) {
    parts = parts.map(replacement)
    output = replacement(output)
  }

  public func recordGradients(
    _ upstream: [Gradient?], needed: (Tensor) -> Bool, on tape: Tape
  ) throws(TapeError) -> [(input: Tensor, gradient: Tensor)] {
    guard case .tensor(let gradient)? = upstream[0] else { throw .noGradientRule(operation: Self.name) }
    let gradients = try tape.batchSplit(gradient, parts.map(\.shape.n))
    return zip(parts, gradients).filter { needed($0.0) }.map { ($0, $1) }
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

  public var inputs: [Tensor] { [input] }
  public var outputs: [Tensor] { parts }

  public mutating func replaceTensors(_ replacement: (Tensor) -> Tensor) {
    input = replacement(input)
    parts = parts.map(replacement)
  }

  public var settings: String { parts.map { "\($0.shape.n)" }.joined(separator: " + ") }

  public func recordGradients(
    _ upstream: [Gradient?], needed: (Tensor) -> Bool, on tape: Tape
  ) throws(TapeError) -> [(input: Tensor, gradient: Tensor)] {
    var gradients: [Tensor] = []
    for gradient in upstream {
      guard case .tensor(let gradient)? = gradient else {
        throw .noGradientRule(operation: "\(Self.name) (of which a part is not used)")
      }
      gradients.append(gradient)
    }
    return [(input, try tape.batchConcatenation(gradients))]
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
