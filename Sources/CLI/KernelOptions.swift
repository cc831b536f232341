import ArgumentParser
import CLBackend
import Foundation
import Model
import Tape

/// `--choices`, shared by every subcommand that runs convolutions.
struct KernelOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Kernel variants to take, from a file that `pix2pix tune --pin` wrote; results are then the same bit for bit on the same device.",
      valueName: "file", visibility: .rare), completion: .file())
  var choices: String?

  /// Seconds for tuning a device that the built-in defaults were not measured on.
  static let firstRunSeconds = 20.0

  /// The variants for a recording: of --choices, else what was tuned for the device, else the defaults.
  ///
  /// - Parameters:
  ///   - options: the executor's; only the device's own kernels are tuned
  ///   - remembered: of an earlier part of the same run; --choices goes before
  ///   - tunes: on the first run on a device that nothing is known of, tune and keep the result
  func choices(
    for recording: Recording, on device: Device, _ options: OpenCLExecutor.Options,
    remembered: KernelChoices? = nil, tunes: Bool = false
  ) throws -> KernelChoices {
    if let choices { return try KernelChoicesFile(path: choices).choices(source: choices) }
    if let remembered { return remembered }
    guard options.areKernelsOfDevice else { return KernelChoices() }
    let description = device.description
    let deviceClass = options.deviceClass ?? description.deviceClass
    let tuner = try Tuner(device, options)
    let store = TuningStore()
    if let record = store.record(description, deviceClass, tuner.precision) {
      return record.choices(source: "\(store.path(description, deviceClass, tuner.precision) ?? "tuning")")
    }
    guard tunes, !description.hasMeasuredDefaults, deviceClass == description.deviceClass else {
      return KernelChoices()
    }
    note(
      "first run on \(description.name): choosing kernels for about \(Int(Self.firstRunSeconds)) s (pix2pix tune looks longer)"
    )
    var record = TuningRecord(description, deviceClass, tuner.precision)
    for (key, tuned) in try tuner.tune(recording, seconds: Self.firstRunSeconds) {
      record[key] = tuned
    }
    do {
      try store.save(record, of: description)
    } catch {
      warn("the choice is not kept: \(error)")
    }
    return record.choices(source: "tuning")
  }
}
