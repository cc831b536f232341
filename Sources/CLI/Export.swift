import ArgumentParser
import Files
import Model

struct Export: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes a model in a format that other programs read.",
    discussion: """
      pth: a state_dict that torch.load(weights_only=True) reads and the networks of the PyTorch version load strictly.

      Examples:
        pix2pix export --model run --format pth --out latest_net_G.pth
        pix2pix export --model run --format pth --network D --out latest_net_D.pth
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable { case pth }
  enum NetworkName: String, ExpressibleByArgument, CaseIterable {
    case generator = "G"
    case discriminator = "D"
  }

  @Option(help: ArgumentHelp("A run's folder or a checkpoint.", valueName: "run|file"))
  var model: String
  @Option(help: "The file's format.")
  var format: Format
  @Option(help: "The network: G, the generator, or D, the discriminator.")
  var network = NetworkName.generator
  @Option(help: ArgumentHelp("The file to write.", valueName: "file"))
  var out: String
  @OptionGroup var output: OutputOptions

  func run() throws {
    let checkpoint = try RunDirectory.readCheckpoint(of: model)
    try output.check([out], inputs: [checkpoint.path], of: "--model")
    switch format {
    case .pth:
      try ExportPyTorch.write(network.rawValue, of: checkpoint, to: out, replacing: output.replacing)
    }
    tell(line: "done: \(out)")
  }
}
