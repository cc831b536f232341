#if Protobuf
  import Images
  import Interchange
  import Model
  import Tape
  import Testing

  /// A generator of every kind that options can ask for.
  struct GeneratorCase: CustomStringConvertible, Sendable {
    let options: TrainingOptions
    let statistics: NormStatistics

    var description: String {
      let network = options.network
      return
        "\(network.generator.rawValue) \(network.levels) \(network.upsampling.rawValue) \(network.norm.rawValue)"
        + "\(network.affine ? " affine" : "") noise \(network.noiseChannels) codes \(network.latent?.length ?? 0) \(network.output.rawValue) "
        + "\(network.dropout ? "dropout" : "") \(statistics.rawValue)"
    }

    static let all: [GeneratorCase] = {
      var cases: [GeneratorCase] = []
      let norms: [(NormKind, affine: Bool, NormStatistics)] = [
        (.batch, false, .batch), (.batch, false, .running), (.instance, false, .batch),
        (.instance, true, .batch), (.none, false, .batch),
      ]
      for generator in GeneratorKind.allCases {
        for upsampling in Upsampling.allCases {
          for (norm, affine, statistics) in norms {
            for noise in [0, 2] {
              for levels in generator.residualBlocks == nil ? [2, 3, 6] : [6] {
                var options = TrainingOptions()
                options.network.size = PictureSize(square: 64)
                options.network.generator = generator
                options.network.upsampling = upsampling
                (options.network.norm, options.network.affine) = (norm, affine)
                options.network.noiseChannels = noise
                options.network.levels = levels
                (options.network.ngf, options.network.ndf) = (2, 2)
                options.network.dropout = noise == 0
                cases.append(GeneratorCase(options: options, statistics: statistics))
                // Codes beside every level, and beside the picture and its noise.
                options.network.latent = LatentCode(length: 3, place: noise == 0 ? .all : .input)
                if generator.residualBlocks == nil {
                  cases.append(GeneratorCase(options: options, statistics: statistics))
                }
              }
            }
          }
        }
      }
      return cases
    }()

    /// The graph, all parameters being zeros.
    func graph(pixels: Bool = false) throws -> (graph: ONNXGraphProto, step: any TrainingStep) {
      let step = try options.recordTranslation(statistics: statistics, dropout: false)
      let description = ONNXDescription(options: options, step: 0, statistics: statistics, pixels: pixels)
      let counts = Dictionary(uniqueKeysWithValues: step.tensors.map { ($0.name, $0.tensor.shape.count) })
      let graph = try ONNXExport.graph(step, description) { name in
        counts[name].map { [Float](repeating: 0, count: $0) }
      }
      return (graph, step)
    }
  }

  @Suite struct GraphTests {
    /// Every input of a node is there before it, and every name once, as the specification of ONNX asks.
    private func expectOrder(_ graph: ONNXGraphProto, _ comment: Comment) {
      let given = graph.input.map(\.name) + graph.initializer.map(\.name)
      var values = Set(given)
      #expect(values.count == given.count, comment)
      for node in graph.node {
        for input in node.input where !input.isEmpty {
          #expect(values.contains(input), "\(node.name) reads \(input): \(comment)")
        }
        for output in node.output {
          #expect(values.insert(output).inserted, "\(output) is made twice: \(comment)")
        }
      }
      #expect(Set(graph.node.map(\.name)).count == graph.node.count, comment)
      for output in graph.output { #expect(values.contains(output.name), comment) }
      let read = Set(graph.node.flatMap(\.input) + graph.output.map(\.name))
      for name in given { #expect(read.contains(name), "nothing reads \(name): \(comment)") }
    }

    @Test(arguments: GeneratorCase.all) func namesAreThereBeforeTheyAreRead(_ kind: GeneratorCase) throws {
      for pixels in [false, true] { expectOrder(try kind.graph(pixels: pixels).graph, "pixels \(pixels)") }
    }

    /// By the shape rules of ONNX's operators, at two sizes that are not the recorded one: nothing in the graph depends on
    /// that, and all parameters of the generator are in it.
    @Test(arguments: GeneratorCase.all) func shapesFollowTheInputs(_ kind: GeneratorCase) throws {
      let (graph, step) = try kind.graph()
      let multiple = kind.options.network.alignment
      for (height, width) in [(multiple * 8, multiple * 12), (multiple * 12, multiple * 4)] {
        var inputs: [String: [Int]] = ["input": [2, 3, height, width]]
        if kind.options.network.noiseChannels > 0 { inputs["noise"] = [2, 2, height, width] }
        if kind.options.network.latent != nil { inputs["code"] = [2, 3] }
        #expect(Set(inputs.keys) == Set(graph.input.map(\.name)))
        let shapes = try ShapeRules(graph).shapes(inputs)
        #expect(shapes["output"] == [2, 3, height, width])
      }
      let initializers = Dictionary(uniqueKeysWithValues: graph.initializer.map { ($0.name, $0.dims) })
      let isRunning = kind.statistics == .running
      for network in step.networks where step.generators.contains(network.label) {
        for named in network.parameters + (isRunning ? network.runningStatistics : []) {
          #expect(initializers[named.name] == named.tensor.shape.dimensions.map(Int64.init), "\(named.name)")
        }
      }
    }

    @Test func normsAreThoseOfTheirStatistics() throws {
      func types(_ kind: GeneratorCase) throws -> Set<String> {
        Set(try kind.graph().graph.node.map(\.opType))
      }
      for kind in GeneratorCase.all where kind.options.network.levels > 1 {
        let types = try types(kind)
        let norm = kind.options.network.norm
        #expect(types.contains("BatchNormalization") == (kind.statistics == .running), "\(kind)")
        #expect(
          types.contains("InstanceNormalization") == (norm != .none && kind.statistics == .batch), "\(kind)")
      }
    }

    @Test func namesTheOperationWithoutRule() throws {
      let tape = Tape()
      let x = tape.input("x", [1, 1, 4, 4])
      _ = try tape.averagePool(x, by: 2)
      let graph = ONNXGraph { _ in ("", []) }
      graph.set(x, "x")
      let error = #expect(throws: ModelError.self) { try graph.add(tape.freeze().steps) }
      #expect(error?.description.contains("\"downsample\" (factor 2, coefficient 0.25)") == true)
      #expect(graph.nodes.isEmpty)
    }
  }

  /// The shape rules of the operators of opset 17 that generators of planes have.
  struct ShapeRules {
    struct UnknownOperator: Error { let type: String }

    let graph: ONNXGraphProto

    init(_ graph: ONNXGraphProto) { self.graph = graph }

    func shapes(_ inputs: [String: [Int]]) throws -> [String: [Int]] {
      var shapes = inputs
      var values: [String: [Int]] = [:]
      for tensor in graph.initializer {
        shapes[tensor.name] = tensor.dims.map(Int.init)
        values[tensor.name] = Self.integers(tensor)
      }
      for node in graph.node {
        let operands = node.input.map { shapes[$0] ?? [] }
        func int(_ name: String) -> Int? { node.attribute.first { $0.name == name }.map { Int($0.i) } }
        // Shapes that are computed: their values count.
        if node.opType == "Shape" {
          values[node.output[0]] = Array(operands[0][(int("start") ?? 0)..<(int("end") ?? operands[0].count)])
        } else if node.opType == "Concat", int("axis") == 0 {
          values[node.output[0]] = node.input.flatMap { values[$0] ?? [] }
        }
        if let value = values[node.output[0]] {
          shapes[node.output[0]] = [value.count]
          continue
        }
        let last = node.input.last.flatMap { values[$0] } ?? []
        shapes[node.output[0]] = try Self.shape(node, operands, last)
      }
      return shapes
    }

    private static func integers(_ tensor: ONNXTensorProto) -> [Int] {
      tensor.rawData.withUnsafeBytes { bytes in
        switch tensor.dataType {
        case 7: bytes.bindMemory(to: Int64.self).map(Int.init)
        // Scales are whole numbers.
        case 1 where tensor.dims == [4]: bytes.bindMemory(to: Float.self).map { Int($0) }
        default: []
        }
      }
    }

    private static func shape(_ node: ONNXNodeProto, _ operands: [[Int]], _ last: [Int]) throws -> [Int] {
      let x = operands[0]
      func ints(_ name: String) -> [Int] {
        node.attribute.first { $0.name == name }?.ints.map(Int.init) ?? []
      }
      func spatial(_ size: (Int, _ axis: Int) -> Int) -> [Int] { [size(x[2], 0), size(x[3], 1)] }
      let (kernel, strides, pads) = (ints("kernel_shape"), ints("strides"), ints("pads"))
      switch node.opType {
      case "Relu", "LeakyRelu", "Tanh", "Identity": return x
      case "InstanceNormalization", "BatchNormalization":
        for vector in operands.dropFirst() { #expect(vector == [x[1]]) }
        return x
      case "Add":
        #expect(operands[0] == operands[1])
        return x
      case "Concat":
        for other in operands { #expect(other[0] == x[0] && other[2...] == x[2...]) }
        return [x[0], operands.reduce(0) { $0 + $1[1] }, x[2], x[3]]
      case "Conv":
        let weight = operands[1]
        #expect(weight[1] == x[1] && Array(weight[2...]) == kernel)
        return [x[0], weight[0]] + spatial { ($0 + pads[$1] + pads[$1 + 2] - kernel[$1]) / strides[$1] + 1 }
      case "ConvTranspose":
        let weight = operands[1]
        #expect(weight[0] == x[1] && Array(weight[2...]) == kernel)
        let rest = ints("output_padding")
        return [x[0], weight[1]]
          + spatial { strides[$1] * ($0 - 1) + rest[$1] + kernel[$1] - pads[$1] - pads[$1 + 2] }
      case "Unsqueeze": return last.reduce(into: x) { $0.insert(1, at: $1) }
      case "Expand":
        for (size, wanted) in zip(x, last) { #expect(size == wanted || size == 1) }
        return last
      case "Resize": return zip(x, last).map { $0 * $1 }
      case "Pad":
        for axis in 2...3 { #expect(last[axis] < x[axis]) }
        return x.indices.map { x[$0] + last[$0] + last[$0 + 4] }
      default: throw UnknownOperator(type: node.opType)
      }
    }
  }
#endif
