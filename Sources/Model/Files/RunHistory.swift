import Files
import Foundation

/// What happened to a run, as history.csv tells it: a line where it begins, goes on, and ends. A run that was killed has no
/// end.
public struct RunEvent: Sendable, Equatable {
  public enum Kind: String, Sendable, CaseIterable {
    case started, resumed, stopped, finished, diverged, failed

    /// Whether the run was at work from there on.
    public var isBeginning: Bool { self == .started || self == .resumed }
  }

  /// What a beginning tells of the run.
  public struct Plan: Sendable, Equatable {
    /// Steps in all.
    public var steps: Int
    public var stepsPerEpoch: Int
    public var process: Int
    public var device: String
    /// In the order of losses.csv.
    public var losses: [LossKind]

    public init(steps: Int, stepsPerEpoch: Int, process: Int, device: String, losses: [LossKind]) {
      (self.steps, self.stepsPerEpoch, self.process, self.device) = (steps, stepsPerEpoch, process, device)
      self.losses = losses
    }
  }

  public var kind: Kind
  public var step: Int
  public var time: Date
  /// Of a beginning.
  public var plan: Plan?
  /// The reason of an end, where there is one.
  public var detail: String

  public init(_ kind: Kind, step: Int, time: Date = Date(), plan: Plan? = nil, detail: String = "") {
    (self.kind, self.step, self.time, self.plan, self.detail) = (kind, step, time, plan, detail)
  }

  static let header = "step,epoch,time,event,steps,steps_per_epoch,process,device,losses,detail"

  /// The line, whose last field is in quotes where it holds commas or quotes, as RFC 4180 has it.
  ///
  /// - Parameter stepsPerEpoch: of the run
  func line(stepsPerEpoch: Int) -> String {
    let epoch = String(format: "%.4f", Double(step) / Double(max(stepsPerEpoch, 1)))
    let beginning =
      plan.map { plan in
        [
          "\(plan.steps)", "\(plan.stepsPerEpoch)", "\(plan.process)", Self.field(plan.device),
          plan.losses.map { "\($0.name):\($0.family.rawValue)" }.joined(separator: " "),
        ]
      } ?? ["", "", "", "", ""]
    let fields = ["\(step)", epoch, time.ISO8601Format(), kind.rawValue] + beginning
    return (fields + [CSVField.quoted(Self.onOneLine(detail))]).joined(separator: ",")
  }

  /// - Returns: nil for a line that no run writes
  init?(line: String) {
    let fields = line.split(separator: ",", maxSplits: 9, omittingEmptySubsequences: false).map(String.init)
    guard fields.count == 10, let step = Int(fields[0]), step >= 0, let kind = Kind(rawValue: fields[3]),
      let time = try? Date(fields[2], strategy: .iso8601)
    else { return nil }
    self.init(kind, step: step, time: time, detail: CSVField.unquoted(fields[9]))
    if let steps = Int(fields[4]), let stepsPerEpoch = Int(fields[5]), let process = Int(fields[6]),
      steps >= 0, stepsPerEpoch > 0
    {
      let losses = fields[8].split(separator: " ").compactMap { word -> LossKind? in
        let parts = word.split(separator: ":").map(String.init)
        guard parts.count == 2, let family = LossKind.Family(rawValue: parts[1]) else { return nil }
        return LossKind(parts[0], family)
      }
      plan = Plan(
        steps: steps, stepsPerEpoch: stepsPerEpoch, process: process, device: fields[7], losses: losses)
    }
    guard kind.isBeginning == (plan != nil) else { return nil }
  }

  private static func onOneLine(_ text: String) -> String {
    String(text.map { $0.isNewline ? " " : $0 })
  }

  private static func field(_ text: String) -> String {
    onOneLine(text).replacingOccurrences(of: ",", with: ";")
  }
}

/// history.csv, as a run writes it.
struct RunHistory {
  private let file: AppendedFile
  private let stepsPerEpoch: Int

  /// Keeps the lines that are there.
  ///
  /// - Throws: `FileError` when the file can be neither read nor written
  init(_ run: RunDirectory, stepsPerEpoch: Int, fresh: Bool) throws(FileError) {
    let lines = fresh ? [] : try RunLog.lines(run.history).filter { RunEvent(line: $0) != nil }
    file = try AppendedFile(
      run.history, beginning: ([RunEvent.header] + lines).joined(separator: "\n") + "\n",
      replacing: run.replacing)
    self.stepsPerEpoch = stepsPerEpoch
  }

  /// Appends an event, and makes it outlive a power cut.
  ///
  /// - Throws: `FileError` when it is not in the file yet
  func add(_ event: RunEvent) throws(FileError) {
    try file.append(event.line(stepsPerEpoch: stepsPerEpoch))
    try file.flush()
  }
}
