import Tape

/// A network that draws pictures.
public protocol Generator: Sendable {
  var parameters: [NamedTensor] { get }
  var runningStatistics: [NamedTensor] { get }
  /// Names and shapes [C, H, W] of the dropout modules.
  var dropoutModules: [(name: String, shape: [Int])] { get }

  /// Records one pass.
  ///
  /// - Parameters:
  ///   - input: [N, input channels, H, W], both sides multiples of the configuration's `alignment`
  ///   - training: running statistics are moved
  /// - Returns: the picture [N, output channels, H, W] in [-1, 1], after tanh, or logits of that shape
  func record(
    _ input: Tensor, on tape: Tape, dropout: Dropout, statistics: NormStatistics, training: Bool
  ) throws(TapeError) -> GeneratorPass
}

/// How a generator's dropout masks come about in one pass.
public enum Dropout: Sendable {
  case off
  /// Drawn anew at every replay, from random streams numbered from `firstStream` on.
  case drawn(schedule: Tensor, firstStream: UInt32)
  /// Given from outside, by the name of the dropout module.
  case given([String: Tensor])

  /// Records dropout of rate 1/2.
  ///
  /// - Parameters:
  ///   - name: of the module
  ///   - number: of the module among the generator's, for its random stream
  func callAsFunction(
    _ x: Tensor, on tape: Tape, name: String, number: Int
  ) throws(TapeError) -> Tensor {
    switch self {
    case .off: return x
    case .drawn(let schedule, let firstStream):
      let mask = try tape.dropoutMask(x.shape, stream: firstStream + UInt32(number), schedule: schedule)
      return try tape.multiply(x, mask)
    case .given(let masks):
      guard let mask = masks[name] else { return x }
      return try tape.multiply(x, mask)
    }
  }
}

/// What one recorded pass of a generator made.
public struct GeneratorPass: Sendable {
  public let output: Tensor
  /// What the last layer reads: as many maps as it is wide, of the picture's size or half of it.
  public let features: ModuleOutput
  /// Every module's output by its name in the PyTorch version.
  public let modules: [ModuleOutput]
}

extension NetworkConfiguration {
  /// Declares the generator's parameters on the tape.
  func makeGenerator(on tape: Tape) -> any Generator {
    if let blocks = generator.residualBlocks {
      ResNet(self, blocks: blocks, on: tape)
    } else {
      UNet(self, on: tape)
    }
  }
}
