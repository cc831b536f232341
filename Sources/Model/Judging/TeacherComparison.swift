import Files
import ImageMetrics
import Images
import Tape

/// A model beside a larger one that draws of the same inputs: how alike their pictures are, and what either costs.
public final class TeacherComparison {
  /// What a model takes for a picture.
  public struct Cost: Sendable {
    public let parameters: Int
    /// Of its convolutions.
    public let multiplyAdds: Double
    /// The median of its runs, without reading and writing pictures.
    public let milliseconds: Double
  }

  private let student: Translator
  private let teacher: Translator
  private let band: HighBand

  /// The model as `translate` has it; of the teacher nothing is dropped, as when it teaches.
  ///
  /// - Parameters:
  ///   - path: the teacher's run or checkpoint
  ///   - makeExecutor: allocates the tensors of the teacher's generator
  /// - Throws: `ModelError.option` for a model that draws other pictures
  public init(
    _ student: Translator, path: String, makeExecutor: @escaping (any TrainingStep) throws -> any Executor
  ) throws {
    let options = student.options
    guard !options.isUnpaired else {
      throw ModelError.option("--teacher", "the model is a CycleGAN, and a teacher is of models of pairs")
    }
    guard !options.hasCodes else {
      throw ModelError.option(
        "--teacher", "the model draws another picture with every code, and a teacher one")
    }
    var (checkpoint, file) = try RunDirectory.readCheckpoint(of: path)
    try options.requireTeacher(checkpoint.options, file)
    try options.requireFormats(of: checkpoint.options, file)
    checkpoint.options.network = checkpoint.options.network.ofSize(options.network.size)
    self.student = student
    teacher = try Translator((checkpoint, file), dropout: .off, makeExecutor: makeExecutor)
    band = try HighBand(
      channels: options.format.targetChannels, options.network.size,
      radius: (options.distillation?.weights ?? Distillation.Weights()).radius)
  }

  /// - Parameter index: of the pair, which decides the student's noise and masks
  func agreement(_ pair: PairFiles, index: Int) throws -> Agreement {
    let (own, other) = (try student.draw(pair, index: index), try teacher.draw(pair, index: index))
    return Agreement(
      name: pair.name, model: own.picture, other: other.picture,
      highBand: (band.energy(own.planes), band.energy(other.planes)))
  }

  private static let runs = (least: 3, most: 21)
  /// Enough of them.
  private static let seconds = 5.0

  /// Both costs. The two take turns, so that both meet the same clock and the same neighbours, after a run each that nobody
  /// counts.
  public func costs() throws -> (student: Cost, teacher: Cost) {
    let models = [student, teacher]
    var times = [[Double]](repeating: [], count: models.count)
    for model in models { _ = try model.secondsOfRun() }
    while times[0].count < Self.runs.least
      || times[0].count < Self.runs.most && times.joined().reduce(0, +) < Self.seconds
    {
      for (place, model) in models.enumerated() { times[place].append(try model.secondsOfRun()) }
    }
    let costs = try zip(models, times).map { model, times in
      let size = try model.networkSize()
      return Cost(
        parameters: size.parameters, multiplyAdds: size.multiplyAdds,
        milliseconds: times.sorted()[times.count / 2] * 1e3)
    }
    return (costs[0], costs[1])
  }
}

/// The energy of a picture's high spatial frequencies.
struct HighBand {
  private let executor: ReferenceExecutor
  private let picture: Tensor
  private let high: Tensor

  /// - Parameter radius: of the frequencies that are left out, see `HighPass`
  init(channels: Int, _ size: PictureSize, radius: Float) throws(TapeError) {
    let tape = Tape()
    picture = tape.input("picture", [1, channels, size.height, size.width])
    high = try tape.highPass(picture, radius: radius)
    executor = ReferenceExecutor(tape.freeze(), precision: .float64)
  }

  /// The sum of squares of the picture's planes [C, H, W] beyond the radius.
  func energy(_ planes: [Float]) -> Double {
    executor.write(planes, to: picture)
    executor.run(0..<1)
    return executor.readDouble(high).sumOfSquares
  }
}
