import ArgumentParser
import CLBackend
import Foundation
import Model
import Random
import Tape

struct Benchmark: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Times the model's convolutions, or a whole training step, beside the device's measured limit.",
    discussion: """
      Layers are those of the default model at 256 x 256 with ngf = ndf = 64: conv1 to conv8 and deconv8 to \
      deconv1 of the generator, patch.conv1 to patch.conv5 of the discriminator. Each of the three passes is \
      compared with the CPU reference before it is timed. The limit is the lower of what the device's arithmetic \
      and its memory traffic, measured in the same run, allow for the pass by the direct count; Winograd's variants \
      need fewer operations, so they may exceed 100%. Each pass is timed with what it makes from its operands, \
      queued behind the one before as in a step.

      Examples:
        pix2pix benchmark --layer conv4
        pix2pix benchmark --layer conv4 --layer patch.conv4 --device 0 --json
        pix2pix benchmark --all
        pix2pix benchmark --all --baseline clblast
        pix2pix benchmark --step --profile
        pix2pix benchmark --step --size 128 --ngf 32 --ndf 32
      """)

  @OptionGroup var device: DeviceOptions
  @OptionGroup var kernels: KernelOptions
  @Option(help: ArgumentHelp("A layer to time; may be given several times.", valueName: "name"))
  var layer: [String] = []
  @Flag(help: "Time every layer.")
  var all = false
  @Flag(help: "Time the whole training step and the generator's forward pass.")
  var step = false
  @OptionGroup(title: "Networks, for --step") var network: NetworkOptions
  @OptionGroup(title: "Objective, for --step") var objective: ObjectiveOptions
  @Flag(help: "For --step: make activations again in the backward pass, as train --recompute does.")
  var recompute = false
  @Option(
    help: "Pictures at a time. (default: 1, with --latent 2)", transform: TrainingOptions.batchSizes.value)
  var batchSize: Int?
  @Flag(
    help: ArgumentHelp(
      "For --step: do not compare its first step with the CPU reference.",
      discussion: "The comparison takes minutes for large batches and pictures."))
  var noCheck = false
  @Option(
    help: "Timed runs of each; the median is printed.", transform: OptionRange.from(1, to: 10_000).value)
  var repeats = 11
  @Flag(help: "For --step: print where the time of a step goes, by kernel, by layer, and between launches.")
  var profile = false
  @Option(
    help: "For layers: time another way of computing them as well. clblast: im2col and CLBlast's SGEMM.")
  var baseline: Baseline?
  @Flag(help: "Use the kernels for GPUs on this device, whatever it is.")
  var gpuKernels = false
  @OptionGroup var registers: VectorWidthOption
  @Flag(help: "Print one JSON object.")
  var json = false

  enum Baseline: String, ExpressibleByArgument, CaseIterable {
    case clblast
  }

  private var deviceClass: DeviceClass? {
    get throws { try registers.deviceClass(gpuKernels: gpuKernels) }
  }

  func validate() throws {
    _ = try deviceClass
    guard !noCheck || step else { throw ValidationError("--no-check goes with --step.") }
    guard baseline == nil || all || !layer.isEmpty else {
      throw ValidationError("--baseline goes with --layer or --all.")
    }
    guard all || step || !layer.isEmpty else {
      throw ValidationError("Say what to time: --layer NAME, --all or --step.")
    }
    let names = ConvolutionLayerShape.all.map(\.name)
    for name in layer where !names.contains(name) {
      throw ValidationError("There is no layer \(name). The layers are \(names.joined(separator: ", ")).")
    }
  }

  func run() throws {
    guard case .openCL(let chosen, _) = try device.choose() else {
      throw ModelError.option(
        "--device", "the reference is what results are checked against; it is not timed")
    }
    let limits = try DeviceLimits(of: chosen, vectorWidth: registers.vectorWidth)
    let precision = device.precision ?? .standard(on: chosen)
    var results = Results(device: chosen.description.name, precision: precision, limits: limits)
    if !json {
      print(
        String(
          format: "%@: %.0f GFLOP/s in fp32, %.1f GB/s measured; convolutions in %@",
          chosen.description.name, limits.gflops, limits.gigabytesPerSecond, precision.rawValue))
    }
    let wanted = ConvolutionLayerShape.all.filter { all || layer.contains($0.name) }
    if !wanted.isEmpty {
      var layers: [LayerResult] = []
      for shape in wanted { layers.append(try time(shape, on: chosen, limits)) }
      results.layers = layers
      if !json { print(table(layers)) }
    }
    if step { try timeStep(on: chosen, &results) }
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      encoder.keyEncodingStrategy = .convertToSnakeCase
      print(String(decoding: try encoder.encode(results), as: UTF8.self))
    }
  }

  // MARK: Results

  struct Results: Encodable {
    var device: String
    var precision: Precision
    var limits: DeviceLimits
    var layers: [LayerResult]?
    var stepMs: Double?
    var forwardMs: Double?
    var deviceBytes: Int?
    var peakResidentBytes: Int?
    var launches: Int?
  }

  struct LayerResult: Encodable {
    var name: String
    var gflop: Double
    var forwardMs: Double
    var inputGradientMs: Double
    var weightGradientMs: Double
    var passes: [PassResult]
  }

  struct PassResult: Encodable {
    var name: String
    var ms: Double
    var gflops: Double
    var gigabytesPerSecond: Double
    var percentOfLimit: Double
    var variant: String
    var relativeL2: Double
    var largestError: Double
    var baselineMs: Double?
  }

  private func table(_ layers: [LayerResult]) -> String {
    let baselineColumns = baseline.map { [$0.rawValue + " ms", "ratio"] } ?? []
    return Table(
      ["layer", "pass", "ms", "GFLOP/s", "GB/s", "% of limit"] + baselineColumns + [
        "kernel", "rel. L2", "largest",
      ],
      layers.flatMap { layer in
        layer.passes.map { pass in
          [
            layer.name, pass.name, String(format: "%.3f", pass.ms), String(format: "%.1f", pass.gflops),
            String(format: "%.1f", pass.gigabytesPerSecond), String(format: "%.0f", pass.percentOfLimit),
          ]
            + (pass.baselineMs.map { [String(format: "%.3f", $0), String(format: "%.2f", pass.ms / $0)] }
              ?? baselineColumns.map { _ in "-" })
            + [pass.variant, scientific(pass.relativeL2), scientific(pass.largestError)]
        }
      }
    ).description
  }

  // MARK: Timing

  private func time(
    _ shape: ConvolutionLayerShape, on device: Device, _ limits: DeviceLimits
  ) throws -> LayerResult {
    let passes = try shape.record(batchSize: batchSize ?? 1)
    let settings = try self.device.complete(
      settings(.checking), for: passes.recording, on: device, kernels)
    let executor = try OpenCLExecutor(passes.recording, on: device, settings)
    // A timed result must be right first.
    let bound = executor.precision.convolutionBound
    let variants = try executor.variants(0..<ConvolutionLayerShape.Passes.names.count)
    let other = try baseline.map { baseline -> OpenCLExecutor in
      var settings = settings
      settings.choices = KernelChoices(
        Dictionary(uniqueKeysWithValues: variants.map { ($0.key, baseline.rawValue) }),
        source: "--baseline \(baseline.rawValue)")
      return try OpenCLExecutor(passes.recording, on: device, settings)
    }
    let reference = ReferenceExecutor(passes.recording)
    for (stream, tensor) in passes.inputs.enumerated() {
      let values = Philox(seed: 1).uniform(count: tensor.shape.count, stream: UInt32(stream))
      try executor.write(values, to: tensor)
      try other?.write(values, to: tensor)
      reference.write(values, to: tensor)
    }
    func check(_ executor: OpenCLExecutor, _ index: Int, _ name: String) throws -> Comparison {
      try executor.run(index..<index + 1)
      let comparison = Comparison(
        try executor.read(passes.outputs[index]), expected: reference.read(passes.outputs[index]))
      guard comparison.isWithin(bound) else {
        throw ModelError.training(
          "\(shape.name) \(name) is wrong on \(executor.name): relative L2 error \(scientific(comparison.relativeL2)), bound \(bound)"
        )
      }
      return comparison
    }
    var results: [PassResult] = []
    for (index, name) in ConvolutionLayerShape.Passes.names.enumerated() {
      let range = index..<index + 1
      reference.run(range)
      let comparison = try check(executor, index, name)
      var baselineMs: Double?
      if let other {
        _ = try check(other, index, "\(name) by \(baseline?.rawValue ?? "")")
        baselineMs = try other.seconds(range, count: repeats) * 1e3
      }
      let seconds = try executor.seconds(range, count: repeats)
      let least = max(
        passes.flops / (limits.gflops * 1e9), passes.bytes[index] / (limits.gigabytesPerSecond * 1e9))
      results.append(
        PassResult(
          name: name, ms: seconds * 1e3, gflops: passes.flops / seconds / 1e9,
          gigabytesPerSecond: passes.bytes[index] / seconds / 1e9, percentOfLimit: 100 * least / seconds,
          variant: variants[index].name, relativeL2: comparison.relativeL2,
          largestError: comparison.largestError, baselineMs: baselineMs))
    }
    return LayerResult(
      name: shape.name, gflop: passes.flops / 1e9, forwardMs: results[0].ms, inputGradientMs: results[1].ms,
      weightGradientMs: results[2].ms, passes: results)
  }

  /// Settings with the class and registers that were asked for.
  func settings(_ options: OpenCLExecutor.Options) throws -> OpenCLExecutor.Options {
    var options = options
    options.deviceClass = try deviceClass
    options.vectorWidth = registers.vectorWidth
    return options
  }
}
