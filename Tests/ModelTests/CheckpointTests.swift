import Foundation
import Model
import Tape
import Testing

@Suite struct CheckpointTests {
  private let folder: TemporaryFolder
  private var path: String { "\(folder.path)/x.safetensors" }

  init() throws { folder = try TemporaryFolder() }

  /// No option at its default, so that one that is not kept shows.
  private func options() -> TrainingOptions {
    var options = TrainingOptions()
    options.network.size = 32
    options.network.levels = 5
    options.network.ngf = 2
    options.network.ndf = 2
    options.network.discriminatorLayers = 2
    options.network.norm = .instance
    options.network.affine = true
    options.network.dropout = false
    options.network.generator = .encoderDecoder
    options.network.upsampling = .resize
    options.network.scales = 2
    options.network.inputChannels = 1
    options.network.outputChannels = 4
    options.batchSize = 2
    options.objective.kind = .ganL1
    options.objective.ganLoss = .lsgan
    options.objective.lambdaGAN = 0.5
    options.objective.lambdaL1 = 12.5
    options.initialization = .kaiming
    options.learningRatePolicy = .step(every: 9)
    options.learningRate = 0.1 + 0.2
    options.length = .epochs(constant: 3, decaying: 4)
    options.data = "a \"quoted\" \u{e9}/folder"
    options.targets = "targets"
    options.validationData = "validation"
    options.validationTargets = "validation targets"
    options.direction = .bToA
    options.jitter = false
    options.seed = .max
    options.saveEvery = 5
    options.sampleEvery = 6
    options.keep = 7
    options.best = "psnr"
    options.validateEvery = 8
    return options
  }

  private func progress() -> Checkpoint.Progress {
    var progress = Checkpoint.Progress()
    progress.step = 2
    progress.samplerEpoch = 1
    progress.samplerBatch = 3
    progress.randomCounter = 2
    // Of equal pictures.
    progress.best = .init(figure: "psnr", value: .infinity, step: 1)
    progress.plateauBest = .infinity
    return progress
  }

  private func trained() throws -> (Pix2Pix, ReferenceExecutor) {
    let model = try smallModel()
    let executor = ReferenceExecutor(model.recording)
    try model.initialize(executor, seed: 5)
    for step in 0..<2 { try trainStep(model, executor, step: step) }
    return (model, executor)
  }

  private func saved(
    _ model: Pix2Pix, _ executor: any Executor, _ options: TrainingOptions
  ) throws -> Checkpoint {
    try Checkpoint.save(model, executor, options: options, progress: progress(), to: path)
    return try Checkpoint(path: path)
  }

  private func smallOptions() -> TrainingOptions {
    var options = TrainingOptions()
    options.network.size = 32
    options.network.levels = 5
    options.network.ngf = 2
    options.network.ndf = 2
    return options
  }

  @Test(arguments: [TrainingOptions.Length.steps(9), .epochs(constant: 3, decaying: 4)])
  func optionsAndProgressSurvive(_ length: TrainingOptions.Length) throws {
    let (model, executor) = try trained()
    var options = options()
    options.length = length
    let read = try saved(model, executor, options)
    #expect(read.options == options)
    #expect(read.progress == progress())
  }

  /// Metadata of runs that knew one figure.
  @Test func earlierProgress() throws {
    let text = """
      {"step":8,"samplerEpoch":2,"samplerBatch":0,"randomCounter":8,"bestValidationL1":31.5,"bestStep":4}
      """
    let progress = try JSONDecoder().decode(Checkpoint.Progress.self, from: Data(text.utf8))
    #expect(progress.best == .init(figure: "l1", value: 31.5, step: 4))
    #expect(progress.step == 8 && progress.samplerEpoch == 2)
    let encoded = try JSONEncoder().encode(TrainingOptions())
    var options = try #require(JSONSerialization.jsonObject(with: encoded) as? [String: Any])
    #expect(options.removeValue(forKey: "best") != nil && options.removeValue(forKey: "validateEvery") != nil)
    let earlier = try JSONSerialization.data(withJSONObject: options)
    #expect(try JSONDecoder().decode(TrainingOptions.self, from: earlier) == TrainingOptions())
  }

  /// A restored state is the state: the next step gives the same checkpoint, bit by bit.
  @Test func stateSurvives() throws {
    let (model, executor) = try trained()
    let read = try saved(model, executor, smallOptions())
    let whole = try Safetensors(path: path)
    for named in model.networks[0].parameters {
      #expect(try read.tensors.floats(named.name) == executor.read(named.tensor), "\(named.name)")
    }
    let other = ReferenceExecutor(model.recording)
    try model.initialize(other, seed: 99)
    try read.restore(model, other, path: path)
    for target in [executor, other] { try trainStep(model, target, step: 2) }
    let next = try [executor, other].map { executor in
      _ = try saved(model, executor, smallOptions())
      return try Safetensors(path: path)
    }
    #expect(next[0] == next[1])
    #expect(next[0] != whole)
  }

  /// Everything of PyTorch's state dictionaries is there, and Adam's moments.
  @Test func contents() throws {
    let (model, executor) = try trained()
    _ = try saved(model, executor, smallOptions())
    let entries = try Safetensors(path: path).entries
    for (network, name) in zip(model.networks, ["G", "D"]) {
      for named in network.parameters {
        for name in [named.name, "adam.m.\(name).\(named.name)", "adam.v.\(name).\(named.name)"] {
          #expect(entries[name]?.shape == named.tensor.shape.dimensions, "\(name)")
        }
      }
    }
    #expect(entries["model.model.1.model.2.num_batches_tracked"]?.values == .int64([2]))
    #expect(entries["model.3.num_batches_tracked"]?.values == .int64([6]))
  }

  @Test func refusesNaN() throws {
    let (model, executor) = try trained()
    let parameter = model.networks[0].parameters[1]
    var values = executor.read(parameter.tensor)
    values[0] = .nan
    executor.write(values, to: parameter.tensor)
    // Neither the file that was there nor its folder are touched.
    try Data("old".utf8).write(to: URL(fileURLWithPath: path))
    let error = try modelError { _ = try saved(model, executor, smallOptions()) }
    #expect(error.description.contains(parameter.name) && error.description.contains("NaN"))
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 1)
  }

  /// What cannot be restored changes nothing.
  @Test func refusesOtherShapes() throws {
    let (model, executor) = try trained()
    _ = try saved(model, executor, smallOptions())
    let good = try Safetensors(path: path)
    let last = try #require(model.network("D")?.parameters.last?.name)
    var bad: [(Checkpoint, String)] = []
    for (change, expected) in [
      ({ $0.entries[last] = nil }, "has no \(last)"),
      ({ $0.set(last, [1, 1], [7]) }, "\(last) has the shape"),
      ({ $0.set(last, scalar: 7) }, "\(last) has the shape"),
    ] as [((inout Safetensors) -> Void, String)] {
      var changed = good
      change(&changed)
      try changed.write(to: path)
      bad.append((try Checkpoint(path: path), expected))
    }
    let first = model.networks[0].parameters[0].tensor
    let other = ReferenceExecutor(model.recording)
    try model.initialize(other, seed: 99)
    let before = other.read(first)
    for (checkpoint, expected) in bad {
      guard case .file("p", let reason) = try modelError({ try checkpoint.restore(model, other, path: "p") })
      else {
        Issue.record("the file is not named")
        continue
      }
      #expect(reason.contains(expected))
      #expect(other.read(first) == before)
    }
  }

  /// The options as the first version wrote them.
  @Test func optionsOfEarlierVersionsAreRead() throws {
    let json = """
      {"batchSize":4,"data":"d","direction":"BtoA","jitter":true,"keep":3,"lambdaL1":50,"learningRate":0.0002,\
      "length":{"epochs":{"constant":10,"decaying":5}},"network":{"discriminatorLayers":2,"dropout":true,\
      "inputChannels":3,"levels":6,"ndf":16,"ngf":8,"norm":"instance","outputChannels":3,"size":64},"seed":9}
      """
    let options = try JSONDecoder().decode(TrainingOptions.self, from: Data(json.utf8))
    var expected = TrainingOptions()
    (expected.batchSize, expected.data, expected.direction, expected.seed) = (4, "d", .bToA, 9)
    expected.objective.lambdaL1 = 50
    expected.length = .epochs(constant: 10, decaying: 5)
    expected.network.discriminatorLayers = 2
    (expected.network.size, expected.network.levels) = (64, 6)
    (expected.network.ndf, expected.network.ngf, expected.network.norm) = (16, 8, .instance)
    #expect(options == expected)
  }
}
