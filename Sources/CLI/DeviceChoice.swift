import ArgumentParser
import CLBackend
import Foundation
import Model
import Tape

/// `--device`, shared by every subcommand that computes.
struct DeviceOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Where to compute: auto, the number or a part of the name of a device that `pix2pix devices` lists, cpu, gpu or accelerator, or reference.",
      discussion: "auto takes a GPU before an accelerator before a CPU. reference is the slow CPU reference.")
  )
  var device = "auto"

  @Option(help: ArgumentHelp(DeviceOptions.precisionRow, listsChoices: false))
  var precision: Precision?

  private static let precisionRow = TrainingOptions.row("--precision")

  /// The options among these that a training run keeps.
  var given: [GivenOption] { precision.map { [GivenOption(Self.precisionRow, [$0.rawValue])] } ?? [] }

  /// What `--device` named.
  enum Choice {
    case reference
    case openCL(Device, reason: String)
  }

  func choose() throws -> Choice {
    if device.lowercased() == "reference" { return .reference }
    let (chosen, reason) = try Device.select(device)
    return .openCL(chosen, reason: reason)
  }

  /// The settings of executors on an OpenCL device, with `--precision` and the kernels to use.
  ///
  /// - Parameters:
  ///   - remembered, tunes: see `KernelOptions.choices`
  func complete(
    _ options: OpenCLExecutor.Options, for recording: Recording, on device: Device, _ kernels: KernelOptions,
    remembered: KernelChoices? = nil, tunes: Bool = false
  ) throws -> OpenCLExecutor.Options {
    var options = options
    options.precision = precision
    options.choices = try kernels.choices(
      for: recording, on: device, options, remembered: remembered, tunes: tunes)
    return options
  }

  /// An executor for a recording on the chosen device. The reference has no use for the settings.
  func executor(
    for recording: Recording, _ kernels: KernelOptions, _ options: OpenCLExecutor.Options,
    tunes: Bool = false
  ) throws -> any Executor {
    switch try choose() {
    case .reference: try reference(for: recording)
    case .openCL(let device, _):
      try OpenCLExecutor(
        recording, on: device,
        try complete(options, for: recording, on: device, kernels, tunes: tunes))
    }
  }

  /// - Throws: `ModelError.option` when another precision than the reference's is asked for
  func reference(for recording: Recording) throws -> ReferenceExecutor {
    guard precision ?? .fp32 == .fp32 else {
      throw ModelError.option("--precision", "the reference computes in fp32 only")
    }
    return ReferenceExecutor(recording)
  }
}

extension Precision: ExpressibleByArgument {}

/// `--vector-width`, shared by the subcommands that check and time kernels.
struct VectorWidthOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Use the kernels for CPUs whose registers hold so many floats: 4, 8 (AVX2) or 16 (AVX-512). (default: as the device says)",
      valueName: "floats"))
  var vectorWidth: Int?

  func validate() throws {
    guard vectorWidth.map({ [4, 8, 16].contains($0) }) ?? true else {
      throw ValidationError("--vector-width \(vectorWidth ?? 0) is not 4, 8 or 16.")
    }
  }

  /// Whose kernels are asked for; nil for those of the device's own class.
  func deviceClass(gpuKernels: Bool) throws -> DeviceClass? {
    guard vectorWidth != nil else { return gpuKernels ? .gpu : nil }
    guard !gpuKernels else {
      throw ValidationError("--vector-width is about the kernels for CPUs; leave it out or those for GPUs.")
    }
    return .cpu
  }
}
