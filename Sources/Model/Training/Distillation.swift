import Files
import Images
import Tape

// Distillation: a generator, the student, learns to draw what another, the teacher, draws.

/// The teacher of a run and the weights of what it teaches (Hinton, Vinyals and Dean 2015 for classes; of pictures, as in
/// arXiv 2003.08936). For the student's picture s and the teacher's t of the same input, the student's loss has
///
///     lambda_pixels mean|s - t| + lambda_edges L_edge(s, t) + lambda_high L_high(s, t)
///
/// beside the run's own terms, with the edge loss of `EdgeLoss`, and L_high the mean square of what `HighPass` leaves of s - t.
public struct Distillation: Sendable, Codable, Equatable {
  public struct Weights: Sendable, Codable, Equatable {
    public var pixels: Float = 100
    public var edges: Float = 100
    public var high: Float = 100
    /// Of the frequencies that L_high leaves out; the Nyquist frequency is 1.
    public var radius: Float = 0.25

    public init(pixels: Float = 100, edges: Float = 100, high: Float = 100, radius: Float = 0.25) {
      (self.pixels, self.edges, self.high, self.radius) = (pixels, edges, high, radius)
    }
  }

  /// The teacher's run or checkpoint.
  public var teacher: String
  public var weights = Weights()
  /// The teacher's networks, by its own options; nil until `TrainingOptions.readTeacher`.
  public internal(set) var network: NetworkConfiguration?
  /// What tells the teacher's file from another.
  public internal(set) var fingerprint: String?

  public init(teacher: String, weights: Weights = Weights()) {
    (self.teacher, self.weights) = (teacher, weights)
  }
}

/// The teacher as a training step records it.
public struct Teacher: Sendable, Codable, Equatable {
  /// Of the size of the student's maps.
  public let network: NetworkConfiguration
  public let weights: Distillation.Weights

  static let label = NetworkLabel("teacher", isFrozen: true)

  /// - Parameter network: of any size
  /// - Throws: `ModelError.option` where it does not take the student's maps, or draws others
  public init(
    _ network: NetworkConfiguration, of student: NetworkConfiguration, _ weights: Distillation.Weights
  ) throws(ModelError) {
    func channels(_ count: Int) -> String { "\(count) \(count == 1 ? "channel" : "channels")" }
    guard network.output == .pictures else {
      throw .option("--teacher", "names the classes of pictures, and a teacher draws pictures")
    }
    guard network.outputChannels == student.outputChannels else {
      throw .option(
        "--teacher", "draws \(channels(network.outputChannels)), this run \(student.outputChannels)")
    }
    guard network.inputChannels == student.inputChannels else {
      throw .option(
        "--teacher", "reads \(channels(network.inputChannels)), this run \(student.inputChannels)")
    }
    guard network.noiseChannels == 0 else {
      throw .option(
        "--teacher", "draws another picture with every noise; a student can follow a teacher without --noise")
    }
    guard network.latent == nil else {
      throw .option(
        "--teacher", "draws another picture with every code; a student can follow a teacher without --latent")
    }
    let maps = student.paddedSize
    let alignment = network.generatorAlignment
    guard maps == maps.roundedUp(toMultipleOf: alignment) else {
      throw .option(
        "--teacher",
        "its \(network.levels) halvings take maps whose sides are multiples of \(alignment), and this run's are of \(maps); give such a --size, or a teacher of fewer --levels"
      )
    }
    self.network = network.ofSize(maps)
    self.weights = weights
  }
}

/// A term of the student's loss that looks at its picture and the teacher's.
struct TeacherTerm: Sendable {
  let loss: LossKind
  let weight: @Sendable (Distillation.Weights) -> Float
  /// Records the loss of outputs of student and teacher, [N, C, H, W] each.
  let record:
    @Sendable (_ tape: Tape, _ student: Tensor, _ teacher: Tensor, _ radius: Float) throws(TapeError) ->
      Tensor

  private init(
    _ name: String, _ weight: @escaping @Sendable (Distillation.Weights) -> Float,
    record: @escaping @Sendable (Tape, Tensor, Tensor, Float) throws(TapeError) -> Tensor
  ) {
    (loss, self.weight, self.record) = (LossKind(name, .teacher), weight, record)
  }

  /// In the order of recording and reports.
  static let all = [
    TeacherTerm("G_teacher", \.pixels) { tape, student, teacher, _ throws(TapeError) in
      try tape.pixelLoss(.l1, student, teacher)
    },
    TeacherTerm("G_teacher_edges", \.edges) { tape, student, teacher, _ throws(TapeError) in
      try tape.edgeLoss(student, teacher)
    },
    TeacherTerm("G_teacher_high", \.high) { tape, student, teacher, radius throws(TapeError) in
      try tape.highFrequencyLoss(student, teacher, radius: radius)
    },
  ]
}

// MARK: - The teacher's file

extension TrainingOptions {
  /// Looks at the teacher's file: its networks, and what tells it from another file. Nothing without a teacher.
  ///
  /// - Parameter comparesFormats: whether the pictures' formats are known
  /// - Returns: lines about a teacher that may not be what was meant
  /// - Throws: `ModelError.option` for a teacher that cannot teach this run
  public mutating func readTeacher(comparesFormats: Bool = true) throws -> [String] {
    guard let asked = distillation else { return [] }
    let (checkpoint, path) = try RunDirectory.readCheckpoint(of: asked.teacher)
    let model = checkpoint.options
    try requireTeacher(model, path)
    if comparesFormats {
      // A run that begins with another model has that one's classes.
      if from == nil { try takeClasses(of: model, by: "--teacher") }
      try requireFormats(of: model, path)
    }
    distillation?.network = model.network
    distillation?.fingerprint = try FileChecksum.text(path)
    let (own, teachers) = try (parameterCount, model.parameterCount)
    return own <= teachers
      ? []
      : [
        "the student has \(own) parameters, more than its teacher \(path), which has \(teachers); a smaller --ngf makes a smaller student"
      ]
  }

  /// Refuses a model whose networks cannot be this one's teacher.
  func requireTeacher(_ teacher: TrainingOptions, _ path: String) throws(ModelError) {
    guard !teacher.isUnpaired else {
      throw .option(
        "--teacher", "\(path) is a CycleGAN; a teacher is a model that was trained with pairs")
    }
    _ = try Teacher(teacher.network, of: network, Distillation.Weights())
  }

  /// Refuses a teacher of other kinds of pictures.
  func requireFormats(of teacher: TrainingOptions, _ path: String) throws(ModelError) {
    guard format != teacher.format else { return }
    throw .option(
      "--teacher",
      "\(path) was trained on other kinds of pictures: \(teacher.format.described), not \(format.described)")
  }

  /// The numbers that the generator learns.
  public var parameterCount: Int {
    get throws {
      try recordTranslation(dropout: false).networks[0].parameters.reduce(0) { $0 + $1.tensor.shape.count }
    }
  }

  /// The teacher as the step records it; nil without one.
  ///
  /// - Throws: `ModelError.option` where it does not suit the networks
  func teacher() throws(ModelError) -> Teacher? {
    guard let distillation else { return nil }
    guard let network = distillation.network else {
      preconditionFailure("readTeacher() comes before a step with a teacher")
    }
    return try Teacher(network, of: self.network, distillation.weights)
  }

  /// Sets the teacher's weights in a training step of these options. Nothing without a teacher.
  ///
  /// - Throws: `ModelError.option` for a file that is not the one that the run was begun with
  func fillTeacher(_ step: any TrainingStep, _ executor: any Executor) throws {
    guard let distillation, let network = step.frozen.first else { return }
    let (checkpoint, path) = try RunDirectory.readCheckpoint(of: distillation.teacher)
    guard try FileChecksum.text(path) == distillation.fingerprint else {
      throw ModelError.option(
        "--teacher",
        "\(path) is not the file that the run was begun with; say where that is now by --teacher")
    }
    let own = try checkpoint.options.recordTranslation(dropout: false)
    try checkpoint.check(own, path: path)
    for (tensor, source) in zip(network.ownTensors, own.networks[0].ownTensors) {
      precondition(
        network.ownName(tensor) == own.networks[0].ownName(source), "the teacher's tensors in order")
      guard let values = try checkpoint.tensors.floats(source.name) else { continue }
      try executor.write(values, to: tensor.tensor)
    }
  }
}

extension RunDirectory {
  /// Refuses a teacher that lies where the student goes.
  ///
  /// - Throws: `ModelError.option`
  public func requireTeacherElsewhere(_ options: TrainingOptions) throws(ModelError) {
    func parts(_ path: String) -> [String] { Places.absolute(path).split(separator: "/").map(String.init) }
    guard let teacher = options.teacherPath, parts(teacher).starts(with: parts(path)) else { return }
    throw .option("--teacher", "\(teacher) is in \(path), where the student goes; name another --out")
  }
}

extension PairFormat {
  /// The kinds of pictures, in the words of options.
  fileprivate var described: String {
    switch self {
    case .pictures(let inputs, let target):
      "\(inputs.map(\.described).joined(separator: ", ")) to \(target.described)"
    case .photographs(let task): "--task \(task.word)"
    }
  }
}

extension PlaneFormat {
  fileprivate var described: String {
    switch self {
    case .gray: "gray"
    case .rgb: "rgb"
    case .rgba: "rgba"
    case .labels(let palette):
      "\(palette.count) classes (\(palette.colours.map(\.description).joined(separator: " ")))"
    case .lightness: "lightness"
    case .chroma: "chroma"
    case .channels(let count): "\(count) channels"
    }
  }
}
