import Tape

/// The kind of a convolution pass and its shapes: a kernel variant is chosen for each.
///
/// Files and tables hold its description, such as `convolution 64>128 4x4 s2 p1 128x128>64x64 n1 lanes output`.
public struct PassKey: Hashable, Sendable, LosslessStringConvertible {
  public enum Kind: String, Sendable, CaseIterable {
    case convolution
    case transposed
    case weightGradient = "weight gradient"
  }

  public var kind: Kind
  /// Channels of the pass' input and output; of a weight gradient's image and gradient.
  public var inputs: Int
  public var outputs: Int
  public var kernelHeight: Int
  public var kernelWidth: Int
  public var stride: Int
  public var padding: Int
  /// Pixels of the pass' input and output; of a weight gradient's image and gradient.
  public var inputHeight: Int
  public var inputWidth: Int
  public var outputHeight: Int
  public var outputWidth: Int
  public var images: Int
  /// The layer's channels in the vector lanes of the packed weight, or of its gradient.
  public var lanes: WeightLanes

  public var description: String {
    "\(kind.rawValue) \(inputs)>\(outputs) \(kernelHeight)x\(kernelWidth) s\(stride) p\(padding) "
      + "\(inputHeight)x\(inputWidth)>\(outputHeight)x\(outputWidth) n\(images) lanes \(lanes)"
  }

  /// Reads a description; nil when it is none.
  public init?(_ description: String) {
    guard let kind = Kind.allCases.first(where: { description.hasPrefix($0.rawValue + " ") }) else {
      return nil
    }
    let words = description.dropFirst(kind.rawValue.count + 1).split(separator: " ")
    let numbers = words.flatMap { $0.split { !$0.isASCII || !$0.isNumber } }.compactMap { Int($0) }
    guard words.count == 8, numbers.count == 11 else { return nil }
    self.init(
      kind: kind, inputs: numbers[0], outputs: numbers[1], kernelHeight: numbers[2], kernelWidth: numbers[3],
      stride: numbers[4], padding: numbers[5], inputHeight: numbers[6], inputWidth: numbers[7],
      outputHeight: numbers[8], outputWidth: numbers[9], images: numbers[10],
      lanes: words[7] == "input" ? .input : .output)
    guard self.description == description else { return nil }
  }

  private init(
    kind: Kind, inputs: Int, outputs: Int, kernelHeight: Int, kernelWidth: Int, stride: Int, padding: Int,
    inputHeight: Int, inputWidth: Int, outputHeight: Int, outputWidth: Int, images: Int, lanes: WeightLanes
  ) {
    self.kind = kind
    self.inputs = inputs
    self.outputs = outputs
    self.kernelHeight = kernelHeight
    self.kernelWidth = kernelWidth
    self.stride = stride
    self.padding = padding
    self.inputHeight = inputHeight
    self.inputWidth = inputWidth
    self.outputHeight = outputHeight
    self.outputWidth = outputWidth
    self.images = images
    self.lanes = lanes
  }

  /// - Parameters:
  ///   - input, output: of the pass; image and gradient of a weight gradient
  ///   - weight: the weight or its gradient, [O, I, KH, KW]
  init(
    _ kind: Kind, input: Shape, output: Shape, weight: Shape, _ geometry: ConvolutionGeometry,
    lanes: WeightLanes
  ) {
    self.init(
      kind: kind, inputs: input.c, outputs: output.c, kernelHeight: weight[2], kernelWidth: weight[3],
      stride: geometry.stride, padding: geometry.padding, inputHeight: input.h, inputWidth: input.w,
      outputHeight: output.h, outputWidth: output.w, images: output.n, lanes: lanes)
  }
}
