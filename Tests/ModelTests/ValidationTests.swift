import Foundation
import ImageMetrics
import Images
import Model
import Tape
import Testing

/// Small runs on the reference, validated by figures whose values are known.
@Suite struct ValidationTests {
  private let folder: TemporaryFolder
  private var run: RunDirectory { RunDirectory("\(folder.path)/run") }

  init() throws {
    folder = try TemporaryFolder()
    for (split, count) in [("train", 2), ("val", 3)] {
      let path = "\(folder.path)/data/\(split)"
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      for number in 0..<count {
        let samples = (0..<64 * 32 * 3).map { UInt8(($0 * (7 + number) + $0 / 96) % 251) }
        try Picture(width: 64, height: 32, channels: 3, samples: .eight(samples))
          .write(to: "\(path)/\(number).png")
      }
    }
  }

  private func options(epochs: Int) -> TrainingOptions {
    var options = TrainingOptions()
    options.network.size = 32
    options.network.levels = 5
    options.network.ngf = 2
    options.network.ndf = 2
    options.data = "\(folder.path)/data"
    options.length = .epochs(constant: epochs, decaying: 0)
    options.keep = 10
    return options
  }

  /// A figure of given values, one for each validation.
  private final class Given: FigureSource {
    let kinds = [FigureKind("given", "given", better: .higher)]
    private var values: [Double]
    private(set) var indices: [Int] = []
    private(set) var sizes: Set<Int> = []

    init(_ values: [Double]) { self.values = values }

    func measure(_ pairs: [TranslatedPair]) throws {
      indices += pairs.map(\.index)
      for pair in pairs { sizes.formUnion([pair.output.width, pair.target.height]) }
    }

    func takeValues() -> [Double] { [values.removeFirst()] }
  }

  /// The reference, on which a weight of the generator becomes NaN after so many training steps.
  private final class Diverging: Executor {
    private let reference: ReferenceExecutor
    private var stepsLeft: Int

    init(_ recording: Recording, afterSteps steps: Int) {
      reference = ReferenceExecutor(recording)
      stepsLeft = steps
    }

    var recording: Recording { reference.recording }
    var name: String { reference.name }
    func write(_ values: [Float], to tensor: Tensor) throws { reference.write(values, to: tensor) }
    func read(_ tensor: Tensor) throws -> [Float] { reference.read(tensor) }
    func expect(_ steps: Range<Int>) throws { try reference.expect(steps) }
    func finish() throws { reference.finish() }

    func run(_ steps: Range<Int>) throws {
      reference.run(steps)
      guard steps == recording.sections["train"] else { return }
      stepsLeft -= 1
      guard stepsLeft == 0 else { return }
      let weight = try #require(recording.tensor(named: "model.model.0.weight"))
      var values = try read(weight)
      values[0] = .nan
      try write(values, to: weight)
    }
  }

  /// Trains, going on from the last checkpoint where there is one; the epochs that were called the best.
  @discardableResult
  private func train(
    _ options: TrainingOptions, _ sources: [any FigureSource] = [],
    on makeExecutor: (any TrainingStep) throws -> any Executor = { ReferenceExecutor($0.recording) }
  ) throws -> [Int] {
    let resumed = try run.latestCheckpoint().map { (try Checkpoint(path: $0), path: $0) }
    let trainer = try Trainer(
      options, run: run, resuming: resumed, figureSources: sources, makeExecutor: makeExecutor)
    var best: [Int] = []
    let outcome = try trainer.train(
      shouldStop: { false },
      onEvent: { event in
        guard case .validated(_, let epoch, let figures, let kind, let isBest) = event else { return }
        if isBest { best.append(epoch) }
        #expect(kind.key == options.best && figures.allSatisfy { $0.count == 3 })
      })
    #expect(outcome == .finished)
    return best
  }

  /// Rows of validation.csv by column.
  private func rows() throws -> [[String: String]] {
    let lines = try String(contentsOfFile: run.validation, encoding: .utf8).split(separator: "\n").map {
      $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
    return lines.dropFirst().map { line in
      #expect(line.count == lines[0].count)
      return Dictionary(uniqueKeysWithValues: zip(lines[0], line))
    }
  }

  private func best() throws -> Checkpoint.Progress.Best? { try Checkpoint(path: run.best).progress.best }

  @Test func furtherFiguresJoin() throws {
    var options = options(epochs: 4)
    options.best = "given"
    let source = Given([0.25, 0.75, .nan, 0.5])
    #expect(try train(options, [source]) == [1, 2])
    #expect(source.indices == [Int](repeating: 0, count: 4).flatMap { _ in 0..<3 })
    #expect(source.sizes == [32])
    let rows = try rows()
    #expect(rows.map { $0["given"] } == ["0.25", "0.75", "nan", "0.5"])
    #expect(rows.map { $0["epoch"] } == ["1", "2", "3", "4"])
    #expect(rows.allSatisfy { Double($0["ssim"] ?? "") != nil && Double($0["mse"] ?? "") != nil })
    #expect(try best() == .init(figure: "given", value: 0.75, step: 4))
  }

  /// Rows that no run writes are dropped when it goes on; the others stay.
  @Test func hostileTables() throws {
    try train(options(epochs: 2))
    let rows = try rows()
    for (path, lines) in [
      (
        run.losses,
        [
          "1,inf,0,0,0,0,0.1,1", "1,1e300,0,0,0,0,0.1,1", "1,nan,0,0,0,0,0.1,1", "-1,0,0,0,0,0,0.1,1",
          "-9223372036854775808,0,0,0,0,0,0.1,1", "9223372036854775807,1,0,0,0,0,0.1,1",
          "1,1,1e999,0,0,0,0.1,1",
          "1", "", ",,,,,,,", "1,1,0,0,0,0,0.1,1,1", String(repeating: "1,", count: 100_000), "\u{0}", "\r",
        ]
      ),
      (run.validation, ["-1,1", "1,-9223372036854775808,1,1,1,1,1,1,1,1,1,1,1", ",,,", "1,1", "\u{fffd}"]),
    ] {
      let text = try String(contentsOfFile: path, encoding: .utf8) + lines.joined(separator: "\n") + "\n"
      try (Data(text.utf8) + [0xff, 0xc0, 0x0a]).write(to: URL(fileURLWithPath: path))
    }
    try train(options(epochs: 3))
    #expect(try self.rows().prefix(2) == rows[...])
    let losses = try String(contentsOfFile: run.losses, encoding: .utf8).split(separator: "\n")
    #expect(losses.dropFirst().map { $0.prefix { $0 != "," } } == ["2", "4", "6"])
  }

  /// The rate falls where the chosen figure, here a higher one being better, stands still.
  @Test func plateausGoByTheChosenFigure() throws {
    var options = options(epochs: 8)
    options.best = "given"
    options.learningRatePolicy = .plateau
    try train(options, [Given([0.1, 0.2, 0.2, 0.1, 0.2, 0.2, 0.2, 0.2])])
    let progress = try Checkpoint(path: try #require(run.latestCheckpoint())).progress
    #expect(progress.plateauBest == 0.2 && progress.rateReductions == 1)
  }

  @Test(arguments: [(2, ["2", "4", "5"]), (9, ["5"]), (0, [])])
  func validatesEvery(_ epochs: Int, _ expected: [String]) throws {
    var options = options(epochs: 5)
    options.validateEvery = epochs
    try train(options)
    #expect(try rows().compactMap { $0["epoch"] } == expected)
    #expect(FileManager.default.fileExists(atPath: run.best) == !expected.isEmpty)
    #expect(FileManager.default.fileExists(atPath: run.report) && !run.sampleSteps().isEmpty)
  }

  /// A run of the time when there was one figure keeps its rows.
  @Test func earlierRowsStay() throws {
    try train(options(epochs: 2))
    try Data("step,epoch,l1\n2,1,90.1250\n4,2,80.5000\n".utf8).write(to: URL(fileURLWithPath: run.validation))
    try train(options(epochs: 3))
    let rows = try rows()
    #expect(rows.map { $0["step"] } == ["2", "4", "6"])
    #expect(rows[0]["l1"] == "90.125" && rows[1]["l1"] == "80.5")
    #expect(rows[0]["ssim"] == "" && rows[1]["psnr"] == "")
    #expect(Double(rows[2]["l1"] ?? "") != nil && Double(rows[2]["ssim"] ?? "") != nil)
    // A column that is not measured any more stays, too.
    var without = options(epochs: 4)
    without.validateEvery = 0
    try train(without)
    #expect(try self.rows() == rows)
  }

  /// Another figure counts from the best of its own values whose state is still there.
  @Test func anotherFigureOnResume() throws {
    try train(options(epochs: 3), [Given([0.5, 0.9, 0.7])])
    #expect(try best()?.figure == "l1")
    var options = options(epochs: 5)
    options.best = "given"
    // 0.8 is better than all values of L1 would let it be, and worse than the best of its own.
    #expect(try train(options, [Given([0.8, 0.85])]).isEmpty)
    #expect(
      FileManager.default.contents(atPath: run.best)
        == FileManager.default.contents(atPath: run.checkpoint(step: 4)))
    let progress = try Checkpoint(path: run.checkpoint(step: 10)).progress
    #expect(progress.best == .init(figure: "given", value: 0.9, step: 4))
    options.length = .epochs(constant: 6, decaying: 0)
    #expect(try train(options, [Given([0.95])]) == [6])
    #expect(try best() == .init(figure: "given", value: 0.95, step: 12))
  }

  /// Where the other figure was never measured it begins anew, whatever numbers the first one had.
  @Test func aNewFigureOnResume() throws {
    try train(options(epochs: 2))
    var options = options(epochs: 4)
    options.best = "given"
    #expect(try train(options, [Given([-1000, -2000])]) == [3])
    #expect(try best() == .init(figure: "given", value: -1000, step: 6))
  }

  @Test(arguments: ["ms_ssim", "pixel_accuracy", "given", ""])
  func figuresThatTheRunCannotHave(_ key: String) throws {
    var options = options(epochs: 1)
    options.best = key
    let error = try modelError { try train(options) }
    #expect(
      error.description
        == "--best: \(key) is none of the figures that this run has: l1, mse, psnr, ssim, "
        + "histogram_intersection_l, histogram_intersection_a, histogram_intersection_b")
    #expect(!FileManager.default.fileExists(atPath: run.path))
  }

  /// The losses of a step are those of the weights before it: what its update breaks shows in the pictures first. No
  /// figure is made of them, and what was good stays.
  @Test func picturesOfNaNEndTheRun() throws {
    let error = try modelError {
      try train(options(epochs: 3)) { Diverging($0.recording, afterSteps: 4) }
    }
    let kept = run.checkpoint(step: 2)
    #expect(
      error.description
        == "the generator's pictures became NaN or infinite by step 4; the last good checkpoint is \(kept). "
        + "Resume or begin again with a lower --learning-rate.")
    #expect(try rows().map { $0["epoch"] } == ["1"])
    #expect(try run.checkpointSteps() == [2] && best()?.step == 2)
  }

  @Test func figuresNeedPairs() throws {
    try FileManager.default.removeItem(atPath: "\(folder.path)/data/val")
    var options = options(epochs: 1)
    options.best = "ssim"
    let error = try modelError { try train(options) }
    #expect(error.description.hasPrefix("--best: goes by validation pairs, and "))
  }

  /// By a feature network, too: the distances of a collector's features of the checkpoint's translations and their targets.
  @Test func byAFeatureNetwork() throws {
    let file = try #require(
      Bundle.module.url(forResource: "vgg", withExtension: "safetensors", subdirectory: "Fixtures"))
    func network() throws -> FeatureNetwork {
      try FeatureNetwork(path: file.path) { ReferenceExecutor($0) }
    }
    let options = options(epochs: 1)
    let trainer = try Trainer(options, run: run, featureNetwork: network()) {
      ReferenceExecutor($0.recording)
    }
    _ = try trainer.train(shouldStop: { false }, onEvent: { _ in })
    let table = try String(contentsOfFile: run.validation, encoding: .utf8).split(separator: "\n")
    let values = Dictionary(
      uniqueKeysWithValues: zip(table[0].split(separator: ","), table[1].split(separator: ",")))
    let translator = try Translator(RunDirectory.readCheckpoint(of: run.path)) {
      ReferenceExecutor($0.recording)
    }
    let source = try #require(try options.validationPairs())
    var collector = try FeatureCollector(network: network(), path: file.path, count: source.count)
    for (index, pair) in source.pairs.enumerated() {
      let (_, output, target) = try translator.translate(pair, index: index)
      try collector.add(output: output, target: target, name: pair.name)
    }
    for figure in [try collector.comparison.figure(), collector.comparison.kernelFigure()] {
      let value = try #require(values[Substring(figure.kind.key)].flatMap { Double($0) })
      // Measured: 0.
      #expect(abs(value - figure.value) <= 1e-15 * abs(figure.value))
    }
  }
}
