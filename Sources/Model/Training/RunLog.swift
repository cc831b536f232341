import Files
import Foundation
import Metrics

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

  private static func lossHeader(_ names: [String]) -> String {
    "step,epoch,\(names.joined(separator: ",")),learning_rate,ms_per_step"
  }

  private let lossFile: AppendedFile
  private let validationFile: AppendedFile
  private var losses: [LossRow]
  private(set) var validations: [ValidationRow]
  private let lossKinds: [LossKind]
  /// Keys of figures, as validation.csv has them in its columns: once there, a column stays.
  private let columns: [String]
  /// Of the columns that are known.
  private let figures: [FigureKind]

  /// Opens the files; rows beyond `step`, written by a run that was killed later, are dropped.
  ///
  /// - Parameter figures: what is measured from now on
  init(
    _ run: RunDirectory, losses lossKinds: [LossKind], figures: [FigureKind], upTo step: Int, fresh: Bool
  ) throws(FileError) {
    self.lossKinds = lossKinds
    let lossNames = lossKinds.map(\.name)
    let validationRows = fresh ? [] : Self.rows(run.validation)
    let earlier = validationRows.first.map { Array($0.dropFirst(2)) } ?? []
    let columns = earlier + figures.map(\.key).filter { !earlier.contains($0) }
    self.columns = columns
    self.figures = columns.compactMap { key in (figures + FigureKind.ofPictures).first { $0.key == key } }
    losses =
      fresh
      ? [] : Self.rows(run.losses).compactMap { Self.lossRow($0, lossNames) }.filter { $0.step <= step }
    validations = validationRows.dropFirst().compactMap { Self.validationRow($0, earlier) }
      .filter { $0.step <= step }
    lossFile = try AppendedFile(run.losses, Self.lines(losses, lossNames), replacing: run.replacing)
    validationFile = try AppendedFile(
      run.validation, Self.lines(validations, columns), replacing: run.replacing)
  }

  private static func lines(_ rows: [LossRow], _ names: [String]) -> [String] {
    [lossHeader(names)] + rows.map(text)
  }

  private static func lines(_ rows: [ValidationRow], _ columns: [String]) -> [String] {
    [(["step", "epoch"] + columns).joined(separator: ",")] + rows.map { text($0, columns) }
  }

  /// - Throws: `FileError` when the row is kept in memory only, until a later one can be written
  mutating func add(_ row: LossRow) throws(FileError) {
    losses.append(row)
    try lossFile.append(Self.text(row)) { Self.lines(losses, lossKinds.map(\.name)) }
  }

  /// - Throws: as for rows of losses
  mutating func add(_ row: ValidationRow) throws(FileError) {
    validations.append(row)
    try validationFile.append(Self.text(row, columns)) { Self.lines(validations, columns) }
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

  private static func rows(_ path: String) -> [[String]] {
    let text = (try? RegularFile.contents(path)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    return text.split(separator: "\n").map { line in
      line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
  }

  /// Nil for a row that no run writes: a step or an epoch before 0, a number that is none.
  private static func lossRow(_ fields: [String], _ names: [String]) -> LossRow? {
    guard fields.count == names.count + 4, let step = Int(fields[0]), step >= 0 else { return nil }
    let numbers = fields.dropFirst().compactMap(Double.init)
    guard numbers.count == names.count + 3, numbers.allSatisfy(\.isFinite), (0...1e15).contains(numbers[0])
    else { return nil }
    return LossRow(
      step: step, epoch: numbers[0], losses: Losses(names: names, values: Array(numbers[1...names.count])),
      learningRate: numbers[names.count + 1], milliseconds: numbers[names.count + 2])
  }

  private static func validationRow(_ fields: [String], _ columns: [String]) -> ValidationRow? {
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
    let steps = run.sampleSteps()
    let stride = max(1, (steps.count + Self.mostSamples - 1) / Self.mostSamples)
    let shown = steps.enumerated().filter { $0.offset.isMultiple(of: stride) || $0.offset == steps.count - 1 }
    let report = TrainingReport(
      title: title, lossKinds: lossKinds,
      losses: losses.map { .init(step: $0.step, epoch: $0.epoch, values: $0.losses.values) },
      figures: figures,
      validations: validations.map { row in
        .init(epoch: row.epoch, values: figures.map { row.values[$0.key] ?? .nan })
      }, best: figures.first { $0.key == best },
      samples: shown.compactMap { _, step in
        (try? RegularFile.contents(run.sample(step: step))).map { data in
          let epoch = losses.last { $0.step <= step }?.epoch ?? 0
          return .init(step: step, epoch: Int(epoch.rounded(.up)), png: data)
        }
      },
      options: options, device: device, timings: timings, undecided: undecided)
    try OutputFile.write(report.html().utf8, to: run.report, replacing: run.replacing)
  }
}

/// A text file that grows by lines. One that could not be written is written whole with the next.
private final class AppendedFile {
  private let path: String
  private let replacing: OutputFile.Replacing
  /// Open at the end of a file that holds all lines; nil behind a failure.
  private var handle: FileHandle?

  /// Writes `lines` as the file's beginning.
  init(_ path: String, _ lines: [String], replacing: OutputFile.Replacing) throws(FileError) {
    (self.path, self.replacing) = (path, replacing)
    try write(lines)
  }

  deinit { try? handle?.close() }

  /// - Parameter all: the file's lines, with this one
  /// - Throws: `FileError` when the line is not in the file yet
  func append(_ line: String, all: () -> [String]) throws(FileError) {
    guard let handle else { return try write(all()) }
    do {
      try handle.write(contentsOf: Data((line + "\n").utf8))
    } catch {
      // Half a line may be there.
      try? handle.close()
      self.handle = nil
      throw FileError(path, "cannot be written; is the disk full?")
    }
  }

  private func write(_ lines: [String]) throws(FileError) {
    try OutputFile.write((lines.joined(separator: "\n") + "\n").utf8, to: path, replacing: replacing)
    guard let handle = FileHandle(forWritingAtPath: path) else { throw FileError(path, "cannot be written") }
    handle.seekToEndOfFile()
    self.handle = handle
  }
}
