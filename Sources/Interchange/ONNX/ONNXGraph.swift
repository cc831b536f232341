#if Protobuf
  import struct Foundation.Data
  import Model
  import Tape

  /// The nodes and initializers of an ONNX graph while it is made, every value under a name of its own.
  package final class ONNXGraph {
    /// The version of ONNX's operators: what runtimes of the last years all have.
    package static let opset: Int64 = 17

    /// An attribute of a node.
    enum Attribute {
      case int(Int)
      case ints([Int])
      case float(Float)
      case string(String)
    }

    package private(set) var nodes: [ONNXNodeProto] = []
    package private(set) var initializers: [ONNXTensorProto] = []
    /// Heads the names of what is added: the label of the layer.
    var scope = ""
    private var names: Set<String> = []
    private var values: [Tensor: String] = [:]
    private var activations: [ActivatedTensor: String] = [:]
    /// Numbers [batch, K, 1, 1] that stand for maps of any size.
    private var numbersOfMaps: [Tensor: String] = [:]
    private let parameter: (Tensor) throws -> (name: String, values: [Float])

    private struct ActivatedTensor: Hashable {
      let tensor: Tensor
      let activation: Activation
    }

    /// - Parameter parameter: a learned tensor's name and values, by the tape's tensor
    package init(parameter: @escaping (Tensor) throws -> (name: String, values: [Float])) {
      self.parameter = parameter
    }

    // MARK: Values

    /// A name that no value or node of the graph has: the wanted one, or that with a number.
    func unique(_ wanted: String) -> String {
      var (name, number) = (wanted, 1)
      while !names.insert(name).inserted {
        number += 1
        name = "\(wanted).\(number)"
      }
      return name
    }

    /// Says which value of the graph a tensor of the tape is.
    package func set(_ tensor: Tensor, _ name: String) { values[tensor] = name }

    /// Says which numbers the maps of a tensor of the tape repeat.
    func set(maps tensor: Tensor, ofNumbers name: String) { numbersOfMaps[tensor] = name }

    /// The values of tensors that agree in their maps' sizes; maps of numbers take theirs from another one.
    func valuesOfOneSize(_ tensors: [Tensor]) throws -> [String] {
      guard let other = tensors.first(where: { numbersOfMaps[$0] == nil }) else {
        preconditionFailure("maps of numbers lie beside others")
      }
      return try tensors.map { tensor in
        guard let numbers = numbersOfMaps[tensor] else { return try value(tensor) }
        let shape = add(
          "Concat",
          [
            add("Shape", [numbers], ["start": .int(0), "end": .int(2)]),
            add("Shape", [try value(other)], ["start": .int(2), "end": .int(4)]),
          ], ["axis": .int(0)])
        return add("Expand", [numbers, shape])
      }
    }

    /// The value of a tensor. Parameters become initializers, under the names that checkpoints have, when they are first
    /// asked for.
    func value(_ tensor: Tensor) throws -> String {
      if let name = values[tensor] { return name }
      let (wanted, numbers) = try parameter(tensor)
      let name = constant(numbers, tensor.shape.dimensions, as: wanted)
      values[tensor] = name
      return name
    }

    /// The value of a tensor behind an activation.
    func value(_ tensor: Tensor, _ activation: Activation) throws -> String {
      let x = try value(tensor)
      if activation == .none { return x }
      let key = ActivatedTensor(tensor: tensor, activation: activation)
      if let name = activations[key] { return name }
      let result =
        activation == .relu
        ? add("Relu", [x]) : add("LeakyRelu", [x], ["alpha": .float(activation.negativeSlope)])
      activations[key] = result
      return result
    }

    // MARK: Initializers

    func constant(_ values: [Float], _ shape: [Int], as name: String) -> String {
      initializer(name, .float, shape, values)
    }

    func constant(_ values: [Int64], _ shape: [Int], as name: String) -> String {
      initializer(name, .int64, shape, values)
    }

    func constant(_ values: [Int32], _ shape: [Int], as name: String) -> String {
      initializer(name, .int32, shape, values)
    }

    func constant(_ values: [UInt8], _ shape: [Int], as name: String) -> String {
      initializer(name, .uint8, shape, values)
    }

    private func initializer<T>(
      _ name: String, _ type: ONNXTensorProto.DataType, _ shape: [Int], _ values: [T]
    ) -> String {
      precondition(values.count == shape.reduce(1, *), "\(name) has \(values.count) values for \(shape)")
      var tensor = ONNXTensorProto()
      tensor.name = unique(name)
      tensor.dims = shape.map(Int64.init)
      tensor.dataType = Int32(type.rawValue)
      // Swift runs on little-endian machines only.
      tensor.rawData = values.withUnsafeBytes { Data($0) }
      initializers.append(tensor)
      return tensor.name
    }

    // MARK: Nodes

    /// Adds a node with one result.
    ///
    /// - Parameters:
    ///   - type: ONNX's operator
    ///   - inputs: "" where an optional one is missing
    ///   - name: of the result; by default made of the layer and the operator
    /// - Returns: the result's name
    @discardableResult
    func add(
      _ type: String, _ inputs: [String], _ attributes: KeyValuePairs<String, Attribute> = [:],
      as name: String? = nil
    ) -> String {
      var node = ONNXNodeProto()
      node.opType = type
      node.name = unique(scope.isEmpty ? "\(type).node" : "\(scope).\(type)")
      node.input = inputs
      let result = name ?? unique("\(node.name).result")
      node.output = [result]
      node.attribute = attributes.map { Self.attribute($0.key, $0.value) }
      nodes.append(node)
      return result
    }

    private static func attribute(_ name: String, _ value: Attribute) -> ONNXAttributeProto {
      var attribute = ONNXAttributeProto()
      attribute.name = name
      switch value {
      case .int(let number): (attribute.type, attribute.i) = (.int, Int64(number))
      case .ints(let numbers): (attribute.type, attribute.ints) = (.ints, numbers.map(Int64.init))
      case .float(let number): (attribute.type, attribute.f) = (.float, number)
      case .string(let text): (attribute.type, attribute.s) = (.string, Data(text.utf8))
      }
      return attribute
    }

    /// Adds the nodes of the steps of a recording, in order.
    ///
    /// - Throws: `ModelError.option` that names an operation without a rule
    package func add(_ steps: some Sequence<Step>) throws {
      for step in steps {
        scope = step.label
        guard let operation = step.operation as? any ONNXOperation else {
          throw Self.noRule(step.operation)
        }
        try operation.addNodes(to: self)
      }
      scope = ""
    }

    /// The error of an operation, or a setting of one, that ONNX models do not have yet.
    static func noRule(_ operation: any Operation) -> ModelError {
      let settings = operation.settings.isEmpty ? "" : " (\(operation.settings))"
      return .option(
        "--format",
        "the model has a step \"\(operation.name)\"\(settings), which has no rule for onnx; use translate, or add one"
      )
    }
  }
#endif
