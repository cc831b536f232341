/// What a model's latent codes do on one input (Zhu et al. 2017, BicycleGAN).
public struct CodeDistances: Sendable, Equatable {
  /// The mean absolute difference from the target of the output drawn with the target's own code, in 0...255.
  public let encoded: Double
  /// The mean absolute difference between a random code and what the encoder finds in the output drawn with it.
  public let recovery: Double

  /// - Parameters:
  ///   - encoded: the output with the target's code, and the target, of one size
  ///   - recovered: a random code, and what the encoder finds of it, of one length
  public init(
    encoded: (output: Pixels, target: Pixels), recovered: (code: [Float], found: [Float])
  ) {
    precondition(
      !recovered.code.isEmpty && recovered.code.count == recovered.found.count, "a number for each")
    self.encoded = meanAbsoluteError(encoded.output, encoded.target)
    let distances = zip(recovered.code, recovered.found).map { Double(abs($0 - $1)) }
    recovery = distances.reduce(0, +) / Double(distances.count)
  }
}
