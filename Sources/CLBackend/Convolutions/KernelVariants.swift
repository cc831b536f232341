import Tape

// The seam between a convolution pass and its kernels: a pass has a key and a list of kernel variants, and choices name the
// one that is taken. ConvolutionVariants.swift lists the variants.

/// The device that variants are listed for, and the class of its kernels.
package struct KernelTarget {
  let device: DeviceDescription
  let deviceClass: DeviceClass
  /// The matrix units that convolutions of GPUs may use.
  let arithmetic: MatrixArithmetic
  let precision: Precision
}

/// An operation that several kernel variants can compute.
protocol PassOperation: LaidOutOperation {
  var pass: any VariedPass { get }
}

/// The layer of a pass: the shapes of its image and gradient side and of its weight [O, I, KH, KW].
struct PassLayer {
  let image: Shape
  let gradient: Shape
  let weight: Shape
  let geometry: ConvolutionGeometry
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
    let blas = KernelVariant("clblast", .launches { planner throws(OpenCLError) in try planCLBlast(planner) })
    return ownVariants(target, lanes: lanes) + [blas]
  }
}

/// The variants of passes; a pass without one takes its default.
public struct KernelChoices: Sendable, Equatable {
  /// Names of variants.
  public private(set) var names: [PassKey: String]
  /// The origin of the choices for errors: a file, or words.
  public var source: String
  /// A name that is no variant is passed over: the choices are a shortcut, and their file may be damaged.
  var isShortcut = false

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

/// Words of a file for an error: a line of them, and nothing that a terminal would obey.
func wordsOfFile(_ text: String) -> String {
  String(String.UnicodeScalarView(text.unicodeScalars.lazy.filter { (" "..."~").contains($0) }.prefix(200)))
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
      if choices.isShortcut { return variants[0] }
      throw OpenCLError(
        "\(choices.source): \(key) has no kernel variant \"\(wordsOfFile(name))\" on this \(target.deviceClass) device; there are "
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
