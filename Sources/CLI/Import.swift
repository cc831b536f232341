import ArgumentParser
import Files
import Images
import Model
import PyTorchFiles

struct Import: TalkingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Makes a run of a model that the PyTorch version trained.",
    discussion: """
      FILE is a state_dict that torch.save wrote (latest_net_G.pth), in either of PyTorch's formats, of a U-Net or a \
      ResNet of 6 or 9 blocks. The architecture is read off the names and shapes of its tensors. Nothing in the file is \
      executed: it may hold tensors and plain values, and anything else is refused by its name.

      The run has a checkpoint that `translate`, `evaluate` and `export` take, and that `train --from` begins with.

      Examples:
        pix2pix import latest_net_G.pth --dropout --out run
        pix2pix import latest_net_G.pth --discriminator latest_net_D.pth --dropout --out run
        pix2pix import horse2zebra.pth --norm instance --out run
        pix2pix import latest_net_G_A.pth --back latest_net_G_B.pth --norm instance --out run

      --back makes a model without pairs of both generators of a CycleGAN, which translates both ways and which \
      train --unpaired --from goes on with. The discriminator of a generator's pictures is latest_net_D_A.pth of G_A's, which \
      judges B's, and latest_net_D_B.pth of G_B's.
      """)

  @Argument(help: ArgumentHelp("The generator's state_dict.", valueName: "file"), completion: .file())
  var generator: String
  @Option(help: ArgumentHelp("The discriminator's state_dict.", valueName: "file"), completion: .file())
  var discriminator: String?
  @Option(
    help: ArgumentHelp("The state_dict of the generator from B to A of a CycleGAN.", valueName: "file"),
    completion: .file())
  var back: String?
  @Option(
    help: ArgumentHelp("The state_dict of the discriminator of --back's pictures.", valueName: "file"),
    completion: .file())
  var backDiscriminator: String?
  @Option(help: ArgumentHelp("The run's folder.", valueName: "dir"), completion: .directory)
  var out: String
  @Option(
    help: ArgumentHelp(
      "Pixels on a side, or across and down, of the pictures that it translates. (default: the U-Net's smallest size, 256 of a ResNet)",
      valueName: "N|WxH"),
    transform: { word in
      let row = TrainingOptions.row("--size")
      if let problem = row.problem(ofWord: word) { throw OptionWordError(description: problem) }
      guard let size = PictureSize(word: word) else {
        throw OptionWordError(description: "\(word) is no size")
      }
      return size
    })
  var size: PictureSize?
  @Flag(
    inversion: .prefixedNo,
    help: "Whether a U-Net was trained with dropout, which leaves no trace in its file.")
  var dropout: Bool?
  @Option(help: "The norm, where it leaves no trace: instance or none.")
  var norm: NormKind?
  @OptionGroup var output: OutputOptions
  @OptionGroup var terminal: TerminalOptions

  func validate() throws {
    guard back != nil || backDiscriminator == nil else {
      throw ValidationError("--back-discriminator goes with --back.")
    }
  }

  func run() throws {
    var files: [TensorFile] = []
    func parameters(_ path: String) throws -> ImportedModel.Parameters {
      let file = try TensorFile(path)
      files.append(file)
      return ImportedModel.Parameters(path: file.path, shapes: file.entries.mapValues(\.shape))
    }
    let (own, judge) = (try parameters(generator), try discriminator.map(parameters))
    let architecture = try PyTorchArchitecture(
      generator: own, discriminator: judge,
      .init(size: size, dropout: dropout, norm: norm, isUnpaired: back != nil))
    let model =
      if let back {
        try ImportedModel(
          architecture, there: .init(generator: own, judge: judge),
          back: .init(generator: parameters(back), judge: backDiscriminator.map(parameters)))
      } else {
        try ImportedModel(architecture, generator: own, discriminator: judge)
      }
    let path = try model.write(to: RunDirectory(out, replacing: output.replacing)) { path, name in
      guard let file = files.first(where: { $0.path == path }) else { preconditionFailure("no file \(path)") }
      return try file.floats(name)
    }
    for (network, count) in model.counts {
      Terminal.say(
        CommandEvent(
          "network", [("name", .text(network)), ("parameters", .integer(count))],
          text: "\(network): \(count) parameters"))
    }
    let network = model.options.network
    Terminal.say(
      CommandEvent(
        "model",
        [
          ("generator", .text(network.generator.rawValue)), ("size", .text("\(network.size)")),
          ("ngf", .integer(network.ngf)), ("norm", .text(network.norm.rawValue)),
          ("input_planes", .integer(network.inputChannels)),
          ("output_planes", .integer(network.outputChannels)),
        ],
        text:
          "\(network.generator.rawValue), \(network.size), ngf \(network.ngf), norm \(network.norm.rawValue), \(network.inputChannels) planes to \(network.outputChannels)"
      ))
    Terminal.say(
      CommandEvent("done", [("checkpoint", .text(path))], text: "done: \(path)", tone: .good))
  }
}

extension NormKind: ExpressibleByArgument {}
