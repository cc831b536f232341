import Images
import Model
import Tape
import Testing

@Suite struct NetworkTests {
  private func generator(_ size: Int) throws -> Network {
    try Pix2Pix(NetworkConfiguration(size: PictureSize(square: size)), sections: .translate).networks[0]
  }

  private func count(_ parameters: [NamedTensor]) -> Int {
    parameters.reduce(0) { $0 + $1.tensor.shape.count }
  }

  @Test func parameterCounts() throws {
    #expect(count(try generator(256).parameters) == 54_413_955)
    #expect(count(try generator(128).parameters) == 41_828_995)
    let model = try Pix2Pix(NetworkConfiguration(), sections: .train)
    #expect(count(try #require(model.network("D")).parameters) == 2_768_705)
  }

  /// The names and shapes of PyTorch's UnetGenerator with 8 halvings, spelled out from its module tree.
  @Test func generatorNames() throws {
    var shapes: [String: [Int]] = [:]
    var statistics: [String: [Int]] = [:]
    func norm(_ prefix: String, _ channels: Int) {
      for name in ["weight", "bias"] { shapes["\(prefix).\(name)"] = [channels] }
      for name in ["running_mean", "running_var"] { statistics["\(prefix).\(name)"] = [channels] }
    }
    let channels = [64, 128, 256, 512, 512, 512, 512, 512]
    shapes["model.model.0.weight"] = [64, 3, 4, 4]
    shapes["model.model.3.weight"] = [128, 3, 4, 4]
    shapes["model.model.3.bias"] = [3]
    var prefix = "model.model.1.model"
    for level in 2...7 {
      let (outer, own) = (channels[level - 2], channels[level - 1])
      shapes["\(prefix).1.weight"] = [own, outer, 4, 4]
      norm("\(prefix).2", own)
      shapes["\(prefix).5.weight"] = [2 * own, outer, 4, 4]
      norm("\(prefix).6", outer)
      prefix += ".3.model"
    }
    shapes["\(prefix).1.weight"] = [512, 512, 4, 4]
    shapes["\(prefix).3.weight"] = [512, 512, 4, 4]
    norm("\(prefix).4", 512)
    // PyTorch's first convolution has a bias only with instance norm; the last has one always.
    expect(try generator(256).parameters, shapes)
    expect(try generator(256).runningStatistics, statistics)
  }

  @Test func discriminatorNames() throws {
    var shapes: [String: [Int]] = [
      "model.0.weight": [64, 6, 4, 4], "model.0.bias": [64], "model.2.weight": [128, 64, 4, 4],
      "model.5.weight": [256, 128, 4, 4], "model.8.weight": [512, 256, 4, 4],
      "model.11.weight": [1, 512, 4, 4], "model.11.bias": [1],
    ]
    var statistics: [String: [Int]] = [:]
    for (index, channels) in [(3, 128), (6, 256), (9, 512)] {
      for name in ["weight", "bias"] { shapes["model.\(index).\(name)"] = [channels] }
      for name in ["running_mean", "running_var"] { statistics["model.\(index).\(name)"] = [channels] }
    }
    let model = try Pix2Pix(NetworkConfiguration(), sections: .train)
    let discriminator = try #require(model.network("D"))
    expect(discriminator.parameters, shapes)
    expect(discriminator.runningStatistics, statistics)
  }

  private func expect(_ tensors: [NamedTensor], _ shapes: [String: [Int]]) {
    #expect(Set(tensors.map(\.name)) == Set(shapes.keys))
    #expect(tensors.count == shapes.count)
    for named in tensors {
      #expect(named.tensor.shape.dimensions == shapes[named.name], "\(named.name)")
    }
  }

  @Test(arguments: [32, 64, 128, 256, 512, 1024], NormKind.allCases)
  func everySizeRecords(_ size: Int, _ norm: NormKind) throws {
    let configuration = try NetworkConfiguration(size: PictureSize(square: size), norm: norm)
    let model = try Pix2Pix(configuration, sections: [.train, .translate])
    let (generator, discriminator) = (model.networks[0], model.networks[1])
    #expect(generator.modules.last?.tensor.shape == [1, 3, size, size])
    #expect(model.translations.map(\.output.shape) == [[1, 3, size, size]])
    for (pass, images) in [(0, 2), (1, 2), (2, 1)] {
      let logits = try #require(discriminator.modules.last { $0.pass == pass })
      #expect(logits.tensor.shape.dimensions == [images, 1, size / 8 - 2, size / 8 - 2])
      #expect(logits.images == (pass == 1 ? 1..<2 : 0..<1))
    }
    for network in model.networks {
      #expect(network.gradients.count == network.parameters.count)
      #expect(network.moments.count == network.parameters.count)
    }
  }

  /// Its loss is not asked for the generator's gradient, so no time may go into the way there.
  @Test func discriminatorHalfLeavesTheGeneratorAlone() throws {
    let model = try smallModel()
    let fake = try #require(model.networks[0].modules.last?.tensor)
    let range = try #require(model.recording.sections["train"])
    let steps = Array(model.recording.steps[range])
    let judging = try #require(steps.firstIndex { $0.operation.outputs.contains(fake) }) + 1
    let lastUpdate = try #require(steps.lastIndex { $0.name == "Adam" && $0.label.hasPrefix("D.") })
    let firstUpdate = try #require(steps.firstIndex { $0.name == "Adam" && $0.label.hasPrefix("G.") })
    #expect(judging < lastUpdate && lastUpdate < firstUpdate)
    let dFake = try #require(model.losses.first { $0.name == "D_fake" })
    let firstLoss = try #require(steps.firstIndex { $0.operation.outputs.contains(dFake.tensor) })
    let own = Set(model.networks[0].parameters.map(\.tensor))
    let pairs = [Shape([1, 6, 32, 32]), Shape([2, 6, 32, 32])]
    for step in steps[judging...lastUpdate] {
      #expect(own.isDisjoint(with: step.operation.inputs + step.operation.outputs), "\(step.label)")
    }
    // The way to the generator leads through the gradient of the pair.
    #expect(
      !steps[firstLoss...lastUpdate].contains { $0.operation.outputs.contains { pairs.contains($0.shape) } })
    // And so it does in the generator's half, or the check above means nothing.
    #expect(
      steps[lastUpdate..<firstUpdate].contains { $0.operation.outputs.contains { pairs.contains($0.shape) } })
  }
}
