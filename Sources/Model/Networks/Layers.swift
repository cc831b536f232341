import Tape

/// A tensor that a checkpoint holds, under PyTorch's name.
public struct NamedTensor: Sendable {
  public let name: String
  public let tensor: Tensor
}

/// The output of a module of the PyTorch version in one pass: an activation module's output is `activation` of a tensor that
/// the tape has without it.
public struct ModuleOutput: Sendable {
  public let name: String
  public let tensor: Tensor
  public let activation: Activation
  /// The number of the pass in a training step.
  public internal(set) var pass = 0
  /// The images of the tensor that belong to the pass, where several went through the module together.
  public internal(set) var images: Range<Int>

  fileprivate init(name: String, tensor: Tensor, activation: Activation) {
    (self.name, self.tensor, self.activation) = (name, tensor, activation)
    images = 0..<tensor.shape.n
  }

  /// The output's values, row-major.
  func values(_ executor: any Executor) throws -> [Float] {
    let count = tensor.shape.count / tensor.shape.n
    return try Array(executor.read(tensor)[images.lowerBound * count..<images.upperBound * count])
      .mapped(activation.apply)
  }
}

extension [ModuleOutput] {
  mutating func add(_ name: String, _ tensor: Tensor, _ activation: Activation = .none) {
    append(ModuleOutput(name: name, tensor: tensor, activation: activation))
  }
}

/// The parameters and running statistics of one network, declared on a tape under PyTorch's names.
final class ParameterSet {
  private let tape: Tape
  private let isFrozen: Bool
  private(set) var parameters: [NamedTensor] = []
  private(set) var runningStatistics: [NamedTensor] = []
  private(set) var singularVectors: [NamedTensor] = []

  init(_ label: NetworkLabel, on tape: Tape) {
    (self.tape, isFrozen) = (tape, label.isFrozen)
  }

  func weight(_ name: String, _ shape: Shape, as kind: String = "weight") -> Tensor {
    parameter("\(name).\(kind)", shape)
  }

  func bias(_ name: String, _ channels: Int) -> Tensor { parameter("\(name).bias", [channels]) }

  private func parameter(_ name: String, _ shape: Shape) -> Tensor {
    let tensor = isFrozen ? tape.state(name, shape) : tape.parameter(name, shape)
    parameters.append(NamedTensor(name: name, tensor: tensor))
    return tensor
  }

  func singularVector(_ name: String, _ rows: Int) -> Tensor {
    let tensor = tape.state(name, [rows])
    singularVectors.append(NamedTensor(name: name, tensor: tensor))
    return tensor
  }

  func running(_ name: String, _ channels: Int) -> Tensor {
    let tensor = tape.state(name, [channels])
    runningStatistics.append(NamedTensor(name: name, tensor: tensor))
    return tensor
  }
}

/// Where a norm takes its statistics from when a network runs.
public enum NormStatistics: String, Sendable, Codable, CaseIterable {
  /// The batch at hand: the paper's choice, in training and in use.
  case batch
  /// The running averages kept while training (batch norm only).
  case running
}

/// A norm layer of either network.
struct NormLayer {
  private let kind: NormKind
  private let scale: Tensor?
  private let shift: Tensor?
  private let runningMean: Tensor?
  private let runningVariance: Tensor?

  init(_ configuration: NetworkConfiguration, _ name: String, channels: Int, _ parameters: ParameterSet) {
    kind = configuration.norm
    scale = configuration.normsAreAffine ? parameters.weight(name, [channels]) : nil
    shift = configuration.normsAreAffine ? parameters.bias(name, channels) : nil
    runningMean = kind == .batch ? parameters.running("\(name).running_mean", channels) : nil
    runningVariance = kind == .batch ? parameters.running("\(name).running_var", channels) : nil
  }

  /// Records the norm of x; while training it also moves the running statistics.
  ///
  /// - Parameter passes: x is what so many passes one behind the other would have, statistics of each taken by itself
  func callAsFunction(
    _ x: Tensor, on tape: Tape, statistics: NormStatistics = .batch, passes: Int = 1, training: Bool
  ) throws(TapeError) -> Tensor {
    if kind == .none { return x }
    if statistics == .running, let runningMean, let runningVariance {
      return try tape.normalize(x, mean: runningMean, variance: runningVariance, scale: scale, shift: shift)
    }
    let parts = kind == .instance ? x.shape.n : passes
    let result = try tape.norm(x, scale: scale, shift: shift, parts: parts)
    if training, let runningMean, let runningVariance {
      try tape.runningStatistics(result, mean: runningMean, variance: runningVariance)
    }
    return result.output
  }
}

/// A convolution with its weight and, where it has one, bias.
struct ConvolutionLayer {
  var weight: Tensor
  let bias: Tensor?
  let geometry: ConvolutionGeometry

  /// - Parameters:
  ///   - kernel: pixels on a side
  ///   - transposed: the weight is then [in, out, kernel, kernel], as PyTorch has it
  ///   - kind: what the weight's name ends in
  init(
    _ name: String, from inputs: Int, to outputs: Int, kernel: Int = 4, stride: Int, padding: Int = 1,
    bias: Bool, transposed: Bool = false, weight kind: String = "weight", _ parameters: ParameterSet
  ) {
    let channels = transposed ? [inputs, outputs] : [outputs, inputs]
    weight = parameters.weight(name, Shape(channels + [kernel, kernel]), as: kind)
    self.bias = bias ? parameters.bias(name, outputs) : nil
    geometry = ConvolutionGeometry(stride: stride, padding: padding)
  }

  /// Records y = conv2d(act(x)).
  func callAsFunction(
    _ x: Tensor, on tape: Tape, inputActivation: Activation = .none
  ) throws(TapeError) -> Tensor {
    try tape.convolution(x, weight: weight, geometry, bias: bias, inputActivation: inputActivation)
  }

  /// Records y = conv_transpose2d(act(x)).
  func transposed(
    _ x: Tensor, on tape: Tape, inputActivation: Activation = .none, outputSize: (h: Int, w: Int)? = nil
  ) throws(TapeError) -> Tensor {
    try tape.transposedConvolution(
      x, weight: weight, geometry, bias: bias, inputActivation: inputActivation, outputSize: outputSize)
  }
}
