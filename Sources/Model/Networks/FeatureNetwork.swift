import ImageMetrics
import Images
import Tape

/// The convolutions of a VGG (Simonyan and Zisserman 2015, "Very deep convolutional networks for large-scale image
/// recognition") or of AlexNet (Krizhevsky 2014, "One weird trick for parallelizing convolutional neural networks") from a
/// file of torchvision's, as a measure of pictures: what they see in one.
///
/// The features of a picture are the means over all pixels of the last maps (512 for VGG-11 to 19), behind the last
/// pooling; the classifier is not used. LPIPS reads maps on the way, its *taps*. Pictures are RGB in [0, 1], normalised by
/// ImageNet's mean and standard deviation as the network's training did, at their own size.
public final class FeatureNetwork {
  /// The maps that are read of a picture.
  private enum View {
    /// The last ones, behind the last pooling.
    case features
    /// Of all convolutions that LPIPS reads, before their ReLU; nothing behind the last one is computed.
    case taps
  }

  /// The recorded pass for pictures of one size, with the network's weights.
  private struct Pass {
    let size: PictureSize
    let input: Tensor
    let maps: [Tensor]
    let executor: any Executor
  }

  private let convolutions: [TrunkConvolution]
  /// The network's file.
  let path: String
  private let makeExecutor: (Recording) throws -> any Executor
  /// The pass of each view that was asked for last.
  private var passes: [View: Pass] = [:]

  /// Features of a picture.
  public var featureCount: Int { convolutions.last?.bias.count ?? 0 }

  /// Pixels on a side that a picture needs, so that poolings leave one: 32 with the five of VGG-11 to 19, 63 with AlexNet's.
  public var smallestSide: Int { convolutions.reversed().reduce(1) { $1.smallestInput(for: $0) } }

  /// The channels of each of the five taps of LPIPS; nil for networks that it is not defined for: all but VGG-16 without batch
  /// norm (behind the last ReLU before each pooling: 1_2, 2_2, 3_3, 4_3, 5_3) and AlexNet (behind each ReLU).
  public var tapChannels: [Int]? {
    guard convolutions.allSatisfy({ !$0.isNormalized }) else { return nil }
    let pools = convolutions.indices.filter { convolutions[$0].isPooled }
    let known = convolutions[0].family == .alexNet ? [0, 1, 4] : [1, 3, 6, 9, 12]
    guard pools == known, convolutions.count == known[known.count - 1] + 1 else { return nil }
    return convolutions.filter(\.isTapped).map(\.bias.count)
  }

  /// The names of a network with `tapChannels`, for keys and for people.
  var perceptualName: (key: String, name: String) {
    convolutions[0].family == .alexNet ? ("alex", "AlexNet") : ("vgg", "VGG-16")
  }

  /// Of torchvision's normalisation, for red, green, blue.
  private static let mean: [Float] = [0.485, 0.456, 0.406]
  private static let standardDeviation: [Float] = [0.229, 0.224, 0.225]

  /// - Parameters:
  ///   - path: a safetensors file of the state of torchvision's AlexNet, or of a VGG with or without batch norm; numbers of
  ///     channels and of layers are what the file says
  ///   - makeExecutor: allocates the tensors of a pass for one size of pictures
  /// - Throws: `ModelError.file` when the file holds another network, or none
  public init(path: String, makeExecutor: @escaping (Recording) throws -> any Executor) throws {
    self.path = path
    self.makeExecutor = makeExecutor
    convolutions = try TrunkConvolution.all(of: SafetensorsFile(path: path), path: path)
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
    let pass = try run(.features, on: picture)
    let maps = pass.maps[0]
    let features = try pass.executor.read(maps).means(ofEach: maps.shape.h * maps.shape.w, .relu)
    guard features.allSatisfy(\.isFinite) else { throw notFinite(name) }
    return features
  }

  /// The maps of a picture that LPIPS compares, of a network with `tapChannels`.
  ///
  /// - Parameters:
  ///   - picture: of at least 32 pixels on a side
  ///   - name: the picture's, for errors
  /// - Throws: `ModelError.file` when maps are beyond Float
  func taps(of picture: Picture, name: String) throws -> PerceptualFeatures {
    let pass = try run(.taps, on: picture)
    let features = PerceptualFeatures(
      try pass.maps.map { (channels: $0.shape.c, maps: try pass.executor.read($0)) })
    guard features.areFinite else { throw notFinite(name) }
    return features
  }

  private func notFinite(_ name: String) -> ModelError {
    .file(path, "makes NaN or infinite features of \(name); is it a trained network?")
  }

  /// Computes the maps of a view of a picture.
  private func run(_ view: View, on picture: Picture) throws -> Pass {
    let pass = try pass(view, picture.size)
    // The first convolution cannot do this instead: the zeros that it pads with stand for the mean colour, not for black.
    try pass.executor.write(
      picture.planes(mean: Self.mean, standardDeviation: Self.standardDeviation), to: pass.input)
    try pass.executor.run(section: "features")
    return pass
  }

  private func pass(_ view: View, _ size: PictureSize) throws -> Pass {
    if let pass = passes[view], pass.size == size { return pass }
    // The memory of one size is given back before that of the next is taken.
    passes[view] = nil
    let tape = Tape()
    let input = tape.input("picture", [1, 3, size.height, size.width])
    var parameters: [(weight: Tensor, bias: Tensor)] = []
    let kept = try tape.section("features") {
      var (x, taps): (Tensor, [Tensor]) = (input, [])
      for (place, convolution) in convolutions.enumerated() {
        let isLast = place == convolutions.count - 1
        x = try tape.scope(convolution.name) { () throws(TapeError) in
          let parameter = (
            weight: tape.parameter("\(convolution.name).weight", Shape(convolution.shape)),
            bias: tape.parameter("\(convolution.name).bias", [convolution.bias.count])
          )
          parameters.append(parameter)
          // ReLU is left to whoever reads the maps: the largest of pixels is the same before and behind it.
          let maps = try tape.convolution(
            x, weight: parameter.weight, convolution.geometry, bias: parameter.bias,
            inputActivation: x == input ? .none : .relu)
          if convolution.isTapped { taps.append(maps) }
          guard convolution.isPooled, view == .features || !isLast else { return maps }
          return try tape.maxPool(maps, window: convolution.family.poolingWindow)
        }
      }
      return view == .features ? [x] : taps
    }
    for maps in kept { tape.keep(maps) }
    let executor = try makeExecutor(tape.freeze())
    try executor.expect(section: "features")
    for (convolution, parameter) in zip(convolutions, parameters) {
      try executor.write(convolution.weight, to: parameter.weight)
      try executor.write(convolution.bias, to: parameter.bias)
    }
    let pass = Pass(size: size, input: input, maps: kept, executor: executor)
    passes[view] = pass
    return pass
  }
}

/// A family of networks whose convolutions are numbered alike, told apart by the side of the first kernel.
private enum TrunkFamily {
  /// 3 x 3 convolutions, poolings of 2 x 2 pixels.
  case vgg
  /// Convolutions of 11 x 11 with stride 4, 5 x 5 and 3 x 3, poolings of 3 x 3 pixels, two apart.
  case alexNet

  init(firstSide side: Int) { self = side == 11 ? .alexNet : .vgg }

  /// Pixels on a side of a pooling's window.
  var poolingWindow: Int { self == .vgg ? 2 : 3 }

  /// The kernel's side and the geometry of a convolution by its place, from 0.
  func convolution(_ place: Int) -> (side: Int, geometry: ConvolutionGeometry) {
    switch (self, place) {
    case (.alexNet, 0): (11, ConvolutionGeometry(stride: 4, padding: 2))
    case (.alexNet, 1): (5, ConvolutionGeometry(stride: 1, padding: 2))
    default: (3, ConvolutionGeometry(stride: 1, padding: 1))
    }
  }
}

/// A convolution of a VGG or AlexNet, with the batch norm behind it, if there is one.
private struct TrunkConvolution {
  let family: TrunkFamily
  /// "features.0"
  let name: String
  /// [O, I, K, K]
  let shape: [Int]
  let geometry: ConvolutionGeometry
  let weight: [Float]
  /// [O]
  let bias: [Float]
  let isNormalized: Bool
  /// Whether the largest of some pixels are what the next one reads.
  let isPooled: Bool

  /// Whether LPIPS reads its maps.
  var isTapped: Bool { family == .alexNet || isPooled }

  /// The pixels on a side from which `size` are left, by the pooling too.
  func smallestInput(for size: Int) -> Int {
    let unpooled = isPooled ? 2 * (size - 1) + family.poolingWindow : size
    return (unpooled - 1) * geometry.stride + shape[2] - 2 * geometry.padding
  }

  /// A VGG-19 has 16. As many poolings leave a pixel of the largest picture.
  private static let mostConvolutions = 16

  /// Reads the convolutions in their order.
  ///
  /// torchvision numbers the modules of `features`: a convolution, its batch norm if it has one, ReLU, and after some a
  /// pooling, of which only the first two have tensors. So the numbers say where poolings are; one more is the last
  /// module.
  static func all(of file: SafetensorsFile, path: String) throws(ModelError) -> [TrunkConvolution] {
    var reader = TrunkReader(file: file, path: path)
    let numbers = file.entries.compactMap { name, entry in entry.shape.count == 4 ? module(name) : nil }
      .sorted()
    guard numbers.first == 0 else { throw reader.refusal("has no convolution features.0.weight") }
    guard numbers.count <= mostConvolutions else { throw reader.refusal("has \(numbers.count) convolutions") }
    let family = TrunkFamily(firstSide: file.entries["features.0.weight"]?.shape[3] ?? 0)
    var result: [TrunkConvolution] = []
    for (number, next) in zip(numbers, numbers.dropFirst().map(Optional.some) + [nil]) {
      result.append(
        try reader.convolution(
          number, family, place: result.count, channels: result.last?.shape[0] ?? 3, next: next))
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

/// Reads a network's tensors, and refuses a file that holds others.
private struct TrunkReader {
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
      "\(reason); --feature-network takes VGG-11, 13, 16 and 19 of torchvision, also with batch norm (tensors features.N.weight and so on, of 3 x 3 convolutions), and its AlexNet, and --output-features vectors of any network"
    )
  }

  func requireNoOther() throws(ModelError) {
    let others = file.entries.keys.filter { $0.hasPrefix("features.") && !known.contains($0) }
    if let other = others.min() { throw refusal("has a tensor \(other.inErrors)") }
  }

  /// The convolution in module `number`, with its norm multiplied into it.
  ///
  /// - Parameters:
  ///   - place: of the convolution in its network, from 0
  ///   - channels: of its input
  ///   - next: the next convolution's module; nil for the last
  mutating func convolution(
    _ number: Int, _ family: TrunkFamily, place: Int, channels: Int, next: Int?
  ) throws(ModelError) -> TrunkConvolution {
    let (name, norm) = ("features.\(number)", "features.\(number + 1)")
    let outputs = file.entries["\(name).weight"]?.shape[0] ?? 0
    guard outputs > 0 else { throw refusal("\(name).weight makes no maps") }
    guard outputs <= Self.mostMaps else { throw refusal("\(name).weight makes \(outputs) maps") }
    let (side, geometry) = family.convolution(place)
    let shape = [outputs, channels, side, side]
    var weight = try values("\(name).weight", shape)
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
    return TrunkConvolution(
      family: family, name: name, shape: shape, geometry: geometry, weight: weight, bias: bias,
      isNormalized: isNormalized, isPooled: distance == 3)
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
