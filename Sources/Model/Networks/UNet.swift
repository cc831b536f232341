import Tape

/// The U-Net generator of pix2pix: `levels` halvings by 4x4 convolutions, as many doublings, and at every level the
/// encoder's result beside the decoder's. Without these skips it is the paper's encoder-decoder.
///
/// Parameters carry the names of the PyTorch version.
public struct UNet: Generator {
  /// One level, from the outermost (1) to the innermost.
  private struct Level {
    let prefix: String
    let down: ConvolutionLayer
    let downNorm: NormLayer?
    let up: ConvolutionLayer
    let upNorm: NormLayer?
    let hasDropout: Bool
  }

  public let label: NetworkLabel
  public let noiseChannels: Int
  public let parameters: [NamedTensor]
  public let runningStatistics: [NamedTensor]
  public let dropoutModules: [(name: String, shape: [Int])]
  private let levels: [Level]
  /// Codes stand beside the input of every level, not of the first alone.
  private let takesCodesInside: Bool
  private let hasSkips: Bool
  private let endsInTanh: Bool
  private let upsampling: Upsampling

  /// Declares the parameters on the tape.
  public init(_ configuration: NetworkConfiguration, _ label: NetworkLabel, on tape: Tape) {
    self.label = label
    noiseChannels = configuration.noiseChannels
    let set = ParameterSet(label, on: tape)
    let (count, ngf) = (configuration.levels, configuration.ngf)
    let hasBias = configuration.convolutionsHaveBias
    hasSkips = configuration.generator == .unet
    endsInTanh = configuration.output == .pictures
    upsampling = configuration.upsampling
    takesCodesInside = configuration.latent?.place == .all
    let code = takesCodesInside ? configuration.latent?.length ?? 0 : 0
    func channels(_ level: Int) -> Int { level == 0 ? 0 : ngf * min(1 << (level - 1), 8) }
    var levels: [Level] = []
    var dropouts: [(String, [Int])] = []
    for n in 1...count {
      let prefix = label.prefix + Self.modulePrefix(level: n)
      let (outermost, innermost) = (n == 1, n == count)
      let inner = channels(n)
      let outer = outermost ? configuration.outputChannels : channels(n - 1)
      let inputs = outermost ? configuration.generatorInputs : outer + code
      let middle = !outermost && !innermost
      let hasDropout = configuration.dropout && middle && n >= 5
      let isTransposed = upsampling == .transposed
      levels.append(
        Level(
          prefix: prefix,
          down: ConvolutionLayer(
            "\(prefix).\(outermost ? 0 : 1)", from: inputs, to: inner, stride: 2, bias: hasBias, set),
          downNorm: middle ? NormLayer(configuration, "\(prefix).2", channels: inner, set) : nil,
          up: ConvolutionLayer(
            "\(prefix).\(middle ? 5 : 3)", from: innermost || !hasSkips ? inner : 2 * inner, to: outer,
            kernel: isTransposed ? 4 : 3, stride: isTransposed ? 2 : 1, bias: outermost || hasBias,
            transposed: isTransposed, set),
          upNorm: outermost
            ? nil : NormLayer(configuration, "\(prefix).\(innermost ? 4 : 6)", channels: outer, set),
          hasDropout: hasDropout))
      if hasDropout {
        let size = configuration.paddedSize
        dropouts.append(("\(prefix).7", [outer, size.height >> (n - 1), size.width >> (n - 1)]))
      }
    }
    self.levels = levels
    parameters = set.parameters
    runningStatistics = set.runningStatistics
    dropoutModules = dropouts.map { (name: $0.0, shape: $0.1) }
  }

  /// The beginning of the names of a level's modules: each level, from 1 on, is a module inside the one around it.
  static func modulePrefix(level: Int) -> String {
    "model.model" + (level > 1 ? ".1.model" : "") + String(repeating: ".3.model", count: max(0, level - 2))
  }

  public func record(
    _ input: Tensor, code: Tensor? = nil, passes: Int = 1, on tape: Tape, dropout: Dropout,
    statistics: NormStatistics = .batch, training: Bool
  ) throws(TapeError) -> GeneratorPass {
    var modules: [ModuleOutput] = []
    let code = takesCodesInside ? code : nil
    // Down: each level's result, before the activation, is what the level above is joined with.
    var encoded: [Tensor] = []
    var x = input
    for (index, level) in levels.enumerated() {
      let n = index + 1
      x = try tape.scope("\(label.name).conv\(n)") { () throws(TapeError) in
        var x = x
        if n > 1, let code {
          x = try tape.concatenation([x, tape.broadcast(code, to: (x.shape.h, x.shape.w))])
        }
        if n > 1 { modules.add("\(level.prefix).0", x, .leakyReLU) }
        let down = try level.down(x, on: tape, inputActivation: n > 1 ? .leakyReLU : .none)
        modules.add("\(level.prefix).\(n > 1 ? 1 : 0)", down)
        guard let norm = level.downNorm else { return down }
        let result = try norm(down, on: tape, statistics: statistics, passes: passes, training: training)
        modules.add("\(level.prefix).2", result)
        return result
      }
      encoded.append(x)
    }
    // Up: from the innermost level outwards.
    var features: ModuleOutput?
    for (index, level) in levels.enumerated().reversed() {
      let n = index + 1
      let (outermost, innermost) = (n == 1, n == levels.count)
      x = try tape.scope("\(label.name).deconv\(n)") { () throws(TapeError) in
        let joined = innermost || !hasSkips ? x : try tape.concatenation([encoded[index], x])
        modules.add("\(level.prefix).\(innermost || outermost ? 2 : 4)", joined, .relu)
        features = modules.last
        let up = try doubled(joined, by: level.up, on: tape)
        modules.add("\(level.prefix).\(innermost || outermost ? 3 : 5)", up)
        if outermost {
          guard endsInTanh else { return up }
          let picture = try tape.tanh(up)
          modules.add("\(level.prefix).4", picture)
          return picture
        }
        var result = up
        if let norm = level.upNorm {
          result = try norm(up, on: tape, statistics: statistics, passes: passes, training: training)
          modules.add("\(level.prefix).\(innermost ? 4 : 6)", result)
        }
        guard level.hasDropout else { return result }
        let name = "\(level.prefix).7"
        result = try dropout(result, on: tape, name: name, number: n)
        modules.add(name, result)
        return result
      }
    }
    guard let features else { preconditionFailure("a U-Net has levels") }
    return GeneratorPass(output: x, features: features, modules: modules)
  }

  /// A decoder's step: ReLU, and twice the size.
  private func doubled(_ x: Tensor, by layer: ConvolutionLayer, on tape: Tape) throws(TapeError) -> Tensor {
    switch upsampling {
    case .transposed: try layer.transposed(x, on: tape, inputActivation: .relu)
    case .resize: try layer(tape.upsample(x, by: 2), on: tape, inputActivation: .relu)
    }
  }
}
