import CLBackend
import Model
import Tape
import Testing

/// The steps that are launched together, on recordings made by hand: no device takes part.
struct FusedStepTests {
  private let tape = Tape()
  private let geometry = ConvolutionGeometry(stride: 2, padding: 1)
  private let schedule: Tensor

  init() { schedule = tape.schedule() }

  /// The recording's fused steps, with kernels for GPUs that split the depth of all convolutions but those of `unsplit`.
  ///
  /// - Parameter kept: the tensors that are read after a run; all if nil
  private func fused(
    keeping kept: Set<Tensor>? = [], splitting split: Bool = false, unsplit: Set<Int> = [],
    updating: Bool = false
  ) -> [FusedStep] {
    let recording = tape.freeze()
    let arenas = Arenas(recording, alignment: 64, limit: 1 << 20) { tensor in
      recording.tensors[tensor.id].kind == .activation ? nil : tensor.shape.count
    }
    let convolutions = recording.steps.indices.filter {
      [Convolution.name, TransposedConvolution.name].contains(recording.steps[$0].name)
    }
    let steps = recording.steps.indices
    return Fusion(
      recording, Placement(recording), arenas, StoredTensors(recording, keeping: kept), .gpu,
      splitConvolutions: split ? Set(convolutions).subtracting(unsplit) : [],
      updates: updating ? WeightUpdates(recording, steps).updates : [:]
    ).steps(steps)
  }

  /// The numbers of the steps of a kind, in order.
  private func steps(_ operation: any Operation.Type) -> [Int] {
    let steps = tape.freeze().steps
    return steps.indices.filter { type(of: steps[$0].operation) == operation }
  }

  private func input(_ shape: Shape) -> Tensor { tape.input("input", shape) }

  private func parameter(_ shape: Shape) -> Tensor {
    tape.parameter("parameter \(tape.tensors.count)", shape)
  }

  private func state(_ shape: Shape) -> Tensor { tape.state("state \(tape.tensors.count)", shape) }

  /// Records the gradients of the mean absolute difference of each tensor from a target, with respect to a parameter.
  private func differentiate(_ results: [Tensor], _ parameter: Tensor) throws {
    let losses = try results.map { try tape.pixelLoss(.l1, $0, input($0.shape)) }
    _ = try tape.gradients(of: losses.map { ($0, 1) }, withRespectTo: [parameter])
  }

  // MARK: Norms

  @Test(arguments: [false, true]) func aNormMovesStatisticsAndDrops(drawn: Bool) throws {
    let norm = try tape.norm(input([1, 16, 4, 4]))
    try tape.runningStatistics(norm, mean: state([16]), variance: state([16]))
    let mask =
      drawn
      ? try tape.dropoutMask(norm.output.shape, stream: 1, schedule: schedule)
      : input(norm.output.shape)
    _ = try tape.multiply(norm.output, mask)
    #expect(
      fused() == [
        drawn
          ? .norm(0, runningStatistics: 1, mask: 2, product: 3) : .norm(0, runningStatistics: 1, product: 2)
      ])
    // The norm itself is wanted: its product needs a launch.
    let rest: [FusedStep] = drawn ? [.single(2), .single(3)] : [.single(2)]
    #expect(fused(keeping: [norm.output]) == [.norm(0, runningStatistics: 1)] + rest)
    #expect(fused(keeping: nil) == [.norm(0, runningStatistics: 1)] + rest)
  }

  @Test func anotherNormsStatisticsAreNotMoved() throws {
    let (first, second) = (try tape.norm(input([1, 16, 4, 4])), try tape.norm(input([1, 16, 4, 4])))
    try tape.runningStatistics(first, mean: state([16]), variance: state([16]))
    _ = try tape.multiply(first.output, input(first.output.shape))
    #expect(second.output != first.output)
    #expect(fused() == [.single(0), .single(1), .single(2), .single(3)])
  }

  @Test func aNormAddsUpPartialSums() throws {
    let y = try tape.convolution(input([1, 16, 8, 8]), weight: parameter([32, 16, 4, 4]), geometry)
    _ = try tape.norm(y)
    #expect(
      fused(splitting: true) == [
        .convolutionWithoutSum(0), .norm(1, partialSums: PartialSumsSource(convolution: 0)),
      ])
    #expect(fused() == [.single(0), .single(1)])
    // Scratch lives within a step only.
    #expect(fused(keeping: nil, splitting: true) == [.single(0), .single(1)])
  }

  @Test func partialSumsReachTheNextStepOnly() throws {
    let y = try tape.convolution(input([1, 16, 8, 8]), weight: parameter([32, 16, 4, 4]), geometry)
    _ = try tape.tanh(y)
    _ = try tape.norm(y)
    #expect(fused(splitting: true) == [.single(0), .single(1), .single(2)])
  }

  // MARK: Gradients

  /// A norm that two convolutions read: its gradient is the sum of theirs.
  private func recordSkip(normed: Bool) throws {
    let w = parameter([16, 16, 4, 4])
    var x = try tape.convolution(input([1, 16, 8, 8]), weight: w, geometry)
    if normed { x = try tape.norm(x).output }
    let results = try [16, 32].map {
      try tape.convolution(x, weight: parameter([$0, 16, 4, 4]), geometry)
    }
    try differentiate(results, w)
  }

  @Test func aSkipsSumIsLeftToANormsGradient() throws {
    try recordSkip(normed: true)
    let (sum, gradient) = (steps(Combination.self)[0], steps(NormGradient.self)[0])
    #expect(sum + 1 == gradient)
    #expect(fused().contains(.gradient(gradient, sum: sum)))
    #expect(!fused(keeping: nil).contains(.gradient(gradient, sum: sum)))
    // The second input gradient's partial sums are added up there, too; the first stores its sum.
    let passes = steps(TransposedConvolution.self)
    let split = fused(splitting: true)
    #expect(split.contains(.single(passes[0])) && split.contains(.convolutionWithoutSum(passes[1])))
    let source = PartialSumsSource(convolution: passes[1])
    #expect(split.contains(.gradient(gradient, sum: sum, partialSums: source)))
  }

  @Test func aSkipsSumIsAddedUpWithPartialSums() throws {
    try recordSkip(normed: false)
    let (sum, passes) = (steps(Combination.self)[0], steps(TransposedConvolution.self))
    #expect(fused(splitting: true).contains(.convolutionWithAddend(passes[1], combination: sum)))
    #expect(fused(splitting: true, unsplit: [passes[1]]).contains(.single(sum)))
    #expect(fused().contains(.single(sum)))
  }

  @Test func tanhsGradientReadsASum() throws {
    let w = parameter([16, 16, 4, 4])
    let x = try tape.tanh(tape.convolution(input([1, 16, 8, 8]), weight: w, geometry))
    try differentiate([x, x], w)
    let (sum, gradient) = (steps(Combination.self)[0], steps(ElementwiseGradient.self)[0])
    #expect(fused().contains(.gradient(gradient, sum: sum)))
  }

  @Test func aDropoutsProductIsLeftToANormsGradient() throws {
    let scale = parameter([16])
    let norm = try tape.norm(input([1, 16, 4, 4]), scale: scale)
    try differentiate([tape.multiply(norm.output, input(norm.output.shape))], scale)
    let (product, gradient) = (steps(Multiply.self)[1], steps(NormGradient.self)[0])
    #expect(fused().contains(.gradient(gradient, product: product)))
    #expect(fused(keeping: nil).contains(.single(product)))
  }

  /// The gradient of a concatenation, one side of which a norm's gradient reads.
  @Test(arguments: [false, true]) func aNormsGradientReadsASlice(dropout: Bool) throws {
    let scale = parameter([32])
    let norm = try tape.norm(input([1, 32, 4, 4]), scale: scale)
    let side = dropout ? try tape.multiply(norm.output, input(norm.output.shape)) : norm.output
    let joined = try tape.concatenation([input([1, 16, 4, 4]), side])
    try differentiate(
      [tape.convolution(joined, weight: parameter([16, 48, 4, 4]), geometry)], scale)
    let pass = steps(TransposedConvolution.self)[0]
    let slice = try #require(steps(Slice.self).last)
    let expected = FusedStep.gradient(
      steps(NormGradient.self)[0], product: dropout ? steps(Multiply.self)[1] : nil,
      partialSums: PartialSumsSource(convolution: pass, view: slice))
    let split = fused(splitting: true)
    #expect(split.contains(expected) && split.contains(.convolutionWithoutSum(pass)), "\(split)")
  }

  // MARK: Losses

  @Test func aLossComputesItsGradient() throws {
    let scale = parameter([16])
    let y = try tape.norm(input([1, 16, 4, 4]), scale: scale).output
    try differentiate([y], scale)
    #expect(fused() == [.single(0), .pixelLoss(1, gradient: 2), .single(3)])
  }

  private func recordLogits(images: Int, size: Int) throws -> (weight: Tensor, halves: [Tensor]) {
    let w = parameter([1, 16, 4, 4])
    let logits = try tape.convolution(input([2 * images, 16, 2 * size, 2 * size]), weight: w, geometry)
    return (w, try tape.batchSplit(logits, [images, images]))
  }

  @Test func theLossesOfFakeAndRealAreAPair() throws {
    let (w, halves) = try recordLogits(images: 1, size: 4)
    let losses = [0, 1].map { tape.logitLoss(.crossEntropy(target: Float($0)), halves[$0]) }
    _ = try tape.gradients(of: losses.map { ($0, 1) }, withRespectTo: [w])
    let (loss, gradients) = (steps(LogitLoss.self), steps(LogitLossGradient.self))
    func pair(_ source: PartialSumsSource?) -> FusedStep {
      // Gradients are recorded from the last loss back.
      .logitLoss(
        loss[0], gradient: gradients[1], second: loss[1], secondGradient: gradients[0], partialSums: source)
    }
    #expect(fused()[..<3] == [.single(0), .single(1), pair(nil)])
    let source = PartialSumsSource(convolution: 0, view: 1)
    #expect(fused(splitting: true)[..<3] == [.convolutionWithoutSum(0), .single(1), pair(source)])
  }

  /// Maps that take several work-groups, kinds with kernels of their own, and a loss without gradient beside one with.
  @Test func lossesThatDifferAreNoPair() throws {
    let (_, large) = try recordLogits(images: 1, size: 64)
    for half in large { _ = tape.logitLoss(.crossEntropy(target: 1), half) }
    let (_, small) = try recordLogits(images: 1, size: 4)
    _ = tape.logitLoss(.crossEntropy(target: 1), small[0])
    _ = tape.logitLoss(.squared(target: 1), small[1])
    let w = parameter([1, 16, 4, 4])
    let logits = try (0..<2).map { _ in try tape.convolution(input([1, 16, 8, 8]), weight: w, geometry) }
    let losses = logits.map { tape.logitLoss(.linear, $0) }
    _ = try tape.gradients(of: [(losses[0], 1)], withRespectTo: [w])
    let all = fused()
    for step in steps(LogitLoss.self) where step != steps(LogitLoss.self)[4] {
      #expect(all.contains(.single(step)), "\(step)")
    }
    #expect(
      all.contains(.logitLoss(steps(LogitLoss.self)[4], gradient: steps(LogitLossGradient.self)[0])))
  }

  // MARK: Flat steps

  private func adam(_ shape: Shape, options: AdamOptions = AdamOptions()) throws {
    try tape.adam(
      parameter(shape), gradient: state(shape), firstMoment: state(shape),
      secondMoment: state(shape), schedule: schedule, options: options)
  }

  @Test func neighbouringAdamStepsAreARun() throws {
    for _ in 0..<3 { try adam([8]) }
    var options = AdamOptions()
    options.beta1 = 0.9
    for _ in 0..<2 { try adam([8], options: options) }
    #expect(fused() == [.flatRun([0, 1, 2]), .flatRun([3, 4])])
    // No matter what is kept.
    #expect(fused(keeping: nil) == fused())
  }

  @Test func sumsOfGradientsAreARun() throws {
    let sums = try (0..<2).map { _ in
      try tape.combination(1, state([8]), 1, state([8]))
    }
    // Another factor.
    _ = try tape.combination(1, sums[0], 0.5, state([8]))
    #expect(fused() == [.flatRun([0, 1]), .single(2)])
  }

  // MARK: Weight gradients

  /// A weight that is larger than its maps, with its gradient, a later reader and its Adam step.
  ///
  /// - Parameter overwriting: the image is written before the weight is read
  private func recordUpdate(overwriting: Bool, again: Bool = false) throws {
    let w = parameter([32, 32, 4, 4])
    let image = tape.state("image", [1, 32, 4, 4], kind: .activation)
    let g = input([1, 32, 2, 2])
    let gradient = try tape.weightGradient(image: image, gradient: g, like: w, geometry)
    if overwriting {
      _ = try tape.imagePool(
        input(image.shape), pool: image, choices: tape.input("choices", [2], kind: .vector))
    }
    _ = try tape.transposedConvolution(g, weight: w, geometry)
    if again { _ = try tape.combination(1, gradient, 1, gradient) }
    try tape.adam(
      w, gradient: gradient, firstMoment: state(w.shape), secondMoment: state(w.shape),
      schedule: schedule)
  }

  @Test func aLargeWeightsGradientIsUsedBehindTheLastReader() throws {
    try recordUpdate(overwriting: false)
    let recording = tape.freeze()
    #expect(WeightUpdates(recording, 0..<3).updates == [0: WeightUpdates.Update(adam: 2, behind: 1)])
    #expect(fused(updating: true) == [.single(1), .weightUpdate(gradient: 0, adam: 2)])
    #expect(fused() == [.single(0), .single(1), .single(2)])
    // Adam is not among the steps that run.
    #expect(WeightUpdates(recording, 0..<2).updates.isEmpty)
  }

  /// The update would read what is no longer there.
  @Test func aGradientOfAnOverwrittenImageIsStored() throws {
    try recordUpdate(overwriting: true)
    #expect(WeightUpdates(tape.freeze(), 0..<4).updates.isEmpty)
    #expect(fused(updating: true) == [.single(0), .single(1), .single(2), .single(3)])
  }

  @Test func aGradientWithTwoReadersIsStored() throws {
    try recordUpdate(overwriting: false, again: true)
    #expect(WeightUpdates(tape.freeze(), 0..<4).updates.isEmpty)
  }

  @Test func anUpdatedWeightLeavesItsRun() throws {
    try adam([8])
    try recordUpdate(overwriting: false)
    try adam([8])
    try adam([8])
    let last = tape.freeze().steps.count - 1
    #expect(
      fused(updating: true) == [
        .single(0), .single(2), .weightUpdate(gradient: 1, adam: 3), .flatRun([last - 1, last]),
      ])
  }
}

/// The default model's steps that are launched together.
struct DefaultStepFusionTests {
  private func count(_ fused: [FusedStep]) -> [String: Int] {
    var counts: [String: Int] = [:]
    for step in fused {
      let name =
        switch step {
        case .single: "single"
        case .convolutionWithoutSum: "convolution without sum"
        case .convolutionWithAddend: "convolution with addend"
        case .norm(_, _, _, let mask, let product):
          product == nil ? "norm" : mask == nil ? "norm with mask" : "norm with drawn mask"
        case .gradient(_, let sum, let product, _):
          sum != nil ? "gradient of sum" : product != nil ? "gradient of product" : "gradient of partial sums"
        case .logitLoss(_, _, let second, _, _): second == nil ? "loss" : "pair of losses"
        case .pixelLoss: "loss"
        case .flatRun(let steps): "run of \(steps.count)"
        case .weightUpdate: "weight update"
        }
      counts[name, default: 0] += 1
    }
    return counts
  }

  private func fused(_ deviceClass: DeviceClass) throws -> [FusedStep] {
    let model = try Pix2Pix(NetworkConfiguration(), sections: .train)
    let steps = try #require(model.recording.sections["train"])
    var options = OpenCLExecutor.Options.training(recompute: false, precision: .fp32)
    options.deviceClass = deviceClass
    options.matrixUnits = MatrixUnits.none
    options.computeUnits = 132
    options.vectorWidth = 16
    let fused = try OpenCLExecutor(model.recording, on: Device.select("auto").device, options).fusedSteps(
      steps)
    #expect(fused.flatMap(\.steps).sorted() == Array(steps), "each step once")
    return fused
  }

  @Test func onACPU() throws {
    #expect(
      count(try fused(.cpu)) == [
        "norm": 16,
        "norm with drawn mask": 3,
        "gradient of sum": 7,
        "gradient of product": 3,
        "loss": 2,
        "pair of losses": 1,
        "weight update": 10,
        "run of 12": 1,
        "run of 33": 1,
        "single": 104,
      ])
  }

  @Test func onALargeGPU() throws {
    #expect(
      count(try fused(.gpu)) == [
        "norm": 16,
        "norm with drawn mask": 3,
        "gradient of sum": 7,
        "gradient of product": 3,
        "gradient of partial sums": 9,
        "convolution without sum": 39,
        "convolution with addend": 1,
        "loss": 2,
        "pair of losses": 1,
        "run of 13": 1,
        "run of 43": 1,
        "single": 63,
      ])
  }
}
