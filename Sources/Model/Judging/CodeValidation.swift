import ImageMetrics
import Images

/// Measures what latent codes do: whether a target's code brings its picture back, whether codes draw different pictures, and
/// whether the encoder finds a picture's code again.
struct CodeValidation {
  /// Input planes, a code and the pair's index to output planes.
  typealias Translate = (_ input: [Float], _ code: [Float], _ index: Int) throws -> [Float]

  private let options: TrainingOptions
  private let pairs: PairSource

  init(_ options: TrainingOptions, _ pairs: PairSource) { (self.options, self.pairs) = (options, pairs) }

  /// The figures of `FigureKind.ofCodes`.
  func figures(_ translate: Translate, _ encode: Validation.Encode) throws -> [Figure] {
    let (size, format, length) = (options.network.size, options.format, options.network.latent?.length ?? 0)
    let reader = PairReader(
      augmentation: Augmentation(size: size, jitter: false, seed: options.seed), format: format)
    var sums = (encoded: 0.0, diversity: 0.0, recovery: 0.0)
    for (index, files) in pairs.pairs.enumerated() {
      let planes = try reader.planes(of: files, epoch: 0, index: index)
      func pixels(_ output: [Float]) -> Pixels {
        Pixels(format.targetPicture(output, input: planes.input, size: size))
      }
      let codes = (0..<2).map { sample in
        LatentCode.drawn(length, index: index, seed: Translator.seed(options.seed, sample: sample))
      }
      let drawn = try codes.map { try translate(planes.input, $0, index) }
      sums.diversity += meanAbsoluteError(pixels(drawn[0]), pixels(drawn[1]))
      let distances = CodeDistances(
        encoded: (pixels(try translate(planes.input, encode(planes.target), index)), pixels(planes.target)),
        recovered: (codes[0], try encode(drawn[0])))
      sums.encoded += distances.encoded
      sums.recovery += distances.recovery
    }
    let count = Double(pairs.count)
    let values = [sums.encoded, sums.diversity, sums.recovery]
    return zip(FigureKind.ofCodes, values).map { Figure($0, value: $1 / count, count: pairs.count) }
  }
}
