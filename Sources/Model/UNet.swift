import Tape

/// The U-Net generator of pix2pix: `levels` halvings by 4x4 convolutions, as many doublings by transposed ones,
/// and at every level the encoder's result beside the decoder's.
///
/// Parameters carry the names of the PyTorch version.
public struct UNet {
  /// One level, from the outermost (1) to the innermost.
  private struct Level {
    let prefix: String
    let down: ConvolutionLayer
    let downNorm: NormLayer?
    let up: ConvolutionLayer
    let upNorm: NormLayer?
    let hasDropout: Bool
  }

  /// How dropout masks come about in one pass.
  public enum Dropout: Sendable {
    case off
    /// Drawn anew at every replay, from random streams numbered from `firstStream` on.
    case drawn(schedule: Tensor, firstStream: UInt32)
    /// Given from outside, by the name of the dropout module.
    case given([String: Tensor])
  }

  /// What one recorded pass made.
  public struct Pass: Sendable {
    public let output: Tensor
    /// Every module's output by its name in the PyTorch version.
    public let modules: [ModuleOutput]
  }

  public let parameters: [NamedTensor]
  public let runningStatistics: [NamedTensor]
  /// Names and shapes [C, H, W] of the dropout modules.
  public let dropoutModules: [(name: String, shape: [Int])]
  private let levels: [Level]

  /// Declares the parameters on the tape.
  public init(_ configuration: NetworkConfiguration, on tape: Tape) {
    let set = ParameterSet(tape)
    let (count, ngf, norm) = (configuration.levels, configuration.ngf, configuration.norm)
    let hasBias = norm.convolutionsHaveBias
    func channels(_ level: Int) -> Int { level == 0 ? 0 : ngf * min(1 << (level - 1), 8) }
    var levels: [Level] = []
    var dropouts: [(String, [Int])] = []
    for n in 1...count {
      // Each level is a module inside the one around it.
      let prefix =
        "model.model" + (n > 1 ? ".1.model" : "") + String(repeating: ".3.model", count: max(0, n - 2))
      let (outermost, innermost) = (n == 1, n == count)
      let inner = channels(n)
      let outer = outermost ? configuration.outputChannels : channels(n - 1)
      let inputs = outermost ? configuration.inputChannels : outer
      let middle = !outermost && !innermost
      let hasDropout = configuration.dropout && middle && n >= 5
      levels.append(
        Level(
          prefix: prefix,
          down: ConvolutionLayer(
            "\(prefix).\(outermost ? 0 : 1)", from: inputs, to: inner, stride: 2, bias: hasBias, set),
          downNorm: middle ? NormLayer(norm, "\(prefix).2", channels: inner, set) : nil,
          up: ConvolutionLayer(
            "\(prefix).\(middle ? 5 : 3)", from: innermost ? inner : 2 * inner, to: outer, stride: 2,
            bias: outermost || hasBias, transposed: true, set),
          upNorm: outermost
            ? nil : NormLayer(norm, "\(prefix).\(innermost ? 4 : 6)", channels: outer, set),
          hasDropout: hasDropout))
      if hasDropout {
        let side = configuration.size >> (n - 1)
        dropouts.append(("\(prefix).7", [outer, side, side]))
      }
    }
    self.levels = levels
    parameters = set.parameters
    runningStatistics = set.runningStatistics
    dropoutModules = dropouts.map { (name: $0.0, shape: $0.1) }
  }

  /// Records one pass.
  ///
  /// - Parameters:
  ///   - input: [N, input channels, size, size] in [-1, 1]
  ///   - training: running statistics are moved
  /// - Returns: the picture [N, output channels, size, size] in [-1, 1], after tanh
  public func record(
    _ input: Tensor, on tape: Tape, dropout: Dropout, statistics: NormStatistics = .batch, training: Bool
  ) throws(TapeError) -> Pass {
    var modules: [ModuleOutput] = []
    func module(_ name: String, _ tensor: Tensor, _ activation: Activation = .none) {
      modules.append(ModuleOutput(name: name, tensor: tensor, activation: activation))
    }
    // Down: each level's result, before the activation, is what the level above is joined with.
    var encoded: [Tensor] = []
    var x = input
    for (index, level) in levels.enumerated() {
      let n = index + 1
      x = try tape.scope("G.conv\(n)") { () throws(TapeError) in
        if n > 1 { module("\(level.prefix).0", x, .leakyReLU) }
        let down = try tape.convolution(
          x, weight: level.down.weight, level.down.geometry, bias: level.down.bias,
          inputActivation: n > 1 ? .leakyReLU : .none)
        module("\(level.prefix).\(n > 1 ? 1 : 0)", down)
        guard let norm = level.downNorm else { return down }
        let result = try norm(down, on: tape, statistics: statistics, training: training)
        module("\(level.prefix).2", result)
        return result
      }
      encoded.append(x)
    }
    // Up: from the innermost level outwards.
    for (index, level) in levels.enumerated().reversed() {
      let n = index + 1
      let (outermost, innermost) = (n == 1, n == levels.count)
      x = try tape.scope("G.deconv\(n)") { () throws(TapeError) in
        let joined = innermost ? x : try tape.concatenation([encoded[index], x])
        module("\(level.prefix).\(innermost || outermost ? 2 : 4)", joined, .relu)
        let up = try tape.transposedConvolution(
          joined, weight: level.up.weight, level.up.geometry, bias: level.up.bias, inputActivation: .relu)
        module("\(level.prefix).\(innermost || outermost ? 3 : 5)", up)
        if outermost {
          let picture = tape.tanh(up)
          module("\(level.prefix).4", picture)
          return picture
        }
        var result = up
        if let norm = level.upNorm {
          result = try norm(up, on: tape, statistics: statistics, training: training)
          module("\(level.prefix).\(innermost ? 4 : 6)", result)
        }
        guard level.hasDropout else { return result }
        let name = "\(level.prefix).7"
        defer { module(name, result) }
        switch dropout {
        case .off: break
        case .drawn(let schedule, let firstStream):
          let mask = try tape.dropoutMask(
            result.shape, stream: firstStream + UInt32(n), schedule: schedule)
          result = try tape.multiply(result, mask)
        case .given(let masks):
          guard let mask = masks[name] else { break }
          result = try tape.multiply(result, mask)
        }
        return result
      }
    }
    return Pass(output: x, modules: modules)
  }
}
