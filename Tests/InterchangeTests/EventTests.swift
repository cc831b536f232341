import Interchange
import Testing

@Suite struct RecordTests {
  /// RFC 3720, appendix B.4: "CRC Examples".
  @Test func checksumsOfTheStandard() {
    let ascending = (0..<32).map { UInt8($0) }
    #expect(CRC32C.value([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(CRC32C.value([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
    #expect(CRC32C.value(ascending) == 0x46DD_794E)
    #expect(CRC32C.value(ascending.reversed()) == 0x113F_DB5C)
    // The check value of catalogues of such codes.
    #expect(CRC32C.value(Array("123456789".utf8)) == 0xE306_9283)
    #expect(CRC32C.value([]) == 0)
  }

  /// Bytes that `tf.io.TFRecordWriter` and TensorBoard's `RecordWriter` write.
  @Test func recordsAreThoseOfTensorBoard() {
    #expect(
      EventRecord.bytes(of: Array("pix2pix".utf8)) == [
        0x07, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xBB, 0xD7, 0x9F, 0x11, 0x70, 0x69, 0x78, 0x32, 0x70,
        0x69, 0x78, 0x52, 0x2B, 0xDB, 0x7D,
      ])
  }
}

#if Protobuf
  import Files
  import Foundation
  import ImageMetrics
  import Images
  import Model

  @Suite struct EventTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private var files: [String] {
      ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
        .filter { $0.hasPrefix("events.out.tfevents.") }
    }

    /// The events of the only file, taken apart by the format's description.
    private func events() throws -> [TensorBoardEvent] {
      try #require(files.count == 1)
      let bytes = try RegularFile.contents("\(folder.path)/\(files[0])")
      var (position, events): (Int, [TensorBoardEvent]) = (0, [])
      while position < bytes.count {
        let length = bytes[position..<position + 8].reversed().reduce(0) { $0 << 8 | Int($1) }
        let data = Array(bytes[position + 12..<position + 12 + length])
        #expect(EventRecord.bytes(of: data) == Array(bytes[position..<position + 16 + length]))
        events.append(try TensorBoardEvent(serializedBytes: data))
        position += 16 + length
      }
      return events
    }

    private func progress(_ step: Int) -> Trainer.Event {
      .progress(
        Trainer.Progress(
          step: step, totalSteps: 9, epoch: 0, totalEpochs: 1,
          losses: Losses(names: ["G", "D"], values: [1.5, 0.25]), learningRate: 2e-4, millisecondsPerStep: 3,
          picturesPerSecond: 1, secondsLeft: 1))
    }

    @Test func eventsAreReadBack() throws {
      let log = try TensorBoardLog(folder.path, after: 40, options: [("size", "32 | 64")]) {
        Issue.record("\($0)")
      }
      log.note(progress(50))
      log.note(
        .validated(
          step: 50, epoch: 1, [Figure(.l1, value: 12.5, count: 2)], best: .l1, isBest: true))
      let sample = "\(folder.path)/sample.png"
      try Picture(width: 3, height: 2, channels: 3, samples: .eight([UInt8](repeating: 9, count: 18)))
        .write(to: sample)
      log.note(.sampled(step: 50, sample))
      log.note(.sampled(step: 51, "\(folder.path)/none.png"))
      log.note(.saved("x"))

      let events = try events()
      #expect(events.map(\.step) == [0, 41, 40, 50, 50, 50])
      #expect(events[0].fileVersion == "brain.Event:2")
      #expect(events[1].sessionLog.status == .start)
      let options = events[2].summary.value[0]
      #expect([options.tag, options.metadata.pluginData.pluginName] == ["options", "text"])
      #expect(
        String(decoding: options.tensor.stringVal[0], as: UTF8.self)
          == "| | |\n|---|---|\n| size | 32 \\| 64 |")
      let scalars = events[3].summary.value.map { "\($0.tag) \($0.simpleValue)" }
      #expect(
        scalars == ["losses/G 1.5", "losses/D 0.25", "learning_rate 0.0002", "milliseconds_per_step 3.0"])
      #expect(events[4].summary.value.map { "\($0.tag) \($0.simpleValue)" } == ["validation/l1 12.5"])
      let image = events[5].summary.value[0].image
      #expect([image.width, image.height, image.colorspace] == [3, 2, 3])
      #expect(Array(image.encodedImageString) == (try RegularFile.contents(sample)))
      #expect(events.allSatisfy { $0.wallTime > 1.6e9 })
    }

    /// A limit of files' sizes, as a full disk would be, is said once; the events come when it is gone. In a process of its
    /// own, whose limits are no other test's.
    @Test func aFailureIsSaidOnce() async {
      await #expect(processExitsWith: .success) {
        let test = try EventTests()
        signal(SIGXFSZ, SIG_IGN)
        var lines: [String] = []
        let log = try TensorBoardLog(test.folder.path, after: 0, options: []) { lines.append($0) }
        var limit = rlimit(rlim_cur: 250, rlim_max: .max)
        try #require(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
        for step in 1...5 { log.note(test.progress(step)) }
        limit.rlim_cur = .max
        try #require(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
        try #require(lines.count == 1 && lines[0].hasSuffix("; the training goes on"))
        log.note(test.progress(6))
        try #require(try test.events().map(\.step) == [0, 1, 0, 1, 2, 3, 4, 5, 6])
      }
    }

    @Test func aFolderThatIsMissingIsAnError() {
      #expect(throws: FileError.self) {
        try TensorBoardLog("\(folder.path)/none", after: 0, options: []) { _ in }
      }
    }
  }
#endif
