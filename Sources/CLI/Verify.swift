import ArgumentParser
import CLBackend
import Foundation
import Model
import Tape

struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Checks a device against the CPU reference, or against another implementation's tensors.",
    discussion: """
      Without --against, the training step is recorded and every one of its steps is run on the device and on the \
      reference from equal inputs; a line per tensor says how far apart they are. With --against, a whole run of \
      another implementation is replayed: outputs of all modules, gradients, losses and final weights must lie \
      within 10 times that implementation's own rounding noise (at least 1e-5).

      Exit code 1 when anything exceeds its bound.

      Examples:
        pix2pix verify
        pix2pix verify --device 1 --size 64 --ngf 8 --ndf 8 --batch-size 2 --norm instance
        pix2pix verify --size 64x96 --ngf 8 --ndf 8 --generator resnet-6 --objective gan+l1 --gan-loss hinge
        pix2pix verify --against golden/golden.safetensors --device reference
      """)

  @OptionGroup var device: DeviceOptions
  @OptionGroup var kernels: KernelOptions
  @OptionGroup var network: NetworkOptions
  @OptionGroup var objective: ObjectiveOptions
  @Option(
    help: "Pictures per step. (default: 1, with --latent 2)", transform: TrainingOptions.batchSizes.value)
  var batchSize: Int?
  @Flag(help: "Let a target's pixels count by weights, as with train's --weights.")
  var weights = false
  @Option(help: "Seed of weights, pictures and masks.", transform: OptionRange.all.value)
  var seed: UInt64 = 0
  @Option(
    help:
      "The relative L2 error allowed for each tensor. (default: 1e-5; convolutions 1e-3 in tf32, 8e-3 in bf16)",
    transform: OptionRange.positive.value)
  var bound: Double?
  @Flag(help: "Use the kernels for GPUs on this device, whatever it is.")
  var gpuKernels = false
  @Flag(
    help:
      "Use the kernels for NVIDIA's matrix units on this device, whatever it is, the units emulated (slowly)."
  )
  var emulatedMatrixUnits = false
  @OptionGroup var registers: VectorWidthOption
  @Flag(help: "Print the recorded steps and stop.")
  var list = false
  @Flag(help: "Print every tensor, not only the worst of each operation.")
  var all = false
  @Option(
    help: ArgumentHelp("Compare with this golden run (its .json beside it).", valueName: "file"),
    completion: .file())
  var against: String?

  func run() throws {
    if let against {
      try verifyGolden(against)
    } else {
      try verifySteps()
    }
  }

  func validate() throws {
    _ = try deviceClass
    guard against == nil || device.precision ?? .fp32 == .fp32 else {
      throw ValidationError("--against compares with fp32's own noise; --precision must be fp32 there.")
    }
  }

  private var deviceClass: DeviceClass? {
    get throws { try registers.deviceClass(gpuKernels: gpuKernels || emulatedMatrixUnits) }
  }

  private func executor(for recording: Recording) throws -> any Executor {
    var device = device
    // Another implementation's bounds are fp32's.
    if against != nil { device.precision = .fp32 }
    var settings = OpenCLExecutor.Options.checking
    settings.deviceClass = try deviceClass
    settings.matrixUnits = emulatedMatrixUnits ? .emulated : nil
    settings.vectorWidth = registers.vectorWidth
    return try device.executor(for: recording, kernels, settings)
  }

  private func verifySteps() throws {
    var options = try TrainingOptions(ofStep: network.given + objective.given, batchSize: batchSize)
    // Any folder: only the step is recorded.
    options.weights = weights ? "weights" : nil
    let model = try options.record(translates: false)
    if list {
      print(model.recording)
      return
    }
    let executor = try executor(for: model.recording)
    let precision = (executor as? OpenCLExecutor)?.precision ?? .fp32
    note(
      "\(executor.name), convolutions in \(precision.rawValue), against the CPU reference, \(model.recording.steps.count) steps"
    )
    let result = try StepVerification(
      model, executor, bound: bound ?? Precision.fp32.convolutionBound,
      convolutionBound: bound ?? precision.convolutionBound, seed: seed)
    let rows = all ? result.rows : Self.worstPerOperation(result.rows)
    print(table(rows))
    let failures = result.rows.filter { !$0.passes }
    for row in failures where !all {
      print(
        "FAILED \(row.label) \(row.operation): \(row.tensor) \(row.shape), relative L2 \(scientific(row.relativeL2)), worst at \(row.worstIndex)"
      )
    }
    guard failures.isEmpty else {
      throw ModelError.training(
        "\(failures.count) of \(result.rows.count) tensors exceed their bounds on \(executor.name)"
      )
    }
    print("\(result.rows.count) tensors of \(model.recording.steps.count) steps agree within their bounds.")
  }

  private static func worstPerOperation(_ rows: [StepVerification.Row]) -> [StepVerification.Row] {
    var worst: [String: StepVerification.Row] = [:]
    var order: [String] = []
    for row in rows {
      guard let earlier = worst[row.operation] else {
        worst[row.operation] = row
        order.append(row.operation)
        continue
      }
      if !(row.relativeL2 <= earlier.relativeL2) { worst[row.operation] = row }
    }
    return order.compactMap { worst[$0] }
  }

  private func table(_ rows: [StepVerification.Row]) -> String {
    Table(
      ["operation", "tensor", "shape", "largest error", "relative L2", "bound", ""],
      rows.map {
        [
          $0.operation, $0.tensor, $0.shape.description, scientific($0.largestError),
          scientific($0.relativeL2), scientific($0.bound), $0.passes ? "ok" : "FAILED",
        ]
      }
    ).description
  }

  private func verifyGolden(_ path: String) throws {
    let golden = try Golden(path: path)
    let executor = try executor(for: golden.step.recording)
    note("\(executor.name) against \(path), \(golden.losses.count) steps")
    let result = try GoldenVerification(golden, executor)
    let worst = GoldenVerification.Kind.allCases.compactMap { kind in
      result.worst(kind).map { (kind, $0) }
    }
    print(
      Table(
        ["kind", "compared", "worst", "relative error", "bound", "ratio", ""],
        worst.map { kind, row in
          [
            kind.rawValue, String(result.rows.count { $0.kind == kind }), row.name,
            scientific(row.relativeError), scientific(row.bound), String(format: "%.3f", row.ratio),
            row.passes ? "ok" : "FAILED",
          ]
        }
      ).description)
    let failures = result.rows.filter { !$0.passes }
    for row in failures.prefix(all ? failures.count : 20) {
      print(
        "FAILED \(row.kind) \(row.name): \(scientific(row.relativeError)), bound \(scientific(row.bound))")
    }
    guard result.passes else {
      throw ModelError.training("\(failures.count) of \(result.rows.count) comparisons with \(path) failed")
    }
    print("\(result.rows.count) comparisons over \(result.steps) steps, all within their bounds.")
  }
}

func scientific(_ value: Double) -> String { String(format: "%.2e", value) }
