import Random
import Tape

/// A convolution pass on a tape of its own, with the settings and the packing of weights that it has in the recording
/// it was taken from: what is timed and checked by itself.
struct PassRecording {
  let key: PassKey
  let pass: any VariedPass
  let recording: Recording
  /// Which of the recording's steps is the pass; others only decide how weights lie.
  let step: Int
  /// What the pass reads, with values.
  let inputs: [(tensor: Tensor, values: [Float])]
  let output: Tensor
  /// Of a weight gradient: the step that takes it.
  var adam: Adam? { recording.steps.lazy.compactMap { $0.operation as? Adam }.first }

  /// The passes of a recording, each shape once, in order.
  static func all(of recording: Recording) throws(OpenCLError) -> [PassRecording] {
    let placement = Placement(recording)
    var seen: Set<PassKey> = []
    var result: [PassRecording] = []
    for step in recording.steps {
      guard let pass = variedPass(of: step.operation) else { continue }
      let lanes = placement.weights[pass.packedWeight.id]!.lanes
      guard seen.insert(pass.key(lanes: lanes)).inserted else { continue }
      do throws(TapeError) {
        if let recorded = try PassRecording(step.operation, lanes: lanes) { result.append(recorded) }
      } catch {
        throw OpenCLError("\(pass.key(lanes: lanes)): \(error)")
      }
    }
    return result
  }

  /// nil where a weight used by this pass alone cannot lie like that.
  private init?(_ operation: any Operation, lanes: WeightLanes) throws(TapeError) {
    let tape = Tape()
    let (image, gradient, shape, geometry): (Shape, Shape, Shape, ConvolutionGeometry)
    switch operation {
    case let step as Convolution:
      (image, gradient, shape, geometry) = (
        step.input.shape, step.output.shape, step.weight.shape, step.geometry
      )
    case let step as TransposedConvolution:
      (image, gradient, shape, geometry) = (
        step.output.shape, step.input.shape, step.weight.shape, step.geometry
      )
    case let step as WeightGradient:
      (image, gradient, shape, geometry) = (
        step.image.shape, step.gradient.shape, step.output.shape, step.geometry
      )
    default: return nil
    }
    let x = tape.input("image", image)
    let g = tape.input("gradient", gradient)
    let w = tape.parameter("weight", shape)
    var inputs: [Tensor]
    var steps = 0

    // The first use of a weight decides how it lies.
    let isConvolutionFirst = lanes == (shape[0] <= Placement.fewChannels ? .input : .output)
    let isPassFirst =
      isConvolutionFirst ? operation is Convolution : operation is TransposedConvolution
    if !isPassFirst {
      steps = 1
      _ =
        isConvolutionFirst
        ? try tape.convolution(x, weight: w, geometry)
        : try tape.transposedConvolution(g, weight: w, geometry, outputSize: (image.h, image.w))
    }
    func bias(_ given: Tensor?) -> Tensor? { given.map { tape.parameter("bias", $0.shape) } }
    func gate(_ given: Gate?) -> Gate? {
      given.map { Gate(tensor: tape.input("gate", $0.tensor.shape), activation: $0.activation) }
    }
    switch operation {
    case let pass as Convolution:
      let (bias, gate) = (bias(pass.bias), gate(pass.gate))
      output = try tape.convolution(
        x, weight: w, geometry, bias: bias, inputActivation: pass.inputActivation, gate: gate)
      inputs = [x, w] + [bias, gate?.tensor].compactMap { $0 }
    case let pass as TransposedConvolution:
      let (bias, gate) = (bias(pass.bias), gate(pass.gate))
      output = try tape.transposedConvolution(
        g, weight: w, geometry, bias: bias, inputActivation: pass.inputActivation, gate: gate,
        outputSize: (image.h, image.w))
      inputs = [g, w] + [bias, gate?.tensor].compactMap { $0 }
    case let pass as WeightGradient:
      output = try tape.weightGradient(
        image: x, gradient: g, like: w, geometry, imageActivation: pass.imageActivation,
        gradientActivation: pass.gradientActivation)
      inputs = [x, g]
      // Gradients lie as Adam's parameter does.
      try tape.adam(
        w, gradient: output, firstMoment: tape.state("m", shape), secondMoment: tape.state("v", shape),
        schedule: tape.schedule())
    default: return nil
    }
    recording = tape.freeze()
    step = steps
    guard let pass = variedPass(of: recording.steps[step].operation),
      Placement(recording).weights[pass.packedWeight.id]?.lanes == lanes
    else { return nil }
    self.pass = pass
    key = pass.key(lanes: lanes)
    self.inputs = inputs.enumerated().map { stream, tensor in
      (tensor, Philox(seed: 1).uniform(count: tensor.shape.count, stream: UInt32(stream)))
    }
  }

}

extension PassRecording {
  /// Some of the output's elements, by the definition of the pass and with sums in Double.
  ///
  /// The whole output of a large layer would take the plain loops of the CPU reference seconds. The places are spread
  /// evenly over the output, first and last element among them.
  ///
  /// - Returns: pairs of a row-major index and the value there
  func expected(samples: Int = 2048) -> [(index: Int, value: Double)] {
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
