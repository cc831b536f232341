import Foundation
import Images
import Model
import Tape
import Testing

/// Features of pictures against PyTorch's in float64: see Fixtures/make_features.py.
@Suite struct FeatureNetworkTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static func fixture(_ name: String, _ ending: String) throws -> URL {
    try #require(Bundle.module.url(forResource: name, withExtension: ending, subdirectory: "Fixtures"))
  }

  private func network(_ path: String) throws -> FeatureNetwork {
    try FeatureNetwork(path: path) { ReferenceExecutor($0) }
  }

  /// The picture of make_features.py.
  private func picture(_ size: PictureSize) -> Picture {
    let samples = (0..<3 * size.area).map { index in
      let (c, x, y) = (index % 3, index / 3 % size.width, index / 3 / size.width)
      return UInt8((7 * (c + 1) * x + 13 * y + x * y / 5) % 256)
    }
    return Picture(width: size.width, height: size.height, channels: 3, samples: .eight(samples))
  }

  /// One network for pictures of several sizes, in turn. Maps are rounded to Float. Measured: at most 3.7e-8.
  @Test(arguments: ["vgg", "vgg_bn"]) func features(_ name: String) throws {
    let expected = try JSONDecoder().decode(
      [String: [String: [Double]]].self, from: Data(contentsOf: Self.fixture("features", "json")))
    let network = try network(Self.fixture(name, "safetensors").path)
    #expect(network.featureCount == 33)
    #expect(network.smallestSide == 8)
    for text in ["45x37", "32x40", "8x9", "45x37"] {
      let picture = picture(try #require(PictureSize(text)))
      let comparison = Comparison(
        try network.features(of: picture, name: text), expected: try #require(expected[name]?[text]))
      #expect(comparison.isWithin(2e-7), "\(name), \(text): \(comparison)")
    }
  }

  @Test func smallPictures() throws {
    let path = try Self.fixture("vgg", "safetensors").path
    let network = try network(path)
    let error = try modelError {
      _ = try network.features(of: picture(PictureSize(width: 40, height: 7)), name: "a.png")
    }
    #expect(error == .file("a.png", "40x7 pixels are too few for features of \(path): it needs 8 on a side"))
  }

  /// What is done to the file of a VGG, and what is then said of it.
  @Test(arguments: ["vgg", "vgg_bn"]) func otherNetworks(_ name: String) throws {
    let whole = try Safetensors(path: Self.fixture(name, "safetensors").path)
    let second = name == "vgg" ? 3 : 4
    func refused(_ reason: String, isVGG: Bool = false, _ change: (inout Safetensors) -> Void) throws {
      var changed = whole
      change(&changed)
      let path = "\(folder.path)/changed.safetensors"
      try changed.write(to: path, replacing: .any)
      let text = try modelError { _ = try network(path) }.description
      #expect(text.hasPrefix("\(path): \(reason)"), "\(text)")
      #expect(text.contains("--feature-network takes VGG-11, 13, 16 and 19") != isVGG, "\(text)")
    }
    func zeros(_ shape: [Int]) -> [Float] { [Float](repeating: 0, count: shape.reduce(1, *)) }
    try refused("has no convolution features.0.weight") { $0.entries = [:] }
    try refused("has no convolution features.0.weight") { file in
      file.entries = Dictionary(
        uniqueKeysWithValues: file.entries.map {
          ($0.replacingOccurrences(of: "features", with: "layers"), $1)
        })
    }
    try refused("has no features.0.bias of type F32") { $0.entries["features.0.bias"] = nil }
    try refused("features.0.weight has the shape [6, 1, 3, 3], not [6, 3, 3, 3]") {
      $0.set("features.0.weight", [6, 1, 3, 3], zeros([6, 1, 3, 3]))
    }
    try refused("features.\(second).weight has the shape [17, 6, 5, 5], not [17, 6, 3, 3]") {
      $0.set("features.\(second).weight", [17, 6, 5, 5], zeros([17, 6, 5, 5]))
    }
    try refused("features.0.weight makes no maps") { $0.set("features.0.weight", [0, 3, 3, 3], []) }
    try refused("features.0.weight makes 4097 maps") {
      $0.set("features.0.weight", [4097, 3, 3, 3], zeros([4097, 3, 3, 3]))
    }
    // Another name than that of the module's number, and no convolution under that one.
    try refused("has a tensor features.02.weight") {
      $0.set("features.02.weight", [1, 6, 3, 3], zeros([1, 6, 3, 3]))
      $0.set("features.2.weight", [], [0])
    }
    try refused("has a tensor features.1.\u{fffd}[31m;") { $0.set("features.1.\u{1b}[31m", [], [0]) }
    try refused("has 17 convolutions") { file in
      file.entries = [:]
      for number in 0..<17 { file.set("features.\(2 * number).weight", [1, 1, 3, 3], zeros([1, 1, 3, 3])) }
    }
    try refused("has a tensor features.40.weight") { $0.set("features.40.weight", [33], zeros([33])) }
    try refused("features.", isVGG: true) { file in
      file.set("features.\(second).bias", [17], [Float.nan] + zeros([16]))
    }
    // A convolution is missing.
    try refused("features.") { file in
      for tensor in ["weight", "bias"] { file.entries["features.\(second).\(tensor)"] = nil }
    }
  }
}
