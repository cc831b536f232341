import Foundation
import ImageMetrics
import Images
import Model
import Tape
import Testing

/// LPIPS against PyTorch's in float64, and what is refused: see Fixtures/make_lpips.py.
@Suite struct LPIPSTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private struct Case: Decodable {
    let lpips, near, ones: Double
    /// Of mistakes.
    let unscaled, overMap, root: Double
  }

  private static func fixture(_ name: String, _ ending: String = "safetensors") throws -> String {
    try #require(Bundle.module.url(forResource: name, withExtension: ending, subdirectory: "Fixtures")).path
  }

  private func network(_ path: String) throws -> FeatureNetwork {
    try FeatureNetwork(path: path) { ReferenceExecutor($0) }
  }

  private func lpips(_ name: String, ones: Bool = false) throws -> LPIPS {
    try LPIPS(
      network(Self.fixture("lpips_\(name)")),
      weights: ones ? .ones : .file(Self.fixture("lpips_\(name)_weights")))
  }

  /// The pictures of make_lpips.py.
  private func picture(_ size: PictureSize, _ which: Int) -> Picture {
    let samples = (0..<3 * size.area).map { index in
      let (c, x, y) = (index % 3, index / 3 % size.width, index / 3 / size.width)
      let first = (7 * (c + 1) * x + 13 * y + x * y / 5) % 256
      switch which {
      case 1: return UInt8((first + (5 * x + 3 * y * c) % 64) % 256)
      case 2 where (x, y) == (5, 3): return UInt8(255 - first)
      default: return UInt8(first)
      }
    }
    return Picture(width: size.width, height: size.height, channels: 3, samples: .eight(samples))
  }

  /// Maps are rounded to Float. Measured: at most 2.1e-7 of different pictures, 4.2e-6 of
  /// two that differ in a pixel.
  @Test(arguments: ["vgg", "alex"]) func distances(_ name: String) throws {
    let expected = try JSONDecoder().decode(
      [String: [String: Case]].self,
      from: Data(contentsOf: URL(fileURLWithPath: Self.fixture("lpips", "json"))))
    let (lpips, baseline) = (try lpips(name), try lpips(name, ones: true))
    #expect(lpips.kind.key == "lpips_\(name)" && baseline.kind.key == "lpips_\(name)_baseline")
    #expect(baseline.kind.name == "LPIPS baseline by \(name == "vgg" ? "VGG-16" : "AlexNet")")
    for (text, known) in try #require(expected[name]) {
      let size = try #require(PictureSize(text))
      let pictures = (0..<3).map { picture(size, $0) }
      let features = try pictures.map { try lpips.features(of: $0, name: text) }
      let value = lpips.distance(features[0], features[1])
      let ones = try baseline.figure(output: pictures[0], target: pictures[1], name: text)
      #expect(abs(value / known.lpips - 1) <= 1e-6, "\(value), not \(known.lpips)")
      #expect(abs(ones.value / known.ones - 1) <= 1e-6, "\(ones.value), not \(known.ones)")
      let near = lpips.distance(features[0], features[2])
      #expect(abs(near / known.near - 1) <= 4e-5, "\(near), not \(known.near)")
      // Inputs as version 0.0 left them, vectors of length 1 over the whole map, roots: each is another number.
      for mistake in [known.unscaled, known.overMap, known.root] {
        #expect(abs(value / mistake - 1) > 0.02, "\(value), by mistake \(mistake)")
      }
      #expect(lpips.distance(features[0], features[0]) == 0)
      #expect(lpips.distance(features[1], features[0]) == value)
    }
  }

  /// Samples one by one have the mean of all their pairs, and the least distance from the target.
  @Test func samples() throws {
    let lpips = try lpips("vgg")
    let size = PictureSize(width: 40, height: 33)
    let pictures = (0..<3).map { picture(size, $0) } + [picture(size, 0).mirrored()]
    let (first, all) = try lpips.figures(
      samples: Array(pictures[1...]), target: pictures[0], targets: [pictures[0], pictures[1]], name: "a")
    func distance(_ a: Int, _ b: Int) throws -> Double {
      try lpips.figure(output: pictures[a], target: pictures[b], name: "a").value
    }
    let pairs = try (distance(1, 2) + distance(1, 3) + distance(2, 3)) / 3
    // Measured: 2.2e-16; the means of samples are kept as Doubles.
    #expect(abs(all.diversity / pairs - 1) <= 2e-15)
    #expect(abs((all.targetDiversity ?? 0) / (try distance(0, 1)) - 1) <= 2e-15)
    #expect(try all.best == distance(2, 0) && first.value == distance(1, 0))
    #expect(all.best < first.value && all.count == 3 && all.distance == lpips.kind)
    let (_, equal) = try lpips.figures(
      samples: [pictures[1], pictures[1]], target: pictures[0], targets: [], name: "a")
    #expect(equal.diversity == 0 && equal.targetDiversity == nil)
  }

  // MARK: Refusals

  @Test func pictures() throws {
    let lpips = try lpips("alex")
    let error = try modelError {
      _ = try lpips.features(of: picture(PictureSize(width: 40, height: 31), 0), name: "a")
    }
    #expect(error == .file("a", "40x31 pixels are too few for LPIPS: it needs 32 on a side"))
    let array = Picture(
      width: 32, height: 32, channels: 5, samples: .eight([UInt8](repeating: 7, count: 5 * 1024)))
    #expect(
      try modelError { _ = try lpips.features(of: array, name: "b") }
        == .file("b", "has 5 channels, which are no colours; LPIPS compares gray or RGB pictures"))
  }

  /// AlexNet's last pooling needs larger pictures than its taps.
  @Test func alexNetsFeatures() throws {
    let network = try network(Self.fixture("lpips_alex"))
    #expect(network.featureCount == 5 && network.smallestSide == 63)
    #expect(network.tapChannels == [6, 17, 8, 7, 5])
    #expect(try network.features(of: picture(PictureSize(width: 63, height: 64), 0), name: "a").count == 5)
    let error = try modelError {
      _ = try network.features(of: picture(PictureSize(width: 62, height: 64), 0), name: "a")
    }
    #expect(error.description.hasPrefix("a: 62x64 pixels are too few for features"), "\(error)")
  }

  /// Other networks of the same widths would give other numbers.
  @Test(arguments: ["vgg", "vgg_bn"]) func otherNetworks(_ name: String) throws {
    let path = try Self.fixture(name)
    let error = try modelError { _ = try LPIPS(network(path), weights: .ones) }
    #expect(
      error
        == .file(
          path,
          "is neither VGG-16 without batch norm nor AlexNet, for which LPIPS is defined; leave out --lpips-weights"
        ))
  }

  @Test func otherWeights() throws {
    let (trunk, known) = (try Self.fixture("lpips_vgg"), try Self.fixture("lpips_vgg_weights"))
    let network = try network(trunk)
    func refused(_ reason: String, _ change: (inout Safetensors) -> Void) throws {
      var changed = try Safetensors(path: known)
      change(&changed)
      let path = "\(folder.path)/weights.safetensors"
      try changed.write(to: path, replacing: .any)
      let text = try modelError { _ = try LPIPS(network, weights: .file(path)) }.description
      #expect(text.hasPrefix("\(path): \(reason)"), "\(text)")
    }
    try refused(
      "lin2.model.1.weight has the shape [1, 8, 1, 1], not [1, 17, 1, 1]: it has the weights of another network"
    ) {
      $0.set("lin2.model.1.weight", [1, 8, 1, 1], [Float](repeating: 1, count: 8))
    }
    try refused("has no lin4.model.1.weight of type F32") { $0.entries["lin4.model.1.weight"] = nil }
    try refused("has a tensor lin5.model.1.weight: it has the weights of another network") {
      $0.set("lin5.model.1.weight", [1, 1, 1, 1], [1])
    }
    for (value, reason) in [(-1e-6, "holds a negative weight"), (.nan, "holds NaN or infinite values")]
      as [(Float, String)]
    {
      try refused("lin0.model.1.weight \(reason)") {
        $0.set("lin0.model.1.weight", [1, 5, 1, 1], [0, value, 0, 1, 1])
      }
    }
    // The other trunk's.
    let other = try Self.fixture("lpips_alex_weights")
    let error = try modelError { _ = try LPIPS(network, weights: .file(other)) }
    #expect(
      error.description.contains("not [1, 5, 1, 1]: it has the weights of another network than \(trunk)"))
  }
}
