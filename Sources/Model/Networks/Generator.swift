import Tape

/// A network that draws pictures.
public protocol Generator: DeclaredNetwork {
  /// Names and shapes [C, H, W] of the dropout modules.
  var dropoutModules: [(name: String, shape: [Int])] { get }
  /// Maps of Gaussian noise that it takes beside the picture.
  var noiseChannels: Int { get }

  /// Records one pass, or several whose batches lie one behind the other.
  ///
  /// - Parameters:
  ///   - input: [N, input, noise and code channels, H, W], both sides multiples of the configuration's `alignment`
  ///   - code: latent codes [N, K, 1, 1], for levels behind the input; nil where the generator takes none
  ///   - passes: equal parts of the batch; norms take statistics of each by itself
  ///   - training: running statistics are moved
  /// - Returns: the picture [N, output channels, H, W] in [-1, 1], after tanh, or logits of that shape
  func record(
    _ input: Tensor, code: Tensor?, passes: Int, on tape: Tape, dropout: Dropout, statistics: NormStatistics,
    training: Bool
  ) throws(TapeError) -> GeneratorPass
}

/// The source of a generator's dropout masks in one pass.
public enum Dropout: Sendable {
  case off
  /// Drawn anew at every replay.
  case drawn(schedule: Tensor, streams: RandomStreams)
  /// Inputs of the recording, by the name of the dropout module.
  case given([String: Tensor])

  /// Records dropout of rate 1/2.
  ///
  /// - Parameters:
  ///   - name: of the module
  ///   - number: of the module in the generator, for its random stream
  func callAsFunction(
    _ x: Tensor, on tape: Tape, name: String, number: Int
  ) throws(TapeError) -> Tensor {
    switch self {
    case .off: return x
    case .drawn(let schedule, let streams):
      let mask = try tape.dropoutMask(
        x.shape, stream: streams.firstMask + UInt32(number), schedule: schedule)
      return try tape.multiply(x, mask)
    case .given(let masks):
      guard let mask = masks[name] else { return x }
      return try tape.multiply(x, mask)
    }
  }
}

/// The results of one recorded pass of a generator.
public struct GeneratorPass: Sendable {
  public let output: Tensor
  /// The input of the last layer: as many maps as it is wide, of the picture's size or half of it.
  public let features: ModuleOutput
  /// Every module's output by its name in the PyTorch version.
  public let modules: [ModuleOutput]
}
