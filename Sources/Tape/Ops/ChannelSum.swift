/// y[c] = sum over n,h,w of x[n,c,h,w]: the gradient of a bias.
public struct ChannelSum: Operation {
  public static let name = "channel sum"
  public private(set) var input: Tensor
  public private(set) var output: Tensor

  public mutating func visitOperands(_ visitor: inout OperandVisitor) {
    visitor.reads(&input)
    visitor.writes(&output)
  }

  public var stripRule: StripRule { .onlyInTraining }

  public func cancellingSum(_ output: Tensor) -> CancellingSum? { CancellingSum(terms: input) }

  public func evaluate(_ memory: ReferenceMemory) {
    let (x, y) = (memory[input], memory[output])
    let (N, C, area) = (input.shape.n, input.shape.c, input.shape.h * input.shape.w)
    for c in 0..<C {
      var sum = 0.0
      for n in 0..<N {
        for p in 0..<area { sum += x[(n * C + c) * area + p] }
      }
      y[c] = sum
    }
  }
}

extension Tape {
  /// Records the sum over images and pixels: [N, C, H, W] -> [C].
  public func channelSum(_ input: Tensor) throws(TapeError) -> Tensor {
    guard input.shape.rank == 4 else {
      throw .shape(operation: ChannelSum.name, reason: "\(input.shape) is not [N, C, H, W]")
    }
    let output = intermediate("sum", [input.shape.c], kind: .vector)
    record(ChannelSum(input: input, output: output))
    return output
  }
}
