import Foundation
import Images
import Model
import Tape
import Testing

@Suite struct CheckpointTests {
  private let folder: TemporaryFolder
  private var path: String { "\(folder.path)/x.safetensors" }

  init() throws { folder = try TemporaryFolder() }

  private func progress() -> Checkpoint.Progress {
    var progress = Checkpoint.Progress()
    progress.step = 2
    // Of equal pictures.
    progress.best = .init(figure: "psnr", value: .infinity, step: 1)
    progress.plateauBest = .infinity
    (progress.badEpochs, progress.rateReductions) = (3, 4)
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

  /// `OptionTests.runs` leave no field at its default, and `progress` neither.
  @Test(arguments: OptionTests.runs) func optionsAndProgressSurvive(_ run: OptionTests.Run) throws {
    let (model, executor) = try trained()
    let read = try saved(model, executor, run.complete)
    #expect(OptionTests.differences(read.options, run.complete) == [])
    #expect(read.options == run.complete)
    #expect(read.progress == progress())
    let atDefault = Set(OptionTests.fields(Checkpoint.Progress()).map(\.path))
      .subtracting(OptionTests.differences(progress(), Checkpoint.Progress()))
    #expect(atDefault == [])
  }

  /// Checkpoints of version 0.1 had other options.
  @Test func refusesAnotherFormat() throws {
    let (model, executor) = try trained()
    _ = try saved(model, executor, smallOptions())
    var tensors = try Safetensors(path: path)
    for format in ["pix2pix checkpoint 1", "pix2pix checkpoint 3"] {
      tensors.metadata["format"] = format
      try tensors.write(to: path, replacing: .any)
      let error = try modelError { _ = try Checkpoint(path: path) }
      #expect(error.description.hasPrefix("\(path): is a \"\(format)\"; this program reads"))
      #expect(!error.description.contains("\n"))
    }
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
    try Data("old pix2pix checkpoint".utf8).write(to: URL(fileURLWithPath: path))
    let error = try modelError { _ = try saved(model, executor, smallOptions()) }
    #expect(error.description.contains(parameter.name) && error.description.contains("NaN"))
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "old pix2pix checkpoint")
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 1)
  }

  // MARK: Hostile metadata

  /// The value with each of its parts replaced in turn, by values of every type and size.
  private static func variants(of value: Any) -> [Any] {
    let numbers: [Any] = [-1, 0, 63, 1 << 40, Int.max, Int.min, UInt64.max, 0.5, 1e308, "nan", "inf"]
    let others: [Any] = [
      NSNull(), true, "", String(repeating: "\u{1b}\n", count: 1000), [Any](), [String: Any](),
    ]
    var variants = numbers + others
    if let object = value as? [String: Any] {
      for (key, member) in object {
        var changed = object
        changed[key] = nil
        variants.append(changed)
        for variant in Self.variants(of: member) {
          changed[key] = variant
          variants.append(changed)
        }
      }
    } else if let list = value as? [Any] {
      variants += [list + list, Array(repeatElement(list.first ?? 1, count: 300))]
      for (index, element) in list.enumerated() {
        for variant in Self.variants(of: element) {
          var changed = list
          changed[index] = variant
          variants.append(changed)
        }
      }
    }
    return variants
  }

  /// Whatever stands in the place of an option or of the progress, the file is refused in a line, or the options can be
  /// used.
  @Test(arguments: OptionTests.runs) func hostileMetadata(_ run: OptionTests.Run) throws {
    let encoder = JSONEncoder()
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    let whole = [
      "options": try encoder.encode(run.complete), "progress": try encoder.encode(progress()),
    ]
    var (refused, read) = (0, 0)
    for (key, json) in whole {
      for variant in Self.variants(of: try JSONSerialization.jsonObject(with: json)) {
        var file = Safetensors()
        file.metadata = whole.mapValues { String(decoding: $0, as: UTF8.self) }
        file.metadata["format"] = "pix2pix checkpoint 2"
        file.metadata[key] = String(
          decoding: try JSONSerialization.data(withJSONObject: variant, options: .fragmentsAllowed),
          as: UTF8.self)
        try file.data().write(to: URL(fileURLWithPath: path))
        do throws(ModelError) {
          let checkpoint = try Checkpoint(path: path)
          use(checkpoint)
          read += 1
        } catch {
          #expect(error.description.hasPrefix(path) && !error.description.contains("\n"))
          refused += 1
        }
      }
    }
    #expect(refused > 500 && read > 50, "\(refused) refused, \(read) read")
  }

  /// What a training and a translation do with a checkpoint before they write anything.
  private func use(_ checkpoint: Checkpoint) {
    let options = checkpoint.options
    #expect(!options.described.isEmpty)
    let plan = TrainingPlan(options, pairs: 1000)
    let rate = plan.learningRate(
      step: checkpoint.progress.step, reductions: checkpoint.progress.rateReductions)
    #expect(rate <= 1 && plan.epochs >= 0)
    var progress = checkpoint.progress
    for _ in 0..<10 { progress.notePlateau(0.5, .lower) }
    // Options that cannot be recorded are refused by their names.
    do {
      let step = try options.recordTranslation()
      #expect(throws: ModelError.self) { try checkpoint.check(step, path: path) }
    } catch {
      #expect(error is ModelError, "\(error)")
    }
  }

  /// A network of a hundred gigabytes whose tensors are not there is refused for that, and not allocated.
  @Test func absentTensorsAreNotAllocated() throws {
    var options = TrainingOptions()
    options.network.size = PictureSize(square: 16384)
    options.network.levels = 10
    options.network.ngf = 512
    var file = Safetensors()
    file.metadata = [
      "format": "pix2pix checkpoint 2",
      "options": String(decoding: try JSONEncoder().encode(options), as: UTF8.self),
      "progress": String(decoding: try JSONEncoder().encode(Checkpoint.Progress()), as: UTF8.self),
    ]
    try file.write(to: path)
    let checkpoint = (try Checkpoint(path: path), path: path)
    let error = try modelError {
      _ = try Translator(checkpoint) { _ in
        Issue.record("an executor was made")
        throw ModelError.training("made")
      }
    }
    #expect(error == .file(path, "has no model.model.0.weight: it belongs to another architecture"))
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
      try changed.write(to: path, replacing: .any)
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
}
