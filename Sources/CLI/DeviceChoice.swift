import ArgumentParser
import CLBackend
import Foundation
import Tape

/// `--device`, shared by every subcommand that computes.
struct DeviceOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Where to compute: auto, the number or a part of the name of a device that `pix2pix devices` lists, or reference.",
      discussion: "auto takes a GPU before an accelerator before a CPU. reference is the slow CPU reference.")
  )
  var device = "auto"

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
  /// - Parameter tunes: see `KernelOptions.choices`
  func executor(
    for recording: Recording, _ kernels: KernelOptions, deviceClass: DeviceClass? = nil, tunes: Bool = false
  ) throws -> any Executor {
    switch try choose() {
    case .reference: ReferenceExecutor(recording)
    case .openCL(let device, _):
      try OpenCLExecutor(
        recording, on: device, deviceClass: deviceClass,
        choices: try kernels.choices(for: recording, on: device, deviceClass: deviceClass, tunes: tunes))
    }
  }
}

/// Writes a line for people beside the results.
func note(_ text: String) {
  FileHandle.standardError.write(Data((text + "\n").utf8))
}
