import Tape

/// The PatchGAN discriminator of pix2pix: n convolutions of stride 2 and two of stride 1, each logit judging
/// one patch of (input, output); 70 x 70 pixels with n = 3.
///
/// Parameters carry the names of the PyTorch version.
public struct PatchGAN {
  private struct Layer {
    let index: Int
    let convolution: ConvolutionLayer
    let norm: NormLayer?
  }

  /// What one recorded pass made.
  public struct Pass: Sendable {
    /// [N, 1, h, w]
    public let logits: Tensor
    public let modules: [ModuleOutput]
  }

  public let parameters: [NamedTensor]
  public let runningStatistics: [NamedTensor]
  private let layers: [Layer]
  private let normKind: NormKind

  /// Declares the parameters on the tape.
  public init(_ configuration: NetworkConfiguration, on tape: Tape) {
    let set = ParameterSet(tape)
    let (count, ndf, norm) = (configuration.discriminatorLayers, configuration.ndf, configuration.norm)
    var layers: [Layer] = []
    var channels = configuration.inputChannels + configuration.outputChannels
    for n in 0...count + 1 {
      let (first, last) = (n == 0, n == count + 1)
      // Modules count convolution, (norm,) LeakyReLU.
      let index = first ? 0 : 3 * n - 1
      let outputs = last ? 1 : ndf * min(1 << n, 8)
      layers.append(
        Layer(
          index: index,
          convolution: ConvolutionLayer(
            "model.\(index)", from: channels, to: outputs, stride: n < count ? 2 : 1,
            bias: first || last || norm.convolutionsHaveBias, set),
          norm: first || last ? nil : NormLayer(norm, "model.\(index + 1)", channels: outputs, set)))
      channels = outputs
    }
    self.layers = layers
    normKind = norm
    parameters = set.parameters
    runningStatistics = set.runningStatistics
  }

  /// Records one pass over pairs [N, input + output channels, size, size], or several whose batches lie one behind
  /// the other in `pair`: convolutions take them together, norms apart.
  public func record(_ pair: Tensor, passes: Int = 1, on tape: Tape, training: Bool) throws(TapeError) -> Pass
  {
    var modules: [ModuleOutput] = []
    var x = pair
    for (n, layer) in layers.enumerated() {
      x = try tape.scope("D.conv\(n + 1)") { () throws(TapeError) in
        var result = try tape.convolution(
          x, weight: layer.convolution.weight, layer.convolution.geometry, bias: layer.convolution.bias,
          inputActivation: n > 0 ? .leakyReLU : .none)
        modules.append(ModuleOutput(name: "model.\(layer.index)", tensor: result, activation: .none))
        if let norm = layer.norm {
          result = try norm(result, on: tape, passes: passes, training: training)
          modules.append(ModuleOutput(name: "model.\(layer.index + 1)", tensor: result, activation: .none))
        }
        if n < layers.count - 1 {
          let index = layer.index + (layer.norm == nil ? 1 : 2)
          modules.append(ModuleOutput(name: "model.\(index)", tensor: result, activation: .leakyReLU))
        }
        return result
      }
    }
    return Pass(logits: x, modules: modules)
  }
}
