import Tape

// The seam between a convolution pass and its kernels: a pass has a key and a list of kernel variants, and choices name the
// one that is taken. ConvolutionVariants.swift lists the variants.

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

/// The device that variants are listed for, and the class of its kernels.
struct KernelTarget {
  let device: DeviceDescription
  let deviceClass: DeviceClass
  /// The matrix units that convolutions of GPUs may use.
  let arithmetic: MatrixArithmetic
  let precision: Precision
}

/// A pass that several variants can compute.
protocol VariedPass {
  /// The weight or weight gradient whose packing matters.
  var packedWeight: Tensor { get }

  func key(lanes: WeightLanes) -> PassKey

  /// Our kernels for the pass, names unique. The first is the default: the best on devices of that class by all that is
  /// known, a pure function of the shape.
  func ownVariants(_ target: KernelTarget, lanes: WeightLanes) -> [KernelVariant]

  /// Adds the launches of the pass as im2col and CLBlast's SGEMM.
  func planCLBlast(_ planner: LaunchPlanner) throws(OpenCLError)

  var layer: PassLayer { get }

  /// Records the pass on a tape of its own.
  ///
  /// - Parameters:
  ///   - image, gradient, weight: of the layer; the pass reads some of them
  /// - Returns: its result and all tensors that it reads
  func record(
    on tape: Tape, image: Tensor, gradient: Tensor, weight: Tensor
  ) throws(TapeError) -> (output: Tensor, operands: [Tensor])
}

extension VariedPass {
  /// Every way to compute the pass on a device, the default first.
  func variants(_ target: KernelTarget, lanes: WeightLanes) -> [KernelVariant] {
    let blas = KernelVariant("clblast") { planner throws(OpenCLError) in try planCLBlast(planner) }
    return ownVariants(target, lanes: lanes) + [blas]
  }
}

/// The variants of passes; a pass without one takes its default.
public struct KernelChoices: Sendable, Equatable {
  /// Names of variants.
  public private(set) var names: [PassKey: String]
  /// The origin of the choices for errors: a file, or words.
  public var source: String

  public init(_ names: [PassKey: String] = [:], source: String = "the chosen variants") {
    self.names = names
    self.source = source
  }

  public subscript(key: PassKey) -> String? {
    get { names[key] }
    set { names[key] = newValue }
  }
}

extension KernelChoices: Codable {
  /// Reads an object of passes' descriptions and variants' names.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    self.init()
    for (text, name) in try container.decode([String: String].self) {
      guard let key = PassKey(text) else {
        throw DecodingError.dataCorruptedError(in: container, debugDescription: "\"\(text)\" is no pass")
      }
      names[key] = name
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(Dictionary(uniqueKeysWithValues: names.map { ($0.description, $1) }))
  }
}

extension VariedPass {
  /// The variant that was chosen, or the default.
  ///
  /// - Throws: `OpenCLError` naming file, pass and variant when there is none of that name.
  func variant(
    _ choices: KernelChoices, _ target: KernelTarget, lanes: WeightLanes
  ) throws(OpenCLError) -> KernelVariant {
    let variants = variants(target, lanes: lanes)
    let key = key(lanes: lanes)
    guard let name = choices[key] else { return variants[0] }
    guard let variant = variants.first(where: { $0.name == name }) else {
      throw OpenCLError(
        "\(choices.source): \(key) has no kernel variant \"\(name)\" on this \(target.deviceClass) device; there are "
          + variants.map(\.name).joined(separator: ", "))
    }
    return variant
  }
}

/// The variants of the convolution passes of a recording.
struct ChosenVariants {
  /// By the pass' step.
  private(set) var all: [Int: (key: PassKey, variant: KernelVariant)] = [:]

  /// - Throws: `OpenCLError` when there is no variant of a chosen name
  init(
    _ recording: Recording, _ steps: Range<Int>, _ placement: Placement, _ choices: KernelChoices,
    _ target: KernelTarget
  ) throws(OpenCLError) {
    for step in steps {
      guard let pass = (recording.steps[step].operation as? any PassOperation)?.pass else { continue }
      let lanes = placement.weights[pass.packedWeight.id]!.lanes
      all[step] = (pass.key(lanes: lanes), try pass.variant(choices, target, lanes: lanes))
    }
  }

  var byStep: [Int: KernelVariant] { all.mapValues(\.variant) }
}
