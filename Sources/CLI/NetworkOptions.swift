import ArgumentParser
import Images
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
  @Flag(help: "Divide the discriminator's weights by their largest singular value.")
  var spectralNorm = false
  @Option(
    help: ArgumentHelp(
      "gaussian, or gaussian:N for N maps of noise beside the generator's input.", valueName: "kind"))
  var noise: NoiseChannels?
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
      ("--spectral-norm", spectralNorm), ("--noise", noise != nil), ("--dropout", dropout != nil),
    ].filter(\.1).map(\.0)
  }

  /// Networks for an objective, not yet validated.
  func configuration(for objective: Objective) -> NetworkConfiguration {
    var network = NetworkConfiguration()
    network.output = objective.output
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
    network.spectralNorm = spectralNorm
    network.noiseChannels = noise?.count ?? 0
    network.dropout = dropout ?? network.dropout
    return network
  }
}

/// How many maps of noise: "gaussian" is one.
struct NoiseChannels: ExpressibleByArgument {
  let count: Int

  init?(argument: String) {
    let parts = argument.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.first == "gaussian", parts.count <= 2, let count = parts.count == 1 ? 1 : Int(parts[1]),
      count > 0
    else { return nil }
    self.count = count
  }
}

/// What the networks are trained on.
struct ObjectiveOptions: ParsableArguments {
  @Option(
    help:
      "cgan+l1, l1, l2, gan, cgan, gan+l1 (gan judges outputs without their inputs) or cross-entropy (of label maps' classes). (default: cgan+l1)"
  )
  var objective: Objective.Kind?
  @Option(help: "bce, lsgan, hinge or wgan. (default: bce)")
  var ganLoss: Objective.GANLoss?
  @Flag(help: "Let the generator minimise log(1 - D), what D maximises, rather than -log D.")
  var minimax = false
  @Option(name: .customLong("lambda-gan"), help: "Weight of the adversarial loss. (default: 1)")
  var lambdaGAN: Float?
  @Option(name: .customLong("lambda-l1"), help: "Weight of L1 (or L2) beside it. (default: 100)")
  var lambdaL1: Float?
  @Option(name: .customLong("lambda-ssim"), help: "Weight of 1 - SSIM of output and target. (default: 0)")
  var lambdaSSIM: Float?
  @Option(help: "Weight of the difference of their edges. (default: 0)")
  var lambdaEdges: Float?
  @Option(
    help:
      "Weight of the difference of what the discriminator's layers make of them; 10 is usual. (default: 0)")
  var lambdaFeatureMatching: Float?
  @Option(help: "Weight of the discriminator's gradient penalty; 10 is usual with wgan. (default: 0)")
  var gradientPenalty: Float?
  @Option(help: "Earlier outputs that the discriminator is shown half of the time; 50 is usual. (default: 0)")
  var pool: Int?

  /// Which of them were given.
  var given: [String] {
    [
      ("--objective", objective != nil), ("--gan-loss", ganLoss != nil), ("--minimax", minimax),
      ("--lambda-gan", lambdaGAN != nil), ("--lambda-l1", lambdaL1 != nil),
      ("--lambda-ssim", lambdaSSIM != nil),
      ("--lambda-edges", lambdaEdges != nil), ("--lambda-feature-matching", lambdaFeatureMatching != nil),
      ("--gradient-penalty", gradientPenalty != nil), ("--pool", pool != nil),
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
    value.lambdaSSIM = lambdaSSIM ?? value.lambdaSSIM
    value.lambdaEdges = lambdaEdges ?? value.lambdaEdges
    value.lambdaFeatureMatching = lambdaFeatureMatching ?? value.lambdaFeatureMatching
    value.gradientPenalty = gradientPenalty ?? value.gradientPenalty
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
