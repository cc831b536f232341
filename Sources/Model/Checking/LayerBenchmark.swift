import Tape

/// The convolutions of the default model, by the names that `benchmark --layer` takes.
public struct ConvolutionLayerShape: Sendable {
  public let name: String
  public let transposed: Bool
  public let inputs: Int
  public let outputs: Int
  /// Pixels on a side of the input.
  public let size: Int
  public let stride: Int

  /// All of them: conv1 to conv8 and deconv8 to deconv1 of the generator, patch.conv1 to patch.conv5 of the
  /// discriminator, at 256 x 256 with ngf = ndf = 64.
  public static let all: [ConvolutionLayerShape] = {
    let configuration = NetworkConfiguration()
    func channels(_ level: Int) -> Int { configuration.ngf * min(1 << (level - 1), 8) }
    let levels = 1...configuration.levels
    let down = levels.map { n in
      ConvolutionLayerShape(
        name: "conv\(n)", transposed: false, inputs: n == 1 ? 3 : channels(n - 1), outputs: channels(n),
        size: configuration.size.width >> (n - 1), stride: 2)
    }
    let up = levels.reversed().map { n in
      ConvolutionLayerShape(
        name: "deconv\(n)", transposed: true, inputs: n == levels.upperBound ? channels(n) : 2 * channels(n),
        outputs: n == 1 ? 3 : channels(n - 1), size: configuration.size.width >> n, stride: 2)
    }
    let patch = [(6, 64, 256, 2), (64, 128, 128, 2), (128, 256, 64, 2), (256, 512, 32, 1), (512, 1, 31, 1)]
    return down + up
      + patch.enumerated().map { index, layer in
        ConvolutionLayerShape(
          name: "patch.conv\(index + 1)", transposed: false, inputs: layer.0, outputs: layer.1,
          size: layer.2, stride: layer.3)
      }
  }()

  /// A layer's three passes on a tape of their own.
  public struct Passes: Sendable {
    public let recording: Recording
    /// Forward, input gradient, weight gradient: one step each, in this order, the recording's first.
    public static let names = ["forward", "input gradient", "weight gradient"]
    /// What has to be written before.
    public let inputs: [Tensor]
    /// What each pass writes.
    public let outputs: [Tensor]
    /// Floating-point operations of each pass by the direct count: the three are equal.
    public let flops: Double
    /// Bytes that each pass must read and write at least.
    public let bytes: [Double]
  }

  public func record(batchSize: Int = 1) throws(TapeError) -> Passes {
    let tape = Tape()
    let geometry = ConvolutionGeometry(stride: stride, padding: 1)
    let x = tape.input("input", [batchSize, inputs, size, size])
    let w = tape.parameter("weight", transposed ? [inputs, outputs, 4, 4] : [outputs, inputs, 4, 4])
    let y =
      transposed
      ? try tape.transposedConvolution(x, weight: w, geometry) : try tape.convolution(x, weight: w, geometry)
    let gradient = tape.input("gradient", y.shape)
    let dx =
      transposed
      ? try tape.convolution(gradient, weight: w, geometry)
      : try tape.transposedConvolution(gradient, weight: w, geometry, outputSize: (size, size))
    let dw =
      transposed
      ? try tape.weightGradient(image: gradient, gradient: x, like: w, geometry)
      : try tape.weightGradient(image: x, gradient: gradient, like: w, geometry)
    // Gradients lie in memory as Adam's parameter does; this step is not timed.
    try tape.adam(
      w, gradient: dw, firstMoment: tape.state("m", w.shape), secondMoment: tape.state("v", w.shape),
      schedule: tape.schedule())
    let recording = tape.freeze()
    func bytes(_ tensors: Tensor...) -> Double { Double(4 * tensors.reduce(0) { $0 + $1.shape.count }) }
    return Passes(
      recording: recording, inputs: [x, w, gradient], outputs: [y, dx, dw],
      flops: recording.steps[0].operation.flops,
      bytes: [bytes(x, w, y), bytes(gradient, w, dx), bytes(x, gradient, dw)])
  }
}
