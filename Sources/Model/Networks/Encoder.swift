import Tape

/// The encoder of BicycleGAN (Zhu et al. 2017): what latent code would make the generator draw this picture.
///
/// A convolution of stride 2, residual blocks that each halve the maps by a mean, the mean over the map, and two linear heads:
/// the mean and the logarithm of the variance of each number of the code. It has blocks until the shorter side is at most 8
/// pixels, as the PyTorch version has 4 for 128 pixels and 5 for 256, or until a side is odd.
///
/// Parameters carry the names of the PyTorch version's `E_ResNet` behind the label's prefix; weights of its linear heads are
/// [K, C, 1, 1] here.
public struct Encoder: DeclaredNetwork {
  /// x -> pool(conv(act(norm(conv(act(norm(x))))))) + conv1x1(pool(x))
  private struct Block {
    let prefix: String
    let firstNorm: NormLayer
    let first: ConvolutionLayer
    let secondNorm: NormLayer
    let second: ConvolutionLayer
    let shortcut: ConvolutionLayer
    /// Modules of a norm.
    let norms: Int

    init(
      _ prefix: String, from inputs: Int, to outputs: Int, _ configuration: NetworkConfiguration,
      _ set: ParameterSet
    ) {
      self.prefix = prefix
      norms = configuration.norm == .none ? 0 : 1
      func norm(_ index: Int) -> NormLayer {
        NormLayer(configuration, "\(prefix).conv.\(index)", channels: inputs, set)
      }
      func convolution(_ name: String, to outputs: Int, kernel: Int) -> ConvolutionLayer {
        ConvolutionLayer(
          "\(prefix).\(name)", from: inputs, to: outputs, kernel: kernel, stride: 1, padding: kernel / 2,
          bias: true,
          set)
      }
      firstNorm = norm(0)
      first = convolution("conv.\(1 + norms)", to: inputs, kernel: 3)
      secondNorm = norm(2 + norms)
      second = convolution("conv.\(3 + 2 * norms).0", to: outputs, kernel: 3)
      shortcut = convolution("shortcut.1", to: outputs, kernel: 1)
    }

    func record(
      _ x: Tensor, on tape: Tape, training: Bool, modules: inout [ModuleOutput]
    ) throws(TapeError) -> Tensor {
      var y = try firstNorm(x, on: tape, training: training)
      if norms > 0 { modules.add("\(prefix).conv.0", y) }
      y = try first(y, on: tape, inputActivation: .leakyReLU)
      modules.add("\(prefix).conv.\(1 + norms)", y)
      y = try secondNorm(y, on: tape, training: training)
      if norms > 0 { modules.add("\(prefix).conv.3", y) }
      y = try second(y, on: tape, inputActivation: .leakyReLU)
      modules.add("\(prefix).conv.\(3 + 2 * norms).0", y)
      let around = try shortcut(tape.averagePool(x, by: 2), on: tape)
      modules.add("\(prefix).shortcut.1", around)
      let sum = try tape.combination(1, tape.averagePool(y, by: 2), 1, around)
      modules.add(prefix, sum)
      return sum
    }
  }

  /// The Gaussian of a picture's codes.
  public struct Pass: Sendable {
    /// mu, [N, K, 1, 1]
    public let mean: Tensor
    /// log s^2, [N, K, 1, 1]
    public let logVariance: Tensor
    public let modules: [ModuleOutput]
  }

  public let label: NetworkLabel
  public let parameters: [NamedTensor]
  public let runningStatistics: [NamedTensor]
  private let head: ConvolutionLayer
  private let blocks: [Block]
  private let mean: ConvolutionLayer
  private let logVariance: ConvolutionLayer

  /// The sides of the maps that a mean is taken of, where halvings come to it.
  private static let leastSide = 8
  /// Blocks widen up to so many times the first width.
  private static let mostWidths = 4

  /// Declares the parameters on the tape.
  ///
  /// - Parameters:
  ///   - configuration: of a generator with latent codes, as wide as the encoder
  ///   - label: with the beginning of the parameters' names
  public init(_ configuration: NetworkConfiguration, _ label: NetworkLabel, on tape: Tape) {
    guard let latent = configuration.latent else { preconditionFailure("an encoder has codes to make") }
    self.label = label
    let (set, width) = (ParameterSet(label, on: tape), configuration.ngf)
    head = ConvolutionLayer(
      "\(label.prefix)conv.0", from: configuration.outputChannels, to: width, stride: 2, bias: true, set)
    let count = Self.blocks(of: configuration)
    func channels(_ block: Int) -> Int { width * min(Self.mostWidths, block) }
    blocks = (1..<1 + count).map { n in
      Block("\(label.prefix)conv.\(n)", from: channels(n), to: channels(n + 1), configuration, set)
    }
    func linear(_ name: String) -> ConvolutionLayer {
      ConvolutionLayer(
        "\(label.prefix)\(name).0", from: channels(count + 1), to: latent.length, kernel: 1, stride: 1,
        padding: 0,
        bias: true, set)
    }
    mean = linear("fc")
    logVariance = linear("fcVar")
    parameters = set.parameters
    runningStatistics = set.runningStatistics
  }

  /// The blocks behind the first convolution.
  private static func blocks(of configuration: NetworkConfiguration) -> Int {
    let size = configuration.paddedSize
    var (width, height, count) = (size.width / 2, size.height / 2, 0)
    while min(width, height) > leastSide, width.isMultiple(of: 2), height.isMultiple(of: 2) {
      (width, height, count) = (width / 2, height / 2, count + 1)
    }
    return count
  }

  /// Records one pass over pictures [N, C, H, W] of the padded size.
  public func record(_ pictures: Tensor, on tape: Tape, training: Bool) throws(TapeError) -> Pass {
    var modules: [ModuleOutput] = []
    var x = try tape.scope("\(label.name).conv1") { () throws(TapeError) in try head(pictures, on: tape) }
    modules.add("\(label.prefix)conv.0", x)
    for (n, block) in blocks.enumerated() {
      x = try tape.scope("\(label.name).block\(n + 1)") { () throws(TapeError) in
        try block.record(x, on: tape, training: training, modules: &modules)
      }
    }
    return try tape.scope("\(label.name).code") { () throws(TapeError) in
      let features = try tape.spatialMean(tape.activated(x, .leakyReLU))
      let pass = (try mean(features, on: tape), try logVariance(features, on: tape))
      modules.add("\(label.prefix)fc.0", pass.0)
      modules.add("\(label.prefix)fcVar.0", pass.1)
      return Pass(mean: pass.0, logVariance: pass.1, modules: modules)
    }
  }
}
