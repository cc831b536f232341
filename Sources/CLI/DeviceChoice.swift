import ArgumentParser
import CLBackend
import Foundation
import Model
import Tape

/// `--device`, shared by every subcommand that computes.
struct DeviceOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Where to compute: auto, the number or a part of the name of a device that `pix2pix devices` lists, or reference.",
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
    if device == "reference" { return .reference }
    let (chosen, reason) = try Device.select(device)
    return .openCL(chosen, reason: reason)
  }

  /// An executor for a recording on the chosen device.
  ///
  /// - Parameters:
  ///   - vectorWidth: see `OpenCLExecutor`
  ///   - sharesRooms: only the recording's kept tensors can be read after a run
  ///   - packsActivations: see `OpenCLExecutor.init`
  ///   - remembered, tunes: see `KernelOptions.choices`
  func executor(
    for recording: Recording, _ kernels: KernelOptions, profiling: Bool = false,
    deviceClass: DeviceClass? = nil, matrixUnits: MatrixUnits? = nil, vectorWidth: Int? = nil,
    storesGradients: Bool = true, sharesRooms: Bool = false, packsActivations: Bool = false,
    remembered: (DeviceDescription) throws -> KernelChoices? = { _ in nil }, tunes: Bool = false
  ) throws -> any Executor {
    switch try choose() {
    case .reference:
      guard precision ?? .fp32 == .fp32 else {
        throw ModelError.option("--precision", "the reference computes in fp32 only")
      }
      return ReferenceExecutor(recording)
    case .openCL(let device, _):
      return try OpenCLExecutor(
        recording, on: device, profiling: profiling, deviceClass: deviceClass,
        // Nothing is tuned for emulated matrix units, nor for registers that are not there.
        choices: try kernels.choices(
          for: recording, on: device, deviceClass: deviceClass, precision: precision,
          remembered: try remembered(device.description),
          ignoresTuned: matrixUnits != nil || vectorWidth != nil, tunes: tunes),
        precision: precision, matrixUnits: matrixUnits, vectorWidth: vectorWidth,
        storesGradients: storesGradients, keeping: sharesRooms ? recording.kept : nil,
        packsActivations: packsActivations)
    }
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

/// Writes a line for people beside the results.
func note(_ text: String) {
  FileHandle.standardError.write(Data((text + "\n").utf8))
}
