import Images
import Random
import Tape

import class Foundation.FileManager
import class Foundation.JSONDecoder
import class Foundation.NSString

/// Compares an executor with the CPU reference, step by step and from equal inputs.
///
/// Before every step the executor is given the reference's own values of what the step reads, so that an error
/// shows at the step that makes it and nowhere else.
public struct StepVerification: Sendable {
  /// The comparison of one tensor that a step wrote.
  public struct Row: Sendable {
    public let label: String
    public let operation: String
    public let tensor: String
    public let shape: Shape
    public let largestError: Double
    public let relativeL2: Double
    public let worstIndex: Int
    public let bound: Double
    public var passes: Bool { relativeL2 <= bound }
  }

  public let rows: [Row]
  public var passes: Bool { rows.allSatisfy(\.passes) }

  /// Runs the training step of `model` on both executors.
  ///
  /// - Parameters:
  ///   - bound: the relative L2 error allowed in every tensor
  ///   - convolutionBound: that of convolutions and their gradients, where it is another
  ///   - seed: of weights, pictures and masks
  public init(
    _ model: Pix2Pix, _ executor: any Executor, bound: Double = 1e-5, convolutionBound: Double? = nil,
    seed: UInt64,
    progress: (Int, Int) -> Void = { _, _ in }
  ) throws {
    guard let training = model.training, let steps = model.recording.sections["train"] else {
      preconditionFailure("no training step was recorded")
    }
    let reference = ReferenceExecutor(model.recording)
    try model.initialize(reference, seed: seed)
    if let weights = training.weights {
      reference.write(Self.picture(weights.shape.count, stream: 3, seed: seed).map(abs), to: weights)
    }
    if let pool = training.pool {
      reference.write(Self.picture(pool.images.shape.count, stream: 4, seed: seed), to: pool.images)
      let uses: [ImagePoolChoice.Use] = [.swap, .store, .pass]
      let choices = (0..<pool.choices.shape.count / 2).map {
        ImagePoolChoice(uses[$0 % uses.count], slot: $0 % pool.images.shape.n)
      }
      reference.write(ImagePoolChoice.values(of: choices), to: pool.choices)
    }
    for (stream, tensor) in [training.input, training.target].enumerated() {
      reference.write(Self.picture(tensor.shape.count, stream: UInt32(stream), seed: seed), to: tensor)
    }
    // Not the first step: its moments are zero, and half of Adam would go untested.
    reference.write(Schedule(step: 4, seed: seed).values, to: model.schedule)
    for (index, moment) in model.moments.enumerated() {
      let count = moment.first.shape.count
      let values = Self.picture(count, stream: UInt32(1000 + index), seed: seed)
      reference.write(values.map { $0 * 1e-3 }, to: moment.first)
      reference.write(values.map { $0 * $0 * 1e-4 }, to: moment.second)
    }

    var rows: [Row] = []
    var equal: Set<Tensor> = []
    for index in steps {
      let step = model.recording.steps[index]
      for tensor in step.operation.inputs where !equal.contains(tensor) {
        try executor.write(reference.read(tensor), to: tensor)
        equal.insert(tensor)
      }
      try executor.run(index..<index + 1)
      reference.run(index..<index + 1)
      let isConvolution =
        step.operation is Convolution || step.operation is TransposedConvolution
        || step.operation is WeightGradient
      for tensor in step.operation.outputs {
        let comparison = Comparison(
          try executor.read(tensor), expected: reference.read(tensor),
          floor: Self.floor(step.operation, tensor, reference))
        rows.append(
          Row(
            label: step.label, operation: step.name, tensor: model.recording.name(of: tensor),
            shape: tensor.shape, largestError: comparison.largestError, relativeL2: comparison.relativeL2,
            worstIndex: comparison.worstIndex,
            bound: isConvolution ? convolutionBound ?? bound : bound))
        equal.remove(tensor)
      }
      progress(index - steps.lowerBound + 1, steps.count)
    }
    self.rows = rows
  }

  /// Even numbers in [-1, 1).
  private static func picture(_ count: Int, stream: UInt32, seed: UInt64) -> [Float] {
    let generator = Philox(seed: seed)
    var values = [Float](repeating: 0, count: count)
    for block in 0..<(count + 3) / 4 {
      let words = generator.words(UInt32(block), 0, stream, 0x7E57)
      for lane in 0..<min(4, count - 4 * block) {
        values[4 * block + lane] = Float(words[lane] >> 8) / 8_388_608 - 1
      }
    }
    return values
  }

  /// Sums whose terms cancel are all rounding: their error is measured against a hundredth of the norm that the
  /// sums of the terms' magnitudes have, where that is more than their own.
  private static func floor(
    _ operation: any Operation, _ output: Tensor, _ reference: ReferenceExecutor
  ) -> Double {
    let terms: Tensor
    var mean = false
    switch operation {
    case let step as ChannelSum: terms = step.input
    case let step as NormGradient where output == step.shiftSum || output == step.scaleSum:
      terms = step.gradient
    case let step as Norm where output == step.mean:
      terms = step.input
      mean = true
    default: return 0
    }
    let values = reference.readDouble(terms)
    let (channels, area) = (terms.shape.c, terms.shape.h * terms.shape.w)
    // The images of a part of the batch that has sums of its own.
    let images = terms.shape.n * channels / output.shape.count
    var sums = [Double](repeating: 0, count: output.shape.count)
    for n in 0..<terms.shape.n {
      for c in 0..<channels {
        for p in 0..<area {
          sums[n / images * channels + c] += abs(values[(n * channels + c) * area + p])
        }
      }
    }
    let count = mean ? Double(terms.shape.count / output.shape.count) : 1
    return 0.01 * sums.reduce(0) { $0 + ($1 / count) * ($1 / count) }.squareRoot()
  }
}

/// Compares an executor with another implementation's tensors: outputs of every module, gradients, the losses
/// of every step and the final weights, each within a multiple of that implementation's own rounding noise.
public struct GoldenVerification: Sendable {
  public enum Kind: String, Sendable, CaseIterable {
    case forward, gradient, loss, final
  }

  public struct Row: Sendable {
    public let kind: Kind
    public let name: String
    public let relativeError: Double
    public let bound: Double
    public var ratio: Double { relativeError / bound }
    public var passes: Bool { relativeError <= bound }
  }

  public let rows: [Row]
  public let steps: Int
  public var passes: Bool { !rows.isEmpty && rows.allSatisfy(\.passes) }

  /// The worst row of a kind; a NaN is the worst there is.
  public func worst(_ kind: Kind) -> Row? {
    rows.filter { $0.kind == kind }.max { !($0.ratio.isNaN) && ($1.ratio.isNaN || $0.ratio < $1.ratio) }
  }

  /// Of the other implementation's noise.
  public static let noiseMultiple = 10.0
  public static let leastBound = 1e-5

  /// Replays the golden run on `executor`, made for `golden.model`.
  public init(_ golden: Golden, _ executor: any Executor) throws {
    let model = golden.model
    guard let training = model.training else { preconditionFailure("no training step was recorded") }
    var rows: [Row] = []
    func compare(
      _ kind: Kind, _ name: String, _ actual: [Float], noise: Double? = nil
    ) throws {
      let expected = try golden.values(name, count: actual.count)
      rows.append(
        Row(
          kind: kind, name: name, relativeError: Comparison(actual, expected: expected).relativeL2,
          bound: max(Self.leastBound, Self.noiseMultiple * (golden.noise[name] ?? 0))))
    }
    let networks: [(String, [NamedTensor], [NamedTensor], [Tensor])] = [
      ("G", model.generator.parameters, model.generator.runningStatistics, training.generatorGradients),
      (
        "D", model.discriminator?.parameters ?? [], model.discriminator?.runningStatistics ?? [],
        training.discriminatorGradients
      ),
    ]
    try model.initialize(executor, seed: 0)
    for (network, parameters, statistics, _) in networks {
      for named in parameters + statistics {
        let values = try golden.values("init.\(network).\(named.name)", count: named.tensor.shape.count)
        try executor.write(values, to: named.tensor)
      }
    }
    try executor.write(golden.values("input.A", count: training.input.shape.count), to: training.input)
    try executor.write(golden.values("input.B", count: training.target.shape.count), to: training.target)

    for step in 0..<golden.losses.count {
      for (name, mask) in training.masks {
        let ones = [Float](repeating: 1, count: mask.shape.count)
        let given = step == 0 && golden.hasMasks
        try executor.write(given ? golden.values("mask.G.\(name)", count: ones.count) : ones, to: mask)
      }
      try executor.write(Schedule(step: step, seed: 0).values, to: model.schedule)
      try executor.run(section: "train")
      let losses = try model.losses(executor)
      for (name, value) in zip(losses.names, losses.values) {
        guard let expected = golden.losses[step][name] else { continue }
        rows.append(
          Row(
            kind: .loss, name: "step \(step + 1) \(name)",
            relativeError: abs(value - expected) / abs(expected),
            bound: max(Self.leastBound, Self.noiseMultiple * golden.lossNoise)))
      }
      guard step == 0 else { continue }
      for module in training.generatorModules {
        try compare(.forward, "forward.G.\(module.name).0", module.values(executor))
      }
      for module in training.judgingModules {
        for pass in 0..<2 {
          try compare(
            .forward, "forward.D.\(module.name).\(pass)", module.values(executor, part: pass, of: 2))
        }
      }
      for module in training.judgedModules {
        try compare(.forward, "forward.D.\(module.name).2", module.values(executor))
      }
      for (network, parameters, _, gradients) in networks {
        for (parameter, gradient) in zip(parameters, gradients) {
          try compare(.gradient, "grad.\(network).\(parameter.name)", executor.read(gradient))
        }
      }
    }
    for (network, parameters, statistics, _) in networks {
      for named in parameters + statistics {
        try compare(.final, "final.\(network).\(named.name)", executor.read(named.tensor))
      }
    }
    self.rows = rows
    steps = golden.losses.count
  }
}

/// Another implementation's run: tensors in a safetensors file, options, losses and noise in a JSON file of the
/// same name beside it.
public struct Golden {
  public let model: Pix2Pix
  public let losses: [[String: Double]]
  public let lossNoise: Double
  public let noise: [String: Double]
  public let hasMasks: Bool
  private let path: String
  private let tensors: Safetensors

  private struct Description: Decodable {
    struct Options: Decodable {
      var size: Int
      var ngf: Int
      var ndf: Int
      var layers: Int
      var norm: NormKind
      var batch: Int
    }
    var options: Options
    var losses: [[String: Double]]
    var lossNoise: Double
    var noise: [String: Double]

    enum CodingKeys: String, CodingKey {
      case options, losses, noise
      case lossNoise = "loss_noise"
    }
  }

  /// - Parameter path: of the safetensors file
  /// - Throws: `ModelError` naming the file that is missing or malformed.
  public init(path: String) throws {
    let jsonPath = (path as NSString).deletingPathExtension + ".json"
    guard let json = FileManager.default.contents(atPath: jsonPath) else {
      throw ModelError.file(jsonPath, "is missing; it holds the options and losses that belong to \(path)")
    }
    let description: Description
    do {
      description = try JSONDecoder().decode(Description.self, from: json)
    } catch {
      throw ModelError.file(
        jsonPath, "is not the description of a golden run (options, losses, loss_noise, noise)")
    }
    tensors = try Safetensors(path: path)
    self.path = path
    losses = description.losses
    lossNoise = description.lossNoise
    noise = description.noise
    hasMasks = tensors.entries.keys.contains { $0.hasPrefix("mask.G.") }
    var configuration = NetworkConfiguration()
    configuration.size = PictureSize(square: description.options.size)
    configuration.ngf = description.options.ngf
    configuration.ndf = description.options.ndf
    configuration.discriminatorLayers = description.options.layers
    configuration.norm = description.options.norm
    configuration.levels = UNet.levels(ofParameters: tensors.entries.keys.lazy.map { $0 })
    var options = Pix2Pix.Options()
    options.batchSize = description.options.batch
    model = try Pix2Pix(configuration, options, sections: .train, givenMasks: true)
  }

  func values(_ name: String, count: Int) throws(ModelError) -> [Float] {
    guard let values = tensors[floats: name] else { throw .file(path, "has no tensor \(name)") }
    guard values.count == count else {
      throw .file(path, "\(name) has \(values.count) values where the model has \(count)")
    }
    return values
  }
}

extension UNet {
  /// How many levels a U-Net has, by the names of its parameters: every level but the two outermost adds
  /// ".3.model" to the deepest.
  static func levels(ofParameters names: some Sequence<String>) -> Int {
    let deepest = names.map { $0.components(separatedBy: ".3.model").count - 1 }.max() ?? 0
    return deepest + 2
  }
}
