import Random
import Tape

/// A convolution pass on a tape of its own, with the settings and the packing of weights that it has in the recording
/// it was taken from: the unit that the tuner times and checks.
struct PassRecording {
  let key: PassKey
  let pass: any VariedPass
  let recording: Recording
  /// The step of the pass; others only decide the layout of weights.
  let step: Int
  private let operands: [Tensor]
  /// The operands, with values.
  var inputs: [(tensor: Tensor, values: [Float])] {
    operands.enumerated().map { stream, tensor in
      (tensor, Philox(seed: 1).uniform(count: tensor.shape.count, stream: UInt32(stream)))
    }
  }
  let output: Tensor
  /// The step that uses a weight gradient.
  var adam: (step: Int, operation: Adam)? {
    recording.steps.enumerated().lazy.compactMap { index, step in
      (step.operation as? Adam).map { (index, $0) }
    }.first
  }

  /// The passes of a recording, each shape once, in order.
  static func all(of recording: Recording) throws(OpenCLError) -> [PassRecording] {
    let placement = Placement(recording)
    var seen: Set<PassKey> = []
    var result: [PassRecording] = []
    for step in recording.steps {
      guard let pass = (step.operation as? any PassOperation)?.pass else { continue }
      let lanes = placement.weights[pass.packedWeight.id]!.lanes
      guard seen.insert(pass.key(lanes: lanes)).inserted else { continue }
      do throws(TapeError) {
        if let recorded = try PassRecording(pass, lanes: lanes) { result.append(recorded) }
      } catch {
        throw OpenCLError("\(pass.key(lanes: lanes)): \(error)")
      }
    }
    return result
  }

  /// nil where the weight cannot have those lanes without the rest of the recording.
  ///
  /// - Parameter layer: the layer that the pass is recorded for, if not its own
  init?(_ original: any VariedPass, lanes: WeightLanes, layer: PassLayer? = nil) throws(TapeError) {
    let tape = Tape()
    let layer = layer ?? original.layer
    let x = tape.input("image", layer.image)
    let g = tape.input("gradient", layer.gradient)
    let w = tape.parameter("weight", layer.weight)
    step = try Self.recordFirstUse(of: w, for: original.key(lanes: lanes), x, g, layer.geometry, on: tape)
    let (result, operands) = try original.record(on: tape, image: x, gradient: g, weight: w)
    recording = tape.freeze()
    guard let pass = (recording.steps[step].operation as? any PassOperation)?.pass,
      Placement(recording).weights[pass.packedWeight.id]?.lanes == lanes
    else { return nil }
    self.pass = pass
    output = result
    key = pass.key(lanes: lanes)
    self.operands = operands
  }

  /// The first convolution that reads a weight decides its layout: unless the pass does so itself, records another.
  ///
  /// - Returns: the number of steps recorded
  private static func recordFirstUse(
    of w: Tensor, for key: PassKey, _ x: Tensor, _ g: Tensor, _ geometry: ConvolutionGeometry, on tape: Tape
  ) throws(TapeError) -> Int {
    let isConvolution = key.lanes == (w.shape[0] <= Placement.fewChannels ? .input : .output)
    if key.kind == (isConvolution ? .convolution : .transposed) { return 0 }
    _ =
      isConvolution
      ? try tape.convolution(x, weight: w, geometry)
      : try tape.transposedConvolution(g, weight: w, geometry, outputSize: (x.shape.h, x.shape.w))
    return 1
  }
}

extension PassRecording {
  /// A sample of the output by the pass' definition, with sums in Double.
  ///
  /// The whole output of a large layer would take the plain loops of the CPU reference seconds. The sample is spread
  /// evenly over the output, first and last element among it.
  ///
  /// - Returns: pairs of a row-major index and the value there
  func definitionSample(count samples: Int = 2048) -> [(index: Int, value: Double)] {
    let count = output.shape.count
    var indices: Set<Int> = [0, count - 1]
    if count <= samples {
      indices = Set(0..<count)
    } else {
      // Multiples of the golden ratio leave no gaps and hit no pattern.
      for k in 0..<samples {
        let turns = Double(k) * 0.618_033_988_749_894_9
        indices.insert(min(count - 1, Int((turns - turns.rounded(.down)) * Double(count))))
      }
    }
    guard let operation = recording.steps[step].operation as? any ConvolutionOperation else {
      preconditionFailure("\(key) is no convolution pass")
    }
    let memory = ReferenceMemory(of: inputs)
    return indices.sorted().map { ($0, operation.element($0, memory)) }
  }
}
