import Images
import Tape

/// How the networks normalise.
public enum NormKind: String, Sendable, Codable, CaseIterable {
  /// Statistics of the batch, learned scale and shift; convolutions before it have no bias.
  case batch
  /// Statistics of each image; scale and shift where `NetworkConfiguration.affine` says so.
  case instance
  case none
}

/// The generator's architecture.
public enum GeneratorKind: String, Sendable, Codable, CaseIterable {
  /// Halvings and doublings with a skip at every level (Isola et al. 2017).
  case unet
  /// The same without skips.
  case encoderDecoder = "encoder-decoder"
  /// Two halvings, residual blocks, two doublings (Johnson et al. 2016, as CycleGAN has it).
  case resnet6 = "resnet-6"
  case resnet9 = "resnet-9"

  /// Residual blocks; nil for a U-Net, with or without skips.
  public var residualBlocks: Int? {
    switch self {
    case .unet, .encoderDecoder: nil
    case .resnet6: 6
    case .resnet9: 9
    }
  }
}

/// How a generator doubles the size of its maps.
public enum Upsampling: String, Sendable, Codable, CaseIterable {
  /// A transposed convolution of stride 2.
  case transposed
  /// Every pixel repeated, then a 3x3 convolution: no checkerboards (Odena et al. 2016).
  case resize
}

/// What a generator's last layer makes.
public enum GeneratorOutput: String, Sendable, Codable, CaseIterable {
  /// Samples in [-1, 1], by tanh.
  case pictures
  /// Class logits, for a softmax cross-entropy.
  case logits
}

/// What the two networks are: everything that decides the names and shapes of their parameters.
public struct NetworkConfiguration: Sendable, Codable, Equatable {
  /// Of the pictures.
  public var size = PictureSize(square: 256)
  public var generator = GeneratorKind.unet
  /// Of a U-Net: how often the picture is halved; see `standardLevels`.
  public var levels = 8
  public var upsampling = Upsampling.transposed
  public var inputChannels = 3
  public var outputChannels = 3
  public var output = GeneratorOutput.pictures
  /// Maps of Gaussian noise that the generator is given beside the input.
  public var noiseChannels = 0
  /// Channels after the generator's first convolution.
  public var ngf = 64
  /// Channels after the discriminator's first convolution.
  public var ndf = 64
  /// Convolutions of stride 2 in the discriminator; 3 makes the 70 x 70 PatchGAN, 0 one of 1x1 convolutions.
  public var discriminatorLayers = 3
  /// Discriminators: one for the picture as it is, the others for pictures of half the size of the one before.
  public var scales = 1
  public var norm = NormKind.batch
  /// Whether instance norm has a learned scale and shift.
  public var affine = false
  /// Whether the discriminator's weights are divided by their largest singular value (Miyato et al. 2018).
  public var spectralNorm = false
  /// Dropout of rate 1/2 in the generator: in a U-Net's inner levels, in every residual block.
  public var dropout = true

  public init() {}

  public init(size: PictureSize, ngf: Int = 64, ndf: Int = 64, norm: NormKind = .batch) throws(ModelError) {
    self.size = size
    self.ngf = ngf
    self.ndf = ndf
    self.norm = norm
    levels = Self.standardLevels(size)
    try validate()
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    if let side = try? values.decodeIfPresent(Int.self, forKey: .size) {
      // All were squares once.
      size = PictureSize(square: side)
    } else {
      size = try values.decode(PictureSize.self, forKey: .size)
    }
    try values.decode(into: &generator, .generator)
    levels = try values.decode(Int.self, forKey: .levels)
    try values.decode(into: &upsampling, .upsampling)
    inputChannels = try values.decode(Int.self, forKey: .inputChannels)
    outputChannels = try values.decode(Int.self, forKey: .outputChannels)
    try values.decode(into: &output, .output)
    try values.decode(into: &noiseChannels, .noiseChannels)
    ngf = try values.decode(Int.self, forKey: .ngf)
    ndf = try values.decode(Int.self, forKey: .ndf)
    discriminatorLayers = try values.decode(Int.self, forKey: .discriminatorLayers)
    try values.decode(into: &scales, .scales)
    norm = try values.decode(NormKind.self, forKey: .norm)
    try values.decode(into: &affine, .affine)
    try values.decode(into: &spectralNorm, .spectralNorm)
    dropout = try values.decode(Bool.self, forKey: .dropout)
  }

  /// Channels of what the generator's first convolution takes.
  var generatorInputs: Int { inputChannels + noiseChannels }

  /// Whether norms have a learned scale and shift.
  var normsAreAffine: Bool { norm == .batch || (norm == .instance && affine) }

  /// Whether the convolutions around norms have a bias: where a norm would take it away again and adds a shift of its
  /// own, they have none.
  var convolutionsHaveBias: Bool { !normsAreAffine }

  // MARK: Sizes

  /// What a side of a picture may be.
  public static let sides = 32...16384

  /// The levels of a U-Net for pictures of a size: as many as there are halvings of the shorter side, at most 10 and at
  /// least 5, while the size that its halvings need has no more than 1.3 times the pixels.
  public static func standardLevels(_ size: PictureSize) -> Int {
    let shorter = min(size.width, size.height)
    let most = shorter > 0 ? min(10, Int.bitWidth - 1 - shorter.leadingZeroBitCount) : 0
    guard most > 5 else { return max(most, 5) }
    let fitting = (5...most).last { levels in
      Double(size.roundedUp(toMultipleOf: 1 << levels).area) <= 1.3 * Double(size.area)
    }
    return fitting ?? 5
  }

  /// What both sides of the maps that the networks take must be multiples of.
  public var alignment: Int { max(generator.residualBlocks == nil ? 1 << levels : 4, 1 << (scales - 1)) }

  /// The size of the maps that the networks take: pictures are padded to it, and cut out of it.
  public var paddedSize: PictureSize { size.roundedUp(toMultipleOf: alignment) }

  // MARK: Receptive field

  /// Receptive fields of the discriminator by its convolutions of stride 2, in pixels on a side.
  public static let receptiveFields = [1, 16, 34, 70, 142, 286, 574]

  /// How many pixels on a side a logit judges.
  public var receptiveField: Int { Self.receptiveFields[discriminatorLayers] }

  /// Throws `ModelError.option` naming the first option that is out of range.
  public func validate() throws(ModelError) {
    func require(_ condition: Bool, _ option: String, _ reason: String) throws(ModelError) {
      guard condition else { throw .option(option, reason) }
    }
    try require(
      Self.sides.contains(size.width) && Self.sides.contains(size.height), "--size",
      "\(size) is not from \(Self.sides.lowerBound) to \(Self.sides.upperBound) pixels on a side"
    )
    if generator.residualBlocks == nil {
      let most = standardLevelsLimit
      try require(
        (2...most).contains(levels), "--levels",
        "\(levels) halvings do not suit \(size) pixels; give 2 to \(most)")
    }
    for (name, channels) in [("input channels", inputChannels), ("output channels", outputChannels)] {
      try require((1...64).contains(channels), name, "\(channels) is not from 1 to 64")
    }
    try require((0...64).contains(noiseChannels), "--noise", "\(noiseChannels) maps are not from 0 to 64")
    for (name, channels) in [("--ngf", ngf), ("--ndf", ndf)] {
      try require((1...512).contains(channels), name, "\(channels) is not from 1 to 512")
    }
    try require(
      !affine || norm == .instance, "--affine",
      norm == .batch ? "batch norm has a scale and shift already" : "goes with --norm instance")
    try require((1...4).contains(scales), "--scales", "\(scales) is not from 1 to 4")
    try require(
      Self.receptiveFields.indices.contains(discriminatorLayers), "--patch",
      "\(discriminatorLayers) convolutions of stride 2 are not from 0 to 6")
    if discriminatorLayers > 0 {
      // Sizes after n halvings and two convolutions that lose a pixel each; a norm needs two values.
      let padded = paddedSize
      let last = (min(padded.width, padded.height) >> (discriminatorLayers + scales - 1)) - 1
      let smallest = scales == 1 ? "\(size)" : "\(size) at the smallest of \(scales) scales"
      try require(
        last >= 2, "--patch",
        "\(receptiveField) pixels are too much for pictures of \(smallest); give a smaller patch")
    }
  }

  /// The most halvings of a U-Net: until a pixel is left of the shorter side, rounded up.
  private var standardLevelsLimit: Int {
    let shorter = min(size.width, size.height)
    return min(10, Int.bitWidth - (shorter - 1).leadingZeroBitCount)
  }
}

extension KeyedDecodingContainer {
  /// Reads a value that files of earlier versions lack: it stays as it is then.
  func decode<T: Decodable>(into value: inout T, _ key: Key) throws {
    value = try decodeIfPresent(T.self, forKey: key) ?? value
  }
}
