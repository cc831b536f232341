import Images
import Model

/// Pairs of a run's validation, or of its training where it has none, for people to try a model with; pictures of the
/// input's side where there are no pairs.
struct Examples {
  private let options: TrainingOptions
  private let format: PairFormat
  private let pairs: [(index: Int, files: PairFiles)]

  /// Examples at most, spread over all pairs.
  private static let most = 12

  /// Without any where the run's pictures are not there any more.
  init(_ options: TrainingOptions) {
    self.options = options
    format = options.isUnpaired ? options.format.side(.a) : options.format
    let source =
      options.isUnpaired
      ? try? options.exampleInputs() : (try? options.validationPairs()) ?? (try? options.trainingPairs())
    let all = source?.pairs ?? []
    let count = min(Self.most, all.count)
    pairs = (0..<count).map { ($0 * all.count / count, all[$0 * all.count / count]) }
  }

  var count: Int { pairs.count }

  /// A picture of an example as the networks see it: an input's, or the target's for nil; nil where there is none.
  func picture(_ number: Int, input: Int?) throws -> Picture? {
    guard pairs.indices.contains(number) else { return nil }
    let (index, files) = pairs[number]
    let size = options.network.size
    let augmentation = Augmentation(size: size, jitter: false, seed: options.seed)
    let planes = try PairReader(augmentation: augmentation, format: format)
      .planes(of: files, epoch: 0, index: index)
    guard let input else {
      if options.isUnpaired { return nil }
      return format.targetPicture(planes.target, input: planes.input, size: size).shown
    }
    let inputs = format.drawablePictures(planes.input, size: size)
    return inputs.indices.contains(input) ? inputs[input].shown : nil
  }
}

extension Picture {
  /// What a browser can show: an array's first three channels, or its first.
  var shown: Picture { isColour ? self : rgb() }
}
