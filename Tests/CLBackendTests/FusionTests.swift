import CLBackend
import Images
import Model
import OperationCases
import Tape
import Testing

/// Steps that are planned together share launches. Each of them by itself is compared with the reference elsewhere
/// (`OperationTests`); here the whole is compared with them one by one.
struct FusionTests {
  /// Two levels down and up with a skip, norms with running statistics, dropout, and Adam: all that shares launches.
  struct Network {
    let recording: Recording
    let fill: [(tensor: Tensor, values: [Float])]

    init(batch: Int = 2, size: Int = 12) throws {
      let tape = Tape()
      var fill: [(Tensor, [Float])] = []
      func filled(_ tensor: Tensor, _ values: CaseValues = .scaled(0.25)) -> Tensor {
        fill.append((tensor, values.make(count: tensor.shape.count, seed: 3, stream: UInt32(fill.count))))
        return tensor
      }
      let schedule = tape.schedule()
      fill.append((schedule, Schedule(step: 3, learningRate: 1e-2, seed: 5).values))
      let x = filled(tape.input("x", [batch, 3, size, size]), .uniform)
      var parameters: [Tensor] = []
      func parameter(_ name: String, _ shape: Shape) -> Tensor {
        parameters.append(filled(tape.parameter(name, shape)))
        return parameters.last!
      }
      let half = ConvolutionGeometry(stride: 2, padding: 1)
      func norm(_ input: Tensor, _ name: String) throws -> Tensor {
        let channels: Shape = [input.shape.c]
        let result = try tape.norm(
          input, scale: parameter("\(name).scale", channels), shift: parameter("\(name).shift", channels))
        try tape.runningStatistics(
          result, mean: filled(tape.state("\(name).mean", channels)),
          variance: filled(tape.state("\(name).variance", channels), .positive))
        return result.output
      }
      let bias = parameter("bias", [3])
      let down1 = parameter("down1", [16, 3, 4, 4])
      let down2 = parameter("down2", [40, 16, 4, 4])
      let up2 = parameter("up2", [40, 16, 4, 4])
      let up1 = parameter("up1", [32, 3, 4, 4])
      let outer = try norm(tape.convolution(x, weight: down1, half), "norm1")
      let inner = try norm(tape.convolution(outer, weight: down2, half, inputActivation: .leakyReLU), "norm2")
      let raised = try norm(
        tape.transposedConvolution(inner, weight: up2, half, inputActivation: .relu), "norm3")
      let joined = try tape.concatenation([outer, raised])
      let mask = try tape.dropoutMask(joined.shape, stream: 1, schedule: schedule)
      // The skip's parts are read with two activations, and again after the concatenation.
      let picture = try tape.transposedConvolution(
        joined, weight: up1, half, bias: bias, inputActivation: .relu)
      let again = try tape.transposedConvolution(
        tape.multiply(joined, mask), weight: up1, half, inputActivation: .leakyReLU)
      let target = filled(tape.input("target", picture.shape), .uniform)
      let losses = try [picture, again].map { try tape.pixelLoss(.l2, $0, target) }
      let gradients = try tape.gradients(of: losses.map { ($0, 1) }, withRespectTo: parameters)
      for (index, (parameter, gradient)) in zip(parameters, gradients).enumerated() {
        try tape.adam(
          parameter, gradient: gradient,
          firstMoment: filled(tape.state("m\(index)", parameter.shape), .scaled(1e-3)),
          secondMoment: filled(tape.state("v\(index)", parameter.shape), .positive), schedule: schedule)
      }
      // The weights again, in the direction of the gradients: what was derived of them before Adam is out of date.
      for (input, weight) in [(outer, down1), (inner, down2)] {
        _ = try tape.transposedConvolution(input, weight: weight, half)
      }
      for (input, weight) in [(outer, up2), (picture, up1)] {
        _ = try tape.convolution(input, weight: weight, half)
      }
      recording = tape.freeze()
      self.fill = fill
    }

    func fill(_ executor: some Executor) throws {
      for (tensor, values) in fill { try executor.write(values, to: tensor) }
    }
  }

  @Test(arguments: DeviceClass.tested) func togetherIsAsOneByOne(_ deviceClass: DeviceClass) throws {
    let network = try Network()
    let device = try Device.select("auto").device
    let steps = network.recording.steps.indices
    let together = try OpenCLExecutor(network.recording, on: device, .init(deviceClass: deviceClass))
    let alone = try OpenCLExecutor(network.recording, on: device, .init(deviceClass: deviceClass))
    let reference = ReferenceExecutor(network.recording)
    for executor in [together, alone, reference] as [any Executor] { try network.fill(executor) }
    // Twice: the second run starts from what the first left, in copies and arenas too.
    for _ in 0..<2 {
      try together.run(steps)
      for index in steps { try alone.run(index..<index + 1) }
      reference.run(steps)
    }
    var worst = (error: 0.0, name: "")
    for description in network.recording.tensors {
      let (tensor, name) = (description.tensor, description.name)
      let values = try together.read(tensor)
      #expect(try values == alone.read(tensor), "\(name)")
      // The largest is 3.8e-7, a norm's shift gradient.
      let comparison = Comparison(values, expected: reference.read(tensor), floor: 1e-6)
      #expect(comparison.isWithin(3e-6), "\(name): \(comparison)")
      if comparison.relativeL2 > worst.error { worst = (comparison.relativeL2, name) }
    }
    print("together, class \(deviceClass), the largest error: \(worst)")
    func count(_ name: String) -> Int { network.recording.steps.count { $0.name == name } }
    let separate = try steps.map { try alone.launchCount($0..<$0 + 1) }.reduce(0, +)
    // One launch of Adam and none of running statistics.
    let saved = count(Adam.name) - 1 + count(RunningStatistics.name)
    #expect(try together.launchCount(steps) <= separate - saved, "\(separate) one by one")
  }

  /// What nobody may read after a run need not be stored: sums of gradients and dropout are then computed where their
  /// results are read.
  @Test(arguments: DeviceClass.tested, [false, true])
  func whatNobodyReadsIsNotStored(_ deviceClass: DeviceClass, givenMasks: Bool) throws {
    let size = 64
    let configuration = try NetworkConfiguration(size: PictureSize(square: size), ngf: 8, ndf: 8)
    let model = try Pix2Pix(configuration, sections: .train, givenMasks: givenMasks)
    let generator = model.networks[0]
    let fake = try #require(generator.modules.last?.tensor)
    let steps = try #require(model.recording.sections["train"])
    let device = try Device.select("auto").device
    // So many units that products are split.
    let units = deviceClass == .gpu ? 132 : nil
    let stored = try OpenCLExecutor(
      model.recording, on: device, .init(deviceClass: deviceClass, computeUnits: units))
    let fused = try OpenCLExecutor(
      model.recording, on: device,
      .init(deviceClass: deviceClass, computeUnits: units, storesGradients: false, kept: .only([fake])))
    for executor in [stored, fused] {
      try model.initialize(executor, seed: 4)
      for (index, tensor) in model.inputs.map(\.tensor).enumerated() {
        let values = CaseValues.uniform.make(count: tensor.shape.count, seed: 5, stream: UInt32(index))
        try executor.write(values, to: tensor)
      }
      for step in 0..<2 {
        try executor.write(Schedule(step: step, learningRate: 2e-4, seed: 6).values, to: model.schedule)
        try executor.run(steps)
      }
    }
    let states = generator.parameters + generator.runningStatistics
    let moments = model.networks.flatMap(\.moments).map(\.first)
    for tensor in (states + moments).map(\.tensor) + [fake] {
      let comparison = Comparison(try fused.read(tensor), expected: try stored.read(tensor), floor: 1e-6)
      // Compilers may fuse a product with the sum behind it. Measured: 1.4e-6, after two steps of Adam.
      #expect(comparison.isWithin(4e-6), "\(model.recording.name(of: tensor)): \(comparison)")
    }
    let saved = try stored.launchCount(steps) - fused.launchCount(steps)
    print("launches saved, class \(deviceClass), masks \(givenMasks ? "given" : "drawn"): \(saved)")
    // The skips' sums where there is a norm, the sum at the output, and two products for each dropout, or three with
    // the making of its mask.
    let dropouts = model.recording.steps.count { $0.operation is Multiply && !$0.isBackward }
    #expect(dropouts == 1 && saved >= 4 + 1 + dropouts * (givenMasks ? 2 : 3))
  }

  /// At batch 1 a large GPU waits for launches more than for anything else: 3 to 5 microseconds each. 130 of
  /// the default model on one of 132 units.
  @Test(arguments: [MatrixUnits.none, .emulated])
  func aStepOnALargeGPUTakesFewLaunches(_ units: MatrixUnits) throws {
    let model = try Pix2Pix(NetworkConfiguration(), sections: .train)
    let steps = try #require(model.recording.sections["train"])
    let executor = try OpenCLExecutor(
      model.recording, on: Device.select("auto").device,
      .init(
        deviceClass: .gpu, precision: units == .none ? .fp32 : .tf32, matrixUnits: units, computeUnits: 132,
        storesGradients: false, kept: .only([])))
    var counts: [Substring: Int] = [:]
    for launch in try executor.plan(steps).launches {
      counts[launch.label.split(separator: "/").last ?? "", default: 0] += 1
    }
    let text = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.key) \($0.value)" }
    print("launches of a step: \(text.joined(separator: ", "))")
    #expect(try executor.launchCount(steps) <= 130)
  }

  /// Weight gradients of one program: a kernel's stride, padding, size and channels are arguments. Some split the depth.
  @Test func weightGradientsOfOneProgramShareALaunch() throws {
    let layers: [(image: Shape, gradient: Shape, kernel: Int, geometry: ConvolutionGeometry)] = [
      ([1, 16, 24, 20], [1, 32, 24, 20], 3, ConvolutionGeometry(stride: 1, padding: 1)),
      ([2, 40, 33, 16], [2, 24, 16, 8], 4, ConvolutionGeometry(stride: 2, padding: 1)),
      ([1, 20, 5, 7], [1, 80, 4, 6], 2, ConvolutionGeometry(stride: 1, padding: 0)),
      // Another program.
      ([1, 16, 6, 6], [1, 16, 6, 6], 3, ConvolutionGeometry(stride: 1, padding: 1)),
    ]
    let tape = Tape()
    var operands: [Tensor] = []
    var results: [Tensor] = []
    for (index, layer) in layers.enumerated() {
      operands.append(tape.input("x\(index)", layer.image, kind: .activation))
      operands.append(tape.input("g\(index)", layer.gradient, kind: .activation))
      let w = tape.parameter("w\(index)", [layer.gradient.c, layer.image.c, layer.kernel, layer.kernel])
      results.append(
        try tape.weightGradient(
          image: operands[2 * index], gradient: operands[2 * index + 1], like: w, layer.geometry,
          imageActivation: .leakyReLU))
    }
    let recording = tape.freeze()
    let steps = recording.steps.indices
    let device = try Device.select("auto").device
    let together = try OpenCLExecutor(
      recording, on: device, .init(deviceClass: .gpu, computeUnits: 132, kept: .only(Set(results))))
    let alone = try OpenCLExecutor(recording, on: device, .init(deviceClass: .gpu, computeUnits: 132))
    let reference = ReferenceExecutor(recording)
    for executor in [together, alone, reference] as [any Executor] {
      for (index, tensor) in operands.enumerated() {
        try executor.write(
          CaseValues.uniform.make(count: tensor.shape.count, seed: 3, stream: UInt32(index)), to: tensor)
      }
    }
    try together.run(steps)
    for step in steps { try alone.run(step..<step + 1) }
    reference.run(steps)
    for tensor in results {
      let values = try together.read(tensor)
      #expect(try values == alone.read(tensor), "\(recording.name(of: tensor))")
      let comparison = Comparison(values, expected: reference.read(tensor))
      print("weight gradients together, \(recording.name(of: tensor)): \(comparison)")
      // Measured 2.3e-7.
      #expect(comparison.isWithin(1e-6), "\(recording.name(of: tensor)): \(comparison)")
    }
    // Two programs, and one sum of parts.
    #expect(try together.launchCount(steps) == 3)
    let separate = try steps.map { try alone.launchCount($0..<$0 + 1) }
    #expect(separate == [2, 2, 1, 1])
  }

  /// What a large weight gradient is made from does not stay in memory for those behind it.
  @Test func largeMapsDoNotWait() throws {
    func launches(size: Int) throws -> Int {
      let tape = Tape()
      let geometry = ConvolutionGeometry(stride: 1, padding: 0)
      for (index, size) in [8, size, 8].enumerated() {
        let operands = ["x", "g"].map { tape.input("\($0)\(size)", [1, 32, size, size], kind: .activation) }
        let w = tape.parameter("w\(index)", [32, 32, 1, 1])
        _ = try tape.weightGradient(image: operands[0], gradient: operands[1], like: w, geometry)
      }
      let executor = try OpenCLExecutor(
        tape.freeze(), on: Device.select("auto").device, .init(deviceClass: .gpu, kept: .only([])))
      return try executor.launchCount(0..<3)
    }
    // The sum of parts besides.
    #expect(try launches(size: 256) == 2)
    #expect(try launches(size: 257) == 3)
  }

  /// The gradient of a concatenation, of which either half has a reader of its own, is added up by the first of them.
  @Test(arguments: [1, 3], [false, true])
  func partsOfAConcatenationsGradientAreAddedUpByANorm(batch: Int, dropout: Bool) throws {
    let tape = Tape()
    var parameters: [Tensor] = []
    func parameter(_ name: String, _ shape: Shape) -> Tensor {
      parameters.append(tape.parameter(name, shape))
      return parameters.last!
    }
    let half = ConvolutionGeometry(stride: 2, padding: 1)
    let schedule = tape.schedule()
    let x = tape.input("x", [batch, 3, 16, 16])
    let outer = try tape.norm(
      tape.convolution(x, weight: parameter("down1", [48, 3, 4, 4]), half), scale: parameter("scale1", [48]),
      shift: nil
    ).output
    let inner = try tape.convolution(
      outer, weight: parameter("down2", [32, 48, 4, 4]), half, inputActivation: .leakyReLU)
    var raised = try tape.norm(
      tape.transposedConvolution(
        inner, weight: parameter("up2", [32, 32, 4, 4]), half, inputActivation: .relu),
      scale: parameter("scale2", [32]), shift: nil
    ).output
    if dropout {
      raised = try tape.multiply(raised, tape.dropoutMask(raised.shape, stream: 1, schedule: schedule))
    }
    let joined = try tape.concatenation([outer, raised])
    let picture = try tape.transposedConvolution(
      joined, weight: parameter("up1", [80, 24, 4, 4]), half, inputActivation: .relu)
    let target = tape.input("target", picture.shape)
    let loss = try tape.pixelLoss(.l2, picture, target)
    let gradients = try tape.gradients(of: [(loss, 1)], withRespectTo: parameters)
    let recording = tape.freeze()
    let steps = recording.steps.indices
    let device = try Device.select("auto").device
    let together = try OpenCLExecutor(
      recording, on: device, .init(deviceClass: .gpu, computeUnits: 132, kept: .only(Set(gradients))))
    let alone = try OpenCLExecutor(recording, on: device, .init(deviceClass: .gpu, computeUnits: 132))
    let reference = ReferenceExecutor(recording)
    for executor in [together, alone, reference] as [any Executor] {
      for (index, tensor) in ([x, target] + parameters).enumerated() {
        let values = CaseValues.uniform.make(
          count: tensor.shape.count, seed: 3, stream: UInt32(index))
        try executor.write(values, to: tensor)
      }
      try executor.write(Schedule(step: 3, learningRate: 1e-2, seed: 5).values, to: schedule)
    }
    try together.run(steps)
    for step in steps { try alone.run(step..<step + 1) }
    reference.run(steps)
    for tensor in gradients {
      let (values, name) = (try together.read(tensor), recording.name(of: tensor))
      let comparison = Comparison(values, expected: reference.read(tensor))
      print("split gradients, \(name): \(comparison)")
      // Measured 6e-7.
      #expect(comparison.isWithin(3e-6), "\(name): \(comparison)")
      let single = Comparison(values, expected: try alone.read(tensor))
      // Compilers may fuse a product with the sum behind it.
      #expect(single.isWithin(1e-6), "\(name): \(single)")
    }
    func sums(_ executor: OpenCLExecutor, _ steps: Range<Int>) throws -> Int {
      try executor.plan(steps).launches.count { $0.label.hasSuffix("convolve_sum") }
    }
    let separate = try steps.map { try sums(alone, $0..<$0 + 1) }.reduce(0, +)
    // up1's and up2's input gradients are split, down1, down2 and up1; norms read the first two and down1.
    #expect(try separate == 5 && sums(together, steps) == 3)
  }

  @Test func arenasHoldTheColumnsOfARunSmallestFirst() throws {
    let tape = Tape()
    let schedule = tape.schedule()
    let shapes: [Shape] = [[16, 16, 1, 1], [5], [32, 16, 2, 2], [40]]
    var columns: [[Tensor]] = []
    for (index, shape) in shapes.enumerated() {
      let parameter = tape.parameter("p\(index)", shape)
      let others = ["g", "m", "v"].map { tape.state("\($0)\(index)", shape) }
      try tape.adam(
        parameter, gradient: others[0], firstMoment: others[1], secondMoment: others[2], schedule: schedule)
      columns.append([parameter] + others)
    }
    let recording = tape.freeze()
    func arenas(limit: Int) -> Arenas {
      Arenas(recording, alignment: 64, limit: limit) { $0.shape.count }
    }
    let whole = arenas(limit: 10_000)
    // 5 -> 64, 40 -> 64, 256, 2048 floats.
    #expect(whole.sizes == [2432, 2432, 2432, 2432])
    let starts = [128, 0, 384, 64]
    for (step, tensors) in columns.enumerated() {
      for (column, tensor) in tensors.enumerated() {
        let place = try #require(whole.places[tensor.id])
        #expect((place.arena, place.start) == (column, starts[step]))
      }
    }
    #expect(whole.follows(columns[3][2], columns[1][2]))
    #expect(whole.follows(columns[2][0], columns[0][0]))
    #expect(!whole.follows(columns[0][0], columns[1][0]))
    #expect(!whole.follows(columns[3][1], columns[1][0]), "in another arena")
    // None is larger than the limit, except for a tensor that is.
    let cut = arenas(limit: 400)
    #expect(cut.sizes == Array(repeating: [384, 2048], count: 4).flatMap { $0 })
    let last = try #require(cut.places[columns[2][3].id])
    #expect((last.arena, last.start, last.floats) == (7, 0, 2048))
  }

  @Test func oneAdamStepNeedsNoArena() throws {
    let tape = Tape()
    let tensors = ["p", "g", "m", "v"].map { tape.state($0, [8]) }
    try tape.adam(
      tensors[0], gradient: tensors[1], firstMoment: tensors[2], secondMoment: tensors[3],
      schedule: tape.schedule())
    #expect(Arenas(tape.freeze(), alignment: 64, limit: 1000) { $0.shape.count }.sizes.isEmpty)
  }

  @Test func aPartOfABufferIsThatPart() throws {
    let device = try TestDevice()
    let alignment = max(4, device.context.device.description.baseAddressAlignment) / 4
    let whole = try Buffer(device.queue, floats: 3 * alignment, label: "whole")
    let bytes = device.context.memory.bytes
    let part = Buffer(within: whole, offset: alignment * 4, byteCount: alignment * 4, label: "part")
    #expect(device.context.memory.bytes == bytes)
    try device.queue.fill(whole, with: Float(7))
    try device.queue.write([1, 2] as [Float], to: part)
    #expect(try device.queue.read(part, count: 3) == [1, 2, 7] as [Float])
    #expect(try device.queue.read(whole, offset: alignment - 1, count: 4) == [7, 1, 2, 7] as [Float])
  }
}
