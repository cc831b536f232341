import ArgumentParser
import CLBackend
import Foundation
import Model
import Tape

struct Tune: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Finds the fastest kernels for a model on a device, and keeps the choice.",
    discussion: """
      Every convolution pass of the training step can be computed by several kernel variants (tiles, forms, splits). \
      Each is checked first, then timed; those that are fastest together, with what passes share counted once, are \
      kept on this machine (the times shown are of each pass by itself), under device, driver and \
      the kernels' source text, and taken by train, translate, verify and benchmark from then on. Passes that are \
      known already are tuned anew.

      GPUs are tuned for a short while on their first run. The defaults of CPU devices were measured beforehand.

      A run remembers the variants it took (RUN/kernels.json), so tuning does not change what --resume computes.

      Examples:
        pix2pix tune --seconds 300
        pix2pix tune --seconds 60 --size 128 --ngf 32 --ndf 32 --batch-size 4
        pix2pix tune --print
        pix2pix tune --pin kernels.json
        pix2pix train --data facades --out run --choices kernels.json
        pix2pix tune --delete
      """)

  @OptionGroup var device: DeviceOptions
  @Option(help: "The budget, in seconds.", transform: OptionRange.above(0, upTo: 86400).value)
  var seconds = 60.0
  @OptionGroup var network: NetworkOptions
  @OptionGroup var objective: ObjectiveOptions
  @Option(
    help: "Pictures per step. (default: 1, with --latent 2)", transform: TrainingOptions.batchSizes.value)
  var batchSize: Int?
  @Flag(help: "Use the kernels for GPUs on this device, whatever it is.")
  var gpuKernels = false
  @Flag(help: "Print what is kept for the device, and stop.")
  var print = false
  @Flag(help: "Delete what is kept for the device, and stop.")
  var delete = false
  @Option(
    help: ArgumentHelp(
      "Write what is kept for the device to a file for --choices, and stop.", valueName: "file"),
    completion: .file())
  var pin: String?
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard [print, delete, pin != nil].count(where: { $0 }) <= 1 else {
      throw ValidationError("Give one of --print, --delete and --pin.")
    }
  }

  func run() throws {
    guard case .openCL(let chosen, _) = try device.choose() else {
      throw ModelError.option("--device", "the reference has no kernels to choose from")
    }
    let description = chosen.description
    let deviceClass = gpuKernels ? .gpu : description.deviceClass
    var settings = OpenCLExecutor.Options.training(recompute: false, precision: device.precision)
    settings.deviceClass = deviceClass
    let tuner = try Tuner(chosen, settings)
    let store = TuningStore()
    if delete {
      let count = store.delete(description, deviceClass)
      Terminal.tell("deleted \(count) \(count == 1 ? "record" : "records") of \(description.name)")
      return
    }
    if print || pin != nil {
      guard let record = store.record(description, deviceClass, tuner.precision) else {
        throw ModelError.option(
          print ? "--print" : "--pin",
          "nothing is kept for \(description.name) with these kernels; run pix2pix tune first")
      }
      if let pin {
        try KernelChoicesFile(record.choices(source: pin), description, deviceClass)
          .write(to: pin, replacing: output.replacing)
        Terminal.tell("\(record.all.count) passes in \(pin)")
      } else {
        show(record, store.path(description, deviceClass, tuner.precision))
      }
      return
    }

    let options = try TrainingOptions(ofStep: network.given + objective.given, batchSize: batchSize)
    let model = try options.record()
    note("choosing kernels on \(description.name) for about \(Int(seconds.rounded(.up))) s")
    let tuned = try tuner.tune(model.recording, seconds: seconds) {
      note("\($0): \($1.summary)")
    }
    var record =
      store.record(description, deviceClass, tuner.precision)
      ?? TuningRecord(description, deviceClass, tuner.precision)
    for (key, pass) in tuned { record[key] = pass }
    try store.save(record, of: description)
    let changed = tuned.values.count { $0.variant != $0.standard }
    Terminal.tell(
      "\(tuned.count) passes tuned, \(changed) of them other than the default; pix2pix tune --print shows them"
    )
  }

  private func show(_ record: TuningRecord, _ path: String?) {
    Swift.print(
      Table(
        ["pass", "variant", "ms", "default", "ms", "tried", "rejected"],
        record.all.map { key, tuned in
          [
            key.description, tuned.variant, String(format: "%.3f", tuned.milliseconds), tuned.standard,
            tuned.standardMilliseconds.map { String(format: "%.3f", $0) } ?? "-",
            "\(tuned.tried) of \(tuned.listed)",
            tuned.rejected.isEmpty ? "-" : tuned.rejected.joined(separator: ", "),
          ]
        }
      ).description)
    if let path { Swift.print("kept in \(path)") }
  }
}

extension TunedPass {
  /// What came out, on a line.
  var summary: String {
    let times = String(format: "%.3f ms", milliseconds)
    var text =
      variant == standard
      ? "\(variant), the default, \(times)"
      : "\(variant), \(times), instead of \(standard)"
        + (standardMilliseconds.map { String(format: ", %.3f ms", $0) } ?? "")
    text += "; \(tried) of \(listed) variants tried"
    if !rejected.isEmpty { text += "; rejected \(rejected.joined(separator: ", "))" }
    return text
  }
}
