import Files
import Images
import Tape

import struct Foundation.Data
import class Foundation.JSONDecoder
import class Foundation.NSString

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

  /// The bounds as a multiple of the other implementation's noise.
  public static let noiseMultiple = 10.0
  public static let leastBound = 1e-5

  /// Replays the golden run on `executor`, made for `golden.step`.
  public init(_ golden: Golden, _ executor: any Executor) throws {
    let step = golden.step
    var rows: [Row] = []
    func compare(_ kind: Kind, _ name: String, _ actual: [Float]) throws {
      let expected = try golden.values(name, count: actual.count)
      rows.append(
        Row(
          kind: kind, name: name, relativeError: Comparison(actual, expected: expected).relativeL2,
          bound: Self.bound(noise: golden.noise[name] ?? 0)))
    }
    try step.initialize(executor, seed: 0)
    for network in step.networks {
      for named in network.parameters + network.runningStatistics {
        let name = "init.\(network.label.name).\(named.name)"
        try executor.write(golden.values(name, count: named.tensor.shape.count), to: named.tensor)
      }
    }
    for number in 0..<golden.losses.count {
      try golden.fill(executor, step: number)
      for section in step.sections { try executor.run(section: section) }
      let losses = try step.losses(executor)
      for (name, value) in zip(losses.names, losses.values) {
        guard let expected = golden.losses[number][name] else { continue }
        rows.append(
          Row(
            kind: .loss, name: "step \(number + 1) \(name)",
            relativeError: abs(value - expected) / abs(expected),
            bound: Self.bound(noise: golden.lossNoise)))
      }
      guard number == 0 else { continue }
      for network in step.networks {
        let label = network.label.name
        let modules = network.modules.map { ($0, "forward.\(label).\($0.name).\($0.pass)") }
        let held = modules.filter { golden.holds($0.1) }
        // A large run may leave out what lies between the ends, but no pass.
        guard Set(held.map(\.0.pass)) == Set(modules.map(\.0.pass)) else {
          throw ModelError.file(golden.path, "has no module's output of one of the passes of \(label)")
        }
        for (module, name) in held { try compare(.forward, name, module.values(executor)) }
        for (parameter, gradient) in zip(network.parameters, network.gradients) {
          try compare(.gradient, "grad.\(label).\(parameter.name)", executor.read(gradient))
        }
      }
    }
    for network in step.networks {
      for named in network.parameters + network.runningStatistics {
        try compare(.final, "final.\(network.label.name).\(named.name)", executor.read(named.tensor))
      }
    }
    self.rows = rows
    steps = golden.losses.count
  }

  /// The error allowed beside another implementation's rounding noise.
  private static func bound(noise: Double) -> Double { max(leastBound, noiseMultiple * noise) }
}

/// Another implementation's run: tensors in a safetensors file, options, losses and noise in a JSON file of the
/// same name beside it.
public struct Golden {
  public let step: any TrainingStep
  public let losses: [[String: Double]]
  public let lossNoise: Double
  public let noise: [String: Double]
  public let hasMasks: Bool
  let path: String
  private let tensors: Safetensors

  private struct Description: Decodable {
    struct Options: Decodable {
      var size: Int
      var ngf: Int
      var ndf: Int
      var layers: Int
      var norm: NormKind
      var batch: Int
      var generator: GeneratorKind?
      /// Of a CycleGAN.
      var unpaired: CycleGAN.Weights?
      /// Of a BicycleGAN.
      var codes: BicycleGAN.Weights?
      var latent: LatentCode?
      var objective: Objective.Kind?
      var scales: Int?
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
    let json: [UInt8]
    do throws(FileError) {
      json = try RegularFile.contents(jsonPath)
    } catch {
      throw ModelError.file(
        jsonPath, "\(error.reason); it holds the options and losses that belong to \(path)")
    }
    let description: Description
    do {
      description = try JSONDecoder().decode(Description.self, from: Data(json))
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
    step = try Self.step(description.options, tensors)
  }

  private static func step(_ options: Description.Options, _ tensors: Safetensors) throws -> any TrainingStep
  {
    var configuration = NetworkConfiguration()
    configuration.size = PictureSize(square: options.size)
    (configuration.ngf, configuration.ndf) = (options.ngf, options.ndf)
    (configuration.discriminatorLayers, configuration.norm) = (options.layers, options.norm)
    configuration.levels = UNet.levels(ofParameters: tensors.entries.keys.lazy.map { $0 })
    configuration.generator = options.generator ?? configuration.generator
    if let weights = options.codes {
      (configuration.latent, configuration.scales) = (options.latent, options.scales ?? 1)
      configuration.dropout = false
      var step = BicycleGAN.Options()
      (step.batchSize, step.weights) = (options.batch, weights)
      step.objective.kind = options.objective ?? step.objective.kind
      return try BicycleGAN(configuration, step)
    }
    guard let weights = options.unpaired else {
      var step = Pix2Pix.Options()
      step.batchSize = options.batch
      return try Pix2Pix(configuration, step, sections: .train, givenMasks: true)
    }
    configuration.dropout = false
    var step = CycleGAN.Options()
    (step.batchSize, step.weights) = (options.batch, weights)
    return try CycleGAN(configuration, step)
  }

  func holds(_ name: String) -> Bool { tensors.entries[name] != nil }

  /// Sets the inputs of one of the run's steps: those under its number, or those of all steps. Dropout masks are given for the
  /// first, and keep everything in the others.
  func fill(_ executor: any Executor, step number: Int) throws {
    for input in step.inputs {
      let (plain, count) = (step.recording.name(of: input.tensor), input.tensor.shape.count)
      if case .pool(let pool) = input.source {
        let chooser = ImagePoolChooser(slots: pool.images.shape.n, seed: 0, number: pool.number)
        let choices = chooser.choices(images: count / 2, step: number)
        try executor.write(ImagePoolChoice.values(of: choices), to: input.tensor)
        continue
      }
      let numbered = "\(plain).\(number)"
      let name = holds(numbered) ? numbered : plain
      let isGiven = if case .mask = input.source { number == 0 && hasMasks } else { true }
      try executor.write(
        isGiven ? values(name, count: count) : [Float](repeating: 1, count: count), to: input.tensor)
    }
    try executor.write(Schedule(step: number, seed: 0).values, to: step.schedule)
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
