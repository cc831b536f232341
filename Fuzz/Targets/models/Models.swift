import Foundation
import FuzzInput
import ImageMetrics
import Images
import Tape

@testable import Model

/// Files that models come in, and the tables of their runs.
private let formats = [
  Format("safetensors", seeds: safetensorsSeeds, repair: lengthen, test: safetensors),
  Format("features", seeds: featuresSeeds, repair: lengthen, test: features),
  Format("checkpoint", seeds: checkpointSeeds, test: checkpoint),
  Format("tables", seeds: tablesSeeds, test: tables),
]

@_cdecl("models_main")
public func main(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> CInt {
  fuzz(formats, count, arguments)
}

private let file = MemoryFile()

// MARK: - Safetensors

/// Two tensors of each type, and headers of other hands.
@Sendable private func safetensorsSeeds() -> [Data] {
  var file = Safetensors()
  file.set("b.weight", [2, 3], [1, -2, 3.5, .leastNonzeroMagnitude, .infinity, -0.0])
  file.set("empty", [0, 5], [])
  file.set("count", scalar: .min)
  var described = file
  described.metadata = ["format": "pt", "quoted": "\"\\/\u{e9}\n"]
  let headers = [
    #"{}"#, #"{"__metadata__":{}}  "#,
    #"{"\ud83d\ude00":{"data_offsets":[4,8],"shape":[],"dtype":"F32"},"a\\":{"dtype":"F32","shape":[1,1,1],"data_offsets":[0,4]}}"#,
    #"{"x":{"dtype":"BF16","shape":[2,2],"data_offsets":[0,8]}}"#,
    #"{"x":{"dtype":"I64","shape":[4611686018427387904,4],"data_offsets":[0,8]}}"#,
  ]
  return [file.data(), described.data()]
    + headers.map { header in
      withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) } + Data(header.utf8)
        + Data(repeating: 0, count: 8)
    }
}

/// A file that is read is written and read again as the same.
@Sendable private func safetensors(_ bytes: UnsafeRawBufferPointer) {
  file.fill(bytes)
  do throws(ModelError) {
    let whole = try Safetensors(path: file.path)
    let written = whole.data()
    file.fill(written)
    guard let again = try? Safetensors(path: file.path), again.data() == written,
      again.entries.count == whole.entries.count, again.metadata == whole.metadata
    else { fatalError("another file after writing") }
  } catch {
    requireLine(error.description)
  }
}

/// The header's length mostly ends at a brace, or little of a mutated header would be read.
@Sendable private func lengthen(_ bytes: inout [UInt8], _ seed: UInt32) {
  guard seed % 8 > 0, bytes.count > 8, let brace = bytes.lastIndex(of: UInt8(ascii: "}")), brace >= 8 else {
    return
  }
  withUnsafeBytes(of: UInt64(brace - 7).littleEndian) { bytes.replaceSubrange(0..<8, with: $0) }
}

// MARK: - Networks and vectors that figures are made with

/// Networks of two convolutions, with and without norms, and vectors.
@Sendable private func featuresSeeds() -> [Data] {
  func zeros(_ shape: [Int]) -> [Float] { [Float](repeating: 0, count: shape.reduce(1, *)) }
  let files = [1, 2].map { modules in
    var file = Safetensors()
    for (number, channels) in [(0, [2, 3]), (modules + 1, [1, 2])] {
      file.set("features.\(number).weight", channels + [3, 3], zeros(channels + [3, 3]))
      file.set("features.\(number).bias", [channels[0]], zeros([channels[0]]))
      guard modules == 2 else { continue }
      for part in ["weight", "bias", "running_mean", "running_var"] {
        file.set("features.\(number + 1).\(part)", [channels[0]], zeros([channels[0]]))
      }
      file.set("features.\(number + 1).num_batches_tracked", scalar: 1)
    }
    return file.data()
  }
  var vectors = Safetensors()
  vectors.set("vectors", [3, 2], [1, 2, 3, 4, 5, 7])
  return files + [vectors.data()]
}

@Sendable private func features(_ bytes: UnsafeRawBufferPointer) {
  file.fill(bytes)
  do {
    _ = try FeatureNetwork(path: file.path) { _ in throw ModelError.training("no executor") }
  } catch {
    requireLine("\(error)")
  }
  do {
    let comparison = try FeatureComparison(outputFile: file.path, targetFile: file.path)
    if comparison.outputs.values.count < 4096 { _ = try comparison.figure() }
  } catch {
    requireLine("\(error)")
  }
}

// MARK: - Checkpoints

/// Bytes that UTF-8 does not have, between texts of one input.
private func texts(_ bytes: UnsafeRawBufferPointer) -> [String] {
  bytes.split(separator: 0xff, maxSplits: 1, omittingEmptySubsequences: false).map {
    String(decoding: $0, as: UTF8.self)
  }
}

@Sendable private func checkpointSeeds() throws -> [Data] {
  let encoder = JSONEncoder()
  encoder.outputFormatting = .sortedKeys
  var progress = Checkpoint.Progress()
  progress.best = .init(figure: "l1", value: 1.5, step: 0)
  progress.plateauBest = 2
  let changes: [(inout TrainingOptions) -> Void] = [
    { _ in },
    {
      $0.network.generator = .resnet6
      $0.network.norm = .instance
      $0.length = .steps(9)
      $0.format = .photographs(.edges(Canny(sigma: 2, low: 0.1, high: 0.2)))
      $0.network.inputChannels = 1
      $0.objective.ganLoss = .wgan
      $0.objective.gradientPenalty = 10
      $0.learningRatePolicy = .step(every: 5)
    },
    {
      $0.moreInputs = ["depth"]
      $0.objective.kind = .crossEntropy
      $0.network.output = .logits
      let black = Colour(red: 0, green: 0, blue: 0)
      let palette = Palette(grayLevels: 3).without(black) ?? Palette(grayLevels: 2)
      $0.format = .pictures(inputs: [.channels(5), .gray], target: .labels(palette))
      ($0.network.inputChannels, $0.network.outputChannels) = (6, 2)
      $0.kinds.unlabelled = black
      $0.kinds.inputs = [.channels, .gray]
      $0.kinds.target = .index
      $0.saveEvery = 3
      $0.precision = .tf32
      $0.targets = "targets"
    },
  ]
  return try changes.map { change in
    var options = TrainingOptions()
    (options.network.size, options.network.levels) = (32, 5)
    (options.network.ngf, options.network.ndf) = (1, 1)
    change(&options)
    return try encoder.encode(options) + [0xff] + encoder.encode(progress)
  }
}

/// Options and progress in JSON. What is read can be used, or is refused by name.
@Sendable private func checkpoint(_ bytes: UnsafeRawBufferPointer) {
  let texts = texts(bytes)
  var tensors = Safetensors()
  tensors.metadata = [
    "format": Checkpoint.format, "options": texts[0],
    "progress": texts.count > 1 ? texts[1] : #"{"step":0,"badEpochs":0,"rateReductions":0}"#,
  ]
  file.fill(tensors.data())
  do {
    let checkpoint = try Checkpoint(path: file.path)
    let options = checkpoint.options
    _ = options.described
    _ = options.differences(from: TrainingOptions())
    let plan = TrainingPlan(options, pairs: 1000)
    var progress = checkpoint.progress
    _ = plan.learningRate(step: progress.step, reductions: progress.rateReductions)
    for _ in 0..<10 { progress.notePlateau(0.5, .lower) }
    // Recording takes a thousand times as long as reading: of one input in 128.
    let sum = bytes.reduce(UInt8(0), &+)
    guard sum < 2 else { return }
    let step = sum == 0 ? try options.record() : try options.recordTranslation()
    try checkpoint.check(step, path: file.path)
  } catch {
    requireLine("\(error)")
  }
}

// MARK: - Tables

private let run: RunDirectory = {
  let folder = RunDirectory(
    "/dev/shm/pix2pix-fuzz-\(ProcessInfo.processInfo.processIdentifier)", replacing: .any)
  do { try makeFolder(folder.path) } catch { fatalError("\(error)") }
  atexit { try? FileManager.default.removeItem(atPath: run.path) }
  return folder
}()

@Sendable private func tablesSeeds() -> [Data] {
  let losses =
    "step,epoch,G_GAN,D_real,G_L1,learning_rate,ms_per_step\n10,0.5,0.7,0.6,40.25,0.0002,12.5\n20,1,0.8,0.5,39,0.0002,12\n"
  let validation = "step,epoch,l1,psnr,other\n10,1,20.5,inf,1\n20,2,19.25,30.5,\n"
  return [Data(losses.utf8) + [0xff] + Data(validation.utf8), Data(losses.utf8)]
}

/// losses.csv and validation.csv of a run that goes on, and its report.
@Sendable private func tables(_ bytes: UnsafeRawBufferPointer) {
  let parts = bytes.split(separator: 0xff, maxSplits: 1, omittingEmptySubsequences: false)
  let kinds = [
    LossKind("G_GAN", .adversarial), LossKind("D_real", .discriminator), LossKind("G_L1", .reconstruction),
  ]
  do {
    for (path, bytes) in zip([run.losses, run.validation], parts) {
      try Data(bytes).write(to: URL(fileURLWithPath: path))
    }
    if parts.count == 1 { try? FileManager.default.removeItem(atPath: run.validation) }
    let log = try RunLog(
      run, losses: kinds, figures: FigureKind.ofPictures, upTo: 1_000_000_000_000_000, fresh: false)
    try log.writeReport(
      run, title: "fuzz", best: "l1", options: [], device: [], timings: [], undecided: Objective().undecided)
  } catch {
    requireLine("\(error)")
  }
}
