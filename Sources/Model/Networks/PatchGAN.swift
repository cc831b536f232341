import Tape

/// The PatchGAN discriminator of pix2pix: n convolutions of stride 2 and two of stride 1, each logit judging one patch
/// of (input, output), 70 x 70 pixels with n = 3; of 1x1 convolutions with n = 0, the paper's PixelGAN.
///
/// Parameters carry the names of the PyTorch version.
public struct PatchGAN: DeclaredNetwork {
  private struct Layer {
    let index: Int
    var convolution: ConvolutionLayer
    let norm: NormLayer?
    /// Of the weight's spectral norm.
    let singularVector: Tensor?
  }

  /// The results of one recorded pass.
  public struct Pass: Sendable {
    /// [N, 1, h, w]
    public let logits: Tensor
    /// The results of all layers but the last, before their activation, LeakyReLU.
    public let features: [Tensor]
    public let modules: [ModuleOutput]
  }

  public let label: NetworkLabel
  public let parameters: [NamedTensor]
  public let runningStatistics: [NamedTensor]
  /// The start of the power iteration of each weight's spectral norm, [O].
  public let states: [NamedTensor]
  private var layers: [Layer]
  private let modulePrefix: String

  /// Declares the parameters on the tape.
  ///
  /// - Parameter channels: of the pictures that it judges
  public init(
    _ configuration: NetworkConfiguration, channels: Int, _ label: NetworkLabel, on tape: Tape
  ) {
    self.label = label
    let set = ParameterSet(label, on: tape)
    let (count, ndf, hasBias) = (
      configuration.discriminatorLayers, configuration.ndf, configuration.convolutionsHaveBias
    )
    // The PyTorch version's pixel discriminator is another module, whose last convolution has a bias only where the
    // others have.
    let isPixel = count == 0
    modulePrefix = label.prefix + (isPixel ? "net" : "model")
    var layers: [Layer] = []
    var inputs = channels
    let last = isPixel ? 2 : count + 1
    for n in 0...last {
      // Modules count convolution, (norm,) LeakyReLU.
      let index = n == 0 ? 0 : 3 * n - 1
      let outputs = n == last ? 1 : ndf * min(1 << n, 8)
      let name = "\(modulePrefix).\(index)"
      let isNormed = configuration.spectralNorm
      layers.append(
        Layer(
          index: index,
          convolution: ConvolutionLayer(
            name, from: inputs, to: outputs, kernel: isPixel ? 1 : 4, stride: n < count ? 2 : 1,
            padding: isPixel ? 0 : 1, bias: n == 0 || (n == last && !isPixel) || hasBias,
            weight: isNormed ? "weight_orig" : "weight", set),
          norm: n == 0 || n == last
            ? nil : NormLayer(configuration, "\(modulePrefix).\(index + 1)", channels: outputs, set),
          singularVector: isNormed ? set.singularVector("\(name).weight_u", outputs) : nil))
      inputs = outputs
    }
    self.layers = layers
    parameters = set.parameters
    runningStatistics = set.runningStatistics
    states = set.singularVectors
  }

  /// See `Discriminator.normalized`.
  func normalized(on tape: Tape) throws(TapeError) -> PatchGAN {
    var result = self
    for (index, layer) in layers.enumerated() {
      guard let u = layer.singularVector else { continue }
      result.layers[index].convolution.weight = try tape.scope("\(label.name).conv\(index + 1)") {
        () throws(TapeError) in
        try tape.spectralNorm(layer.convolution.weight, u: u)
      }
    }
    return result
  }

  /// Records one pass over pictures [N, channels, H, W], or several whose batches lie one behind the other: convolutions
  /// take them together, norms apart.
  public func record(_ pictures: Tensor, passes: Int = 1, on tape: Tape, training: Bool) throws(TapeError)
    -> Pass
  {
    var modules: [ModuleOutput] = []
    var results: [Tensor] = []
    var x = pictures
    for (n, layer) in layers.enumerated() {
      x = try tape.scope("\(label.name).conv\(n + 1)") { () throws(TapeError) in
        var result = try layer.convolution(x, on: tape, inputActivation: n > 0 ? .leakyReLU : .none)
        func module(_ offset: Int, _ activation: Activation = .none) {
          modules.add("\(modulePrefix).\(layer.index + offset)", result, activation)
        }
        module(0)
        if let norm = layer.norm {
          result = try norm(result, on: tape, passes: passes, training: training)
          module(1)
        }
        if n < layers.count - 1 { module(layer.norm == nil ? 1 : 2, .leakyReLU) }
        return result
      }
      results.append(x)
    }
    return Pass(logits: x, features: results.dropLast(), modules: modules)
  }
}
