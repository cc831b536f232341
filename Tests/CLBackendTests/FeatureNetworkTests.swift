import CLBackend
import Foundation
import ImageMetrics
import Images
import Model
import OperationCases
import Tape
import Testing

/// Features of pictures by the kernels of both classes against the reference's, where maps share rooms.
struct FeatureNetworkTests {
  /// A VGG of random weights whose maps stay as large as pictures are.
  private func writeNetwork() throws -> String {
    try writeNetwork([(0, 3, 12, 3), (2, 12, 20, 3), (5, 20, 48, 3), (8, 48, 40, 3)])
  }

  /// - Parameter layers: of each convolution its module, its channels, and its kernel's side
  private func writeNetwork(_ layers: [(index: Int, inputs: Int, outputs: Int, side: Int)]) throws -> String {
    var file = Safetensors()
    for (index, inputs, outputs, side) in layers {
      let count = outputs * inputs * side * side
      let scale = (6 / Float(inputs * side * side)).squareRoot()
      file.set(
        "features.\(index).weight", [outputs, inputs, side, side],
        CaseValues.scaled(scale).make(count: count, seed: 5, stream: UInt32(index)))
      file.set(
        "features.\(index).bias", [outputs],
        CaseValues.scaled(0.25).make(count: outputs, seed: 6, stream: UInt32(index)))
    }
    let path = NSTemporaryDirectory() + "pix2pix-features-\(UUID().uuidString).safetensors"
    try file.write(to: path)
    return path
  }

  /// Sizes that poolings leave rows and columns of out. Measured: at most 1.3e-7.
  @Test(arguments: DeviceClass.tested) func featuresAgreeWithTheReference(_ deviceClass: DeviceClass)
    throws
  {
    let path = try writeNetwork()
    defer { try? FileManager.default.removeItem(atPath: path) }
    let device = try Device.select("auto").device
    let network = try FeatureNetwork(path: path) {
      try OpenCLExecutor($0, on: device, .init(deviceClass: deviceClass, kept: .recorded))
    }
    let reference = try FeatureNetwork(path: path) { ReferenceExecutor($0) }
    for (width, height) in [(45, 37), (16, 8), (22, 63)] {
      let planes = CaseValues.uniform.make(count: 3 * width * height, seed: 7, stream: UInt32(width))
      let picture = Picture(planes: planes, width: width, height: height)
      // The second time with maps of the first in their rooms.
      for _ in 0..<2 {
        let comparison = Comparison(
          try network.features(of: picture, name: "picture"),
          expected: try reference.features(of: picture, name: "picture"))
        #expect(comparison.isWithin(5e-7), "\(width) x \(height): \(comparison)")
      }
    }
  }

  private static let alexNet = [
    (0, 3, 12, 11), (3, 12, 20, 5), (6, 20, 34, 3), (8, 34, 16, 3), (10, 16, 8, 3),
  ]

  /// VGG-16, narrow.
  private static let vgg16 = zip(
    [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28],
    [(3, 12), (12, 12), (12, 18), (18, 18), (18, 34), (34, 34), (34, 34)] + [(34, 20)]
      + [(Int, Int)](repeating: (20, 20), count: 5)
  ).map { ($0, $1.0, $1.1, 3) }

  /// LPIPS by the maps of both classes' kernels against the reference's. Measured: at most 5.4e-8.
  @Test(arguments: DeviceClass.tested, [true, false]) func perceptualDistances(
    _ deviceClass: DeviceClass, _ isAlexNet: Bool
  ) throws {
    let path = try writeNetwork(isAlexNet ? Self.alexNet : Self.vgg16)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let device = try Device.select("auto").device
    let network = try FeatureNetwork(path: path) {
      try OpenCLExecutor($0, on: device, .init(deviceClass: deviceClass, kept: .recorded))
    }
    let lpips = try LPIPS(network, weights: .ones)
    let reference = try LPIPS(FeatureNetwork(path: path) { ReferenceExecutor($0) }, weights: .ones)
    for (width, height) in [(45, 37), (32, 64)] {
      let pictures = (0..<2).map { stream in
        let planes = CaseValues.uniform.make(
          count: 3 * width * height, seed: 7, stream: UInt32(width + 1000 * stream))
        return Picture(planes: planes, width: width, height: height)
      }
      let values = try [lpips, reference].map {
        try $0.figure(output: pictures[0], target: pictures[1], name: "pictures").value
      }
      #expect(abs(values[0] / values[1] - 1) <= 5e-7, "\(values)")
    }
  }
}
