import Foundation
import Model
import Tape
import Testing

/// Whether `verify --against` notices a value that is just beyond its bound, in a golden run that the reference itself
/// has made: compared with that, all errors are the ones that a test puts in.
@Suite struct GoldenBoundTests {
  /// A golden run of two steps, as the files hold it.
  private struct Run {
    var tensors = Safetensors()
    var losses: [[String: Double]] = []
    var noise: [String: Double] = [:]
    var lossNoise = 0.0

    init() throws {
      var configuration = try NetworkConfiguration(size: 32, ngf: 2, ndf: 2)
      configuration.discriminatorLayers = 1
      let model = try Pix2Pix(configuration, sections: .train, givenMasks: true)
      let executor = ReferenceExecutor(model.recording)
      try model.initialize(executor, seed: 5)
      func keep(_ stage: String) {
        for network in model.networks {
          for named in network.parameters + network.runningStatistics {
            keep("\(stage).\(network.label.name).\(named.name)", named.tensor)
          }
        }
      }
      func keep(_ name: String, _ tensor: Tensor) {
        tensors.set(name, tensor.shape.dimensions, executor.read(tensor))
      }
      keep("init")
      for input in model.inputs {
        let (tensor, count) = (input.tensor, input.tensor.shape.count)
        if case .side(let side) = input.source {
          let values: [Float] = (0..<count).map { Float(sin(Double($0 * (3 + side)))) }
          executor.write(values, to: tensor)
          keep(model.recording.name(of: tensor), tensor)
        } else {
          executor.write([Float](repeating: 1, count: count), to: tensor)
        }
      }
      for step in 0..<2 {
        executor.write(Schedule(step: step, learningRate: 2e-4, seed: 0).values, to: model.schedule)
        try executor.run(section: "train")
        let reported = try model.losses(executor)
        losses.append(Dictionary(uniqueKeysWithValues: zip(reported.names, reported.values)))
        guard step == 0 else { continue }
        for network in model.networks {
          for module in network.modules { keep(module, network.label.name) }
          for (parameter, gradient) in zip(network.parameters, network.gradients) {
            keep("grad.\(network.label.name).\(parameter.name)", gradient)
          }
        }
      }
      keep("final")

      func keep(_ module: ModuleOutput, _ network: String) {
        let size = module.tensor.shape.count / module.tensor.shape.n
        let range = module.images.lowerBound * size..<module.images.upperBound * size
        let values = executor.read(module.tensor)[range].map(module.activation.apply)
        tensors.set("forward.\(network).\(module.name).\(module.pass)", [values.count], values)
      }
    }

    /// Changes one value of a tensor, the largest, so that the tensor's relative L2 error is `error`.
    mutating func change(_ name: String, by error: Double) throws {
      var values = try #require(tensors[floats: name])
      let norm = values.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
      let largest = try #require(values.indices.max { abs(values[$0]) < abs(values[$1]) })
      values[largest] = Float(Double(values[largest]) + error * norm)
      tensors.set(name, tensors.entries[name]!.shape, values)
    }

    /// Verifies the reference against the files of this run.
    func verification(in folder: TemporaryFolder) throws -> GoldenVerification {
      let description: [String: Any] = [
        "options": ["size": 32, "ngf": 2, "ndf": 2, "layers": 1, "norm": "batch", "batch": 1],
        "losses": losses, "noise": noise, "loss_noise": lossNoise,
      ]
      let path = "\(folder.path)/golden.safetensors"
      try tensors.write(to: path, replacing: .any)
      try JSONSerialization.data(withJSONObject: description).write(
        to: URL(fileURLWithPath: "\(folder.path)/golden.json"))
      let golden = try Golden(path: path)
      return try GoldenVerification(golden, ReferenceExecutor(golden.step.recording))
    }
  }

  private static func failures(_ verification: GoldenVerification) -> [String] {
    verification.rows.filter { !$0.passes }.map(\.name)
  }

  /// A bound that is wider than ten times the other implementation's noise, or than 1e-5 where there is less; one that
  /// holds for a kind of tensor only; a row that is compared with another tensor.
  @Test func aValueBeyondItsBoundIsNamed() throws {
    let folder = try TemporaryFolder()
    let run = try Run()
    let clean = try run.verification(in: folder)
    #expect(clean.passes && clean.steps == 2)
    for row in clean.rows { #expect(row.relativeError == 0, "\(row.name)") }

    let names = run.tensors.entries.keys.sorted().filter { name in
      ["forward.", "grad.", "final."].contains { name.hasPrefix($0) }
    }
    #expect(Set(clean.rows.filter { $0.kind != .loss }.map(\.name)) == Set(names))
    // Of each kind and network the first.
    let stages = ["forward.G.", "forward.D.", "grad.G.", "grad.D.", "final.G.", "final.D."]
    let chosen = try stages.map { stage in try #require(names.first { $0.hasPrefix(stage) }) }
    for name in chosen {
      for (noise, bound) in [(0, 1e-5), (3e-6, 3e-5)] {
        for (factor, expected) in [(0.9, []), (1.1, [name])] {
          var changed = run
          changed.noise[name] = noise
          try changed.change(name, by: factor * bound)
          let result = try changed.verification(in: folder)
          #expect(Self.failures(result) == expected, "\(name), noise \(noise), \(factor) of the bound")
        }
      }
    }
    for (noise, bound) in [(0, 1e-5), (3e-6, 3e-5)] {
      for (factor, expected) in [(0.9, []), (1.1, ["step 2 G_L1"])] {
        var changed = run
        changed.lossNoise = noise
        changed.losses[1]["G_L1"]! *= 1 + factor * bound
        let result = try changed.verification(in: folder)
        #expect(Self.failures(result) == expected, "losses, noise \(noise), \(factor) of the bound")
      }
    }
  }

  /// A NaN, on either side of the comparison.
  @Test func aNaNIsNamed() throws {
    let folder = try TemporaryFolder()
    var run = try Run()
    let name = try #require(run.tensors.entries.keys.filter { $0.hasPrefix("grad.D.") }.min())
    try run.change(name, by: .nan)
    #expect(try Self.failures(run.verification(in: folder)) == [name])
  }
}
