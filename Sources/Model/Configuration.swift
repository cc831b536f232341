/// How the networks normalise.
public enum NormKind: String, Sendable, Codable, CaseIterable {
  /// Statistics of the batch, learned scale and shift; convolutions before it have no bias.
  case batch
  /// Statistics of each image, nothing learned.
  case instance
  case none

  /// Whether the convolutions around this norm have a bias.
  var convolutionsHaveBias: Bool { self != .batch }
}

/// What the two networks are: everything that decides the names and shapes of their parameters.
public struct NetworkConfiguration: Sendable, Codable, Equatable {
  /// Pixels on a side, a power of two from 32 to 1024.
  public var size = 256
  /// Levels of the U-Net: how often the picture is halved; log2(size) unless given.
  public var levels = 8
  public var inputChannels = 3
  public var outputChannels = 3
  /// Channels after the generator's first convolution.
  public var ngf = 64
  /// Channels after the discriminator's first convolution.
  public var ndf = 64
  /// Convolutions of stride 2 in the discriminator; 3 makes the 70 x 70 PatchGAN.
  public var discriminatorLayers = 3
  public var norm = NormKind.batch
  /// Dropout of rate 1/2 in the generator's inner levels.
  public var dropout = true

  public init() {}

  public init(size: Int, ngf: Int = 64, ndf: Int = 64, norm: NormKind = .batch) throws(ModelError) {
    self.size = size
    self.ngf = ngf
    self.ndf = ndf
    self.norm = norm
    levels = size > 0 ? size.trailingZeroBitCount : 0
    try validate()
  }

  /// Throws `ModelError.option` naming the first option that is out of range.
  public func validate() throws(ModelError) {
    func require(_ condition: Bool, _ option: String, _ reason: String) throws(ModelError) {
      guard condition else { throw .option(option, reason) }
    }
    try require(
      size.nonzeroBitCount == 1 && (32...1024).contains(size), "--size",
      "\(size) is not a power of two from 32 to 1024")
    try require(
      (5...10).contains(levels) && size >> levels >= 1, "--levels",
      "\(levels) halvings do not suit \(size) pixels; give 5 to \(min(10, size.trailingZeroBitCount))")
    for (name, channels) in [("input channels", inputChannels), ("output channels", outputChannels)] {
      try require((1...16).contains(channels), name, "\(channels) is not from 1 to 16")
    }
    for (name, channels) in [("--ngf", ngf), ("--ndf", ndf)] {
      try require((1...512).contains(channels), name, "\(channels) is not from 1 to 512")
    }
    // Sizes after n halvings and two convolutions that lose a pixel each; a norm needs two values.
    let last = (size >> discriminatorLayers) - 1
    try require(
      (1...6).contains(discriminatorLayers) && last >= 2, "--discriminator-layers",
      "\(discriminatorLayers) layers of stride 2 leave too little of \(size) pixels; give 1 to 6, fewer for small pictures"
    )
  }
}

/// What went wrong with a model, its options or its files, in one line for the user.
public enum ModelError: Error, Equatable, CustomStringConvertible {
  /// An option out of range: its name, and what would be right.
  case option(String, String)
  /// A file that cannot be read or written, or is not what it should be.
  case file(String, String)
  /// Training cannot go on.
  case training(String)
  /// A value became NaN or infinite: which, and when.
  case diverged(String)

  public var description: String {
    switch self {
    case .option(let name, let reason): "\(name): \(reason)"
    case .file(let path, let reason): "\(path): \(reason)"
    case .training(let reason), .diverged(let reason): reason
    }
  }
}
