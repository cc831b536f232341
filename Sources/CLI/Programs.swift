import ArgumentParser
import CLBackend
import Files
import Foundation
import Model
import Tape

struct Programs: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes the OpenCL programs of a training step as files, each complete and with its macros.",
    discussion: """
      For compilers and analysers that run elsewhere. The programs are those of a device of the class and size that \
      is asked for, whatever this machine's is; what they hold is planned on this machine's device.

      Examples:
        pix2pix programs --out programs
        pix2pix programs --gpu-kernels --compute-units 132 --batch-size 16 --out programs
        pix2pix programs --nvidia --precision bf16 --compute-units 132 --out programs
      """)

  @OptionGroup var device: DeviceOptions
  @Option(help: ArgumentHelp("Folder for the programs.", valueName: "dir"), completion: .directory)
  var out: String
  @OptionGroup(title: "Networks") var network: NetworkOptions
  @OptionGroup(title: "Objective") var objective: ObjectiveOptions
  @Option(
    help: "Pictures at a time. (default: 1, with --latent 2)", transform: TrainingOptions.batchSizes.value)
  var batchSize: Int?
  @Flag(help: "Those of GPUs.")
  var gpuKernels = false
  @Flag(help: "Those of NVIDIA GPUs with matrix units, where fp32 is 3xTF32.")
  var nvidia = false
  @Option(
    help: "Those of a device with so many compute units. (default: as many as there are)",
    transform: OptionRange.from(1, to: 65536).value)
  var computeUnits: Int?
  @OptionGroup var output: OutputOptions

  func run() throws {
    guard case .openCL(let chosen, _) = try device.choose() else {
      throw ModelError.option("--device", "the reference has no OpenCL programs")
    }
    let options = try TrainingOptions(ofStep: network.given + objective.given, batchSize: batchSize)
    let model = try options.record()
    var settings = OpenCLExecutor.Options.training(
      recompute: false, precision: device.precision ?? (nvidia ? .fp32 : nil))
    settings.deviceClass = gpuKernels || nvidia ? .gpu : nil
    settings.matrixUnits = nvidia ? .emulated : nil
    settings.computeUnits = computeUnits
    let executor = try OpenCLExecutor(model.recording, on: chosen, settings)
    for steps in model.allSections { try executor.prepare(steps) }
    let requests = executor.programRequests
    let names = requests.enumerated().map { String(format: "%02d-%@", $0, $1.source.name) }
    try output.check(names.map { "\(out)/\($0)" })
    try makeFolder(out)
    for (name, request) in zip(names, requests) {
      // Here the units can only be emulated; there they are real.
      let macros = request.macros.filter { $0.0 != "MMA_EMULATED" }
      let definitions = macros.map { "#define \($0.0) \($0.1)\n" }.joined()
      let text = "\(OwnMark.source)\n\(definitions)\(request.source.text)\n"
      try OutputFile.write(text.utf8, to: "\(out)/\(name)", replacing: output.replacing)
      print(([name] + macros.map { "\($0.0)=\($0.1)" }).joined(separator: " "))
    }
  }
}
