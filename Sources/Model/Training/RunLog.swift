import Files
import Foundation
import ImageMetrics

/// What a run writes down step by step: losses.csv and validation.csv, and the report made of them.
struct RunLog {
  struct LossRow {
    var step: Int
    /// Epochs done, with their fraction.
    var epoch: Double
    var losses: Losses
    var learningRate: Double
    var milliseconds: Double
  }

  struct ValidationRow {
    var step: Int
    var epoch: Int
    /// By the figure's key; a run that was resumed may not have had all figures from the beginning.
    var values: [String: Double]
  }

  static func lossHeader(_ names: [String]) -> String {
    "step,epoch,\(names.joined(separator: ",")),learning_rate,ms_per_step"
  }

  private let lossFile: AppendedFile
  private let validationFile: AppendedFile
  /// Steps, epochs and losses, for the report's charts.
  private var losses: ThinnedRows
  private(set) var validations: [ValidationRow]
  private let lossKinds: [LossKind]
  /// Keys of figures, as validation.csv has them in its columns: once there, a column stays.
  private let columns: [String]
  /// Of the columns that are known.
  private let figures: [FigureKind]

  /// Opens the files; rows beyond `step`, written by a run that was killed later, and broken ones are dropped.
  ///
  /// - Parameter figures: what is measured from now on
  /// - Throws: `FileError` when a file can be neither read nor written
  init(
    _ run: RunDirectory, losses lossKinds: [LossKind], figures: [FigureKind], upTo step: Int, fresh: Bool
  ) throws(FileError) {
    self.lossKinds = lossKinds
    let lossNames = lossKinds.map(\.name)
    var losses = ThinnedRows(width: 2 + lossKinds.count)
    var lossText = Self.lossHeader(lossNames) + "\n"
    for line in fresh ? [] : try Self.lines(run.losses) {
      guard let row = Self.lossRow(line, lossNames), row[0] <= Double(step) else { continue }
      losses.add(row)
      lossText += line + "\n"
    }
    self.losses = losses

    let validationLines = fresh ? [] : try Self.lines(run.validation)
    let earlier = validationLines.first.map { Array(Self.fields($0).dropFirst(2)) } ?? []
    let columns = earlier + figures.map(\.key).filter { !earlier.contains($0) }
    self.columns = columns
    self.figures = columns.compactMap { key in (figures + FigureKind.ofRuns).first { $0.key == key } }
    validations = validationLines.dropFirst().compactMap { Self.validationRow($0, earlier) }
      .filter { $0.step <= step }
    let table =
      [(["step", "epoch"] + columns).joined(separator: ",")] + validations.map { Self.text($0, columns) }
    lossFile = try AppendedFile(run.losses, beginning: lossText, replacing: run.replacing)
    validationFile = try AppendedFile(
      run.validation, beginning: table.joined(separator: "\n") + "\n", replacing: run.replacing)
  }

  /// - Throws: `FileError` when the row is not in the file yet; it is written again with the next
  mutating func add(_ row: LossRow) throws(FileError) {
    losses.add([Double(row.step), row.epoch] + row.losses.values)
    try lossFile.append(Self.text(row))
  }

  /// - Throws: as for rows of losses
  mutating func add(_ row: ValidationRow) throws(FileError) {
    validations.append(row)
    try validationFile.append(Self.text(row, columns))
  }

  /// Makes all rows outlive a power cut.
  ///
  /// - Throws: `FileError` when they may not
  func flush() throws(FileError) {
    try lossFile.flush()
    try validationFile.flush()
  }

  private static func text(_ row: LossRow) -> String {
    let losses = row.losses.values.map { String(format: "%.6f", $0) }.joined(separator: ",")
    return "\(row.step),\(String(format: "%.4f", row.epoch)),\(losses),\(row.learningRate),"
      + String(format: "%.2f", row.milliseconds)
  }

  /// With all digits: they are compared with what `evaluate` says.
  private static func text(_ row: ValidationRow, _ columns: [String]) -> String {
    let values = columns.map { key in row.values[key].map { "\($0)" } ?? "" }
    return (["\(row.step)", "\(row.epoch)"] + values).joined(separator: ",")
  }

  /// The whole lines of a file, none where there is no file.
  static func lines(_ path: String) throws(FileError) -> [String] {
    guard FileIdentity(path) != nil else { return [] }
    let bytes = try RegularFile.contents(path)
    let end = bytes.lastIndex(of: UInt8(ascii: "\n")) ?? 0
    return bytes[..<end].split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
  }

  static func fields(_ line: String) -> [String] {
    line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
  }

  /// The last two numbers of a row: learning rate and milliseconds per step.
  static func rateAndTime(_ line: String) -> (rate: Double, milliseconds: Double)? {
    let numbers = fields(line).suffix(2).compactMap(Double.init)
    return numbers.count == 2 ? (numbers[0], numbers[1]) : nil
  }

  /// Step, epoch and losses; nil for a row that no run writes: a step or an epoch before 0, a number that is none.
  static func lossRow(_ line: String, _ names: [String]) -> [Double]? {
    let fields = fields(line)
    guard fields.count == names.count + 4, let step = Int(fields[0]), step >= 0 else { return nil }
    let numbers = fields.dropFirst().compactMap(Double.init)
    guard numbers.count == names.count + 3, numbers.allSatisfy(\.isFinite), (0...1e15).contains(numbers[0])
    else { return nil }
    return [Double(step)] + numbers.prefix(1 + names.count)
  }

  static func validationRow(_ line: String, _ columns: [String]) -> ValidationRow? {
    let fields = fields(line)
    guard fields.count == columns.count + 2, let step = Int(fields[0]), let epoch = Int(fields[1]),
      step >= 0, epoch >= 0
    else { return nil }
    let values = zip(columns, fields.dropFirst(2)).compactMap { key, field in Double(field).map { (key, $0) }
    }
    return ValidationRow(step: step, epoch: epoch, values: Dictionary(values) { first, _ in first })
  }

  /// The most sample strips a report shows; the newest and the oldest are always among them.
  private static let mostSamples = 24

  func writeReport(
    _ run: RunDirectory, title: String, best: String, options: [(String, String)], device: [(String, String)],
    timings: [(String, String)], undecided: LossChart.Reference?
  ) throws(FileError) {
    let report = TrainingReport(
      title: title, lossKinds: lossKinds, rows: losses.rows, figures: figures, validations: validations,
      best: best, sampleSteps: run.sampleSteps(), mostSamples: Self.mostSamples,
      picture: { step in
        (try? RegularFile.contents(run.sample(step: step))).map { .embedded(png: $0) }
      }, options: options, device: device, timings: timings, undecided: undecided)
    try OutputFile.write(report.html().utf8, to: run.report, replacing: run.replacing)
  }
}
