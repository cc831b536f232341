import Foundation
import Images
import Model
import Tape
import Testing

/// A student's step beside its teacher.
@Suite struct DistillationTests {
  private static let side = 32

  private func network(_ change: (inout NetworkConfiguration) -> Void = { _ in }) throws
    -> NetworkConfiguration
  {
    var network = try NetworkConfiguration(size: PictureSize(square: Self.side), ngf: 2, ndf: 2)
    network.dropout = false
    change(&network)
    return network
  }

  private func step(
    _ student: NetworkConfiguration, _ teacher: NetworkConfiguration, batchSize: Int = 2,
    weights: Distillation.Weights = .init(), sections: Pix2Pix.Sections = .train
  ) throws -> Pix2Pix {
    var options = Pix2Pix.Options()
    options.batchSize = batchSize
    (options.objective.kind, options.objective.pixelWeight) = (.l1, 0)
    options.teacher = try Teacher(teacher, of: student, weights)
    return try Pix2Pix(student, options, sections: sections)
  }

  private func fill(_ model: Pix2Pix, _ executor: ReferenceExecutor) throws {
    try model.initialize(executor, .kaiming, seed: 3)
    for (offset, tensor) in model.sides.enumerated() {
      executor.write((0..<tensor.shape.count).map { Float(sin(Double($0 * (3 + offset)))) }, to: tensor)
    }
    executor.write(Schedule(step: 0, learningRate: 0, seed: 1).values, to: model.schedule)
  }

  /// Norms by pictures, so that a batch changes nothing; batch norm of one picture.
  @Test(arguments: [(NormKind.instance, 2), (.batch, 1), (.none, 2)])
  func aStudentThatIsItsTeacherHasNothingToLearn(_ norm: NormKind, _ batchSize: Int) throws {
    let network = try network { $0.norm = norm }
    let model = try step(network, network, batchSize: batchSize)
    let executor = ReferenceExecutor(model.recording)
    try fill(model, executor)
    for (own, teachers) in zip(try #require(model.network("G")).parameters, model.frozen[0].parameters) {
      executor.write(executor.readDouble(own.tensor), to: teachers.tensor)
    }
    try executor.run(section: "train")
    let losses = try model.losses(executor)
    #expect(losses.names == ["G_teacher", "G_teacher_edges", "G_teacher_high"])
    #expect(losses.values == [0, 0, 0])
    for gradient in try #require(model.network("G")).gradients {
      #expect(executor.readDouble(gradient).allSatisfy { $0 == 0 })
    }
  }

  /// Whatever the batch, the teacher draws what it draws of a picture alone, with statistics of that picture, and drops nothing.
  @Test(arguments: [GeneratorKind.unet, .resnet6])
  func theTeacherDrawsAsInUse(_ kind: GeneratorKind) throws {
    let teacher = try network { ($0.ngf, $0.dropout, $0.generator) = (4, true, kind) }
    let model = try step(network(), teacher)
    let executor = ReferenceExecutor(model.recording)
    try fill(model, executor)
    try executor.run(section: "train")
    let frozen = model.frozen[0]
    #expect(frozen.moments.isEmpty && frozen.gradients.isEmpty)
    let convolutions = model.recording.steps.last { $0.label.hasPrefix("teacher.") && $0.name == "tanh" }
    let drawn = executor.readDouble(try #require(convolutions).operation.outputs[0])

    let alone = try Pix2Pix(teacher, sections: .translate, translationDropout: false)
    let user = ReferenceExecutor(alone.recording)
    for (tensor, source) in zip(alone.networks[0].ownTensors, frozen.ownTensors) {
      user.write(executor.readDouble(source.tensor), to: tensor.tensor)
    }
    let pictures = executor.read(model.sides[0])
    let count = pictures.count / 2
    for picture in 0..<2 {
      let output = try alone.translations[0](
        Array(pictures[picture * count..<(picture + 1) * count]), index: 0, seed: 0, on: user)
      #expect(
        output.map(Double.init) == Array(drawn[picture * drawn.count / 2..<(picture + 1) * drawn.count / 2]))
    }
  }

  /// The losses by their definitions: L_high by sums over all frequencies, as it is written.
  @Test func reports() throws {
    let weights = Distillation.Weights(pixels: 3, edges: 5, high: 700, radius: 0.4)
    let model = try step(network(), network { $0.ngf = 3 }, weights: weights)
    let executor = ReferenceExecutor(model.recording, precision: .float64)
    try fill(model, executor)
    try executor.run(section: "train")
    let student = try #require(model.network("G")?.modules.last?.tensor)
    let teacher = try #require(
      model.recording.steps.last { $0.label.hasPrefix("teacher.") && $0.name == "tanh" }?.operation.outputs[0]
    )
    let (s, t) = (executor.readDouble(student), executor.readDouble(teacher))
    let (maps, side) = (s.count / (Self.side * Self.side), Self.side)
    let d = zip(s, t).map { $0 - $1 }
    func at(_ map: Int, _ y: Int, _ x: Int) -> Double { d[(map * side + y) * side + x] }
    let pixels = d.reduce(0) { $0 + abs($1) } / Double(d.count)
    var (across, down, high) = (0.0, 0.0, 0.0)
    for map in 0..<maps {
      for y in 0..<side {
        for x in 0..<side {
          if x + 1 < side { across += abs(at(map, y, x + 1) - at(map, y, x)) }
          if y + 1 < side { down += abs(at(map, y + 1, x) - at(map, y, x)) }
        }
      }
      // Rows first, of each its frequencies; n of them for either direction.
      let wave = (0..<side).map { 2 * Double.pi * Double($0) / Double(side) }
      for ky in 0..<side {
        let column = (0..<side).map { x in
          (0..<side).reduce((0.0, 0.0)) {
            let angle = wave[ky * $1 % side]
            return ($0.0 + at(map, $1, x) * cos(angle), $0.1 - at(map, $1, x) * sin(angle))
          }
        }
        for kx in 0..<side {
          let f = (min(kx, side - kx), min(ky, side - ky))
          let radius = 2 / Double(side) * Double(f.0 * f.0 + f.1 * f.1).squareRoot()
          guard radius > Double(weights.radius) else { continue }
          let value = (0..<side).reduce((0.0, 0.0)) {
            let (angle, c) = (wave[kx * $1 % side], column[$1])
            return ($0.0 + c.0 * cos(angle) + c.1 * sin(angle), $0.1 + c.1 * cos(angle) - c.0 * sin(angle))
          }
          high += (value.0 * value.0 + value.1 * value.1) / Double(side * side)
        }
      }
    }
    let edges = (across + down) / Double(maps * side * (side - 1))
    let expected = [3 * pixels, 5 * edges, 700 * high / Double(maps * side * side)]
    let losses = try model.losses(executor)
    for (value, expected) in zip(losses.values, expected) {
      // Read as Float.
      #expect(abs(value - expected) <= 1.2e-7 * expected, "\(losses), expected \(expected)")
    }
  }

  /// A weight of 0 leaves its operations out, and without a teacher there are none of them.
  @Test func whatHasNoWeightIsNotRecorded() throws {
    func operations(_ step: Pix2Pix) -> Set<String> { Set(step.recording.steps.map(\.operation.name)) }
    let (student, other) = (try network(), try network { $0.ngf = 3 })
    let pixels = operations(try step(student, other, weights: .init(edges: 0, high: 0)))
    #expect(pixels.contains("pixel loss") && !pixels.contains("edge loss") && !pixels.contains("high pass"))
    let high = operations(try step(student, other, weights: .init(pixels: 0, edges: 0)))
    #expect(!high.contains("pixel loss") && !high.contains("edge loss") && high.contains("high pass"))
    var options = Pix2Pix.Options()
    options.objective.kind = .l1
    let plain = try Pix2Pix(student, options, sections: .train)
    #expect(plain.frozen.isEmpty && !"\(plain.recording)".contains("teacher"))
    // Behind the student's pass and the losses, the same steps in the same order.
    let taught = try step(student, other, batchSize: 1, weights: .init(edges: 0, high: 0))
    let own = taught.recording.steps.filter { step in
      step.label != "teacher" && !step.label.hasPrefix("teacher.")
    }
    #expect(own.map(\.name) == plain.recording.steps.map(\.name).filter { $0 != "pixel loss" })
  }

  /// A checkpoint holds the student alone, and its own tensors are all there are.
  @Test func aCheckpointHoldsTheStudentAlone() throws {
    let model = try step(network(), network { $0.ngf = 3 })
    let names = model.tensors.map(\.name)
    #expect(!names.contains { $0.contains("teacher") } && Set(names).count == names.count)
    #expect(model.frozen[0].parameters.allSatisfy { $0.name.hasPrefix("teacher.") })
    let (folder, executor) = (try TemporaryFolder(), ReferenceExecutor(model.recording))
    try fill(model, executor)
    let path = "\(folder.path)/student"
    var options = TrainingOptions()
    options.network.levels = 8
    try Checkpoint.save(model, executor, options: options, progress: .init(), to: path)
    let entries = try Safetensors(path: path).entries.keys
    #expect(entries.contains("model.model.0.weight") && !entries.contains { $0.contains("teacher") })
  }

  /// Every operation is verified from inputs that are set, the teacher's weights among them.
  @Test func isVerifiedStepByStep() throws {
    let model = try step(network(), network { $0.ngf = 3 })
    let result = try StepVerification(model, ReferenceExecutor(model.recording), seed: 2)
    #expect(result.passes && result.rows.allSatisfy { $0.largestError == 0 })
    #expect(result.rows.contains { $0.operation == "high pass" })
  }

  @Test func refusesTeachersOfOtherMaps() throws {
    let student = try network()
    func refusal(_ change: (inout NetworkConfiguration) -> Void) throws -> String {
      let teacher = try network(change)
      return try modelError { _ = try Teacher(teacher, of: student, .init()) }.description
    }
    #expect(try refusal { $0.outputChannels = 1 } == "--teacher: draws 1 channel, this run 3")
    #expect(try refusal { $0.inputChannels = 2 } == "--teacher: reads 2 channels, this run 3")
    #expect(try refusal { $0.output = .logits }.contains("names the classes of pictures"))
    #expect(try refusal { $0.noiseChannels = 1 }.contains("without --noise"))
    #expect(
      try refusal { ($0.size, $0.levels) = (PictureSize(square: 64), 6) }
        .contains("multiples of 64, and this run's are of 32x32"))
  }
}
