import ArgumentParser
import Model

/// What the networks are: the options of every command that makes new ones.
struct NetworkOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Pixels on a side, or across and down. (default: 256)", valueName: "N|WxH"))
  var size: PictureSize?
  @Option(help: "unet, encoder-decoder, resnet-6 or resnet-9. (default: unet)")
  var generator: GeneratorKind?
  @Option(help: "Halvings in a U-Net. (default: as many as the size allows)")
  var levels: Int?
  @Option(
    help: "How the generator doubles its maps: transposed (convolutions) or resize. (default: transposed)")
  var upsampling: Upsampling?
  @Option(help: "Channels after the generator's first convolution. (default: 64)")
  var ngf: Int?
  @Option(help: "Channels after the discriminator's first convolution. (default: 64)")
  var ndf: Int?
  @Option(
    help: ArgumentHelp(
      "Pixels on a side that a logit of the discriminator judges: 1, 16, 34, 70, 142, 286 or 574. (default: 70)",
      valueName: "pixels"))
  var patch: Int?
  @Option(help: "Discriminators, each for pictures of half the size of the one before. (default: 1)")
  var scales: Int?
  @Option(help: "batch, instance or none. (default: batch)")
  var norm: NormKind?
  @Flag(help: "Give instance norm a learned scale and shift.")
  var affine = false
  @Flag(inversion: .prefixedNo, help: "Dropout in the generator. (default: yes)")
  var dropout: Bool?

  func validate() throws {
    guard patch.map(NetworkConfiguration.receptiveFields.contains) ?? true else {
      let all = NetworkConfiguration.receptiveFields.map(String.init).joined(separator: ", ")
      throw ValidationError("--patch \(patch ?? 0) is none of \(all).")
    }
  }

  /// Which of them were given.
  var given: [String] {
    [
      ("--size", size != nil), ("--generator", generator != nil), ("--levels", levels != nil),
      ("--upsampling", upsampling != nil), ("--ngf", ngf != nil), ("--ndf", ndf != nil),
      ("--patch", patch != nil), ("--scales", scales != nil), ("--norm", norm != nil), ("--affine", affine),
      ("--dropout", dropout != nil),
    ].filter(\.1).map(\.0)
  }

  /// Not yet validated.
  var configuration: NetworkConfiguration {
    var network = NetworkConfiguration()
    network.size = size ?? network.size
    network.generator = generator ?? network.generator
    network.levels = levels ?? NetworkConfiguration.standardLevels(network.size)
    network.upsampling = upsampling ?? network.upsampling
    network.ngf = ngf ?? network.ngf
    network.ndf = ndf ?? network.ndf
    network.discriminatorLayers =
      patch.flatMap(NetworkConfiguration.receptiveFields.firstIndex) ?? network.discriminatorLayers
    network.scales = scales ?? network.scales
    network.norm = norm ?? network.norm
    network.affine = affine
    network.dropout = dropout ?? network.dropout
    return network
  }
}

/// What the networks are trained on.
struct ObjectiveOptions: ParsableArguments {
  @Option(
    help: "cgan+l1, l1, l2, gan, cgan or gan+l1; gan judges outputs without their inputs. (default: cgan+l1)")
  var objective: Objective.Kind?
  @Option(help: "bce, lsgan, hinge or wgan. (default: bce)")
  var ganLoss: Objective.GANLoss?
  @Flag(help: "Let the generator minimise log(1 - D), what D maximises, rather than -log D.")
  var minimax = false
  @Option(name: .customLong("lambda-gan"), help: "Weight of the adversarial loss. (default: 1)")
  var lambdaGAN: Float?
  @Option(name: .customLong("lambda-l1"), help: "Weight of L1 (or L2) beside it. (default: 100)")
  var lambdaL1: Float?

  /// Which of them were given.
  var given: [String] {
    [
      ("--objective", objective != nil), ("--gan-loss", ganLoss != nil), ("--minimax", minimax),
      ("--lambda-gan", lambdaGAN != nil), ("--lambda-l1", lambdaL1 != nil),
    ].filter(\.1).map(\.0)
  }

  /// Not yet validated.
  var value: Objective {
    var value = Objective()
    value.kind = objective ?? value.kind
    value.ganLoss = ganLoss ?? value.ganLoss
    value.minimax = minimax
    value.lambdaGAN = lambdaGAN ?? value.lambdaGAN
    value.lambdaL1 = lambdaL1 ?? value.lambdaL1
    return value
  }
}

extension PictureSize: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
}

extension GeneratorKind: ExpressibleByArgument {}
extension Upsampling: ExpressibleByArgument {}
extension NormKind: ExpressibleByArgument {}
extension Objective.Kind: ExpressibleByArgument {}
extension Objective.GANLoss: ExpressibleByArgument {}
extension Initialization: ExpressibleByArgument {}
