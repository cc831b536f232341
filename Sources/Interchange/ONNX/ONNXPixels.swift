#if Protobuf
  import Images
  import Model
  import Tape

  /// What the bytes [batch, height, width, C] of a picture mean to a network, or what its planes mean as bytes.
  enum PixelFormat {
    /// C samples, 0 to 255 for -1 to 1.
    case samples(channels: Int)
    /// A label map in these colours, C = 3, or of gray levels, C = 1. In no class are pixels of any other colour.
    case classes([Colour])
    /// A photograph whose holes are transparent, alpha below 128: C = 4.
    case holes

    /// C
    var channels: Int {
      switch self {
      case .samples(let channels): channels
      case .classes(let colours): Self.areGray(colours) ? 1 : 3
      case .holes: 4
      }
    }

    static func areGray(_ colours: [Colour]) -> Bool {
      colours.allSatisfy { $0.red == $0.green && $0.green == $0.blue }
    }

    /// - Throws: `ModelError.option` for planes that are no samples
    init(_ format: PlaneFormat, _ side: String) throws(ModelError) {
      switch format {
      case .gray, .rgb, .rgba, .channels: self = .samples(channels: format.channels)
      case .labels(let palette): self = .classes(palette.colours)
      case .lightness, .chroma:
        throw .option(
          "--pixels",
          "the model's \(side) is CIE \(format == .chroma ? "a and b" : "L"), which an ONNX model does not convert; leave --pixels out and convert outside, see docs/ELSEWHERE.md"
        )
      }
    }

    /// The formats of a model's input pictures.
    static func inputs(of format: PairFormat) throws(ModelError) -> [PixelFormat] {
      switch format {
      case .pictures(let inputs, _):
        var formats: [PixelFormat] = []
        for input in inputs { formats.append(try PixelFormat(input, "input")) }
        return formats
      case .photographs(.colorize): return [try PixelFormat(.lightness, "input")]
      case .photographs(.edges): return [.samples(channels: 1)]
      case .photographs(.inpaint): return [.holes]
      case .photographs(.superResolve), .photographs(.denoise): return [.samples(channels: 3)]
      }
    }
  }

  extension ONNXGraph {
    /// The planes of pictures of any size as networks take them, and what is needed to cut their outputs.
    struct Frame {
      /// Float planes, continued to sides that the network takes.
      let planes: String
      /// The pictures' height and width, [2].
      let size: String
    }

    /// Adds inputs of bytes, one for each picture that the model takes, and makes the network's input of them.
    func addPixelInputs(
      to result: inout ONNXGraphProto, _ translation: Translation, _ description: ONNXDescription
    ) throws -> Frame {
      var parts: [String] = []
      for (index, format) in try PixelFormat.inputs(of: description.options.format).enumerated() {
        let name = index == 0 ? "input" : unique("input\(index + 1)")
        result.input.append(
          ONNXExport.value(
            name, .uint8, [.named("batch"), .named("height"), .named("width"), .size(format.channels)]))
        scope = "pixels.\(name)"
        parts.append(planes(ofPixels: name, format))
      }
      scope = "frame"
      let joined = parts.count == 1 ? parts[0] : add("Concat", parts, ["axis": .int(1)])
      var planes = joined
      for axis in [2, 3] { planes = mirrored(planes, axis, description) }
      set(translation.input, planes)
      return Frame(planes: planes, size: add("Shape", [joined], ["start": .int(2), "end": .int(4)]))
    }

    /// Bytes [batch, height, width, C] as float planes.
    private func planes(ofPixels input: String, _ format: PixelFormat) -> String {
      func planes(_ values: String) -> String { add("Transpose", [values], ["perm": .ints([0, 3, 1, 2])]) }
      func floats(_ values: String) -> String { add("Cast", [values], ["to": .int(Self.float)]) }
      /// x / 127.5 - 1
      func samples(_ bytes: String) -> String {
        let halves = add("Div", [floats(bytes), constant([127.5], [], as: "\(scope).half")])
        return add("Sub", [halves, constant([Float(1)], [], as: "\(scope).one")])
      }
      switch format {
      case .samples: return planes(samples(input))
      case .classes(let colours):
        let bytes = add("Cast", [input], ["to": .int(ONNXTensorProto.DataType.int32.rawValue)])
        let isGray = PixelFormat.areGray(colours)
        // A colour is one number, R G B in base 256.
        let factors = constant([Int32(1 << 16), 1 << 8, 1], [3], as: "\(scope).factors")
        let packed =
          isGray
          ? bytes
          : add(
            "ReduceSum",
            [add("Mul", [bytes, factors]), constant([Int64(3)], [1], as: "\(scope).channels")],
            ["keepdims": .int(1)])
        let numbers = colours.map { colour in
          isGray
            ? Int32(colour.red) : Int32(colour.red) << 16 | Int32(colour.green) << 8 | Int32(colour.blue)
        }
        let classes = constant(numbers, [numbers.count], as: "\(scope).classes")
        return planes(floats(add("Equal", [packed, classes])))
      case .holes:
        let all = planes(samples(input))
        func channels(_ range: Range<Int>) -> String {
          let bounds = [range.lowerBound, range.upperBound, 1].map { [Int64($0)] }
          return add(
            "Slice",
            [all]
              + zip(bounds, ["first", "end", "axis"]).map {
                constant($0, [1], as: "\(scope).\($1)")
              })
        }
        let isHole = add("Less", [channels(3..<4), constant([Float(0)], [], as: "\(scope).zero")])
        let filled = add(
          "Where", [isHole, constant([Float(0)], [], as: "\(scope).filling"), channels(0..<3)])
        return add("Concat", [filled, floats(isHole)], ["axis": .int(1)])
      }
    }

    /// Planes continued along an axis by mirror images of themselves to a size that the network takes: see `Framing`.
    private func mirrored(_ planes: String, _ axis: Int, _ description: ONNXDescription) -> String {
      func number(_ value: Int) -> String { constant([Int64(value)], [], as: "\(scope).\(value)") }
      let multiple = number(description.multiple)
      let size = add("Squeeze", [add("Shape", [planes], ["start": .int(axis), "end": .int(axis + 1)])])
      let count = add("Div", [add("Add", [size, number(description.multiple - 1)]), multiple])
      let padded = add("Max", [add("Mul", [count, multiple]), number(description.leastSide)])
      // Back and forth between the ends; a single row is repeated.
      let (one, two) = (number(1), number(2))
      let period = add("Max", [add("Mul", [add("Sub", [size, one]), two]), one])
      let place = add("Mod", [add("Range", [number(0), padded, one]), period])
      let source = add("Min", [place, add("Sub", [period, place])])
      return add("Gather", [planes, source], ["axis": .int(axis)])
    }

    /// Adds maps of Gaussian noise of the size of planes, drawn anew at every run.
    func addNoise(maps: Int, like planes: String) -> String {
      scope = "noise"
      let shape = add(
        "Concat",
        [
          add("Shape", [planes], ["start": .int(0), "end": .int(1)]),
          constant([Int64(maps)], [1], as: "\(scope).maps"),
          add("Shape", [planes], ["start": .int(2), "end": .int(4)]),
        ], ["axis": .int(0)])
      return add(
        "RandomNormalLike", [add("ConstantOfShape", [shape])],
        ["dtype": .int(Self.float), "mean": .float(0), "scale": .float(1)], as: "noise")
    }

    /// Adds the output of bytes, cut to the pictures' size.
    func addPixelOutput(
      to result: inout ONNXGraphProto, _ planes: String, _ frame: Frame, _ description: ONNXDescription
    ) throws {
      scope = "frame"
      let cut = add(
        "Slice",
        [
          planes, constant([Int64(0), 0], [2], as: "\(scope).first"), frame.size,
          constant([Int64(2), 3], [2], as: "\(scope).axes"),
        ])
      scope = "pixels.output"
      let format = try PixelFormat(description.options.format.target, "output")
      switch format {
      case .classes(let colours):
        let samples = colours.flatMap { format.channels == 1 ? [$0.red] : [$0.red, $0.green, $0.blue] }
        let palette = constant(samples, [colours.count, format.channels], as: "\(scope).palette")
        let classes = add("ArgMax", [cut], ["axis": .int(1), "keepdims": .int(0)])
        add("Gather", [palette, classes], as: "output")
      case .samples, .holes:
        // round((x + 1) * 127.5)
        let sums = add("Add", [cut, constant([Float(1)], [], as: "\(scope).one")])
        let levels = add("Mul", [sums, constant([127.5], [], as: "\(scope).half")])
        let limits = [0, 255].map { constant([Float($0)], [], as: "\(scope).limit") }
        let bytes = add(
          "Cast", [add("Clip", [add("Round", [levels])] + limits)],
          ["to": .int(ONNXTensorProto.DataType.uint8.rawValue)])
        add("Transpose", [bytes], ["perm": .ints([0, 2, 3, 1])], as: "output")
      }
      result.output = [
        ONNXExport.value(
          "output", .uint8, [.named("batch"), .named("height"), .named("width"), .size(format.channels)])
      ]
    }

    private static let float = ONNXTensorProto.DataType.float.rawValue
  }
#endif
