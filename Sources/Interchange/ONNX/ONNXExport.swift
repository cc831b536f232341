#if Protobuf
  import Files
  import Foundation
  import Images
  import Model
  import Tape

  /// A trained generator as an ONNX model, with dropout off.
  ///
  /// It takes float planes [batch, C, height, width] as the network does and gives planes of that size, sides being
  /// multiples of `NetworkConfiguration.alignment`: see docs/ELSEWHERE.md. Each picture of a batch is by itself, as pictures
  /// are in `translate`: norms that take the statistics of the picture at hand are instance normalisations. A generator with
  /// noise takes it as a further input, as one with latent codes takes these.
  ///
  /// With pixels it takes and gives bytes [batch, height, width, C] of any size, which it mirrors inside and cuts outside as
  /// the program does, and draws noise itself.
  public struct ONNXExport {
    package let model: ONNXModelProto
    /// What the model takes, gives and does, a line each, for people.
    public let remarks: [String]

    /// The most bytes of a message in protocol buffers.
    private static let mostBytes = Int(Int32.max)

    /// - Parameters:
    ///   - checkpoint: a read checkpoint, and its path for errors
    ///   - statistics: of norms: of the picture at hand, or the running averages (batch norm only)
    ///   - pixels: whether it takes and gives bytes
    ///   - version: of this program
    /// - Throws: `ModelError` for a checkpoint that does not fit, and for a model that has no ONNX form of that kind
    public init(
      _ checkpoint: (Checkpoint, path: String), statistics: NormStatistics = .batch, pixels: Bool = false,
      version: String
    ) throws {
      let (checkpoint, path) = checkpoint
      let options = checkpoint.options
      guard statistics == .batch || options.network.norm == .batch else {
        throw ModelError.option(
          "--norm-statistics",
          "a model with norm \(options.network.norm.rawValue) keeps no running averages; use batch")
      }
      let step = try options.recordTranslation(statistics: statistics, dropout: false)
      try checkpoint.check(step, path: path)
      let tensors = checkpoint.tensors
      let description = ONNXDescription(
        options: options, step: checkpoint.progress.step, statistics: statistics, pixels: pixels)
      let graph = try Self.graph(step, description) { try tensors.floats($0) }
      remarks = description.remarks

      var model = ONNXModelProto()
      // The version of the format that came with the operators' version 17.
      model.irVersion = 8
      model.producerName = OwnMark.name
      model.producerVersion = version
      var operators = ONNXOperatorSetIdProto()
      (operators.domain, operators.version) = ("", ONNXGraph.opset)
      model.opsetImport = [operators]
      model.graph = graph
      model.docString = description.remarks.joined(separator: "\n")
      var metadata = description.metadata
      metadata["options"] = tensors.metadata["options"]
      model.metadataProps = metadata.sorted { $0.key < $1.key }.map { key, value in
        var entry = ONNXStringStringEntryProto()
        (entry.key, entry.value) = (key, value)
        return entry
      }
      self.model = model
    }

    /// The graph of a recorded translation.
    ///
    /// - Parameter values: of a parameter, by its name
    package static func graph(
      _ step: any TrainingStep, _ description: ONNXDescription, values: @escaping (String) throws -> [Float]?
    ) throws -> ONNXGraphProto {
      let graph = try emptyGraph(for: step, values)
      for name in ["input", "output", "noise", "code"] { _ = graph.unique(name) }
      let (recording, translation) = (step.recording, step.translations[0])
      guard let range = recording.sections[translation.section] else {
        preconditionFailure("a translation is a section")
      }
      let steps = recording.steps[range]
      let noise = steps.lazy.compactMap { $0.operation as? GaussianNoise }.first?.output
      var result = ONNXGraphProto()
      result.name = "generator"
      if description.pixels {
        let frame = try graph.addPixelInputs(to: &result, translation, description)
        addCode(to: &result, graph, translation)
        if let noise { graph.set(noise, graph.addNoise(maps: noise.shape.c, like: frame.planes)) }
        try graph.add(steps)
        try graph.addPixelOutput(to: &result, graph.value(translation.output), frame, description)
      } else {
        graph.set(translation.input, "input")
        result.input = [value("input", .float, planes(translation.input.shape.c))]
        if let noise {
          graph.set(noise, "noise")
          result.input.append(value("noise", .float, planes(noise.shape.c)))
        }
        addCode(to: &result, graph, translation)
        try graph.add(steps)
        graph.add("Identity", [try graph.value(translation.output)], as: "output")
        result.output = [value("output", .float, planes(translation.output.shape.c))]
      }
      (result.node, result.initializer) = (graph.nodes, graph.initializers)
      return result
    }

    /// Adds the input of latent codes, [batch, K], where the generator takes any.
    private static func addCode(
      to result: inout ONNXGraphProto, _ graph: ONNXGraph, _ translation: Translation
    ) {
      guard let code = translation.code else { return }
      result.input.append(value("code", .float, [.named("batch"), .size(code.shape.c)]))
      let axes = graph.constant([Int64(2), 3], [2], as: "code.axes")
      graph.set(code, graph.add("Unsqueeze", ["code", axes]))
    }

    /// A graph that knows the parameters of a recorded translation.
    ///
    /// - Throws: `ModelError.option` for more of them than a model can hold
    private static func emptyGraph(
      for step: any TrainingStep, _ values: @escaping (String) throws -> [Float]?
    ) throws -> ONNXGraph {
      let bytes = step.tensors.reduce(0) { $0 + 4 * $1.tensor.shape.count }
      guard bytes < mostBytes - 1 << 20 else {
        throw ModelError.option(
          "--format",
          "the generator has \(bytes >> 20) MiB of parameters, and a model in onnx holds less than 2048; train one of a smaller --ngf"
        )
      }
      let names = Dictionary(uniqueKeysWithValues: step.tensors.map { ($0.tensor, $0.name) })
      return ONNXGraph { tensor in
        guard let name = names[tensor], let values = try values(name) else {
          preconditionFailure("a generator in use reads its parameters and what steps before wrote")
        }
        return (name, values)
      }
    }

    /// Writes the model's file.
    ///
    /// - Throws: `FileError` for a file that cannot be written or may not be replaced
    public func write(to path: String, replacing: OutputFile.Replacing = .own) throws {
      let bytes: Data = try model.serializedData()
      try OutputFile.write(to: path, replacing: replacing) { file in
        try bytes.withUnsafeBytes { try file.write($0) }
      }
    }

    // MARK: Inputs and outputs

    /// One axis of an input or an output.
    enum Axis {
      case named(String)
      case size(Int)
    }

    private static func planes(_ channels: Int) -> [Axis] {
      [.named("batch"), .size(channels), .named("height"), .named("width")]
    }

    static func value(_ name: String, _ type: ONNXTensorProto.DataType, _ axes: [Axis]) -> ONNXValueInfoProto
    {
      var value = ONNXValueInfoProto()
      value.name = name
      value.type.tensorType.elemType = Int32(type.rawValue)
      value.type.tensorType.shape.dim = axes.map { axis in
        var dimension = ONNXTensorShapeProto.Dimension()
        switch axis {
        case .named(let name): dimension.dimParam = name
        case .size(let size): dimension.dimValue = Int64(size)
        }
        return dimension
      }
      return value
    }
  }
#endif
