import Images
import Tape

/// The norm of both networks.
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

/// A generator's last layer.
public enum GeneratorOutput: String, Sendable, Codable, CaseIterable {
  /// Samples in [-1, 1], by tanh.
  case pictures
  /// Class logits, for a softmax cross-entropy.
  case logits
}

/// Latent codes: numbers beside the picture that say which of its many translations to draw (Zhu et al. 2017, BicycleGAN).
public struct LatentCode: Sendable, Codable, Equatable {
  /// Where a generator takes codes, as maps of one value each.
  public enum Place: String, Sendable, Codable, CaseIterable {
    /// Beside the input of each of a U-Net's levels.
    case all
    /// Beside the picture.
    case input
  }

  /// K, the numbers of a code.
  public var length = 8
  public var place = Place.all

  public init(length: Int = 8, place: Place = .all) { (self.length, self.place) = (length, place) }
}

/// The two networks: everything that decides the names and shapes of their parameters.
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
  /// Codes that the generator is given beside the input; none when nil.
  public var latent: LatentCode?
  /// Channels after the generator's first convolution.
  public var ngf = 64
  /// Channels after the discriminator's first convolution.
  public var ndf = 64
  /// Convolutions of stride 2 in the discriminator; 3 makes the 70 x 70 PatchGAN, 0 one of 1x1 convolutions.
  public var discriminatorLayers = 3
  /// Discriminators: one for the picture as it is, the others for pictures of half the size of the one before.
  public var scales = 1
  public var norm = NormKind.batch
  /// Instance norm has a learned scale and shift.
  public var affine = false
  /// The discriminator's weights are divided by their largest singular value (Miyato et al. 2018).
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

  /// Channels of the generator's first convolution's input.
  var generatorInputs: Int { inputChannels + noiseChannels + (latent?.length ?? 0) }

  /// Whether norms have a learned scale and shift.
  var normsAreAffine: Bool { norm == .batch || (norm == .instance && affine) }

  /// Whether the convolutions around norms have a bias: where a norm would take it away again and adds a shift of its
  /// own, they have none.
  var convolutionsHaveBias: Bool { !normsAreAffine }

  /// The most planes of a network's input, and of its output.
  public static let mostChannels = 64

  // MARK: Sizes

  /// Sides of pictures, in pixels.
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

  /// Both sides of the networks' maps must be multiples of it.
  public var alignment: Int { max(generatorAlignment, 1 << (scales - 1)) }

  /// Both sides of the generator's maps must be multiples of it.
  var generatorAlignment: Int { generator.residualBlocks == nil ? 1 << levels : 4 }

  /// The same networks for pictures of another size.
  func ofSize(_ size: PictureSize) -> NetworkConfiguration {
    var other = self
    other.size = size
    return other
  }

  /// The size of the maps that the networks take: pictures are padded to it, and cut out of it.
  public var paddedSize: PictureSize { size.roundedUp(toMultipleOf: alignment) }

  /// The frame between pictures and maps.
  public var framing: Framing { Framing(size: size, padded: paddedSize) }

  // MARK: Receptive field

  /// Receptive fields of the discriminator by its convolutions of stride 2, in pixels on a side.
  public static let receptiveFields = [1, 16, 34, 70, 142, 286, 574]

  /// Pixels on a side that a logit judges.
  public var receptiveField: Int { Self.receptiveFields[discriminatorLayers] }

  /// Why the discriminator's patches do not suit the pictures; nil when they do.
  var patchProblem: String? {
    guard discriminatorLayers > 0 else { return nil }
    // Sizes after n halvings and two convolutions that lose a pixel each; a norm needs two values.
    let padded = paddedSize
    let last = (min(padded.width, padded.height) >> (discriminatorLayers + scales - 1)) - 1
    let smallest = scales == 1 ? "\(size)" : "\(size) at the smallest of \(scales) scales"
    return last >= 2
      ? nil : "\(receptiveField) pixels are too much for pictures of \(smallest); give a smaller patch"
  }

  /// The most halvings of a U-Net: until a pixel is left of the shorter side, rounded up.
  var mostLevels: Int {
    let shorter = min(size.width, size.height)
    return min(10, Int.bitWidth - (shorter - 1).leadingZeroBitCount)
  }
}

// MARK: - As options

extension NormKind: OptionValue {}
extension GeneratorKind: OptionValue {}
extension Upsampling: OptionValue {}
extension LatentCode.Place: OptionValue {}

extension NetworkConfiguration {
  /// The discriminator's patch, named by its receptive field.
  struct Patch: OptionValue {
    let layers: Int

    init(layers: Int) { self.layers = layers }

    init?(word: String) {
      guard let layers = Self.choices.firstIndex(of: word) else { return nil }
      self.layers = layers
    }

    var word: String {
      Self.choices.indices.contains(layers) ? Self.choices[layers] : "a patch of \(layers) convolutions"
    }

    static let choices = NetworkConfiguration.receptiveFields.map { "\($0)" }
  }

  /// Maps of noise: "gaussian" is one.
  struct Noise: OptionValue {
    let maps: Int

    init(maps: Int) { self.maps = maps }

    init?(word: String) {
      let words = word.split(separator: ":", omittingEmptySubsequences: false)
      guard words.first == "gaussian", words.count <= 2, let maps = words.count == 1 ? 1 : Int(words[1]),
        maps > 0
      else { return nil }
      self.maps = maps
    }

    var word: String { maps == 1 ? "gaussian" : "gaussian:\(maps)" }
    static let form = "gaussian, or gaussian:N with N from 1 on"
  }

  var patch: Patch {
    get { Patch(layers: discriminatorLayers) }
    set { discriminatorLayers = newValue.layers }
  }

  var noise: Noise? {
    get { noiseChannels == 0 ? nil : Noise(maps: noiseChannels) }
    set { noiseChannels = newValue?.maps ?? 0 }
  }

  /// The size; setting it sets the levels, too, that a U-Net of this size has by default.
  var sizeWithLevels: PictureSize {
    get { size }
    set { (size, levels) = (newValue, Self.standardLevels(newValue)) }
  }
}
