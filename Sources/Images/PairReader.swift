/// A pair's inputs and target as planes.
public enum PairFormat: Sendable, Equatable, Codable {
  /// Pictures as they are: each input picture in a format of its own, their planes one after the other.
  case pictures(inputs: [PlaneFormat], target: PlaneFormat)
  /// Photographs, the targets; inputs are made from them.
  case photographs(PhotographTask)

  /// Three planes to three planes.
  public static let rgb = PairFormat.pictures(inputs: [.rgb], target: .rgb)

  /// The number of planes that the generator reads.
  public var inputChannels: Int {
    switch self {
    case .pictures(let inputs, _): inputs.reduce(0) { $0 + $1.channels }
    case .photographs(let task): task.inputChannels
    }
  }

  /// The planes that the generator draws.
  public var target: PlaneFormat {
    switch self {
    case .pictures(_, let target): target
    case .photographs(let task): task.target
    }
  }

  /// The number of planes that the generator draws.
  public var targetChannels: Int { target.channels }

  /// The number of a pair's input pictures.
  public var inputCount: Int {
    switch self {
    case .pictures(let inputs, _): inputs.count
    case .photographs: 1
    }
  }

  /// The pictures in planes [inputChannels, height, width], one for each input.
  public func inputPictures(_ planes: [Float], size: PictureSize) -> [Picture] {
    let (width, height) = (size.width, size.height)
    switch self {
    case .pictures(let inputs, _):
      var first = 0
      return inputs.map { format in
        let count = format.channels * size.area
        defer { first += count }
        return format.picture(planes: planes[first..<first + count], width: width, height: height)
      }
    case .photographs(.colorize):
      return [PlaneFormat.lightness.picture(planes: planes, width: width, height: height)]
    case .photographs(let task):
      // Holes show their gray filling; their mask is no picture.
      let channels = min(task.inputChannels, 3)
      return [
        Picture(planes: planes[..<(channels * size.area)], width: width, height: height, channels: channels)
      ]
    }
  }

  /// The same as pictures that people can change and give back: holes are transparent.
  public func drawablePictures(_ planes: [Float], size: PictureSize) -> [Picture] {
    guard case .photographs(.inpaint) = self else { return inputPictures(planes, size: size) }
    // The mask is 1 in holes.
    let alpha = planes[(3 * size.area)..<(4 * size.area)].map { 1 - 2 * $0 }
    return [
      Picture(
        planes: Array(planes[..<(3 * size.area)]) + alpha, width: size.width, height: size.height, channels: 4
      )
    ]
  }

  /// The picture of planes [targetChannels, height, width]; chroma is combined with the lightness among the input's
  /// planes.
  public func targetPicture(
    _ planes: [Float], input: [Float], size: PictureSize, bitDepth: Int = 8
  ) -> Picture {
    target.picture(
      planes: planes, width: size.width, height: size.height, bitDepth: bitDepth,
      lightness: lightness(in: input, area: size.area))
  }

  /// The planes of a chroma's lightness among the input's, where there are any.
  private func lightness(in input: [Float], area: Int) -> ArraySlice<Float>? {
    guard target == .chroma else { return nil }
    switch self {
    case .photographs: return input[...]
    case .pictures(let inputs, _):
      guard let place = inputs.firstIndex(of: .lightness) else { return nil }
      let first = inputs[..<place].reduce(0) { $0 + $1.channels } * area
      return input[first..<first + area]
    }
  }
}

/// A pair as planes.
public struct PairPlanes: Sendable, Equatable {
  /// CHW [inputChannels, height, width].
  public var input: [Float]
  /// CHW [targetChannels, height, width].
  public var target: [Float]
  /// The pixels' weights, [1, height, width] in [0, 1]; nil where pairs have none.
  public var weights: [Float]?
}

/// Makes planes of pairs: reads, reduces to what the format needs, resizes, cuts, flips.
public struct PairReader: Sendable {
  public let augmentation: Augmentation
  public let format: PairFormat

  public init(augmentation: Augmentation, format: PairFormat = .rgb) {
    self.augmentation = augmentation
    self.format = format
  }

  /// A pair in an epoch: a pure function of its files, seed, epoch and index.
  /// - Parameter index: the pair's place in its source
  /// - Throws: the errors of `PairFiles.pictures()`; `.unknownColour` and `.noLabelMap` for label maps.
  public func planes(of files: PairFiles, epoch: Int, index: Int) throws(ImageError) -> PairPlanes {
    let pair = try read(files)
    let area = augmentation.size.area
    var planes = PairPlanes(
      input: [Float](repeating: 0, count: format.inputChannels * area),
      target: [Float](repeating: 0, count: format.targetChannels * area),
      weights: pair.weights.map { _ in [Float](repeating: 0, count: area) })
    planes.input.withUnsafeMutableBufferPointer { input in
      planes.target.withUnsafeMutableBufferPointer { write(pair, epoch: epoch, index: index, input, $0) }
    }
    planes.weights?.withUnsafeMutableBufferPointer { writeWeights(pair, epoch: epoch, index: index, $0) }
    return planes
  }

  // MARK: - Reading, worth keeping, and cutting

  /// The pictures of a pair at load size, reduced to the format's channels. A photograph has no inputs.
  struct Pair: Sendable {
    var inputs: [Picture]
    var target: Picture
    /// Gray.
    var weights: Picture?

    var byteCount: Int { inputs.reduce(target.byteCount + (weights?.byteCount ?? 0)) { $0 + $1.byteCount } }
  }

  func read(_ files: PairFiles) throws(ImageError) -> Pair {
    let pictures = try files.pictures()
    let weights = pictures.weights.map { file in
      // Weights are no colours: bicubic would overshoot at their edges.
      file.picture.gray().resized(
        width: augmentation.loadSize.width, height: augmentation.loadSize.height, method: .bilinear)
    }
    switch format {
    case .pictures(let inputs, let target):
      precondition(inputs.count == pictures.inputs.count, "each input picture has a format")
      var reduced: [Picture] = []
      for (format, file) in zip(inputs, pictures.inputs) {
        reduced.append(try augmentation.loaded(file, as: format))
      }
      return Pair(
        inputs: reduced, target: try augmentation.loaded(pictures.target, as: target), weights: weights)
    case .photographs:
      return Pair(inputs: [], target: try augmentation.loaded(pictures.target, as: .rgb), weights: weights)
    }
  }

  /// Cuts a pair into planes [inputChannels, height, width] and [targetChannels, height, width], which must be
  /// zeros.
  func write(
    _ pair: Pair, epoch: Int, index: Int, _ input: UnsafeMutableBufferPointer<Float>,
    _ target: UnsafeMutableBufferPointer<Float>
  ) {
    let cut = augmentation.cut(epoch: epoch, index: index)
    switch format {
    case .pictures(let inputs, let targetFormat):
      var first = 0
      for (picture, format) in zip(pair.inputs, inputs) {
        let count = format.channels * augmentation.size.area
        augmentation.write(
          picture, as: format, cut, into: UnsafeMutableBufferPointer(rebasing: input[first..<first + count]))
        first += count
      }
      augmentation.write(pair.target, as: targetFormat, cut, into: target)
    case .photographs(let task):
      let size = augmentation.size
      var photograph = pair.target.cropped(x: cut.x, y: cut.y, width: size.width, height: size.height)
      if cut.isFlipped { photograph = photograph.mirrored() }
      let planes = task.input(of: photograph, seed: augmentation.seed, epoch: epoch, index: index)
      _ = input.update(fromContentsOf: planes)
      augmentation.write(pair.target, as: task.target, cut, into: target)
    }
  }

  /// Cuts a pair's weights into a plane [1, height, width] in [0, 1].
  func writeWeights(_ pair: Pair, epoch: Int, index: Int, _ out: UnsafeMutableBufferPointer<Float>) {
    guard let weights = pair.weights else { return }
    augmentation.write(weights, as: .gray, augmentation.cut(epoch: epoch, index: index), into: out)
    for index in out.indices { out[index] = (out[index] + 1) / 2 }
  }
}
