import ArgumentParser
import CLBackend
import Foundation
import Model
import Synchronization
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
  enum Choice: Sendable {
    case reference
    case openCL(Device, reason: String)
  }

  func choose() throws -> Choice {
    if device.lowercased() == "reference" { return .reference }
    // Some end the process where they get no memory for their threads.
    if let lack = HostMemory.lack(of: 0, reserve: HostMemory.driversReserve) {
      throw ModelError.training(
        "OpenCL's drivers take memory of this process, and \(lack); --device reference needs less")
    }
    return try Self.chosen.withLock { chosen in
      if let known = chosen[device] { return known }
      let choice = try Self.trusted(device)
      chosen[device] = choice
      return choice
    }
  }

  /// By `--device`: a command asks several times.
  private static let chosen = Mutex<[String: Choice]>([:])

  /// The device that fits, with kernels that its driver can be trusted with. `auto` leaves out drivers that cannot be
  /// trusted with any.
  private static func trusted(_ name: String) throws -> Choice {
    var devices = try Device.all()
    while true {
      let (selected, reason) = try Device.select(name, among: devices)
      let result = Result { try DriverTrial().trusted(selected, run: DriverTrial.inProcess) }
      if case .failure(let error) = result, name.lowercased() == "auto", devices.count > 1 {
        warn("left out: \(error)")
        devices.removeAll { $0.description.index == selected.description.index }
        continue
      }
      let (device, trouble) = try result.get()
      if let trouble { warn(trouble) }
      let kernels = device.description.kernelsInWords.map { ", with \($0)" } ?? ""
      return .openCL(device, reason: reason + kernels)
    }
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

/// The range of `--memory-limit`, in GiB.
let memoryLimits = OptionRange.above(0.0, upTo: 1e6)

/// `--vector-width`, shared by the subcommands that check and time kernels.
struct VectorWidthOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Use the kernels for CPUs whose registers hold so many floats: 4, 8 (AVX2) or 16 (AVX-512). (default: as the device says)",
      valueName: "floats"),
    transform: OptionRange.oneOf(4, 8, 16).value)
  var vectorWidth: Int?

  /// Whose kernels are asked for; nil for those of the device's own class.
  func deviceClass(gpuKernels: Bool) throws -> DeviceClass? {
    guard vectorWidth != nil else { return gpuKernels ? .gpu : nil }
    guard !gpuKernels else {
      throw ValidationError("--vector-width is about the kernels for CPUs; leave it out or those for GPUs.")
    }
    return .cpu
  }
}
