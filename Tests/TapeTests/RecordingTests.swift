import OperationCases
import Tape
import Testing

/// What a tape records and what it refuses.
struct RecordingTests {
  private let down = ConvolutionGeometry(stride: 2, padding: 1)

  /// A generator and a discriminator of one convolution each, and the discriminator's verdict.
  private struct TwoNetworks {
    let tape = Tape()
    let generator: Tensor
    let discriminator: Tensor
    let fake: Tensor
    let loss: Tensor

    init(_ geometry: ConvolutionGeometry) throws {
      let x = tape.input("x", [1, 3, 8, 8])
      let (tape, generator) = (tape, tape.parameter("G.w", [3, 3, 4, 4]))
      let discriminator = tape.parameter("D.w", [1, 3, 4, 4])
      let fake = try tape.scope("G") {
        try tape.transposedConvolution(
          tape.convolution(x, weight: generator, geometry), weight: generator, geometry)
      }
      loss = try tape.scope("D") {
        tape.logitLoss(
          .crossEntropy(target: 1),
          try tape.convolution(fake, weight: discriminator, geometry, inputActivation: .leakyReLU))
      }
      (self.generator, self.discriminator, self.fake) = (generator, discriminator, fake)
    }

    func count<T: Operation>(_ type: T.Type, from first: Int) -> Int {
      tape.steps[first...].count { $0.operation is T }
    }
  }

  // MARK: Gradients only where needed

  @Test func theFrozenDiscriminatorGetsNoWeightGradient() throws {
    let net = try TwoNetworks(down)
    let first = net.tape.steps.count
    _ = try net.tape.gradients(of: [(net.loss, 1)], withRespectTo: [net.generator])
    let weightGradients = net.tape.steps[first...].compactMap { $0.operation as? WeightGradient }
    #expect(weightGradients.count == 2)
    #expect(weightGradients.allSatisfy { $0.output.shape == net.generator.shape })
    // BCE, D's input gradient, G's: two weight gradients that are added, and the one between its layers.
    #expect(net.count(LogitLossGradient.self, from: first) == 1)
    #expect(net.count(TransposedConvolution.self, from: first) == 1)
    #expect(net.count(Convolution.self, from: first) == 1)
    #expect(net.count(Combination.self, from: first) == 1)
    #expect(net.tape.steps.count - first == 6)
  }

  @Test func theDiscriminatorsGradientStopsAtItsInput() throws {
    let net = try TwoNetworks(down)
    let first = net.tape.steps.count
    _ = try net.tape.gradients(of: [(net.loss, 1)], withRespectTo: [net.discriminator])
    #expect(
      net.tape.steps[first...].map(\.name) == [LogitLossGradient.name, WeightGradient.name])
  }

  /// A second pass with held weights gives the first weights' gradients nothing, and its input's all the same.
  @Test func heldParametersGetNoGradient() throws {
    let tape = Tape()
    let (x, w, u) = (
      tape.input("x", [1, 3, 8, 8]), tape.parameter("w", [3, 3, 3, 3]), tape.parameter("u", [3, 3, 3, 3])
    )
    let geometry = ConvolutionGeometry(stride: 1, padding: 1)
    let drawn = try tape.convolution(x, weight: u, geometry)
    func loss(_ y: Tensor) throws -> Tensor {
      try tape.pixelLoss(.l2, tape.convolution(y, weight: w, geometry), x)
    }
    let (free, held) = (try loss(drawn), try tape.holdingParameters { try loss(drawn) })
    let both = try tape.gradients(of: [(free, 1), (held, 2)], withRespectTo: [w, u])
    let alone = try tape.gradients(of: [(free, 1)], withRespectTo: [w])
    let third = try tape.gradients(of: [(free, 3)], withRespectTo: [u])
    let executor = ReferenceExecutor(tape.freeze())
    for (stream, tensor) in [x, w, u].enumerated() {
      executor.write(
        CaseValues.uniform.make(count: tensor.shape.count, seed: 7, stream: UInt32(stream)), to: tensor)
    }
    try executor.run(0..<executor.recording.steps.count)
    #expect(executor.read(both[0]) == executor.read(alone[0]))
    let comparison = Comparison(executor.read(both[1]), expected: executor.read(third[0]))
    // Measured: 4.7e-8.
    #expect(comparison.isWithin(1e-7), "\(comparison)")
    // Nothing else leads to the weights.
    #expect(throws: TapeError.self) { try tape.gradients(of: [(held, 1)], withRespectTo: [w]) }
  }

  @Test func anUnusedLossCostsNothing() throws {
    let net = try TwoNetworks(down)
    _ = net.tape.logitLoss(.crossEntropy(target: 0), net.fake)
    let first = net.tape.steps.count
    _ = try net.tape.gradients(of: [(net.loss, 1)], withRespectTo: [net.discriminator])
    #expect(net.tape.steps.count - first == 2)
  }

  // MARK: Refusals of gradients

  @Test func overwrittenParametersAreRefused() throws {
    let net = try TwoNetworks(down)
    let tape = net.tape
    let schedule = tape.schedule()
    let gradient = try tape.gradients(of: [(net.loss, 1)], withRespectTo: [net.discriminator])[0]
    try tape.adam(
      net.discriminator, gradient: gradient, firstMoment: tape.state("m", gradient.shape),
      secondMoment: tape.state("v", gradient.shape), schedule: schedule)
    #expect(throws: TapeError.overwritten(tensor: "D.w", operation: "D convolution")) {
      _ = try tape.gradients(of: [(net.loss, 1)], withRespectTo: [net.generator])
    }
    // Applied anew, the updated discriminator has gradients again, and only its new application.
    let again = tape.logitLoss(
      .crossEntropy(target: 1),
      try tape.convolution(net.fake, weight: net.discriminator, down))
    let first = tape.steps.count
    _ = try tape.gradients(of: [(again, 1)], withRespectTo: [net.generator])
    #expect(net.count(LogitLossGradient.self, from: first) == 1)
  }

  @Test func overwrittenStatisticsAreRefused() throws {
    let tape = Tape()
    let x = tape.input("x", [1, 4, 3, 3])
    let norm = try tape.norm(x)
    let other = try tape.norm(tape.input("other", [1, 4, 3, 3]))
    try tape.runningStatistics(other, mean: norm.mean, variance: norm.variance)
    let loss = tape.logitLoss(.crossEntropy(target: 1), norm.output)
    #expect(throws: TapeError.overwritten(tensor: "mean", operation: " norm")) {
      _ = try tape.gradients(of: [(loss, 1)], withRespectTo: [x])
    }
  }

  @Test func parametersNotReachedAreRefused() throws {
    let net = try TwoNetworks(down)
    let lonely = net.tape.parameter("lonely", [3])
    let error = #expect(throws: TapeError.notReached(tensor: "lonely")) {
      _ = try net.tape.gradients(of: [(net.loss, 1)], withRespectTo: [net.generator, lonely])
    }
    #expect(error?.description.contains("lonely") == true)
    // A gate's derivative is 0 almost everywhere: no gradient goes there.
    let tape = Tape()
    let gate = tape.input("gate", [1, 1, 4, 4])
    let y = try tape.convolution(
      tape.input("x", [1, 3, 8, 8]), weight: tape.parameter("w", [1, 3, 4, 4]), down,
      gate: Gate(tensor: gate, activation: .relu))
    let loss = tape.logitLoss(.crossEntropy(target: 0), y)
    #expect(throws: TapeError.notReached(tensor: "gate")) {
      _ = try tape.gradients(of: [(loss, 1)], withRespectTo: [gate])
    }
  }

  @Test func operationsWithoutARuleAreRefused() throws {
    func refused(_ operation: String, _ record: (Tape, Tensor) throws -> Tensor) {
      #expect(throws: TapeError.noGradientRule(operation: operation)) {
        let tape = Tape()
        let x = tape.input("x", [1, 4, 3, 3])
        let y = try record(tape, x)
        let loss = tape.description(of: y).kind == .scalar ? y : tape.logitLoss(.crossEntropy(target: 1), y)
        _ = try tape.gradients(of: [(loss, 1)], withRespectTo: [x])
      }
    }
    refused("channel sum") { tape, x in try tape.channelSum(x) }
    refused("max pool gradient") { tape, x in
      let loss = try tape.pixelLoss(.l2, tape.maxPool(x), tape.input("target", [1, 4, 1, 1]))
      return try tape.gradients(of: [(loss, 1)], withRespectTo: [x])[0]
    }
    refused("normalize") { tape, x in
      try tape.normalize(x, mean: tape.state("mean", [4]), variance: tape.state("variance", [4]))
    }
    refused("logit loss gradient (cross-entropy, target 1.0)") { tape, x in
      let loss = tape.logitLoss(.crossEntropy(target: 1), x)
      return try tape.gradients(of: [(loss, 1)], withRespectTo: [x])[0]
    }
    refused("softmax cross-entropy (with respect to x)") { tape, x in
      try tape.softmaxCrossEntropy(tape.input("logits", x.shape), target: x)
    }
    refused("weighted pixel loss (with respect to x)") { tape, x in
      try tape.weightedPixelLoss(.l1, tape.input("a", x.shape), tape.input("b", x.shape), weights: x)
    }
    refused("image pool") { tape, x in
      try tape.imagePool(
        x, pool: tape.state("pool", [2, 4, 3, 3], kind: .activation),
        choices: tape.input("choices", [2], kind: .vector))
    }
    refused("norm (through its result mean)") { tape, x in try tape.norm(x).mean }
    // A sum of losses is an objective, not a tensor: list its terms instead.
    refused("combination") { tape, x in
      let loss = tape.logitLoss(.crossEntropy(target: 1), x)
      return try tape.combination(1, loss, 1, loss)
    }
  }

  @Test func objectivesThatAreNoLossesAreRefused() throws {
    let tape = Tape()
    let x = tape.input("x", [1, 4, 3, 3])
    let error = #expect(throws: TapeError.self) {
      _ = try tape.gradients(of: [(tape.tanh(x), 1)], withRespectTo: [x])
    }
    #expect(error?.description == "gradients: tanh [1, 4, 3, 3] is no loss, a scalar")
  }

  // MARK: Shapes

  /// Checks that `record` is refused, by an error that names the operation and everything in `mentions`.
  private func refused(
    _ operation: String, _ mentions: String..., sourceLocation: SourceLocation = #_sourceLocation,
    _ record: (Tape) throws -> Void
  ) {
    let tape = Tape()
    let error = #expect(throws: TapeError.self, sourceLocation: sourceLocation) { try record(tape) }
    guard let error else { return }
    let text = error.description
    #expect(text.hasPrefix("\(operation): "), "\(text)", sourceLocation: sourceLocation)
    for mention in mentions {
      #expect(text.contains(mention), "\(text)", sourceLocation: sourceLocation)
    }
    #expect(tape.steps.isEmpty, "a refused step was recorded", sourceLocation: sourceLocation)
  }

  @Test func convolutionsThatDoNotFit() {
    refused("convolution", "[1, 3, 8, 8]", "[4, 2, 4, 4]") { tape in
      _ = try tape.convolution(
        tape.input("x", [1, 3, 8, 8]), weight: tape.parameter("w", [4, 2, 4, 4]), down)
    }
    refused("convolution", "[3, 8, 8]") { tape in
      _ = try tape.convolution(tape.input("x", [3, 8, 8]), weight: tape.parameter("w", [4, 3, 4, 4]), down)
    }
    refused("convolution", "[3]") { tape in
      _ = try tape.convolution(tape.input("x", [1, 3, 8, 8]), weight: tape.parameter("w", [3]), down)
    }
    refused("convolution", "[1, 3, 1, 8]", "4 x 4") { tape in
      _ = try tape.convolution(
        tape.input("x", [1, 3, 1, 8]), weight: tape.parameter("w", [4, 3, 4, 4]), down)
    }
    refused("convolution", "bias [3]", "[1, 4, 4, 4]") { tape in
      _ = try tape.convolution(
        tape.input("x", [1, 3, 8, 8]), weight: tape.parameter("w", [4, 3, 4, 4]), down,
        bias: tape.parameter("b", [3]))
    }
    refused("convolution", "gate [1, 3, 8, 8]", "[1, 4, 4, 4]") { tape in
      let x = tape.input("x", [1, 3, 8, 8])
      _ = try tape.convolution(
        x, weight: tape.parameter("w", [4, 3, 4, 4]), down, gate: Gate(tensor: x, activation: .relu))
    }
  }

  @Test func transposedConvolutionsThatDoNotFit() {
    refused("transposed convolution", "[1, 3, 8, 8]", "[4, 3, 4, 4]") { tape in
      _ = try tape.transposedConvolution(
        tape.input("g", [1, 3, 8, 8]), weight: tape.parameter("w", [4, 3, 4, 4]), down)
    }
    refused("transposed convolution", "18 x 16", "[1, 4, 8, 8]", "stride 2, padding 1") { tape in
      _ = try tape.transposedConvolution(
        tape.input("g", [1, 4, 8, 8]), weight: tape.parameter("w", [4, 3, 4, 4]), down, outputSize: (18, 16))
    }
    // Nothing is left of 1 x 1 under a 1 x 1 kernel with padding; nor may an empty size be asked for.
    for size in [1, 2] {
      refused("transposed convolution", "[1, 4, \(size), \(size)]") { tape in
        _ = try tape.transposedConvolution(
          tape.input("g", [1, 4, size, size]), weight: tape.parameter("w", [4, 3, 1, 1]),
          ConvolutionGeometry(stride: 1, padding: 1))
      }
    }
    refused("transposed convolution", "bias [4]", "[1, 3, 16, 16]") { tape in
      _ = try tape.transposedConvolution(
        tape.input("g", [1, 4, 8, 8]), weight: tape.parameter("w", [4, 3, 4, 4]), down,
        bias: tape.parameter("b", [4]))
    }
    refused("transposed convolution", "gate [1, 4, 8, 8]", "[1, 3, 16, 16]") { tape in
      let g = tape.input("g", [1, 4, 8, 8])
      _ = try tape.transposedConvolution(
        g, weight: tape.parameter("w", [4, 3, 4, 4]), down, gate: Gate(tensor: g, activation: .relu))
    }
  }

  @Test(
    arguments: [
      ([1, 3, 8, 8], [2, 4, 4, 4], [4, 3, 4, 4]), ([1, 3, 8, 8], [1, 4, 4, 4], [3, 4, 4, 4]),
      ([1, 3, 8, 8], [1, 4, 5, 4], [4, 3, 4, 4]), ([1, 3, 8, 8], [1, 4, 4, 4], [4]),
      ([3, 8, 8], [1, 4, 4, 4], [4, 3, 4, 4]),
    ] as [(Shape, Shape, Shape)])
  func weightGradientsThatDoNotFit(_ image: Shape, _ gradient: Shape, _ weight: Shape) {
    refused("weight gradient", "\(image)", "\(gradient)", "\(weight)", "stride 2, padding 1") { tape in
      _ = try tape.weightGradient(
        image: tape.input("x", image), gradient: tape.input("g", gradient),
        like: tape.parameter("w", weight), down)
    }
  }

  @Test func normsThatDoNotFit() {
    refused("norm", "[4]") { tape in _ = try tape.norm(tape.input("x", [4], kind: .vector)) }
    refused("norm", "[1, 4, 1, 1]", "variance") { tape in
      _ = try tape.norm(tape.input("x", [1, 4, 1, 1]))
    }
    refused("norm", "[2, 4, 1, 1]") { tape in
      _ = try tape.norm(tape.input("x", [2, 4, 1, 1]), parts: 2)
    }
    refused("norm", "[3]", "[1, 4, 2, 2]") { tape in
      _ = try tape.norm(tape.input("x", [1, 4, 2, 2]), scale: tape.parameter("scale", [3]))
    }
    refused("norm", "[3, 4, 2, 2]", "2 equal parts") { tape in
      _ = try tape.norm(tape.input("x", [3, 4, 2, 2]), parts: 2)
    }
    refused("normalize", "[3]", "[1, 4, 2, 2]") { tape in
      _ = try tape.normalize(
        tape.input("x", [1, 4, 2, 2]), mean: tape.state("mean", [3]), variance: tape.state("variance", [4]))
    }
    refused("normalize", "[4]") { tape in
      _ = try tape.normalize(
        tape.input("x", [4], kind: .vector), mean: tape.state("mean", [4]),
        variance: tape.state("variance", [4]))
    }
    #expect(throws: TapeError.self) {
      let tape = Tape()
      let norm = try tape.norm(tape.input("x", [2, 4, 2, 2]))
      try tape.runningStatistics(norm, mean: tape.state("mean", [5]), variance: tape.state("variance", [5]))
    }
  }

  @Test func elementwiseOperationsThatDoNotFit() {
    let (a, b): (Shape, Shape) = ([1, 3, 4, 4], [1, 3, 4, 5])
    refused("multiply", "\(a)", "\(b)") { tape in
      _ = try tape.multiply(tape.input("a", a), tape.input("b", b))
    }
    refused("combination", "\(a)", "\(b)") { tape in
      _ = try tape.combination(1, tape.input("a", a), 1, tape.input("b", b))
    }
    refused("activation gradient", "\(a)", "\(b)") { tape in
      _ = try tape.activationGradient(tape.input("a", a), at: tape.input("b", b), .relu)
    }
    refused("pixel loss", "\(a)", "\(b)") { tape in
      _ = try tape.pixelLoss(.l1, tape.input("a", a), tape.input("b", b))
    }
    // Devices lay weights and vectors out in another way.
    for (shape, kind) in [([4], .vector), ([4, 3, 2, 2], .weight), ([], .scalar)] as [(Shape, TensorKind)] {
      refused("multiply", "w \(shape) is no activation") { tape in
        let w = tape.input("w", shape, kind: kind)
        _ = try tape.multiply(w, w)
      }
      refused("activation gradient", "w \(shape) is no activation") { tape in
        _ = try tape.activationGradient(tape.input("x", shape), at: tape.input("w", shape, kind: kind), .relu)
      }
      for function in ElementwiseFunction.all {
        refused(function.name, "w \(shape) is no activation") { tape in
          _ = try tape.apply(function, tape.input("w", shape, kind: kind))
        }
      }
    }
    refused("concatenation", "\(a)", "\(b)") { tape in
      _ = try tape.concatenation([tape.input("a", a), tape.input("b", b)])
    }
    refused("concatenation", "[2]") { tape in
      _ = try tape.concatenation([tape.input("a", [2], kind: .vector)])
    }
    refused("concatenation") { tape in _ = try tape.concatenation([]) }
    refused("batch concatenation", "\(a)", "\(b)") { tape in
      _ = try tape.batchConcatenation([tape.input("a", a), tape.input("b", b)])
    }
    refused("batch concatenation") { tape in _ = try tape.batchConcatenation([]) }
    for sizes in [[], [2], [1, 1], [0, 1]] {
      refused("batch split", "\(a)", "\(sizes)") { tape in _ = try tape.batchSplit(tape.input("a", a), sizes)
      }
    }
    refused("channel sum", "[3, 4]") { tape in
      _ = try tape.channelSum(tape.input("x", [3, 4], kind: .vector))
    }
    for channels in [2..<4, 1..<1, -1..<2] {
      refused("slice", "\(a)", "\(channels)") { tape in
        _ = try tape.slice(tape.input("a", a), channels: channels)
      }
    }
  }

  @Test(arguments: [[1, 3, 1, 8], [1, 3, 8, 1], [4, 4]] as [Shape]) func mapsTooSmallToBePooled(
    _ shape: Shape
  ) {
    refused("max pool", "\(shape)") { tape in _ = try tape.maxPool(tape.input("x", shape)) }
  }

  @Test func overlappingPools() {
    refused("max pool", "[1, 3, 2, 8]", "3 x 3") { tape in
      _ = try tape.maxPool(tape.input("x", [1, 3, 2, 8]), window: 3)
    }
    refused("max pool", "not 4") { tape in _ = try tape.maxPool(tape.input("x", [1, 3, 8, 8]), window: 4) }
    let tape = Tape()
    let x = tape.input("x", [1, 4, 3, 3])
    do {
      let loss = try tape.pixelLoss(.l2, tape.maxPool(x, window: 3), tape.input("target", [1, 4, 1, 1]))
      _ = try tape.gradients(of: [(loss, 1)], withRespectTo: [x])
      Issue.record("a gradient of overlapping windows")
    } catch {
      #expect("\(error)".contains("windows of 3 x 3 pixels have no gradient"), "\(error)")
    }
  }

  @Test func lossesThatDoNotFit() {
    let (a, b): (Shape, Shape) = ([1, 3, 12, 12], [1, 3, 12, 13])
    refused("structural similarity", "\(a)", "\(b)") { tape in
      _ = try tape.ssimLoss(tape.input("a", a), tape.input("b", b))
    }
    for small in [[1, 3, 10, 11], [1, 3, 11, 10]] as [Shape] {
      refused("structural similarity", "\(small)", "at least 11") { tape in
        _ = try tape.ssimLoss(tape.input("a", small), tape.input("b", small))
      }
    }
    for range in [0, -1, .nan, .infinity] as [Float] {
      refused("structural similarity", "\(range)", "\(a)") { tape in
        _ = try tape.ssimLoss(tape.input("a", a), tape.input("b", a), range: range)
      }
    }
    for thin in [[1, 3, 1, 4], [1, 3, 4, 1]] as [Shape] {
      refused("edge loss", "\(thin)", "at least 2") { tape in
        _ = try tape.edgeLoss(tape.input("a", thin), tape.input("b", thin))
      }
    }
    refused("edge loss", "\(a)", "\(b)") { tape in
      _ = try tape.edgeLoss(tape.input("a", a), tape.input("b", b))
    }
    refused("softmax cross-entropy", "\(a)", "\(b)") { tape in
      _ = try tape.softmaxCrossEntropy(tape.input("x", a), target: tape.input("t", b))
    }
    refused("weighted pixel loss", "\(a)", "\(b)") { tape in
      _ = try tape.weightedPixelLoss(.l1, tape.input("a", a), tape.input("b", b), weights: tape.input("w", a))
    }
    for wrong in [[1, 2, 12, 12], [2, 1, 12, 12], [1, 1, 12, 13]] as [Shape] {
      refused("weighted pixel loss", "\(wrong)", "\(a)", "[1, 1, 12, 12]") { tape in
        _ = try tape.weightedPixelLoss(
          .l2, tape.input("a", a), tape.input("b", a), weights: tape.input("w", wrong))
      }
    }
    refused("high pass", "[3]") { tape in
      _ = try tape.highPass(tape.input("x", [3], kind: .vector), radius: 0.25)
    }
    for radius in [-0.1, 2.1, .nan] as [Float] {
      refused("high pass", "a radius of \(radius)") { tape in
        _ = try tape.highPass(tape.input("x", a), radius: radius)
      }
    }
    refused("blur", "[3]") { tape in _ = try tape.blur(tape.input("x", [3], kind: .vector)) }
  }

  @Test func imagePoolsThatDoNotFit() {
    let images: Shape = [2, 3, 4, 4]
    refused("image pool", "[5, 3, 4, 5]", "\(images)") { tape in
      _ = try tape.imagePool(
        tape.input("x", images), pool: tape.state("pool", [5, 3, 4, 5], kind: .activation),
        choices: tape.input("choices", [4], kind: .vector))
    }
    refused("image pool", "[2]", "[4]") { tape in
      _ = try tape.imagePool(
        tape.input("x", images), pool: tape.state("pool", [5, 3, 4, 4], kind: .activation),
        choices: tape.input("choices", [2], kind: .vector))
    }
    refused("image pool", "pool is no state of the kind activation") { tape in
      _ = try tape.imagePool(
        tape.input("x", images), pool: tape.state("pool", [5, 3, 4, 4]),
        choices: tape.input("choices", [4], kind: .vector))
    }
  }

  /// The discriminator judges what comes out of a pool: its gradients do not ask for the way to the generator.
  @Test func aPoolStandsBetweenDAndG() throws {
    let net = try TwoNetworks(down)
    let tape = net.tape
    let pool = tape.state("pool", [3, 3, 8, 8], kind: .activation)
    let shown = try tape.imagePool(
      net.fake, pool: pool, choices: tape.input("choices", [2], kind: .vector))
    let logits = try tape.convolution(shown, weight: net.discriminator, down)
    let loss = tape.logitLoss(.crossEntropy(target: 0), logits)
    let first = tape.steps.count
    _ = try tape.gradients(of: [(loss, 1)], withRespectTo: [net.discriminator])
    #expect(tape.steps[first...].map(\.name) == [LogitLossGradient.name, WeightGradient.name])
    #expect(throws: TapeError.noGradientRule(operation: "image pool")) {
      _ = try tape.gradients(of: [(loss, 1)], withRespectTo: [net.generator])
    }
    #expect(tape.description(of: pool).role == .state)
    #expect(tape.description(of: pool).kind == .activation)
  }

  @Test func dropoutAndAdamThatDoNotFit() {
    for rate in [1, -0.1, .nan] {
      refused("dropout mask", "\(rate)", "[1, 3, 4, 4]") { tape in
        _ = try tape.dropoutMask([1, 3, 4, 4], rate: rate, stream: 0, schedule: tape.schedule())
      }
    }
    refused("dropout mask", "[3]") { tape in
      _ = try tape.dropoutMask([3], stream: 0, schedule: tape.schedule())
    }
    refused("dropout mask", "[2]", "schedule") { tape in
      _ = try tape.dropoutMask(
        [1, 3, 4, 4], stream: 0, schedule: tape.input("short", [2], kind: .vector))
    }
    let p: Shape = [4, 3, 2, 2]
    for wrong in 0..<4 {
      refused("Adam", "[4]") { tape in
        let shapes = (0..<3).map { $0 == wrong ? [4] as Shape : p }
        try tape.adam(
          tape.parameter("p", p), gradient: tape.input("g", shapes[0]),
          firstMoment: tape.state("m", shapes[1]), secondMoment: tape.state("v", shapes[2]),
          schedule: tape.input("schedule", wrong == 3 ? [4] : Schedule.shape, kind: .vector))
      }
    }
  }

  // MARK: What a recording says

  @Test func descriptionHasALinePerStep() throws {
    let net = try TwoNetworks(down)
    _ = try net.tape.gradients(of: [(net.loss, 1)], withRespectTo: [net.generator])
    let recording = net.tape.freeze()
    let lines = recording.description.split(separator: "\n")
    #expect(lines.count == recording.steps.count)
    #expect(
      lines[0]
        == "0 G convolution [1, 3, 8, 8] [3, 3, 4, 4] -> [1, 3, 4, 4] (stride 2, padding 1) 0.000 GFLOP")
    #expect(
      lines[2] == "2 D convolution [1, 3, 8, 8] [1, 3, 4, 4] -> [1, 1, 4, 4] "
        + "(stride 2, padding 1, input leaky 0.2) 0.000 GFLOP")
    #expect(lines[3] == "3 D logit loss [1, 1, 4, 4] -> [] (cross-entropy, target 1.0)")
    for (index, line) in lines.enumerated() {
      #expect(line.hasPrefix("\(index) \(recording.steps[index].label) \(recording.steps[index].name) "))
    }
    #expect(recording.flops(0..<1) == 2 * 48 * 48)
    let tape = Tape()
    let x = tape.input("x", [1, 64, 64, 64])
    _ = try tape.convolution(x, weight: tape.parameter("w", [512, 64, 4, 4]), down)
    #expect(tape.freeze().description.hasSuffix(" 1.074 GFLOP"))
    #expect(recording.flops() == recording.flops(0..<4) + recording.flops(4..<recording.steps.count))
  }

  @Test func tensorsHaveNamesKindsAndRoles() throws {
    let net = try TwoNetworks(down)
    let gradient = try net.tape.gradients(of: [(net.loss, 1)], withRespectTo: [net.generator])[0]
    let recording = net.tape.freeze()
    #expect(recording.tensor(named: "D.w") == net.discriminator)
    #expect(recording.tensor(named: "none") == nil)
    #expect(recording.name(of: net.fake) == "G.transposed")
    #expect(net.tape.description(of: net.generator).kind == .weight)
    #expect(net.tape.description(of: net.generator).role == .parameter)
    // The sum of two weight gradients is a weight, so that it lies in memory as its parameter does.
    #expect(net.tape.description(of: gradient).kind == .weight)
    #expect(net.tape.description(of: gradient).role == .intermediate)
    #expect(net.tape.description(of: net.loss).kind == .scalar)
    #expect(recording.tensors.enumerated().allSatisfy { $0 == $1.tensor.id })
  }

  /// Results of sums and losses are of their operands' kind: a weight's lies as a weight does.
  @Test func kindsAreKept() throws {
    let tape = Tape()
    let (a, b) = (tape.parameter("a", [4, 3, 2, 2]), tape.parameter("b", [4, 3, 2, 2]))
    let loss = try tape.pixelLoss(.l2, tape.combination(2, a, 1, b), b)
    _ = try tape.gradients(of: [(loss, 1)], withRespectTo: [a, b])
    let kinds = tape.freeze().tensors.filter { $0.role == .intermediate && $0.tensor != loss }.map(\.kind)
    #expect(kinds.allSatisfy { $0 == .weight })
  }

  /// A checkpoint would keep one of them only.
  @Test func aNameIsGivenOnce() async throws {
    let tape = Tape()
    for _ in 0..<2 { _ = tape.input("x", [4], kind: .vector) }
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let tape = Tape()
      _ = tape.parameter("G.conv1.weight", [4, 3, 4, 4])
      _ = tape.state("G.conv1.weight", [4])
    }
    let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(text.contains("two parameters or states of a tape are called G.conv1.weight"), "\(text)")
  }

  @Test func sectionsAreRanges() throws {
    let tape = Tape()
    let x = tape.input("x", [1, 3, 4, 4])
    let y = try tape.section("first") { try tape.tanh(x) }
    let z = try tape.section("second") { try tape.multiply(tape.multiply(y, y), y) }
    tape.section("empty") {}
    let recording = tape.freeze()
    #expect(recording.sections == ["first": 0..<1, "second": 1..<3, "empty": 3..<3])
    let executor: any Executor = ReferenceExecutor(recording)
    try executor.write([Float](repeating: 1, count: 48), to: x)
    try executor.run(section: "first")
    #expect(try executor.read(z).allSatisfy { $0 == 0 })
    try executor.run(section: "second")
    try executor.finish()
    let cube = try executor.read(y).map { $0 * $0 * $0 }
    #expect(Comparison(try executor.read(z), expected: cube).isWithin(1e-6))
  }
}
