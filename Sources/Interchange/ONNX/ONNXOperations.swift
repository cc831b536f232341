#if Protobuf
  import Tape

  /// An operation that occurs in generators in use, and what it is in ONNX. Sizes of maps are in none of the nodes, so that
  /// a graph takes maps of other sizes than those it was recorded for.
  protocol ONNXOperation: Operation {
    /// Adds the nodes of the operation.
    ///
    /// - Throws: `ModelError.option` for settings that no generator has
    func addNodes(to graph: ONNXGraph) throws
  }

  extension Convolution: ONNXOperation {
    func addNodes(to graph: ONNXGraph) throws {
      guard gate == nil else { throw ONNXGraph.noRule(self) }
      var operands = [try graph.value(input, inputActivation), try graph.value(weight)]
      if let bias { operands.append(try graph.value(bias)) }
      graph.set(output, graph.add("Conv", operands, geometry.attributes(weight.shape)))
    }
  }

  extension TransposedConvolution: ONNXOperation {
    func addNodes(to graph: ONNXGraph) throws {
      let kernel = weight.shape[2]
      // What the whole output has beyond the least size.
      guard gate == nil, kernel == weight.shape[3],
        let least = geometry.transposedOutputSize(input.shape.h, kernel: kernel),
        let leastWidth = geometry.transposedOutputSize(input.shape.w, kernel: kernel),
        output.shape.h - least == output.shape.w - leastWidth
      else { throw ONNXGraph.noRule(self) }
      let rest = output.shape.h - least
      var operands = [try graph.value(input, inputActivation), try graph.value(weight)]
      if let bias { operands.append(try graph.value(bias)) }
      graph.set(
        output,
        graph.add(
          "ConvTranspose", operands,
          [
            "kernel_shape": .ints([kernel, kernel]), "strides": .ints([geometry.stride, geometry.stride]),
            "pads": .ints([Int](repeating: geometry.padding, count: 4)),
            "output_padding": .ints([rest, rest]),
          ]))
    }
  }

  extension Norm: ONNXOperation {
    /// Statistics of the picture at hand: of one picture, batch norm is instance norm. Both have the biased variance.
    func addNodes(to graph: ONNXGraph) throws {
      guard parts == input.shape.n, input.shape.n == 1 else { throw ONNXGraph.noRule(self) }
      let channels = input.shape.c
      let scale =
        try self.scale.map(graph.value)
        ?? graph.constant([Float](repeating: 1, count: channels), [channels], as: "\(graph.scope).ones")
      let shift =
        try self.shift.map(graph.value)
        ?? graph.constant([Float](repeating: 0, count: channels), [channels], as: "\(graph.scope).zeros")
      graph.set(
        output,
        graph.add(
          "InstanceNormalization", [try graph.value(input), scale, shift], ["epsilon": .float(epsilon)]))
    }
  }

  extension Normalize: ONNXOperation {
    func addNodes(to graph: ONNXGraph) throws {
      guard let scale, let shift else { throw ONNXGraph.noRule(self) }
      graph.set(
        output,
        graph.add(
          "BatchNormalization",
          try [input, scale, shift, mean, variance].map(graph.value), ["epsilon": .float(epsilon)]))
    }
  }

  extension Elementwise: ONNXOperation {
    func addNodes(to graph: ONNXGraph) throws {
      guard function.name == ElementwiseFunction.tanh.name else { throw ONNXGraph.noRule(self) }
      graph.set(output, graph.add("Tanh", [try graph.value(input)]))
    }
  }

  extension ActivationGradient: ONNXOperation {
    /// Of a tensor at itself it is the activation: see `Tape.activated`.
    func addNodes(to graph: ONNXGraph) throws {
      guard gradient == at else { throw ONNXGraph.noRule(self) }
      graph.set(output, try graph.value(at, activation))
    }
  }

  extension Concatenation: ONNXOperation {
    func addNodes(to graph: ONNXGraph) throws {
      graph.set(output, graph.add("Concat", try graph.valuesOfOneSize(parts), ["axis": .int(1)]))
    }
  }

  extension Combination: ONNXOperation {
    func addNodes(to graph: ONNXGraph) throws {
      guard alpha == 1, beta == 1 else { throw ONNXGraph.noRule(self) }
      graph.set(output, graph.add("Add", [try graph.value(a), try graph.value(b)]))
    }
  }

  extension Upsample: ONNXOperation {
    func addNodes(to graph: ONNXGraph) throws {
      guard coefficient == 1 else { throw ONNXGraph.noRule(self) }
      let scales = graph.constant([1, 1, Float(factor), Float(factor)], [4], as: "\(graph.scope).scales")
      // Output pixel i shows input pixel floor(i / factor).
      graph.set(
        output,
        graph.add(
          "Resize", [try graph.value(input), "", scales],
          [
            "mode": .string("nearest"), "coordinate_transformation_mode": .string("asymmetric"),
            "nearest_mode": .string("floor"),
          ]))
    }
  }

  extension ReflectionPad: ONNXOperation {
    func addNodes(to graph: ONNXGraph) throws {
      // Of the four axes, before and behind.
      let pixels = Int64(padding)
      let pads = graph.constant([0, 0, pixels, pixels, 0, 0, pixels, pixels], [8], as: "\(graph.scope).pads")
      graph.set(output, graph.add("Pad", [try graph.value(input), pads], ["mode": .string("reflect")]))
    }
  }

  extension Broadcast: ONNXOperation {
    /// The maps' size is that of the maps beside them.
    func addNodes(to graph: ONNXGraph) throws {
      guard coefficient == 1 else { throw ONNXGraph.noRule(self) }
      graph.set(maps: output, ofNumbers: try graph.value(input))
    }
  }

  extension GaussianNoise: ONNXOperation {
    /// Whoever makes the graph says where it comes from.
    func addNodes(to graph: ONNXGraph) throws { _ = try graph.value(output) }
  }

  extension ConvolutionGeometry {
    /// - Parameter weight: [O, I, KH, KW]
    fileprivate func attributes(_ weight: Shape) -> KeyValuePairs<String, ONNXGraph.Attribute> {
      [
        "kernel_shape": .ints([weight[2], weight[3]]), "strides": .ints([stride, stride]),
        "pads": .ints([padding, padding, padding, padding]),
      ]
    }
  }
#endif
