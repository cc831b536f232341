import CLBackend
import Foundation
import Images
import Model
import OperationCases
import Tape
import Testing

/// Features of pictures by the kernels of both classes against the reference's, where maps share rooms.
struct FeatureNetworkTests {
  /// A VGG of random weights whose maps stay as large as pictures are.
  private func writeNetwork() throws -> String {
    var file = Safetensors()
    for (index, inputs, outputs) in [(0, 3, 12), (2, 12, 20), (5, 20, 48), (8, 48, 40)] {
      let count = outputs * inputs * 9
      let scale = (6 / Float(inputs * 9)).squareRoot()
      file.set(
        "features.\(index).weight", [outputs, inputs, 3, 3],
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
}
