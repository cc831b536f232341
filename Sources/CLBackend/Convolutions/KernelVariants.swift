import Tape

// The seam between what is to be computed and how: a pass has a key and a list of kernel variants, and choices say by
// name which one is taken. Variants are listed in Ops/ConvolutionVariants.swift.

/// Which convolution, over which shapes: what a kernel variant is chosen for.
///
/// Its description, such as `convolution 64>128 4x4 s2 p1 128x128>64x64 n1 lanes output`, is what files and tables hold.
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
  /// Which of the layer's channels fill the vector lanes of the packed weight, or of its gradient.
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

/// One way to compute a pass.
package struct KernelVariant {
  /// Short, the same in every version of the program that has the variant.
  package let name: String
  /// Adds its launches.
  let plan: (LaunchPlanner) throws(OpenCLError) -> Void
  /// Of a weight gradient: adds launches that use it for an Adam step and do not store it. nil where it cannot.
  let planUpdate: ((LaunchPlanner, Adam) throws(OpenCLError) -> Void)?

  package init(_ name: String, _ plan: @escaping (LaunchPlanner) throws(OpenCLError) -> Void) {
    self.init(name, plan, update: nil)
  }

  init(
    _ name: String, _ plan: @escaping (LaunchPlanner) throws(OpenCLError) -> Void,
    update: ((LaunchPlanner, Adam) throws(OpenCLError) -> Void)?
  ) {
    self.name = name
    self.plan = plan
    planUpdate = update
  }
}

/// What variants are listed for, besides the pass: a device and whose kernels it wants.
struct KernelTarget {
  let device: DeviceDescription
  let deviceClass: DeviceClass
  /// How convolutions of GPUs multiply at most.
  let multiplication: Multiplication
  let precision: Precision

  /// See `OpenCLExecutor` for the parameters and the errors.
  init(
    _ device: Device, deviceClass: DeviceClass?, precision: Precision?, matrixUnits: MatrixUnits? = nil,
    computeUnits: Int? = nil, vectorWidth: Int? = nil
  ) throws(OpenCLError) {
    var description = device.description
    self.deviceClass = deviceClass ?? description.deviceClass
    let (groupSize, localMemory) = (description.maxWorkGroupSize, description.localMemory)
    guard self.deviceClass == .cpu || groupSize >= 256 && localMemory >= 16 << 10 else {
      throw OpenCLError(
        "\(description.name) allows work-groups of \(groupSize) with \(localMemory) bytes of local memory; the kernels for GPUs need 256 with 16384; name another --device"
      )
    }
    let units = self.deviceClass == .cpu ? .none : matrixUnits ?? MatrixUnits(provenOn: device)
    self.precision = precision ?? .standard(units)
    multiplication = try Multiplication(self.precision, units, on: description)
    if let computeUnits { description.computeUnits = computeUnits }
    if let vectorWidth { description.nativeFloatVectorWidth = vectorWidth }
    self.device = description
  }
}

/// A pass that several variants can compute.
protocol VariedPass {
  /// The weight or weight gradient whose packing matters.
  var packedWeight: Tensor { get }

  func key(lanes: WeightLanes) -> PassKey

  /// Every way to compute the pass on a device, names unique. The first is the default: what is best on devices of
  /// that class by all that is known, a pure function of the shape.
  func variants(_ target: KernelTarget, lanes: WeightLanes) -> [KernelVariant]
}

/// Which variant every pass takes; passes that it does not name take their default.
public struct KernelChoices: Sendable, Equatable {
  /// Names of variants.
  public private(set) var names: [PassKey: String]
  /// Where they come from, for errors: a file, or words.
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
  /// As an object: passes' descriptions and variants' names.
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

extension LaunchPlanner {
  /// Adds the launches of the variant that was chosen for the pass, or of its default.
  func plan(_ pass: some VariedPass) throws(OpenCLError) {
    let variant = try pass.variant(choices, target, lanes: weight(pass.packedWeight).lanes)
    if let update = variant.planUpdate, deferUpdate(update) { return }
    try variant.plan(self)
  }
}
