import Images
import Tape

/// The convolutions of a VGG (Simonyan and Zisserman 2015, "Very deep convolutional networks for large-scale image
/// recognition") from a file of torchvision's, as a measure of pictures: what they see in one as a vector.
///
/// The features of a picture are the means over all pixels of the last maps (512 for VGG-11 to 19), behind the last
/// pooling; the classifier is not used. Pictures are RGB in [0, 1], normalised by ImageNet's mean and standard deviation
/// as the network's training did, at their own size.
public final class FeatureNetwork {
  private let convolutions: [VGGConvolution]
  private let path: String
  private let makeExecutor: (Recording) throws -> any Executor
  /// For pictures of one size.
  private var current: (size: PictureSize, input: Tensor, maps: Tensor, executor: any Executor)?

  /// Features of a picture.
  public var featureCount: Int { convolutions.last?.bias.count ?? 0 }

  /// Pixels on a side that a picture needs, so that poolings leave one: 32 with the five of VGG-11 to 19.
  public var smallestSide: Int { 1 << convolutions.count(where: \.isPooled) }

  /// Of torchvision's normalisation, for red, green, blue.
  private static let mean: [Float] = [0.485, 0.456, 0.406]
  private static let standardDeviation: [Float] = [0.229, 0.224, 0.225]

  /// - Parameters:
  ///   - path: a safetensors file of a torchvision VGG's state, with or without batch norm; numbers of channels and of
  ///     layers are what the file says
  ///   - makeExecutor: allocates the tensors of a pass for one size of pictures
  /// - Throws: `ModelError.file` when the file holds another network, or none
  public init(path: String, makeExecutor: @escaping (Recording) throws -> any Executor) throws {
    self.path = path
    self.makeExecutor = makeExecutor
    convolutions = try VGGConvolution.all(of: SafetensorsFile(path: path), path: path)
  }

  /// The features of a picture.
  ///
  /// - Parameter name: the picture's, for errors
  /// - Returns: [featureCount], all finite
  /// - Throws: `ModelError.file` when the picture is too small, or its features are beyond Float
  public func features(of picture: Picture, name: String) throws -> [Double] {
    guard min(picture.width, picture.height) >= smallestSide else {
      throw ModelError.file(
        name, "\(picture.size) pixels are too few for features of \(path): it needs \(smallestSide) on a side"
      )
    }
    let (_, input, maps, executor) = try pass(picture.size)
    // The first convolution cannot do this instead: the zeros that it pads with stand for the mean colour, not for black.
    try executor.write(
      picture.planes(mean: Self.mean, standardDeviation: Self.standardDeviation), to: input)
    try executor.run(section: "features")
    let features = try executor.read(maps).means(ofEach: maps.shape.h * maps.shape.w, .relu)
    guard features.allSatisfy(\.isFinite) else {
      throw ModelError.file(path, "makes NaN or infinite features of \(name); is it a trained network?")
    }
    return features
  }

  /// The recorded pass for pictures of a size, with the network's weights.
  private func pass(
    _ size: PictureSize
  ) throws -> (size: PictureSize, input: Tensor, maps: Tensor, executor: any Executor) {
    if let current, current.size == size { return current }
    // The memory of one size is given back before that of the next is taken.
    current = nil
    let tape = Tape()
    let input = tape.input("picture", [1, 3, size.height, size.width])
    var parameters: [(weight: Tensor, bias: Tensor)] = []
    let maps = try tape.section("features") {
      var x = input
      for convolution in convolutions {
        x = try tape.scope(convolution.name) { () throws(TapeError) in
          let parameter = (
            weight: tape.parameter("\(convolution.name).weight", Shape(convolution.shape)),
            bias: tape.parameter("\(convolution.name).bias", [convolution.bias.count])
          )
          parameters.append(parameter)
          // ReLU is left to whoever reads the maps: the largest of pixels is the same before and behind it.
          let maps = try tape.convolution(
            x, weight: parameter.weight, ConvolutionGeometry(stride: 1, padding: 1), bias: parameter.bias,
            inputActivation: x == input ? .none : .relu)
          return convolution.isPooled ? try tape.maxPool(maps) : maps
        }
      }
      return x
    }
    tape.keep(maps)
    let executor = try makeExecutor(tape.freeze())
    try executor.expect(section: "features")
    for (convolution, parameter) in zip(convolutions, parameters) {
      try executor.write(convolution.weight, to: parameter.weight)
      try executor.write(convolution.bias, to: parameter.bias)
    }
    let pass = (size, input, maps, executor)
    current = pass
    return pass
  }
}

/// A 3 x 3 convolution of a VGG, of stride 1 and padding 1, with the batch norm behind it, if there is one.
private struct VGGConvolution {
  /// "features.0"
  let name: String
  /// [O, I, 3, 3]
  let shape: [Int]
  let weight: [Float]
  /// [O]
  let bias: [Float]
  /// Whether the largest of 2 x 2 pixels are what the next one reads.
  let isPooled: Bool

  /// A VGG-19 has 16. As many poolings leave a pixel of the largest picture.
  private static let mostConvolutions = 16

  /// Reads the convolutions in their order.
  ///
  /// torchvision numbers the modules of `features`: a convolution, its batch norm if it has one, ReLU, and after some a
  /// pooling, of which only the first two have tensors. So the numbers say where poolings are; one more is the last
  /// module.
  static func all(of file: SafetensorsFile, path: String) throws(ModelError) -> [VGGConvolution] {
    var reader = VGGReader(file: file, path: path)
    let numbers = file.entries.compactMap { name, entry in entry.shape.count == 4 ? module(name) : nil }
      .sorted()
    guard numbers.first == 0 else { throw reader.refusal("has no convolution features.0.weight") }
    guard numbers.count <= mostConvolutions else { throw reader.refusal("has \(numbers.count) convolutions") }
    var result: [VGGConvolution] = []
    for (number, next) in zip(numbers, numbers.dropFirst().map(Optional.some) + [nil]) {
      result.append(
        try reader.convolution(number, channels: result.last?.shape[0] ?? 3, next: next))
    }
    try reader.requireNoOther()
    return result
  }

  /// N of "features.N.weight"; nil for any other name.
  private static func module(_ name: String) -> Int? {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0] == "features", parts[2] == "weight", let number = Int(parts[1]) else {
      return nil
    }
    // "01" and "+1" are no other names for it.
    return "\(number)" == parts[1] ? number : nil
  }
}

/// Reads a VGG's tensors, and refuses a file that holds others.
private struct VGGReader {
  let file: SafetensorsFile
  let path: String
  private var known: Set<String> = []

  /// Of a convolution: eight times as many as a VGG has.
  private static let mostMaps = 4096

  /// The value that PyTorch's batch norm adds to variances.
  private static let epsilon = 1e-5

  init(file: SafetensorsFile, path: String) {
    self.file = file
    self.path = path
  }

  func refusal(_ reason: String) -> ModelError {
    .file(
      path,
      "\(reason); --feature-network takes VGG-11, 13, 16 and 19 of torchvision, also with batch norm (tensors features.N.weight and so on, of 3 x 3 convolutions), and --output-features vectors of any network"
    )
  }

  func requireNoOther() throws(ModelError) {
    let others = file.entries.keys.filter { $0.hasPrefix("features.") && !known.contains($0) }
    if let other = others.min() { throw refusal("has a tensor \(other.inErrors)") }
  }

  /// The convolution in module `number`, with its norm multiplied into it.
  ///
  /// - Parameters:
  ///   - channels: of its input
  ///   - next: the next convolution's module; nil for the last
  mutating func convolution(_ number: Int, channels: Int, next: Int?) throws(ModelError) -> VGGConvolution {
    let (name, norm) = ("features.\(number)", "features.\(number + 1)")
    let outputs = file.entries["\(name).weight"]?.shape[0] ?? 0
    guard outputs > 0 else { throw refusal("\(name).weight makes no maps") }
    guard outputs <= Self.mostMaps else { throw refusal("\(name).weight makes \(outputs) maps") }
    var weight = try values("\(name).weight", [outputs, channels, 3, 3])
    var bias = try values("\(name).bias", [outputs])
    let isNormalized = file.entries["\(norm).running_mean"] != nil
    if isNormalized {
      let scales = try values("\(norm).weight", [outputs])
      let shifts = try values("\(norm).bias", [outputs])
      let means = try values("\(norm).running_mean", [outputs])
      let variances = try values("\(norm).running_var", [outputs])
      known.insert("\(norm).num_batches_tracked")
      let factors = zip(scales, variances).map { Double($0) / (Double($1) + Self.epsilon).squareRoot() }
      for o in 0..<outputs {
        bias[o] = Float((Double(bias[o]) - Double(means[o])) * factors[o] + Double(shifts[o]))
      }
      weight = weight.scaled(by: factors)
    }
    guard weight.areFinite, bias.areFinite else {
      throw .file(path, "\(name) or its norm holds NaN or infinite values")
    }
    // Convolution, norm, ReLU, pooling.
    let distance = next.map { $0 - number - (isNormalized ? 1 : 0) } ?? 3
    guard distance == 2 || distance == 3 else {
      throw refusal("features.\(number + distance) is not where a convolution of a VGG is")
    }
    return VGGConvolution(
      name: name, shape: [outputs, channels, 3, 3], weight: weight, bias: bias, isPooled: distance == 3)
  }

  /// The values of a tensor that must be there.
  private mutating func values(_ name: String, _ shape: [Int]) throws(ModelError) -> [Float] {
    known.insert(name)
    guard let entry = file.entries[name], entry.isFloat32 else {
      throw refusal("has no \(name) of type F32")
    }
    guard entry.shape == shape else {
      throw refusal("\(name) has the shape \(Shape(entry.shape)), not \(Shape(shape))")
    }
    return try file.floats(name) ?? []
  }
}
