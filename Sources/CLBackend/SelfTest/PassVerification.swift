import Tape

/// Runs the kernel variants of convolution passes on small layers of the same kind, and holds them to the reference.
struct PassVerification {
  let target: KernelTarget
  let queue: Queue
  let programs: ProgramCache
  let bound: Double

  private var device: DeviceDescription { queue.context.device.description }

  /// A pass with the launches of a variant; nothing is allocated.
  private struct Plan {
    let pass: PassRecording
    let memory: OpenCLMemory
    let launches: [PlannedLaunch]
    /// The steps that are run, in order.
    let steps: [Int]
    let kernels: Set<KernelIdentity>

    var kinds: Set<String> { Set(kernels.map(\.kind)) }
  }

  /// Runs a pass on the smallest layer on which the variant launches kernels of those of its kinds that are `wanted`.
  ///
  /// - Parameter updates: whether a weight gradient is used for its Adam step and not stored
  /// - Returns: the first fault, and the kernels that were run
  /// - Throws: `OpenCLError` when a program does not build or a call fails
  func run(
    _ pass: any VariedPass, _ variant: KernelVariant, lanes: WeightLanes, updates: Bool,
    _ wanted: Set<String>
  ) throws(OpenCLError) -> (fault: KernelFault?, tested: Set<KernelIdentity>) {
    guard let whole = try plan(pass, variant, lanes: lanes, updates: updates, layer: pass.layer) else {
      return (nil, [])
    }
    let kinds = whole.kinds.intersection(wanted)
    guard !kinds.isEmpty else { return (nil, []) }
    for layer in Self.smallLayers(pass.layer) {
      guard let small = try? plan(pass, variant, lanes: lanes, updates: updates, layer: layer),
        kinds.isSubset(of: small.kinds)
      else { continue }
      return (try fault(small), small.kernels)
    }
    return (nil, [])
  }

  /// nil where the layer has not that variant.
  private func plan(
    _ original: any VariedPass, _ variant: KernelVariant, lanes: WeightLanes, updates: Bool, layer: PassLayer
  ) throws(OpenCLError) -> Plan? {
    let pass: PassRecording?
    do throws(TapeError) {
      pass = try PassRecording(original, lanes: lanes, layer: layer)
    } catch {
      return nil
    }
    guard let pass,
      let own = pass.pass.variants(target, lanes: lanes).first(where: { $0.name == variant.name })
    else { return nil }
    let memory = try OpenCLMemory(
      StoredTensors(pass.recording, keeping: nil), of: pass.recording, queue)
    let planner = LaunchPlanner(memory, TemporaryBuffers(memory), target.device, target.deviceClass)
    var steps = [pass.step]
    var fused = FusedStep.single(pass.step)
    if updates, own.planUpdate != nil, let adam = pass.adam {
      steps.append(adam.step)
      fused = .weightUpdate(gradient: pass.step, adam: adam.step)
    }
    try StepPlanner.plan([fused], [pass.step: own], planner)
    var kernels: Set<KernelIdentity> = []
    for launch in planner.launches {
      if let kernel = try launch.identity(on: device) { kernels.insert(kernel) }
    }
    return Plan(pass: pass, memory: memory, launches: planner.launches, steps: steps, kernels: kernels)
  }

  private func fault(_ plan: Plan) throws(OpenCLError) -> KernelFault? {
    let (pass, memory) = (plan.pass, plan.memory)
    let reference = ReferenceExecutor(pass.recording)
    func fill(_ tensor: Tensor, _ values: [Float]) throws(OpenCLError) {
      reference.write(values, to: tensor)
      try memory.write(values, to: tensor)
    }
    var inputs = pass.inputs
    if let (_, adam) = pass.adam {
      inputs.append((adam.schedule, Schedule(step: 4, seed: 0).values))
      let values = inputs[0].values
      for (tensor, factor, isSquare) in [
        (adam.parameter, 1, false), (adam.firstMoment, 1e-3, false), (adam.secondMoment, 1e-4, true),
      ] as [(Tensor, Float, Bool)] {
        inputs.append(
          (
            tensor,
            (0..<tensor.shape.count).map { index in
              let value = values[index % values.count]
              return factor * (isSquare ? value * value : value)
            }
          ))
      }
    }
    for (tensor, values) in inputs { try fill(tensor, values) }
    for step in plan.steps { reference.run(step..<step + 1) }
    // With its Adam step a gradient is not stored.
    let outputs = pass.recording.steps[plan.steps[plan.steps.count - 1]].outputs
    if plan.steps.count == 1 {
      try memory.write([Float](repeating: .nan, count: pass.output.shape.count), to: pass.output)
    }
    for buffer in plan.launches.flatMap(\.buffers) { _ = try buffer.handle() }
    for planned in plan.launches {
      let launch = try planned.make(programs, mostWorkItems: target.device.maxWorkGroupSize)
      try launch.bind()
      try queue.enqueue(launch)
    }
    try queue.finish()
    for output in outputs {
      let comparison = Comparison(try memory.read(output), expected: reference.read(output))
      guard !comparison.isWithin(bound) else { continue }
      return KernelFault(
        kernels: plan.launches.map(\.kernelName), step: "\(pass.key)",
        tensor: pass.recording.name(of: output), comparison: comparison, bound: bound)
    }
    return nil
  }

  /// Layers of the same kind from small to large: few channels go first, then few pixels, and one or two images.
  static func smallLayers(_ layer: PassLayer) -> [PassLayer] {
    let geometry = layer.geometry
    var result: [PassLayer] = []
    for most in [16, 32, 64, 128] {
      // The same number of channels in the last block.
      func channels(_ count: Int) -> Int { count <= most ? count : most - 16 + (count - 1) % 16 + 1 }
      for size in [1, 2, 3, 4, 6, 8, 12, 16, 24, 32] {
        func sides(_ gradient: Int, _ image: Int, kernel: Int) -> (Int, Int)? {
          let small = min(size, gradient)
          let image = image - (gradient - small) * geometry.stride
          return image > 0 ? (small, image) : nil
        }
        guard let (height, imageHeight) = sides(layer.gradient.h, layer.image.h, kernel: layer.weight[2]),
          let (width, imageWidth) = sides(layer.gradient.w, layer.image.w, kernel: layer.weight[3])
        else { continue }
        let images = min(layer.image.n, 2)
        let (outputs, inputs) = (channels(layer.weight[0]), channels(layer.weight[1]))
        result.append(
          PassLayer(
            image: [images, inputs, imageHeight, imageWidth], gradient: [images, outputs, height, width],
            weight: [outputs, inputs, layer.weight[2], layer.weight[3]], geometry: geometry))
      }
    }
    func work(_ layer: PassLayer) -> Int { layer.gradient.count * layer.weight.count / layer.weight[0] }
    return result.sorted { work($0) < work($1) }
  }
}
