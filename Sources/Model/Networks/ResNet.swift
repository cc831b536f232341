import Tape

/// The residual generator of CycleGAN (Johnson et al. 2016): a 7x7 convolution, two halvings, blocks of two 3x3
/// convolutions each added to its input, two doublings and a 7x7 convolution. Borders are mirrored, not zero, but in
/// the layers that change the size.
///
/// Parameters carry the names of the PyTorch version behind the label's prefix. The names of its discriminator begin alike, so
/// a prefix is needed.
public struct ResNet: Generator {
  private struct Unit {
    /// The convolution's number among the modules.
    let index: Int
    let convolution: ConvolutionLayer
    let norm: NormLayer
  }

  /// Two convolutions, added to their input.
  private struct Block {
    let prefix: String
    let first: ConvolutionLayer
    let firstNorm: NormLayer
    let second: ConvolutionLayer
    let secondNorm: NormLayer
    /// 1 where dropout is a module between the halves.
    let shift: Int

    init(_ prefix: String, channels: Int, _ configuration: NetworkConfiguration, _ set: ParameterSet) {
      func convolution(_ index: Int) -> ConvolutionLayer {
        ConvolutionLayer(
          "\(prefix).\(index)", from: channels, to: channels, kernel: 3, stride: 1, padding: 0,
          bias: configuration.convolutionsHaveBias, set)
      }
      func norm(_ index: Int) -> NormLayer {
        NormLayer(configuration, "\(prefix).\(index)", channels: channels, set)
      }
      self.prefix = prefix
      shift = configuration.dropout ? 1 : 0
      first = convolution(1)
      firstNorm = norm(2)
      second = convolution(5 + shift)
      secondNorm = norm(6 + shift)
    }

    /// - Parameters:
    ///   - dropout: between the halves, for the module of the name that it is given; nil for none
    ///   - modules: takes the outputs of the block's modules
    func record(
      _ x: Tensor, passes: Int, on tape: Tape, statistics: NormStatistics, training: Bool,
      modules: inout [ModuleOutput],
      dropout: ((Tensor, _ module: String) throws(TapeError) -> Tensor)?
    ) throws(TapeError) -> Tensor {
      var y = try first(tape.reflectionPad(x, padding: 1), on: tape)
      modules.add("\(prefix).1", y)
      y = try firstNorm(y, on: tape, statistics: statistics, passes: passes, training: training)
      modules.add("\(prefix).2", y)
      modules.add("\(prefix).3", y, .relu)
      if let dropout {
        // ReLU and a mask that is nowhere negative may change places.
        y = try dropout(y, "\(prefix).4")
        modules.add("\(prefix).4", y, .relu)
      }
      y = try second(tape.reflectionPad(y, padding: 1), on: tape, inputActivation: .relu)
      modules.add("\(prefix).\(5 + shift)", y)
      y = try secondNorm(y, on: tape, statistics: statistics, passes: passes, training: training)
      modules.add("\(prefix).\(6 + shift)", y)
      return try tape.combination(1, x, 1, y)
    }
  }

  public let label: NetworkLabel
  public let noiseChannels: Int
  public let parameters: [NamedTensor]
  public let runningStatistics: [NamedTensor]
  public let dropoutModules: [(name: String, shape: [Int])]
  private let head: Unit
  private let down: [Unit]
  private let blocks: [Block]
  private let up: [Unit]
  private let tail: (index: Int, convolution: ConvolutionLayer)
  private let upsampling: Upsampling
  private let hasDropout: Bool
  private let endsInTanh: Bool

  /// Halvings, and doublings.
  private static let samplings = 2

  /// Declares the parameters on the tape.
  ///
  /// - Parameter count: of residual blocks
  public init(_ configuration: NetworkConfiguration, blocks count: Int, _ label: NetworkLabel, on tape: Tape)
  {
    self.label = label
    noiseChannels = configuration.noiseChannels
    let set = ParameterSet(label, on: tape)
    let hasBias = configuration.convolutionsHaveBias
    upsampling = configuration.upsampling
    hasDropout = configuration.dropout
    endsInTanh = configuration.output == .pictures
    let isTransposed = upsampling == .transposed
    func unit(
      _ index: Int, from inputs: Int, to outputs: Int, kernel: Int = 3, stride: Int, padding: Int = 1,
      transposed: Bool = false
    ) -> Unit {
      Unit(
        index: index,
        convolution: ConvolutionLayer(
          "\(label.prefix)model.\(index)", from: inputs, to: outputs, kernel: kernel, stride: stride,
          padding: padding,
          bias: hasBias, transposed: transposed, set),
        norm: NormLayer(configuration, "\(label.prefix)model.\(index + 1)", channels: outputs, set))
    }
    // Modules count padding, convolution, norm, ReLU; a block is one.
    var channels = configuration.ngf
    head = unit(1, from: configuration.generatorInputs, to: channels, kernel: 7, stride: 1, padding: 0)
    var down: [Unit] = []
    for n in 0..<Self.samplings {
      down.append(unit(4 + 3 * n, from: channels, to: 2 * channels, stride: 2))
      channels *= 2
    }
    self.down = down
    let firstBlock = 4 + 3 * Self.samplings
    blocks = (0..<count).map { n in
      Block("\(label.prefix)model.\(firstBlock + n).conv_block", channels: channels, configuration, set)
    }
    let size = configuration.paddedSize
    let inner = [channels, size.height >> Self.samplings, size.width >> Self.samplings]
    dropoutModules = configuration.dropout ? blocks.map { (name: "\($0.prefix).4", shape: inner) } : []
    var up: [Unit] = []
    for n in 0..<Self.samplings {
      up.append(
        unit(
          firstBlock + count + 3 * n, from: channels, to: channels / 2, stride: isTransposed ? 2 : 1,
          transposed: isTransposed))
      channels /= 2
    }
    self.up = up
    let last = firstBlock + count + 3 * Self.samplings + 1
    tail = (
      last,
      ConvolutionLayer(
        "\(label.prefix)model.\(last)", from: channels, to: configuration.outputChannels, kernel: 7,
        stride: 1, padding: 0,
        bias: true, set)
    )
    parameters = set.parameters
    runningStatistics = set.runningStatistics
  }

  public func record(
    _ input: Tensor, code: Tensor? = nil, passes: Int = 1, on tape: Tape, dropout: Dropout,
    statistics: NormStatistics = .batch, training: Bool
  ) throws(TapeError) -> GeneratorPass {
    var modules: [ModuleOutput] = []
    /// Norm, and ReLU by whoever reads it.
    func normed(_ x: Tensor, _ unit: Unit) throws(TapeError) -> Tensor {
      modules.add("\(label.prefix)model.\(unit.index)", x)
      let result = try unit.norm(x, on: tape, statistics: statistics, passes: passes, training: training)
      modules.add("\(label.prefix)model.\(unit.index + 1)", result)
      modules.add("\(label.prefix)model.\(unit.index + 2)", result, .relu)
      return result
    }
    var x = try tape.scope("\(label.name).conv1") { () throws(TapeError) in
      try normed(head.convolution(tape.reflectionPad(input, padding: 3), on: tape), head)
    }
    for (n, unit) in down.enumerated() {
      x = try tape.scope("\(label.name).conv\(n + 2)") { () throws(TapeError) in
        try normed(unit.convolution(x, on: tape, inputActivation: .relu), unit)
      }
    }
    // A block adds to what it is given, so the first is given values after their ReLU, which is no convolution's input.
    x = try tape.scope("\(label.name).blocks") { () throws(TapeError) in try tape.activated(x, .relu) }
    for (n, block) in blocks.enumerated() {
      x = try tape.scope("\(label.name).block\(n + 1)") { () throws(TapeError) in
        try block.record(
          x, passes: passes, on: tape, statistics: statistics, training: training, modules: &modules,
          dropout: hasDropout
            ? { x, name throws(TapeError) in try dropout(x, on: tape, name: name, number: n) } : nil)
      }
    }
    var activation = Activation.none
    for (n, unit) in up.enumerated() {
      x = try tape.scope("\(label.name).deconv\(up.count + 1 - n)") { () throws(TapeError) in
        try normed(doubled(x, activation, by: unit.convolution, on: tape), unit)
      }
      activation = .relu
    }
    guard let features = modules.last else { preconditionFailure("a ResNet has layers") }
    let output = try tape.scope("\(label.name).deconv1") { () throws(TapeError) in
      let last = try tail.convolution(
        tape.reflectionPad(x, padding: 3), on: tape, inputActivation: .relu)
      modules.add("\(label.prefix)model.\(tail.index)", last)
      guard endsInTanh else { return last }
      let picture = try tape.tanh(last)
      modules.add("\(label.prefix)model.\(tail.index + 1)", picture)
      return picture
    }
    return GeneratorPass(output: output, features: features, modules: modules)
  }

  /// Twice the size of act(x).
  private func doubled(
    _ x: Tensor, _ activation: Activation, by layer: ConvolutionLayer, on tape: Tape
  ) throws(TapeError) -> Tensor {
    switch upsampling {
    case .transposed:
      try layer.transposed(
        x, on: tape, inputActivation: activation, outputSize: (2 * x.shape.h, 2 * x.shape.w))
    case .resize: try layer(tape.upsample(x, by: 2), on: tape, inputActivation: activation)
    }
  }
}
