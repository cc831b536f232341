#if Protobuf
  import Files
  import Foundation
  import Images
  import Interchange
  import Model
  import Tape
  import Testing

  /// A folder of its own for a test, removed when the value goes.
  final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
      path = NSTemporaryDirectory() + "pix2pix-interchange-\(UUID().uuidString)"
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
  }

  @Suite struct ExportTests {
    private let folder: TemporaryFolder
    private var checkpoint: String { "\(folder.path)/x.safetensors" }
    private var out: String { "\(folder.path)/model.onnx" }

    init() throws { folder = try TemporaryFolder() }

    /// Of an untrained model.
    private func saved(_ change: (inout TrainingOptions) -> Void = { _ in }) throws -> (
      Checkpoint, path: String
    ) {
      var options = TrainingOptions()
      options.network.size = PictureSize(square: 32)
      (options.network.levels, options.network.ngf, options.network.ndf) = (5, 2, 2)
      change(&options)
      if case .pictures(let inputs, _) = options.format {
        options.moreInputs = [String](repeating: "more", count: inputs.count - 1)
      }
      options.network.inputChannels = options.format.inputChannels
      options.network.outputChannels = options.format.targetChannels
      let step = try options.record()
      let executor = ReferenceExecutor(step.recording)
      try step.initialize(executor, seed: 3)
      try Checkpoint.save(step, executor, options: options, progress: Checkpoint.Progress(), to: checkpoint)
      return (try Checkpoint(path: checkpoint), checkpoint)
    }

    private func written(_ export: ONNXExport) throws -> ONNXModelProto {
      try export.write(to: out)
      return try ONNXModelProto(serializedBytes: Data(contentsOf: URL(fileURLWithPath: out)))
    }

    @Test func modelHoldsTheCheckpointsValuesAndOptions() throws {
      let saved = try saved()
      let model = try written(ONNXExport(saved, version: "1.2"))
      #expect(model.irVersion == 8)
      #expect(model.opsetImport.map(\.version) == [17])
      #expect([model.producerName, model.producerVersion] == ["pix2pix", "1.2"])
      let metadata = Dictionary(uniqueKeysWithValues: model.metadataProps.map { ($0.key, $0.value) })
      #expect(metadata["options"] == saved.0.tensors.metadata["options"])
      #expect(metadata["size_multiple"] == "32")
      #expect(metadata["norms"]?.contains("instance normalisation") == true)
      for tensor in model.graph.initializer {
        guard let expected = try saved.0.tensors.floats(tensor.name) else { continue }
        let values = tensor.rawData.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
        #expect(values == expected, "\(tensor.name)")
      }
      #expect(
        model.graph.initializer.contains { $0.name == "model.model.0.weight" && $0.dims == [2, 3, 4, 4] })
    }

    /// The file is known as the program's own, and another program's is not replaced.
    @Test func replacesNoForeignModel() throws {
      let export = try ONNXExport(saved(), version: "1")
      try export.write(to: out)
      try export.write(to: out)
      var foreign = export.model
      foreign.producerName = "pytorch"
      let bytes: Data = try foreign.serializedData()
      try bytes.write(to: URL(fileURLWithPath: out))
      let error = #expect(throws: FileError.self) { try export.write(to: out) }
      #expect(error?.reason.contains("was not written by this program") == true)
      #expect(try Data(contentsOf: URL(fileURLWithPath: out)) == bytes)
      try export.write(to: out, replacing: .any)
    }

    private func refusal(
      _ pixels: Bool, _ statistics: NormStatistics, _ change: (inout TrainingOptions) -> Void
    )
      throws -> String
    {
      let saved = try saved(change)
      return try #require(throws: ModelError.self) {
        _ = try ONNXExport(saved, statistics: statistics, pixels: pixels, version: "1")
      }.description
    }

    @Test func refusesWhatHasNoForm() throws {
      #expect(try refusal(true, .batch) { $0.format = .photographs(.colorize) }.contains("CIE L"))
      #expect(
        try refusal(true, .batch) { $0.format = .pictures(inputs: [.rgb], target: .chroma) }.contains(
          "CIE a and b"))
      #expect(try refusal(false, .running) { $0.network.norm = .instance }.contains("--norm-statistics"))
    }

    /// Inputs and outputs of bytes by the kinds of pictures.
    @Test func pixelsHaveTheChannelsOfPictures() throws {
      let colours = Palette([Colour(red: 1, green: 2, blue: 3), Colour(red: 9, green: 9, blue: 9)])
      let cases: [(PairFormat, inputs: [Int64], output: Int64)] = [
        (.rgb, [3], 3), (.pictures(inputs: [.gray, .rgba], target: .gray), [1, 4], 1),
        (.pictures(inputs: [.labels(colours), .channels(5)], target: .channels(7)), [3, 5], 7),
        (.pictures(inputs: [.labels(Palette(grayLevels: 4))], target: .labels(colours)), [1], 3),
        (.pictures(inputs: [.rgb], target: .labels(Palette(grayLevels: 4))), [3], 1),
        (.photographs(.inpaint(.centre)), [4], 3), (.photographs(.denoise(sigma: 20)), [3], 3),
      ]
      for (format, inputs, output) in cases {
        let model = try ONNXExport(saved { $0.format = format }, pixels: true, version: "1").model
        func channels(_ value: ONNXValueInfoProto) -> Int64? {
          let type = value.type.tensorType
          #expect(type.elemType == 2 && type.shape.dim.count == 4)
          return type.shape.dim.last?.dimValue
        }
        #expect(model.graph.input.map(channels) == inputs)
        #expect(model.graph.output.map(channels) == [output])
      }
    }
  }
#endif
