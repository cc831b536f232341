import Foundation
import Images
import Model
import Tape
import Testing

/// Pictures translated in strips against the same in one piece.
@Suite struct StripTests {
  struct Case: Sendable, CustomStringConvertible {
    let description: String
    let rows: Int
    let change: @Sendable (inout NetworkConfiguration) -> Void
  }

  static let cases: [Case] = [
    Case(description: "U-Net in strips of 16", rows: 16) { _ in },
    Case(description: "U-Net in strips of 10, which no size is a multiple of", rows: 10) { _ in },
    Case(description: "U-Net in strips of one row", rows: 1) { $0.levels = 5 },
    Case(description: "instance norm", rows: 24) { $0.norm = .instance },
    Case(description: "affine instance norm", rows: 24) { ($0.norm, $0.affine) = (.instance, true) },
    Case(description: "no norm, without skips", rows: 7) {
      ($0.norm, $0.generator) = (.none, .encoderDecoder)
    },
    Case(description: "resize", rows: 12) { $0.upsampling = .resize },
    Case(description: "noise", rows: 12) { $0.noiseChannels = 1 },
    Case(description: "ResNet", rows: 9) { $0.generator = .resnet6 },
    Case(description: "ResNet in strips of three, resize", rows: 3) {
      ($0.generator, $0.upsampling) = (.resnet9, .resize)
    },
    Case(description: "strips higher than the picture", rows: 1000) { $0.generator = .resnet6 },
  ]

  /// Largest error of a value in [-1, 1]. Measured: at most 2e-6.
  @Test(arguments: cases, [NormStatistics.batch, .running]) func asInOnePiece(
    _ testCase: Case, _ statistics: NormStatistics
  ) throws {
    var network = NetworkConfiguration()
    network.size = PictureSize(width: 70, height: 100)
    (network.levels, network.ngf) = (6, 4)
    testCase.change(&network)
    guard statistics == .batch || network.norm == .batch else { return }
    let model = try Pix2Pix(network, sections: .translate, translationStatistics: statistics)
    let whole = ReferenceExecutor(model.recording)
    let strips = StripExecutor(model.recording, rows: testCase.rows) { ReferenceExecutor($0) }
    let handles = model.translations[0]
    for executor in [whole, strips] as [any Executor] {
      try model.initialize(executor, .kaiming, seed: 2)
      for statistic in model.networks[0].runningStatistics {
        let values = (0..<statistic.tensor.shape.count).map { Float(1 + 0.5 * sin(Double($0))) }
        try executor.write(values, to: statistic.tensor)
      }
      try executor.write(
        (0..<handles.input.shape.count).map { Float(sin(Double($0) * 0.013)) }, to: handles.input)
      try executor.write(Schedule(step: 3, learningRate: 0, seed: 4).values, to: model.schedule)
      try executor.run(section: "translate")
    }
    let expected = whole.read(handles.output)
    let comparison = Comparison(try strips.read(handles.output), expected: expected)
    #expect(comparison.largestError <= 1e-5, "\(testCase): \(comparison)")
    let spread = (expected.max() ?? 0) - (expected.min() ?? 0)
    #expect(spread > 0.1, "the picture is flat: \(spread)")
  }

  /// What is not needed any more is given back.
  @Test func whatIsNotKeptCannotBeRead() throws {
    let model = try smallModel()
    let strips = StripExecutor(model.recording, rows: 8) { ReferenceExecutor($0) }
    try model.initialize(strips, seed: 1)
    let handles = model.translations[0]
    strips.write([Float](repeating: 0.5, count: handles.input.shape.count), to: handles.input)
    strips.write(Schedule(step: 0, learningRate: 0, seed: 0).values, to: model.schedule)
    try strips.run(section: "translate")
    #expect(try strips.read(handles.output).count == 3 * 32 * 32)
    let steps = model.recording.steps[try #require(model.recording.sections["translate"])]
    let convolution = try #require(steps.first { $0.operation is Convolution })
    #expect(throws: StripError.self) { try strips.read(convolution.operation.outputs[0]) }
  }

  @Test func trainingStepsAreRefused() throws {
    let model = try smallModel()
    let strips = StripExecutor(model.recording, rows: 8) { ReferenceExecutor($0) }
    try model.initialize(strips, seed: 1)
    let error = #expect(throws: StripError.self) { try trainStep(model, strips, step: 0) }
    #expect(error?.description.contains("cannot be done in strips") == true)
  }
}

/// Between pictures and maps of a network's sizes.
@Suite struct FramingTests {
  private func framing(_ size: PictureSize, levels: Int) -> Framing {
    var network = NetworkConfiguration()
    (network.size, network.levels) = (size, levels)
    return network.framing
  }

  /// By numpy's rule for mode "reflect", written out: place i shows i, then back from the last but one.
  @Test func mirrorsAtRightAndBottom() {
    let size = PictureSize(width: 37, height: 33)
    let planes = (0..<2 * size.area).map(Float.init)
    let padded = framing(size, levels: 5).padded(planes)
    #expect(padded.count == 2 * 64 * 64)
    for plane in 0..<2 {
      for y in 0..<64 {
        for x in 0..<64 {
          let column = x < 37 ? x : 72 - x
          let row = y < 33 ? y : 64 - y
          #expect(padded[(plane * 64 + y) * 64 + x] == planes[(plane * 33 + row) * 37 + column])
        }
      }
    }
    #expect(framing(size, levels: 5).cut(padded) == planes)
  }

  @Test func nothingIsDoneToWhatFits() {
    let planes = (0..<32 * 64).map(Float.init)
    let framing = framing(PictureSize(width: 64, height: 32), levels: 5)
    #expect(framing.padded(planes) == planes && framing.cut(planes) == planes)
  }
}
