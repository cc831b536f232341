#if Protobuf
  import Files
  import Foundation
  import Images
  import Model

  /// What TensorBoard shows of one session of a training, in an event file of its own in the run's folder: losses, learning
  /// rate, figures of validation, samples, and the options as text.
  ///
  /// A training does not end when it cannot be written: that is said once, and what is missing is written when there is room
  /// again.
  public final class TensorBoardLog {
    private let file: AppendedFile
    private let onFailure: (String) -> Void
    private var isFailing = false

    /// Begins the event file of a session.
    ///
    /// - Parameters:
    ///   - folder: of the run
    ///   - step: done before the session; events of later steps that an earlier session wrote are void
    ///   - options: names and values
    ///   - onFailure: takes a line about what cannot be written
    /// - Throws: `FileError` for a file that cannot be made
    public init(
      _ folder: String, after step: Int, options: [(String, String)], onFailure: @escaping (String) -> Void
    ) throws(FileError) {
      self.onFailure = onFailure
      var version = TensorBoardEvent()
      version.fileVersion = "brain.Event:2"
      var start = TensorBoardEvent()
      (start.step, start.sessionLog.status) = (Int64(step + 1), .start)
      let events = [version, start, Self.event(step, [Self.table("options", options)])]
      // Readers take the files of a folder in the order of their names.
      let time = Int(Date().timeIntervalSince1970)
      let path = "\(folder)/events.out.tfevents.\(time).\(getpid()).pix2pix"
      file = try AppendedFile(path, beginning: events.flatMap(Self.record))
    }

    /// Writes down an event of the training.
    public func note(_ event: Trainer.Event) {
      switch event {
      case .progress(let progress):
        let losses = zip(progress.losses.names, progress.losses.values).map {
          Self.scalar("losses/\($0)", $1)
        }
        append(
          progress.step,
          losses + [
            Self.scalar("learning_rate", progress.learningRate),
            Self.scalar("milliseconds_per_step", progress.millisecondsPerStep),
          ])
      case .validated(let step, _, let figures, _, _):
        append(step, figures.map { Self.scalar("validation/\($0.kind.key)", $0.value) })
      case .sampled(let step, let path):
        if let picture = Self.picture("samples", path) { append(step, [picture]) }
      case .saved: tolerating { () throws(FileError) in try file.flush() }
      case .failed, .warned: break
      }
    }

    // MARK: Writing

    private func append(_ step: Int, _ values: [TensorBoardSummary.Value]) {
      tolerating { () throws(FileError) in try file.append(Self.record(Self.event(step, values))) }
    }

    private func tolerating(_ body: () throws(FileError) -> Void) {
      do throws(FileError) {
        try body()
        isFailing = false
      } catch {
        if !isFailing { onFailure("\(error); the training goes on") }
        isFailing = true
      }
    }

    private static func record(_ event: TensorBoardEvent) -> [UInt8] {
      var event = event
      event.wallTime = Date().timeIntervalSince1970
      // Messages fail to be written beyond 2 GiB only, and for missing fields, which proto3 does not know.
      guard let bytes: [UInt8] = try? event.serializedBytes() else {
        preconditionFailure("an event is no larger than a picture")
      }
      return EventRecord.bytes(of: bytes)
    }

    // MARK: Values

    private static func event(_ step: Int, _ values: [TensorBoardSummary.Value]) -> TensorBoardEvent {
      var event = TensorBoardEvent()
      (event.step, event.summary.value) = (Int64(step), values)
      return event
    }

    private static func scalar(_ tag: String, _ number: Double) -> TensorBoardSummary.Value {
      var value = TensorBoardSummary.Value()
      (value.tag, value.simpleValue) = (tag, Float(number))
      return value
    }

    /// A picture's file as it is; nil for one that cannot be read any more.
    private static func picture(_ tag: String, _ path: String) -> TensorBoardSummary.Value? {
      guard let header = try? PictureHeader(contentsOf: path), let bytes = try? RegularFile.contents(path)
      else {
        return nil
      }
      var value = TensorBoardSummary.Value()
      value.tag = tag
      value.image.width = Int32(header.size.width)
      value.image.height = Int32(header.size.height)
      value.image.colorspace = Int32(header.channels)
      value.image.encodedImageString = Data(bytes)
      return value
    }

    /// Text in Markdown: a row to each name and value.
    private static func table(_ tag: String, _ rows: [(String, String)]) -> TensorBoardSummary.Value {
      func cell(_ text: String) -> String {
        text.replacingOccurrences(of: "|", with: "\\|").replacingOccurrences(of: "\n", with: " ")
      }
      let lines = ["| | |", "|---|---|"] + rows.map { "| \(cell($0)) | \(cell($1)) |" }
      var value = TensorBoardSummary.Value()
      value.tag = tag
      value.metadata.pluginData.pluginName = "text"
      value.metadata.dataClass = .tensor
      value.tensor.dtype = .dtString
      var axis = TensorBoardTensorShapeProto.Dim()
      axis.size = 1
      value.tensor.tensorShape.dim = [axis]
      value.tensor.stringVal = [Data(lines.joined(separator: "\n").utf8)]
      return value
    }
  }
#endif
