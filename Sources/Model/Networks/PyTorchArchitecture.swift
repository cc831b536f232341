import Files
import Images

/// The architecture of networks of the PyTorch version, read off the names and shapes of a state_dict.
///
/// Dropout in a U-Net, norms without a scale, and the size of the pictures leave no trace there: they are asked for.
public struct PyTorchArchitecture: Sendable {
  /// A state_dict.
  public struct Parameters: Sendable {
    public let path: String
    public let shapes: [String: [Int]]

    public init(path: String, shapes: [String: [Int]]) { (self.path, self.shapes) = (path, shapes) }

    fileprivate subscript(_ name: String) -> [Int]? { shapes[name] }

    /// The shape of a convolution's weight, [a, b, kernel, kernel].
    fileprivate func weight(_ name: String) throws(ModelError) -> [Int] {
      guard let shape = shapes[name] else { throw .file(path, "has no \(name)") }
      guard shape.count == 4, shape.allSatisfy({ (1...65536).contains($0) }) else {
        throw .file(path, "\(name) has the shape \(shape), which is none of a convolution's weight")
      }
      return shape
    }
  }

  /// What the file does not say.
  public struct Answers: Sendable {
    public var size: PictureSize?
    public var dropout: Bool?
    public var norm: NormKind?
    /// The generator is the one from A to B of a CycleGAN.
    public var isUnpaired: Bool

    public init(
      size: PictureSize? = nil, dropout: Bool? = nil, norm: NormKind? = nil, isUnpaired: Bool = false
    ) {
      (self.size, self.dropout, self.norm, self.isUnpaired) = (size, dropout, norm, isUnpaired)
    }
  }

  /// The options of a model of these networks.
  public private(set) var options = TrainingOptions()
  private let answers: Answers

  /// - Throws: `ModelError.file` for networks that this program does not have, `ModelError.option` for an answer that is
  ///   missing
  public init(
    generator: Parameters, discriminator: Parameters?, _ answers: Answers
  ) throws(ModelError) {
    self.answers = answers
    if answers.isUnpaired { options.takeUnpairedDefaults() }
    if generator["model.model.0.weight"] != nil {
      try readUNet(generator)
    } else if generator["model.1.weight"] != nil {
      try readResNet(generator)
    } else {
      let isDiscriminator = generator["model.0.weight"] != nil || generator["net.0.weight"] != nil
      throw .file(
        generator.path,
        isDiscriminator
          ? "is a discriminator; give it by --discriminator, beside the generator's file"
          : "is no generator of the PyTorch version: it has neither model.model.0.weight (a U-Net) nor model.1.weight (a ResNet)"
      )
    }
    if let discriminator { try readDiscriminator(discriminator) }
    options.format = Self.format(options.network)
    do throws(ModelError) {
      try options.validate()
      try options.validateFormat()
    } catch {
      throw .file(generator.path, "is a network that this program does not have: \(error)")
    }
  }

  /// Gray and colours by their number; the PyTorch version's colorization reads lightness and draws chroma as ours does.
  private static func format(_ network: NetworkConfiguration) -> PairFormat {
    func planes(_ channels: Int) -> PlaneFormat {
      channels == 1 ? .gray : channels == 3 ? .rgb : .channels(channels)
    }
    let (inputs, outputs) = (network.inputChannels, network.outputChannels)
    return (inputs, outputs) == (1, 2)
      ? .photographs(.colorize) : .pictures(inputs: [planes(inputs)], target: planes(outputs))
  }

  // MARK: - Generators

  private mutating func readUNet(_ parameters: Parameters) throws(ModelError) {
    func convolution(_ level: Int) -> String {
      UNet.modulePrefix(level: level) + (level == 1 ? ".0.weight" : ".1.weight")
    }
    let first = try parameters.weight(convolution(1))
    let levels = (1...15).prefix { parameters[convolution($0)] != nil }.count
    let last = try parameters.weight("\(UNet.modulePrefix(level: 1)).3.weight")
    options.network.levels = levels
    options.network.size = answers.size ?? PictureSize(square: max(32, 1 << min(levels, 14)))
    (options.network.ngf, options.network.inputChannels) = (first[0], first[1])
    // A transposed convolution's weight begins with its inputs.
    let isTransposed = last[2] == 4
    options.network.upsampling = isTransposed ? .transposed : .resize
    let inputs: Int
    (inputs, options.network.outputChannels) = isTransposed ? (last[0], last[1]) : (last[1], last[0])
    options.network.generator = inputs == first[0] ? .encoderDecoder : .unet
    try readNorm(
      "\(UNet.modulePrefix(level: levels)).4", behind: convolution(min(2, levels)), of: parameters)
    // Dropout is in the levels from 5 on that are not the innermost.
    guard levels > 5 else { return }
    guard let dropout = answers.dropout else {
      throw .option(
        "--dropout",
        "leaves no trace in a U-Net; say --dropout where \(parameters.path) was trained with it (pix2pix is by default), or --no-dropout"
      )
    }
    options.network.dropout = dropout
  }

  private mutating func readResNet(_ parameters: Parameters) throws(ModelError) {
    let first = try parameters.weight("model.1.weight")
    let blocks = (0..<100).prefix { index in
      parameters.shapes.keys.contains { $0.hasPrefix("model.\(10 + index).conv_block.") }
    }.count
    guard let kind = GeneratorKind.allCases.first(where: { $0.residualBlocks == blocks }) else {
      throw .file(parameters.path, "is a ResNet of \(blocks) blocks; this program has those of 6 and 9")
    }
    options.network.generator = kind
    options.network.sizeWithLevels = answers.size ?? PictureSize(square: 256)
    (options.network.ngf, options.network.inputChannels) = (first[0], first[1])
    options.network.outputChannels = try parameters.weight("model.\(10 + blocks + 7).weight")[0]
    let up = try parameters.weight("model.\(10 + blocks).weight")
    options.network.upsampling = up[0] == 4 * first[0] ? .transposed : .resize
    try readNorm("model.2", behind: "model.1.weight", of: parameters)
    // Dropout is a module of a block, behind which the others count one further.
    options.network.dropout = parameters["model.10.conv_block.6.weight"].map { $0.count == 4 } ?? false
  }

  /// - Parameters:
  ///   - name: of a norm
  ///   - weight: of a convolution in front of a norm
  private mutating func readNorm(
    _ name: String, behind weight: String, of parameters: Parameters
  ) throws(ModelError) {
    let (hasScale, hasMean) = (
      parameters["\(name).weight"] != nil, parameters["\(name).running_mean"] != nil
    )
    switch (hasScale, hasMean) {
    case (true, true): options.network.norm = .batch
    case (true, false): (options.network.norm, options.network.affine) = (.instance, true)
    // PyTorch's instance norm kept running statistics before version 0.4, and never took them.
    case (false, true): options.network.norm = .instance
    case (false, false):
      guard let norm = answers.norm, norm != .batch else {
        throw .option(
          "--norm",
          "\(parameters.path) has norms without scales, or none; say --norm instance (the PyTorch version's other one) or --norm none"
        )
      }
      options.network.norm = norm
    }
    if let norm = answers.norm, norm != options.network.norm {
      throw .option(
        "--norm", "\(parameters.path) has \(options.network.norm.rawValue) norms, not \(norm.rawValue)")
    }
  }

  // MARK: - Discriminator

  private mutating func readDiscriminator(_ parameters: Parameters) throws(ModelError) {
    let isPixel = parameters["net.0.weight"] != nil || parameters["net.0.weight_orig"] != nil
    let module = isPixel ? "net" : "model"
    options.network.spectralNorm = parameters["\(module).0.weight_orig"] != nil
    let kind = options.network.spectralNorm ? "weight_orig" : "weight"
    let first = try parameters.weight("\(module).0.\(kind)")
    let convolutions = (0..<10).prefix { parameters["\(module).\($0 == 0 ? 0 : 3 * $0 - 1).\(kind)"] != nil }
      .count
    let layers = isPixel ? 0 : convolutions - 2
    guard NetworkConfiguration.receptiveFields.indices.contains(layers) else {
      throw .file(
        parameters.path, "is no PatchGAN of the PyTorch version: it has \(convolutions) convolutions")
    }
    (options.network.ndf, options.network.discriminatorLayers) = (first[0], layers)
    let (inputs, outputs) = (options.network.inputChannels, options.network.outputChannels)
    switch first[1] {
    case inputs + outputs where !answers.isUnpaired: options.objective.kind = .cganL1
    case outputs: options.objective.kind = answers.isUnpaired ? .gan : .ganL1
    default:
      throw .file(
        parameters.path,
        "judges pictures of \(first[1]) planes; the generator's input and output have \(inputs) and \(outputs)"
      )
    }
  }
}
